//! Kept connections to upstreams, by target, and how one is opened.
//!
//! The connection that was used last is used next (LIFO), so that under little load the others grow old and go. A
//! kept connection is looked at before it is used; that it died a moment later is what the one retry is for.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use rustls::RootCertStore;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

use super::error::ForwardError;
use super::meters::{Meters, TargetMeters};
use super::parting::Parting;
use super::settings::Target;
use super::tls::Connector;
use super::tls_error::TlsError;
use super::upload::Upload;
use super::wire::Wire;
use crate::clock::{Alarm, Clock};
use crate::meter::GaugeGuard;
use crate::socket::Socket;
use crate::transport::Transport;
use crate::web::HostName;

/// The kept connections of all targets. Survives a reload: a target that stays keeps its connections.
#[derive(Debug, Default)]
pub struct Pools {
    meters: Meters,
    parting: Parting,
    targets: Mutex<HashMap<Target, Weak<Pool>>>,
    /// Read for the first target that wants them.
    system_roots: OnceLock<Arc<RootCertStore>>,
}

/// The kept connections of one target.
#[derive(Debug)]
pub(super) struct Pool {
    target: Target,
    /// There when the target speaks TLS.
    connector: Option<Connector>,
    meters: Meters,
    /// What is counted for this target alone.
    own: Arc<TargetMeters>,
    /// Oldest first.
    idle: Mutex<Vec<(Instant, Link)>>,
}

/// One connection to an upstream. Dropping it closes the connection at once, whatever is on its way.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) sender: SendRequest<Upload>,
    /// Kept with the connection, so that a request seldom sets a timer of its own.
    pub(super) alarm: Alarm,
    _driver: Driver,
}

/// The task that moves a connection's bytes.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

/// How long a connection may lie idle.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// How many connections of one target may lie idle.
const MAX_IDLE_COUNT: usize = 128;

/// The largest response head in bytes, and the most that is buffered of an answer before the client took it.
const MAX_HEAD: usize = 64 * 1024;

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
    pub(super) fn of(&self, target: &Target, clock: &Clock) -> Arc<Pool> {
        let mut targets = lock(&self.targets);
        targets.retain(|_, pool| pool.strong_count() > 0);
        let fresh = || {
            let connector = match target {
                Target::Https { tls, .. } => Some(Connector::new(tls, clock, || self.system_roots())),
                Target::Http { .. } | Target::Unix { .. } => None,
            };
            let (target, meters) = (target.clone(), self.meters.clone());
            let own = meters.targets.of(&target.address());
            Arc::new(Pool { target, connector, meters, own, idle: Mutex::new(Vec::new()) })
        };
        match targets.entry(target.clone()) {
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
            *idle.entry(pool.target.address()).or_default() += pool.idle_count();
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
    /// What is counted over all targets.
    pub(super) const fn counted(&self) -> &Meters {
        &self.meters
    }

    /// What is counted for this target alone.
    pub(super) fn meters(&self) -> &TargetMeters {
        &self.own
    }

    fn idle_count(&self) -> usize {
        let idle = lock(&self.idle);
        idle.iter().filter(|(_, link)| !link.sender.is_closed()).count()
    }

    /// A kept connection that is alive as far as can be seen.
    pub(super) async fn take(&self, clock: &Clock) -> Option<Link> {
        let now = clock.instant();
        while let Some(mut link) = self.pop(now) {
            if link.sender.is_closed() {
                continue;
            }
            if link.sender.is_ready() {
                return Some(link);
            }
            if let Ok(Ok(())) = clock.timeout(SETTLE, link.sender.ready()).await {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose answer has come in full.
    pub(super) fn put(&self, link: Link, now: Instant) {
        if link.sender.is_closed() {
            return;
        }
        let mut idle = lock(&self.idle);
        expire(&mut idle, now);
        if idle.len() < MAX_IDLE_COUNT {
            idle.push((now, link));
        }
    }

    /// Closes every kept connection.
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// Opens a connection, with its handshakes, all within `limit`.
    pub(super) async fn connect(&self, limit: Duration, clock: &Clock) -> Result<Link, ForwardError> {
        let opened = match clock.timeout(limit, self.dial()).await {
            Ok(opened) => opened,
            Err(_) => Err(ForwardError::ConnectTimeout),
        };
        if opened.is_err() {
            self.meters.connect_failures.increment();
            self.own.connect_failures.increment();
        }
        let transport = opened?;
        self.meters.connects.increment();
        self.own.connects.increment();
        let guards = (self.meters.connections.hold(), self.own.connections.hold());
        Link::start(transport, guards).await
    }

    async fn dial(&self) -> Result<Transport, ForwardError> {
        let socket = match &self.target {
            Target::Http { host, port } | Target::Https { host, port, .. } => {
                self.dial_tcp(host, *port).await?
            }
            Target::Unix { path } => {
                let connected = UnixStream::connect(path).await;
                Socket::Unix(connected.map_err(|source| self.unreachable(source))?)
            }
        };
        match &self.connector {
            None => Ok(Transport::Plain(socket)),
            Some(connector) => match connector.connect(socket).await {
                Ok(stream) => Ok(Transport::Tls(Box::new(stream.into()))),
                Err(source) => Err(self.insecure(source)),
            },
        }
    }

    /// The addresses of the name in order.
    async fn dial_tcp(&self, host: &HostName, port: u16) -> Result<Socket, ForwardError> {
        let connected = match host.address() {
            Some(address) => TcpStream::connect((address, port)).await,
            None => {
                let addresses = tokio::net::lookup_host((host.as_str(), port))
                    .await
                    .map_err(|source| ForwardError::Resolve { source: Some(source) })?;
                let mut last = None;
                for address in addresses {
                    last = Some(TcpStream::connect(address).await);
                    if matches!(last, Some(Ok(_))) {
                        break;
                    }
                }
                last.ok_or(ForwardError::Resolve { source: None })?
            }
        };
        let socket = Socket::Tcp(connected.map_err(|source| self.unreachable(source))?);
        socket.without_delay().map_err(|source| self.unreachable(source))?;
        Ok(socket)
    }

    /// What became of an exchange over a connection of this pool.
    pub(super) fn closed(&self, source: hyper::Error) -> ForwardError {
        let Target::Https { tls, .. } = &self.target else { return ForwardError::UpstreamClosed { source } };
        match TlsError::of_connection(&source, &tls.name) {
            Some(source) => self.insecure(source),
            None => ForwardError::UpstreamClosed { source },
        }
    }

    fn unreachable(&self, source: std::io::Error) -> ForwardError {
        let mut target = self.target.to_string();
        if matches!(self.target, Target::Unix { .. }) {
            target.push_str(match source.kind() {
                ErrorKind::NotFound => " (ENOENT: the application makes it when it starts)",
                ErrorKind::PermissionDenied => {
                    " (EACCES: we may not write to it; mind its folder, group and mode)"
                }
                ErrorKind::ConnectionRefused => " (ECONNREFUSED: nobody listens on it)",
                _ => "",
            });
        }
        ForwardError::Connect { target, source }
    }

    fn insecure(&self, source: TlsError) -> ForwardError {
        ForwardError::Tls { target: self.target.to_string(), source: Box::new(source) }
    }

    fn pop(&self, now: Instant) -> Option<Link> {
        let mut idle = lock(&self.idle);
        expire(&mut idle, now);
        idle.pop().map(|(_, link)| link)
    }
}

impl Link {
    async fn start(transport: Transport, guards: (GaugeGuard, GaugeGuard)) -> Result<Self, ForwardError> {
        let (sender, connection) = http1::Builder::new()
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD)
            .handshake(Wire::new(transport))
            .await
            .map_err(|source| ForwardError::UpstreamClosed { source })?;
        let driver = tokio::spawn(async move {
            let _guards = guards;
            // Whoever waits on the connection gets its errors; this is only for whom it lay idle.
            if let Err(error) = connection.with_upgrades().await {
                tracing::trace!(%error, "an upstream connection ended");
            }
        });
        Ok(Self { sender, alarm: Alarm::default(), _driver: Driver(driver) })
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
