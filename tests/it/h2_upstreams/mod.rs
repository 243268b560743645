//! Upstreams of HTTP/2 (`h2c://`), frame by frame: what they get, what of theirs reaches a client of HTTP/1.1, and what
//! becomes of the connections that many requests share.

mod answers;
mod both;
mod broken;
mod connections;
mod malformed;
mod patience;
mod refused;
mod requests;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::frames::Peer;
use crate::support::stage::Plan;
use crate::support::{Answer, Stage, exchange};

/// A gateway before an upstream whose every frame the test writes.
struct Scene {
    stage: Stage,
    listener: TcpListener,
}

impl Scene {
    /// For everyone; with further lines of the route.
    async fn new(more: &str) -> Self {
        Self::before(more, "").await
    }

    /// For clients that speak HTTP/2 as well.
    async fn with_h2c() -> Self {
        Self::before("", "h2c = true").await
    }

    async fn before(more: &str, listen: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes =
            format!("[routes.app]\nupstream = \"h2c://{address}\"\nallow = [\"everyone\"]\n{more}\n");
        let plan = Plan { routes, listen: listen.to_owned(), ..Plan::default() };
        Self { stage: Stage::with(plan).await, listener }
    }

    /// The next connection of the gateway.
    async fn accept(&self) -> Peer<TcpStream> {
        self.accept_with(&[]).await
    }

    /// The same, with settings of the upstream.
    async fn accept_with(&self, settings: &[(u16, u32)]) -> Peer<TcpStream> {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        Peer::server(stream, settings).await
    }

    /// Sends a request of this method for this path.
    fn ask(&self, method: &str, path: &str, fields: &str, body: impl AsRef<[u8]>) -> JoinHandle<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{fields}\r\n",
            self.stage.gateway
        );
        tokio::spawn(exchange(self.stage.gateway, [head.as_bytes(), body.as_ref()].concat()))
    }

    fn get(&self, path: &str) -> JoinHandle<Answer> {
        self.ask("GET", path, "", "")
    }

    /// The reason in the access line of the last request.
    async fn reason(&self) -> String {
        self.stage.access_line().await["reason"].as_str().unwrap_or_default().to_owned()
    }
}
