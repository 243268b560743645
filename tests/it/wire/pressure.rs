//! Back-pressure: from who sends, no more is taken than the buffers between hold while the other side does not read.
//!
//! Over Unix sockets, whose buffers the kernel does not let grow, so that what is seen is ours. docs/http.md states the
//! bound, and what TCP adds to it.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{settle, within};
use crate::support::Stage;
use crate::support::message::find;
use crate::support::stage::Plan;
use crate::support::tls::Folder;

/// What we hold for one direction: what is read ahead, and what waits to be written.
const OURS: usize = 256 * 1024;

/// What the kernel holds for a Unix socket: its sender's buffer, of which small pieces waste some.
fn kernel() -> usize {
    let text = std::fs::read_to_string("/proc/sys/net/core/wmem_default").expect("a limit");
    text.trim().parse().expect("a number")
}

struct Line {
    stage: Stage,
    gateway: String,
    upstream: UnixListener,
    _folder: Folder,
}

impl Line {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let (gateway, upstream) = (folder.path("in.sock"), folder.path("app.sock"));
        let routes = format!("[routes.app]\nupstream = \"unix:{upstream}\"\nallow = [\"everyone\"]\n");
        let upstream = UnixListener::bind(&upstream).expect("a free path");
        let sockets = vec![format!("unix:{gateway}")];
        let stage = Stage::with(Plan { routes, sockets, ..Plan::default() }).await;
        Self { stage, gateway, upstream, _folder: folder }
    }

    /// A client that has sent `request`, and its upstream, which has read the head.
    async fn exchange(&self, line: &str, fields: &str) -> (UnixStream, UnixStream) {
        let mut client = UnixStream::connect(&self.gateway).await.expect("a connection");
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", self.stage.gateway);
        client.write_all(request.as_bytes()).await.expect("a request");
        let (mut upstream, _) = within("a connection", self.upstream.accept()).await.expect("a connection");
        read_head(&mut upstream).await;
        (client, upstream)
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) {
    let mut head = Vec::new();
    while find(&head, b"\r\n\r\n").is_none() {
        head.push(within("a head", stream.read_u8()).await.expect("a byte"));
    }
}

/// As much as is taken until nothing is any more.
async fn taken(stream: &mut (impl AsyncWrite + Unpin), bound: usize) -> usize {
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    loop {
        let quiet = async {
            for _ in 0..20 {
                settle().await;
            }
        };
        tokio::select! {
            biased;
            count = stream.write(&piece) => sent += count.expect("a write"),
            () = quiet => return sent,
        }
        assert!(sent <= bound, "{sent} bytes are over {bound}, and there is no end");
    }
}

/// The receiver gets all that was taken, and from then on as much as is sent.
async fn flows(sender: &mut UnixStream, receiver: &mut UnixStream, sent: usize) {
    let more = vec![b'y'; 4 << 20];
    let read = async {
        let mut seen = 0;
        let mut buffer = vec![0; 64 * 1024];
        while seen < sent + more.len() {
            let count = receiver.read(&mut buffer).await.expect("bytes");
            assert!(count > 0, "the end too early");
            seen += count;
        }
    };
    within("the rest", async { tokio::join!(sender.write_all(&more), read).0 }).await.expect("a write");
}

#[tokio::test]
async fn an_upload_is_taken_only_as_far_as_its_upstream_reads() {
    let line = Line::new("pressure-up").await;
    for framing in ["Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let (mut client, mut upstream) = line.exchange("POST /x", framing).await;
        if framing.starts_with('T') {
            client.write_all(b"3b9aca00\r\n").await.expect("a chunk");
        }
        let sent = taken(&mut client, 2 * kernel() + OURS).await;
        assert!(sent > 64 * 1024, "{sent}");
        flows(&mut client, &mut upstream, sent).await;
    }
}

#[tokio::test]
async fn an_answer_is_taken_only_as_far_as_its_client_reads() {
    let line = Line::new("pressure-down").await;
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3b9aca00\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (mut client, mut upstream) = line.exchange("GET /x", "").await;
        upstream.write_all(head.as_bytes()).await.expect("a head");
        let sent = taken(&mut upstream, 2 * kernel() + OURS).await;
        assert!(sent > 64 * 1024, "{sent}");
        flows(&mut upstream, &mut client, sent).await;
    }
}

#[tokio::test]
async fn an_upload_goes_on_while_its_client_takes_nothing_of_the_answer() {
    let line = Line::new("pressure-both").await;
    let (mut client, mut upstream) = line.exchange("POST /x", "Content-Length: 1000000000\r\n").await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.expect("a head");
    taken(&mut upstream, 2 * kernel() + OURS).await;
    flows(&mut client, &mut upstream, 0).await;
}
