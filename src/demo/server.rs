//! Serving: listeners on loopback, a bounded number of HTTP/1 connections, an end when the handle is dropped.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use super::StartError;
use super::answer::Body;
use crate::clock::Clock;

/// Open connections of one server; more wait in the kernel.
const MAX_CONNECTIONS: usize = 512;
/// How often a free port is looked for that is free in both address families.
const PORT_ATTEMPTS: usize = 16;

/// What answers the requests of a server.
pub(super) trait Handler: Send + Sync + 'static {
    /// One request, one answer.
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// Whether a connection outlives its first answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeepAlive {
    /// Idle connections stay: they belong to the gateway's pool, and the gateway decides when they go.
    Forever,
    /// Each answer is the last of its connection, so that no idle connection can race a moved test clock.
    No,
}

/// A running server. Dropping it closes its listeners and connections.
pub(super) struct Running {
    listeners: Vec<AbortHandle>,
}

/// Listens on 127.0.0.1.
pub(super) async fn bind_v4(what: &'static str, port: u16) -> Result<TcpListener, StartError> {
    bind(what, IpAddr::V4(Ipv4Addr::LOCALHOST), port).await
}

/// Listens on 127.0.0.1 and, on machines that have it, on `::1` with the same port; port 0 picks a free one.
///
/// Both, because a browser may resolve `localhost` to either, and must not find a stranger on the other.
pub(super) async fn bind_both(what: &'static str, port: u16) -> Result<Vec<TcpListener>, StartError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let v4 = bind_v4(what, port).await?;
        let Ok(address) = v4.local_addr() else {
            return Ok(vec![v4]);
        };
        match bind(what, IpAddr::V6(Ipv6Addr::LOCALHOST), address.port()).await {
            Ok(v6) => return Ok(vec![v4, v6]),
            Err(StartError::Bind { source, .. })
                if port == 0 && attempt < PORT_ATTEMPTS && source.kind() == io::ErrorKind::AddrInUse => {}
            Err(StartError::Bind { what, address, source }) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(StartError::Bind { what, address, source });
            }
            // A machine without IPv6 has nobody else there either.
            Err(_) => return Ok(vec![v4]),
        }
    }
}

async fn bind(what: &'static str, ip: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.map_err(|source| StartError::Bind { what, address, source })
}

/// Serves until the returned handle is dropped.
pub(super) fn serve<H: Handler>(
    listeners: Vec<TcpListener>,
    handler: &Arc<H>,
    clock: &Clock,
    keep_alive: KeepAlive,
) -> Running {
    let listeners = listeners
        .into_iter()
        .map(|listener| {
            let work = accept(listener, Arc::clone(handler), clock.clone(), keep_alive);
            tokio::spawn(work).abort_handle()
        })
        .collect();
    Running { listeners }
}

/// Connections live in the set of this task, so that its abort ends them too.
async fn accept<H: Handler>(listener: TcpListener, handler: Arc<H>, clock: Clock, keep_alive: KeepAlive) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            // The listener is bound to loopback; this holds even if somebody forwards packets to it.
            Ok((stream, peer)) if peer.ip().is_loopback() => {
                let handler = Arc::clone(&handler);
                let clock = clock.clone();
                connections.spawn(async move {
                    connection(stream, handler, &clock, keep_alive).await;
                    drop(permit);
                });
            }
            Ok(_) => {}
            // Out of file descriptors, mostly: go on when some may have come back.
            Err(_) => clock.sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<H: Handler>(stream: TcpStream, handler: Arc<H>, clock: &Clock, keep_alive: KeepAlive) {
    let mut builder = http1::Builder::new();
    builder.timer(clock.timer()).max_buf_size(64 * 1024);
    match keep_alive {
        KeepAlive::Forever => builder.header_read_timeout(None),
        KeepAlive::No => builder.keep_alive(false).header_read_timeout(Duration::from_secs(30)),
    };
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(request).await) }
    });
    // A connection that ends badly is the browser's business: there is nobody to tell.
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

impl Drop for Running {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}
