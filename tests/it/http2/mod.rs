//! HTTP/2 on the listener, frame by frame: what it takes, what becomes of it towards an upstream, how it ends.

mod answers;
mod deaf;
mod downgrade;
mod drain;
mod floods;
mod limits;
mod malformed;
mod tls;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::frames::{END_STREAM, Message, Peer, headers};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream};

/// A client that writes frames.
type Client = Peer<TcpStream>;

/// The usual stage, where HTTP/2 may be spoken without TLS.
async fn stage() -> Stage {
    Stage::with(plan()).await
}

/// The same, before this upstream.
async fn before(upstream: Upstream) -> Stage {
    Stage::before(upstream, plan()).await
}

fn plan() -> Plan {
    Plan { listen: "h2c = true".to_owned(), ..Plan::default() }
}

async fn connect(stage: &Stage) -> Client {
    connect_with(stage, &[]).await
}

/// A connection whose client has these settings.
async fn connect_with(stage: &Stage, settings: &[(u16, u32)]) -> Client {
    Peer::client(TcpStream::connect(stage.gateway).await.expect("a connection"), settings).await
}

/// A head for `/public`, with further fields.
fn head<'a>(host: &'a str, method: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", host), (":path", "/public")];
    pseudo.iter().chain(more).copied().collect()
}

/// Sends a request without a body as stream 1 of a connection of its own, and reads the answer.
async fn ask(stage: &Stage, fields: &[(&str, &str)]) -> Message {
    let mut client = connect(stage).await;
    client.send(headers(1, END_STREAM, fields)).await;
    client.message().await.1
}

/// A gateway whose route `/public` leads to a socket that the test serves by hand.
struct Bench {
    stage: Stage,
    host: String,
    upstream: TcpListener,
}

/// The upstream's end of a connection.
struct Wire {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Bench {
    async fn plain() -> Self {
        Self::with("", "").await
    }

    /// With further lines of the route's table and of `[listen]`.
    async fn with(route: &str, listen: &str) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = upstream.local_addr().expect("an address");
        let routes = format!(
            "[routes.public]\npath = \"/public\"\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n{route}\n"
        );
        let stage =
            Stage::with(Plan { routes, listen: format!("h2c = true\n{listen}"), ..Plan::default() }).await;
        let host = stage.gateway.to_string();
        Self { stage, host, upstream }
    }

    /// The next connection to the upstream, with the head that came over it.
    async fn accept(&self) -> Wire {
        let (stream, _) = self.upstream.accept().await.expect("a connection");
        let mut wire = Wire { stream, seen: Vec::new() };
        wire.until(b"\r\n\r\n").await;
        wire
    }

    /// A client that has sent a request without a body as stream 1, and the upstream's end of it.
    async fn exchange(&self, settings: &[(u16, u32)]) -> (Client, Wire) {
        let mut client = connect_with(&self.stage, settings).await;
        client.send(headers(1, END_STREAM, &head(&self.host, "GET", &[]))).await;
        (client, self.accept().await)
    }
}

impl Wire {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads until this came.
    async fn until(&mut self, end: &[u8]) {
        while !self.seen.windows(end.len()).any(|window| window == end) {
            assert!(self.more().await, "{}", String::from_utf8_lossy(&self.seen));
        }
    }

    /// Reads until the connection ends.
    async fn closed(&mut self) {
        while self.more().await {}
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.seen).await.unwrap_or(0) > 0
    }
}
