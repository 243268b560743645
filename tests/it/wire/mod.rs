//! HTTP/1.1 on the wire, byte for byte: raw sockets on both sides of the gateway, a file per promise.
//!
//! What a client library would hide is what these look at: where a body ends, what was closed, what never came.
//!
//! What a gateway owes, and where it is held to it (RFC 9110, 9112, 6455):
//!
//! | promise | file |
//! |---|---|
//! | malformed request lines, fields, versions, lengths, codings; CONNECT; what follows is no request; counters by class | `heads` |
//! | CL with TE, equal lengths, fresh framing only, bodies of GET and HEAD, pipelining, unread bodies | `lengths` |
//! | chunk grammar, extensions, floods | `chunks` |
//! | trailers both ways, without names that decide anything | `trailers` |
//! | hop-by-hop fields both ways, end-to-end fields byte for byte, Date, Via, Max-Forwards | `hops` |
//! | status lines, fields, lengths, codings, 101, size and number of an answer's head | `answers` |
//! | HEAD, 204, 304 | `bodiless` |
//! | 1xx, `Expect: 100-continue` | `interim` |
//! | early answers, answer and reset, streams both ways, lingering close | `early` |
//! | client aborts at every stage, bodies over the limit | `aborts` |
//! | every cut of an answer and of an upload | `truncation` |
//! | extra bytes, late 408, FIN, RST, HTTP/1.0 on kept connections | `pooled` |
//! | limits of silence, the application's time | `silence` |
//! | requests in flight, and the wait for a turn | `turns` |
//! | bytes that are taken while nobody reads | `pressure` |
//! | HTTP/1.0 clients and upstreams | `old` |
//! | WebSocket handshakes, tunnels, h2c | `upgrade` |
//!
//! Host, authority, paths and identity are in `requests`, `hosts`, `corpora` and `presets`; what is not ours is told in
//! docs/http.md: 505 for higher versions, 103 to clients, Via.

mod aborts;
mod answers;
mod bodiless;
mod chunks;
mod early;
mod heads;
mod hops;
mod interim;
mod lengths;
mod old;
mod pooled;
mod pressure;
mod silence;
mod trailers;
mod truncation;
mod turns;
mod upgrade;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use vestibule::clock::Clock;

use crate::support::Stage;
use crate::support::message::find;
use crate::support::stage::Plan;

/// A gateway with a route for everyone, in front of a socket that the test serves by hand.
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) upstream: TcpListener,
}

/// One end of a connection, raw.
pub(crate) struct End {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

/// A whole answer that leaves its connection open.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A whole answer that is the last of its connection.
pub(crate) const OK_CLOSE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

impl Bench {
    pub(crate) async fn plain() -> Self {
        Self::with("", "").await
    }

    /// With further lines of the route's table and of `[listen]`.
    pub(crate) async fn with(route: &str, listen: &str) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = upstream.local_addr().expect("an address");
        let routes =
            format!("[routes.public]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n{route}\n");
        let plan = Plan { routes, listen: listen.to_owned(), ..Plan::default() };
        Self { stage: Stage::with(plan).await, upstream }
    }

    pub(crate) async fn client(&self) -> End {
        End::new(TcpStream::connect(self.stage.gateway).await.expect("a connection"))
    }

    pub(crate) async fn accept(&self) -> End {
        End::new(within("a connection", self.upstream.accept()).await.expect("a connection").0)
    }

    /// `HOST` in a text becomes the gateway's.
    pub(crate) fn fill(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        replace(bytes.as_ref(), b"HOST", self.stage.gateway.to_string().as_bytes())
    }

    /// A request with our Host: `line` without the version, then field lines that each end in CRLF.
    pub(crate) fn request(&self, line: &str, fields: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", self.stage.gateway)
    }

    /// A client that has sent `request`, the upstream's end of it, and the head that arrived there.
    pub(crate) async fn exchange(&self, request: impl AsRef<[u8]>) -> (End, End, String) {
        let mut client = self.client().await;
        client.send(self.fill(request)).await;
        let mut upstream = self.accept().await;
        let head = upstream.head().await;
        (client, upstream, head)
    }

    /// The upstream has seen nothing since the last connection that was accepted: the next is that of this request.
    pub(crate) async fn nothing_came(&self, what: &str) {
        let (mut client, mut upstream, head) =
            self.exchange("GET /sentinel HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
        assert!(head.starts_with("GET /sentinel HTTP/1.1\r\n"), "{what}: {head}");
        upstream.send(OK_CLOSE).await;
        drop(upstream);
        assert!(client.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200"), "{what}");
    }

    /// What the upstream has of a request that broke off: its body as framed, without the head; nothing if it had no head.
    pub(crate) async fn broken_off(&self) -> (End, String) {
        let mut upstream = self.accept().await;
        let seen = upstream.rest().await;
        let body = seen.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (upstream, body.unwrap_or_default())
    }

    /// Moves the clock until `event` has come.
    pub(crate) async fn advancing<T>(&self, step: Duration, event: impl Future<Output = T>) -> T {
        let mut event = std::pin::pin!(event);
        for _ in 0..10_000 {
            tokio::select! {
                biased;
                value = &mut event => return value,
                () = settle() => self.stage.advance(step),
            }
        }
        panic!("it does not come")
    }
}

/// What has to come at once, by the machine's clock: a test that waits for ever tells nothing.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let came = Clock::system().timeout(Duration::from_secs(10), event).await;
    came.unwrap_or_else(|_| panic!("{what}: it does not come"))
}

/// Lets every task that can run do so.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

impl End {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("a write");
    }

    /// Sends as much as is taken; whether that was all.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that nothing more comes from this side.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.expect("a shutdown");
    }

    /// Ends the connection at once, with a reset.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("an option");
    }

    /// A head, up to and with its empty line.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Everything up to and with `mark`.
    pub(crate) async fn until(&mut self, mark: &str) -> String {
        loop {
            if let Some(at) = find(&self.buffer, mark.as_bytes()) {
                let rest = self.buffer.split_off(at + mark.len());
                return text(&std::mem::replace(&mut self.buffer, rest));
            }
            assert!(self.more().await, "the end before {mark:?}: {}", text(&self.buffer));
        }
    }

    /// So many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await, "the end too early: {}", text(&self.buffer));
        }
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Everything up to the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> String {
        text(&self.rest_bytes().await)
    }

    pub(crate) async fn rest_bytes(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        within("a read", read).await.is_ok_and(|count| count > 0)
    }
}

/// The status codes of all answers in these bytes.
pub(crate) fn statuses(bytes: &str) -> Vec<u16> {
    let lines = bytes.match_indices("HTTP/1.");
    lines.filter_map(|(at, _)| bytes.get(at..)?.split(' ').nth(1)?.get(..3)?.parse().ok()).collect()
}

/// The values of the fields of that name in a head.
pub(crate) fn fields<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
