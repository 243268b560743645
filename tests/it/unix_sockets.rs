//! Unix sockets on both sides: upstreams that have no port, and a gateway that has none.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};

use crate::support::log::Log;
use crate::support::message::{exchange_over, find, read};
use crate::support::stage::Plan;
use crate::support::tls::Folder;
use crate::support::{Answer, Stage, Upstream, exchange};

/// A route for everyone to a socket at this path.
fn route(path: &str) -> String {
    format!("[routes.app]\nupstream = \"unix:{path}\"\nallow = [\"everyone\"]\n")
}

async fn get(stage: &Stage, fields: &str) -> Answer {
    let head = format!("GET /a?b HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{fields}\r\n", stage.gateway);
    exchange(stage.gateway, head).await
}

#[tokio::test]
async fn an_upstream_at_a_socket_gets_what_one_at_a_port_gets() {
    let folder = Folder::new("unix-upstream");
    let path = folder.path("app.sock");
    let upstream = Upstream::at(&path);
    let stage = Stage::with(Plan { routes: route(&path), ..Plan::default() }).await;
    for _ in 0..2 {
        let answer = get(&stage, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let received = upstream.received().pop().expect("a request");
    assert_eq!(received.line(), "GET /a?b HTTP/1.1");
    assert_eq!(received.all("host"), [stage.gateway.to_string()], "the public one: a socket has none");
    assert_eq!(received.all("x-forwarded-for"), ["127.0.0.1"]);
    let body = "b".repeat(3 << 20);
    let post = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        stage.gateway,
        body.len()
    );
    assert_eq!(exchange(stage.gateway, post).await.status, 200);
    assert_eq!(upstream.received().pop().expect("a request").body, body.into_bytes());
}

#[tokio::test]
async fn a_socket_that_cannot_be_had_is_502_and_the_log_says_why() {
    let folder = Folder::new("unix-none");
    let log = Log::catch();
    let (missing, dead) = (folder.path("missing.sock"), folder.path("dead.sock"));
    drop(UnixListener::bind(&dead).expect("a socket"));
    for (path, why) in [(&missing, "ENOENT"), (&dead, "ECONNREFUSED")] {
        let stage = Stage::with(Plan { routes: route(path), ..Plan::default() }).await;
        log.take();
        let answer = get(&stage, "").await;
        assert_eq!(answer.status, 502);
        assert!(!answer.text().contains(path.as_str()), "strangers hear nothing of it: {}", answer.text());
        let said = log.take();
        assert!(said.contains("upstream/connect") && said.contains(&format!("unix:{path} ({why}")), "{said}");
    }
}

const HANDSHAKE: &str = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

#[tokio::test]
async fn a_websocket_passes_through_a_socket() {
    let folder = Folder::new("unix-websocket");
    let path = folder.path("app.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let stage = Stage::with(Plan { routes: route(&path), ..Plan::default() }).await;
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await.expect("a request");
            head.extend_from_slice(&chunk[..count]);
        }
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.expect("bytes");
        stream.write_all(&bytes).await.expect("an echo");
        stream.read(&mut bytes).await.expect("the end")
    });
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!("GET /socket HTTP/1.1\r\nhost: {}\r\n{HANDSHAKE}\r\n", stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a handshake");
    assert_eq!(read(&mut client, true).await.status, 101);
    client.write_all(b"ping").await.expect("bytes");
    let mut bytes = [0; 4];
    client.read_exact(&mut bytes).await.expect("bytes");
    assert_eq!(&bytes, b"ping");
    drop(client);
    assert_eq!(upstream.await.expect("the upstream"), 0);
}

/// A stage whose gateway also listens on a socket.
async fn listening(folder: &Folder, listen: &str) -> (Stage, String) {
    let path = folder.path("http.sock");
    let sockets = vec![format!("unix:{path}")];
    (Stage::with(Plan { sockets, listen: listen.to_owned(), ..Plan::default() }).await, path)
}

/// A request over a socket.
async fn over(path: &str, request: String) -> Answer {
    exchange_over(&mut UnixStream::connect(path).await.expect("a connection"), request).await
}

#[tokio::test]
async fn over_a_socket_of_ours_the_client_is_unknown() {
    let folder = Folder::new("unix-listen");
    let (mut stage, path) = listening(&folder, "").await;
    let file = fs::metadata(&path).expect("a file");
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o7777, 0o660);
    stage.events();
    let get = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-forwarded-for: 1.1.1.1\r\nx-real-ip: 1.1.1.1\r\n\r\n",
            stage.gateway
        )
    };
    assert_eq!(over(&path, get("/public")).await.status, 200);
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-for"), ["unknown"]);
    assert!(received.all("x-real-ip").is_empty(), "{}", received.head);
    for line in stage.events_with_access().await {
        assert_eq!(line["client"], "unknown", "{line}");
        assert!(line["kind"] == "audit" || line["peer"] == "unix", "{line}");
    }
    // Also where nothing of the request could be read.
    assert_eq!(over(&path, get("/%2e%2e/")).await.status, 400);
    for line in stage.events_with_access().await {
        assert_eq!(line["client"], "unknown", "{line}");
    }
    stage.stop().await;
    assert!(!fs::exists(&path).expect("a folder"), "its file goes with it");
}

#[tokio::test]
async fn a_trusted_proxy_at_the_socket_names_the_client() {
    let folder = Folder::new("unix-trusted");
    let (stage, path) = listening(&folder, "trusted_proxies = [\"unix\"]").await;
    let request = format!(
        "GET /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9\r\n\
         x-request-id: from-the-proxy\r\n\r\n",
        stage.gateway
    );
    stage.events();
    assert_eq!(over(&path, request).await.status, 200);
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-for"), ["203.0.113.9"]);
    assert_eq!(received.all("x-real-ip"), ["203.0.113.9"]);
    assert_eq!(received.all("x-request-id"), ["from-the-proxy"]);
    for line in stage.events_with_access().await {
        assert_eq!(line["client"], "203.0.113.9", "{line}");
    }
    // The word is for sockets: whoever comes over TCP is believed nothing.
    let request = format!(
        "GET /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-forwarded-for: 6.6.6.6\r\n\r\n",
        stage.gateway
    );
    assert_eq!(exchange(stage.gateway, request).await.status, 200);
    assert_eq!(stage.upstream.received().pop().expect("a request").all("x-forwarded-for"), ["127.0.0.1"]);
}

#[tokio::test]
async fn people_sign_in_over_a_socket() {
    let folder = Folder::new("unix-sign-in");
    let (stage, path) = listening(&folder, "").await;
    stage.events();
    let mut browser = stage.browser().through(&path);
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = stage.upstream.received().pop().expect("a request");
    assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    assert_eq!(received.all("x-forwarded-for"), ["unknown"]);
    let events = stage.events();
    let signed_in = events.iter().find(|event| event["event"] == "sign_in.succeeded").expect("an event");
    assert_eq!(signed_in["client"], "unknown");
    // A WebSocket of the session, over the same socket.
    let mut client = UnixStream::connect(&path).await.expect("a connection");
    let head = format!(
        "GET /socket HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\ncookie: {1}\r\n{HANDSHAKE}\r\n",
        stage.gateway,
        browser.cookies()
    );
    client.write_all(head.as_bytes()).await.expect("a handshake");
    assert_eq!(read(&mut client, true).await.status, 200, "it reached the upstream, which speaks none");
}

#[tokio::test]
async fn a_socket_file_is_replaced_only_when_nobody_listens_on_it() {
    let folder = Folder::new("unix-restart");
    let path = folder.path("http.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(fs::exists(&path).expect("a folder"), "one that a process left behind");
    let (mut stage, path) = listening(&folder, "").await;
    let ask = |stage: &Stage| {
        format!("GET /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", stage.gateway)
    };
    assert_eq!(over(&path, ask(&stage)).await.status, 200);
    // A new process after it makes the file anew.
    stage.restart(|config| config).await;
    assert_eq!(over(&path, ask(&stage)).await.status, 200);
    // The file that somebody has put there meanwhile is not ours to remove.
    fs::remove_file(&path).expect("removed");
    fs::write(&path, "precious").expect("a file");
    stage.stop().await;
    assert_eq!(fs::read(&path).expect("a file"), b"precious");
}
