//! Kept connections to upstreams, by target.
//!
//! Of HTTP/2, many requests share one (`multiplexed`). Of HTTP/1.1, each serves one request at a time: the connection that
//! was used last is used next (LIFO), so that under little load the others grow old and go. A kept connection is looked at
//! before it is used, and once more before the request is written (`awaited`); that it died a moment later is what the one
//! retry is for.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustls::RootCertStore;

use super::dial::Dialer;
use super::error::ForwardError;
use super::link::Link;
use super::meters::{Counted, Meters, TargetMeters};
use super::multiplexed::{MAX_IDLE, Multiplexed};
use super::parting::Parting;
use super::settings::Target;
use crate::clock::Clock;

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
    /// One request at a time each.
    Idle(Mutex<Idle>),
    /// Many at a time.
    Shared(Multiplexed),
}

/// Connections that wait for their next request.
#[derive(Debug, Default)]
struct Idle {
    /// Oldest first.
    links: Vec<(Instant, Link)>,
    /// Whether somebody looks after them.
    is_watched: bool,
}

/// How long a connection lies idle before the system is asked whether something came. It costs a call of its own, a
/// twentieth of a request; a connection under load is used again at once, and what comes with an answer is seen with it.
const RESTED: Duration = Duration::from_millis(1);

/// How often kept connections are looked at that nobody takes.
const LOOK: Duration = Duration::from_secs(1);

/// A kept connection that was taken.
#[derive(Debug)]
pub(super) enum Taken {
    Ready(Link),
    /// It has served a moment ago, and its task has yet to run.
    Settling(Link),
}

/// How many connections of one target may lie idle.
const MAX_IDLE_COUNT: usize = 128;

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
                    Kept::Idle(Mutex::default())
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
            Kept::Idle(idle) => lock(idle).links.iter().filter(|(_, link)| !link.is_closed()).count(),
            Kept::Shared(shared) => shared.idle_count(),
        }
    }

    /// A kept connection that is alive as far as can be seen.
    pub(super) fn take(&self, now: Instant) -> Option<Taken> {
        while let Some(mut link) = self.pop(now) {
            if link.is_ready() {
                return Some(Taken::Ready(link));
            }
            if !link.is_closed() {
                return Some(Taken::Settling(link));
            }
        }
        None
    }

    /// Keeps a connection whose answer has come in full.
    pub(super) fn put(self: &Arc<Self>, link: Link, clock: &Clock) {
        let Kept::Idle(idle) = &self.kept else { return };
        if link.is_closed() {
            return;
        }
        let now = clock.instant();
        let mut idle = lock(idle);
        idle.expire(now);
        if idle.links.len() < MAX_IDLE_COUNT {
            idle.links.push((now, link));
        }
        if !std::mem::replace(&mut idle.is_watched, true) {
            drop(idle);
            self.watch(clock.clone());
        }
    }

    /// Lets go what its upstream has closed, and what has grown old, also when no request comes by.
    fn watch(self: &Arc<Self>, clock: Clock) {
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                clock.sleep(LOOK).await;
                let Some(pool) = pool.upgrade() else { return };
                let Kept::Idle(idle) = &pool.kept else { return };
                let mut idle = lock(idle);
                idle.expire(clock.instant());
                idle.links.retain_mut(|(_, link)| link.is_alive());
                if idle.links.is_empty() {
                    idle.is_watched = false;
                    return;
                }
            }
        });
    }

    /// Closes every kept connection.
    pub(super) fn close_idle(&self) {
        match &self.kept {
            Kept::Idle(idle) => lock(idle).links.clear(),
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
        idle.expire(now);
        let (since, link) = idle.links.pop()?;
        if now.saturating_duration_since(since) >= RESTED {
            link.has_rested();
        }
        Some(link)
    }
}

impl Idle {
    fn expire(&mut self, now: Instant) {
        let fresh = |(since, _): &(Instant, Link)| now.duration_since(*since) < MAX_IDLE;
        if self.links.first().is_some_and(|oldest| !fresh(oldest)) {
            self.links.retain(fresh);
        }
    }
}

/// A panic elsewhere leaves these lists whole: they are changed in one step each.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
