//! The sample upstream: an application without a sign-in of its own, that shows what reaches it.
//!
//! It believes the gateway's headers, as a real application would, and says so when a request came past the gateway.

mod echo;
mod events;
mod frames;
mod heads;
mod multipart;
mod page;
mod received;
mod upload;
mod websocket;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use super::StartError;
use super::answer::{self, Answer};
use super::server::{self, Handler, KeepAlive, Running};
use crate::clock::Clock;

pub use heads::HeadLog;

use received::{Received, Wanted};
use websocket::Sockets;

/// A running sample upstream. Dropping it stops it.
pub struct Upstream {
    addr: SocketAddr,
    _running: Running,
}

/// What every request works with.
struct Core {
    heads: Arc<HeadLog>,
    clock: Clock,
    sockets: Sockets,
}

impl Upstream {
    /// Starts the sample upstream on 127.0.0.1; port 0 picks a free one. `heads` is what the gateway tells about the
    /// heads that it sends.
    ///
    /// # Errors
    /// [`StartError`] when the port is busy.
    pub async fn start(port: u16, clock: Clock, heads: Arc<HeadLog>) -> Result<Self, StartError> {
        let listener = server::bind_v4("sample upstream", port).await?;
        let addr = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], port)));
        let core = Arc::new(Core { heads, clock: clock.clone(), sockets: Sockets::default() });
        let running = server::serve(vec![listener], &core, &clock, KeepAlive::Forever);
        Ok(Self { addr, _running: running })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Handler for Core {
    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/websocket/echo" => return self.sockets.upgrade(request),
            "/events/stream" => return events::stream(&self.clock),
            "/echo" => {
                let received = Received::of(&request, &self.heads);
                return echo::answer(&received, request.into_body()).await;
            }
            "/upload" if request.method() == http::Method::POST => return upload::receive(request).await,
            _ => {}
        }
        let received = Received::of(&request, &self.heads);
        match received.wanted() {
            Wanted::Json => echo::answer(&received, request.into_body()).await,
            Wanted::Html => match path.as_str() {
                "/websocket" => page::websocket(),
                "/events" => page::events(),
                "/upload" => page::upload(),
                _ if request.method().is_safe() => page::home(&received),
                _ => answer::wrong_method("GET, HEAD"),
            },
        }
    }
}
