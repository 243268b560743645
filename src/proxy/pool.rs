//! Kept connections to upstreams, by target.
//!
//! Of HTTP/2, many requests share one (`multiplexed`). Of HTTP/1.1, each serves one request at a time: the connection that
//! was used last is used next (LIFO), so that under little load the others grow old and go. A kept connection is looked at
//! before it is used, and once more before the request is written (`awaited`); that it died a moment later is what the one
//! retry is for.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use rustls::RootCertStore;
use tokio::task::JoinHandle;

use super::awaited::{Awaited, Bounded};
use super::dial::Dialer;
use super::error::ForwardError;
use super::meters::{Counted, Meters, TargetMeters};
use super::multiplexed::{MAX_IDLE, Multiplexed};
use super::parting::Parting;
use super::settings::Target;
use super::shared::Place;
use super::upload::Upload;
use super::wire::Wire;
use crate::clock::{Alarm, Clock};
use crate::meter::GaugeGuard;
use crate::transport::Transport;

/// The kept connections of all targets. Survives a reload: a target that stays keeps its connections.
#[derive(Debug, Default)]
pub struct Pools {
    meters: Meters,
    parting: Parting,
    /// A limit of the parser holds for a connection, so routes with other limits have connections of their own.
    targets: Mutex<HashMap<(Target, usize), Weak<Pool>>>,
    /// Read for the first target that wants them.
    system_roots: OnceLock<Arc<RootCertStore>>,
}

/// The kept connections of one target.
#[derive(Debug)]
pub(super) struct Pool {
    dialer: Dialer,
    /// The largest response head in bytes.
    max_head: usize,
    counted: Counted,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    /// One request at a time each; oldest first.
    Idle(Mutex<Vec<(Instant, Link)>>),
    /// Many at a time.
    Shared(Multiplexed),
}

/// What carries one exchange. Dropping it ends the exchange at once, whatever is on its way.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) carrier: Carrier,
    /// Kept with the connection, so that a request seldom sets a timer of its own.
    pub(super) alarm: Alarm,
}

/// A connection, or a place on one.
#[derive(Debug)]
pub(super) enum Carrier {
    /// A connection to an upstream, which ends with it.
    Own { sender: SendRequest<Upload>, awaited: Arc<Awaited>, _driver: Driver },
    /// A place on one that others share.
    Shared(Place),
}

/// What became of a request that was sent, or of its head.
pub(super) type Sent = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

/// The task that moves a connection's bytes.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<()>);

/// How many connections of one target may lie idle.
const MAX_IDLE_COUNT: usize = 128;

/// The most that is buffered of an answer before the client took it, where no head may be larger.
const BUFFER: usize = 64 * 1024;

/// How long a connection that has just served may take to be ready again. Mostly its task has only to run once.
const SETTLE: Duration = Duration::from_millis(100);

impl Pools {
    /// What is counted over all targets.
    #[must_use]
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Ends every tunnel, also those to come: the process ends.
    pub fn close_tunnels(&self) {
        self.parting.begin();
    }

    pub(super) const fn parting(&self) -> &Parting {
        &self.parting
    }

    /// The pool of `target`, which lives as long as anybody holds it.
    pub(super) fn of(&self, target: &Target, max_head: usize, clock: &Clock) -> Arc<Pool> {
        let mut targets = lock(&self.targets);
        targets.retain(|_, pool| pool.strong_count() > 0);
        let fresh = || {
            let dialer = Dialer::new(target.clone(), clock, || self.system_roots());
            let counted = Counted::new(&self.meters, &target.address());
            let kept = match target {
                Target::H2c { .. } => Kept::Shared(Multiplexed::new(max_head, counted.clone())),
                Target::Http { .. } | Target::Https { .. } | Target::Unix { .. } => {
                    Kept::Idle(Mutex::new(Vec::new()))
                }
            };
            Arc::new(Pool { dialer, max_head, counted, kept })
        };
        match targets.entry((target.clone(), max_head)) {
            Entry::Occupied(mut entry) => entry.get().upgrade().unwrap_or_else(|| {
                let pool = fresh();
                entry.insert(Arc::downgrade(&pool));
                pool
            }),
            Entry::Vacant(entry) => {
                let pool = fresh();
                entry.insert(Arc::downgrade(&pool));
                pool
            }
        }
    }

    /// Each upstream by its address, with its connections that lie idle, and what is counted for it.
    #[must_use]
    pub fn targets(&self) -> Vec<(String, usize, Arc<TargetMeters>)> {
        let mut idle: BTreeMap<String, usize> = BTreeMap::new();
        for pool in lock(&self.targets).values().filter_map(Weak::upgrade) {
            *idle.entry(pool.dialer.target().address()).or_default() += pool.idle_count();
        }
        let own = self.meters.targets.all().into_iter();
        own.filter_map(|(name, meters)| Some((idle.get(&name).copied()?, name, meters)))
            .map(|(idle, name, meters)| (name, idle, meters))
            .collect()
    }

    fn system_roots(&self) -> Arc<RootCertStore> {
        Arc::clone(self.system_roots.get_or_init(|| Arc::new(crate::roots::system())))
    }
}

impl Pool {
    /// The connections that requests share, if this target's are shared.
    pub(super) const fn shared(&self) -> Option<&Multiplexed> {
        match &self.kept {
            Kept::Idle(_) => None,
            Kept::Shared(shared) => Some(shared),
        }
    }

    pub(super) const fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// What is counted over all targets.
    pub(super) const fn counted(&self) -> &Meters {
        &self.counted.all
    }

    /// What is counted for this target alone.
    pub(super) fn meters(&self) -> &TargetMeters {
        &self.counted.own
    }

    fn idle_count(&self) -> usize {
        match &self.kept {
            Kept::Idle(idle) => lock(idle).iter().filter(|(_, link)| !link.is_closed()).count(),
            Kept::Shared(shared) => shared.idle_count(),
        }
    }

    /// A kept connection that is alive as far as can be seen.
    pub(super) async fn take(&self, clock: &Clock) -> Option<Link> {
        let now = clock.instant();
        while let Some(mut link) = self.pop(now) {
            let Carrier::Own { sender, .. } = &mut link.carrier else { continue };
            if sender.is_closed() {
                continue;
            }
            if sender.is_ready() {
                return Some(link);
            }
            if let Ok(Ok(())) = clock.timeout(SETTLE, sender.ready()).await {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose answer has come in full.
    pub(super) fn put(&self, link: Link, now: Instant) {
        let (Kept::Idle(idle), Carrier::Own { sender, awaited, .. }) = (&self.kept, &link.carrier) else {
            return;
        };
        if sender.is_closed() {
            return;
        }
        awaited.rest();
        let mut idle = lock(idle);
        expire(&mut idle, now);
        if idle.len() < MAX_IDLE_COUNT {
            idle.push((now, link));
        }
    }

    /// Closes every kept connection.
    pub(super) fn close_idle(&self) {
        match &self.kept {
            Kept::Idle(idle) => drop(std::mem::take(&mut *lock(idle))),
            Kept::Shared(shared) => shared.retire_all(),
        }
    }

    /// Opens a connection, with its handshakes, all within `limit`.
    pub(super) async fn connect(&self, limit: Duration, clock: &Clock) -> Result<Link, ForwardError> {
        let opened = match clock.timeout(limit, self.dialer.dial()).await {
            Ok(opened) => opened,
            Err(_) => Err(ForwardError::ConnectTimeout),
        };
        if opened.is_err() {
            self.counted.failed();
        }
        let transport = opened?;
        let guards = self.counted.connected();
        Link::start(transport, self.max_head, guards).await
    }

    fn pop(&self, now: Instant) -> Option<Link> {
        let Kept::Idle(idle) = &self.kept else { return None };
        let mut idle = lock(idle);
        expire(&mut idle, now);
        idle.pop().map(|(_, link)| link)
    }
}

impl Link {
    async fn start(
        transport: Transport,
        max_head: usize,
        guards: (GaugeGuard, GaugeGuard),
    ) -> Result<Self, ForwardError> {
        let awaited = Arc::new(Awaited::new(max_head));
        let (sender, connection) = http1::Builder::new()
            .max_header_size(max_head)
            .max_buf_size(max_head.max(BUFFER))
            .handshake(Wire::new(Bounded::new(transport, Arc::clone(&awaited))))
            .await
            .map_err(|source| ForwardError::UpstreamClosed { source })?;
        let driver = tokio::spawn(async move {
            let _guards = guards;
            // Whoever waits on the connection gets its errors; this is only for whom it lay idle.
            if let Err(error) = connection.with_upgrades().await {
                tracing::trace!(%error, "an upstream connection ended");
            }
        });
        Ok(Self {
            carrier: Carrier::Own { sender, awaited, _driver: Driver(driver) },
            alarm: Alarm::default(),
        })
    }

    fn is_closed(&self) -> bool {
        matches!(&self.carrier, Carrier::Own { sender, .. } if sender.is_closed())
    }

    pub(super) fn shared(place: Place) -> Self {
        Self { carrier: Carrier::Shared(place), alarm: Alarm::default() }
    }
}

impl Carrier {
    /// Sends a request. Who drops the future gives the request up.
    pub(super) fn send(&mut self, request: Request<Upload>) -> impl Future<Output = Sent> + use<> {
        match self {
            Self::Own { sender, .. } => Either::Left(sender.try_send_request(request)),
            Self::Shared(place) => Either::Right(place.send(request)),
        }
    }

    /// A request goes out: the bytes until its head is there are counted.
    pub(super) fn await_head(&self) {
        if let Self::Own { awaited, .. } = self {
            awaited.begin();
        }
    }

    /// The head is there.
    pub(super) fn has_head(&self) {
        if let Self::Own { awaited, .. } = self {
            awaited.end();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn expire(idle: &mut Vec<(Instant, Link)>, now: Instant) {
    let fresh = |(since, _): &(Instant, Link)| now.duration_since(*since) < MAX_IDLE;
    if idle.first().is_some_and(|oldest| !fresh(oldest)) {
        idle.retain(fresh);
    }
}

/// A panic elsewhere leaves these lists whole: they are changed in one step each.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
