//! The end, phase by phase: not ready, no more connections, what has begun is finished, what is left is cut.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::app::Departure;

use crate::support::frames::{END_STREAM, End, GOAWAY, HEADERS, Peer, headers};
use crate::support::message::{Answer, exchange_over, find, read};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream, exchange};

const HANDSHAKE: &str = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";

/// A stage whose `/public` leads to an upstream whose every step the test takes, and `/` to one that echoes.
async fn stage(listen: &str) -> (Stage, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!(
        "[routes.slow]\nupstream = \"http://{address}\"\npath = \"/slow\"\nallow = [\"everyone\"]\n\
         [routes.quick]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n"
    );
    let plan = Plan { routes, listen: listen.to_owned(), ..Plan::default() };
    (Stage::before(Upstream::echo().await, plan).await, listener)
}

/// Sends a request to `/slow`, and gives both ends.
async fn slow(stage: &Stage, listener: &TcpListener, request: &str, fields: &str) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head =
        format!("{request} HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\n{fields}\r\n", stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    head_of(&mut upstream).await;
    (client, upstream)
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while find(&bytes, b"\r\n\r\n").is_none() {
        bytes.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn quick(stage: &Stage, client: &mut TcpStream) -> Answer {
    exchange_over(client, format!("GET /quick HTTP/1.1\r\nhost: {}\r\n\r\n", stage.gateway)).await
}

async fn probe(stage: &Stage, path: &str) -> u16 {
    exchange(stage.admin, format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"))
        .await
        .status
}

/// Waits until nobody listens any more.
async fn refused(stage: &Stage) {
    while TcpStream::connect(stage.gateway).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // A reset ends it too.
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

#[tokio::test]
async fn the_phases_come_one_after_the_other_and_no_request_fails() {
    let (mut stage, listener) = stage("").await;
    let mut kept = TcpStream::connect(stage.gateway).await.expect("a connection");
    assert_eq!(quick(&stage, &mut kept).await.status, 200);
    let (mut client, mut upstream) = slow(&stage, &listener, "POST /slow", "content-length: 10\r\n").await;
    let ended = stage.end(Departure::Announced);
    while probe(&stage, "/readyz").await != 503 {}
    assert_eq!(probe(&stage, "/livez").await, 200);

    // Nobody has heard of it yet: all is as ever.
    let mut late = TcpStream::connect(stage.gateway).await.expect("a connection");
    for client in [&mut late, &mut kept] {
        let answer = quick(&stage, client).await;
        assert_eq!((answer.status, answer.field("connection")), (200, None));
    }
    stage.advance(Duration::from_secs(5));
    refused(&stage).await;
    for client in [&mut late, &mut kept] {
        let answer = quick(&stage, client).await;
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
        assert_eq!(rest(client).await, b"");
    }
    assert_eq!((probe(&stage, "/livez").await, probe(&stage, "/readyz").await), (200, 503));

    // What has begun has its time, here almost all of it.
    stage.advance(Duration::from_secs(19));
    client.write_all(b"1234567890").await.expect("a body");
    let mut body = [0; 10];
    upstream.read_exact(&mut body).await.expect("the body");
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an answer");
    let answer = read(&mut client, false).await;
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "ok", true));
    assert_eq!(answer.field("connection"), Some("close"));
    // Until it has gone it could still be sending, and a reset would take the answer from it.
    drop(client);
    ended.await.expect("it ends as soon as all are gone");
    assert!(TcpStream::connect(stage.admin).await.is_err());
}

#[tokio::test]
async fn what_is_left_at_the_end_is_cut_and_tunnels_are_told() {
    let (mut stage, listener) = stage("drain_delay = \"0\"").await;
    let (mut between, mut far) = slow(&stage, &listener, "GET /slow", HANDSHAKE).await;
    let (mut within, mut far_within) = slow(&stage, &listener, "GET /slow", HANDSHAKE).await;
    for (client, far) in [(&mut between, &mut far), (&mut within, &mut far_within)] {
        far.write_all(SWITCH).await.expect("an answer");
        assert!(head_of(client).await.starts_with("HTTP/1.1 101"));
    }
    // Half of a frame of five bytes.
    far_within.write_all(b"\x81\x05he").await.expect("half a frame");
    let mut half = [0; 4];
    within.read_exact(&mut half).await.expect("half a frame");
    let (mut events, mut source) = slow(&stage, &listener, "GET /slow", "").await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n";
    source.write_all(head).await.expect("a head");
    assert!(head_of(&mut events).await.contains("transfer-encoding: chunked"));
    let (mut download, mut store) = slow(&stage, &listener, "GET /slow", "").await;
    store.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").await.expect("a head");
    head_of(&mut download).await;

    let ended = stage.end(Departure::Announced);
    refused(&stage).await;
    stage.advance(Duration::from_millis(19_900));
    // Until then a tunnel is one.
    far.write_all(b"\x81\x02hi").await.expect("a frame");
    let mut frame = [0; 4];
    between.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(&frame, b"\x81\x02hi");
    between.write_all(b"up").await.expect("bytes");
    far.read_exact(&mut frame[..2]).await.expect("bytes");
    assert!(!ended.is_finished());

    stage.advance(Duration::from_millis(100));
    let last = rest(&mut between).await;
    assert_eq!(last, [&[0x88, 12, 0x03, 0xe9][..], b"going away"].concat(), "{last:?}");
    assert_eq!(rest(&mut within).await, b"", "no frame can stand within another");
    assert_eq!(rest(&mut far).await, b"");
    let events = rest(&mut events).await;
    assert!(!events.ends_with(b"0\r\n\r\n"), "a stream never ends as if it were over");
    assert_eq!(rest(&mut download).await, b"some");
    drop((between, within));
    ended.await.expect("an end");
}

#[tokio::test]
async fn a_tunnel_is_waited_for() {
    let (mut stage, listener) = stage("drain_delay = \"0\"").await;
    let (mut client, mut far) = slow(&stage, &listener, "GET /slow", HANDSHAKE).await;
    far.write_all(SWITCH).await.expect("an answer");
    head_of(&mut client).await;
    let ended = stage.end(Departure::Announced);
    refused(&stage).await;
    stage.advance(Duration::from_secs(10));
    assert_eq!((probe(&stage, "/livez").await, ended.is_finished()), (200, false));
    drop((client, far));
    ended.await.expect("it ends when the last one has gone");
}

#[tokio::test]
async fn without_a_delay_and_with_nothing_open_it_ends_at_once() {
    let (mut stage, _listener) = stage("").await;
    stage.end(Departure::AtOnce).await.expect("an end");
    let (mut stage, listener) = self::stage("drain_delay = \"0\"\ndrain_timeout = \"0\"").await;
    let (mut client, _upstream) = slow(&stage, &listener, "GET /slow", "").await;
    let ended = stage.end(Departure::Announced);
    assert_eq!(rest(&mut client).await, b"", "no time was given, so it is cut");
    ended.await.expect("an end");
}

#[tokio::test]
async fn a_reload_changes_how_long_the_end_takes() {
    let (mut stage, _listener) = stage("drain_delay = \"10m\"").await;
    stage.reload(|config| config.replace("drain_delay = \"10m\"", "drain_delay = \"0\""));
    stage.end(Departure::Announced).await.expect("an end");
}

fn fields<'a>(host: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", path)]
}

#[tokio::test]
async fn http_2_is_told_twice_and_no_request_on_its_way_is_lost() {
    let (mut stage, listener) = stage("h2c = true\ndrain_delay = \"0\"").await;
    let host = stage.gateway.to_string();
    let stream = TcpStream::connect(stage.gateway).await.expect("a connection");
    let mut client = Peer::client(stream, &[]).await;
    client.send(headers(1, END_STREAM, &fields(&host, "/slow"))).await;
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    head_of(&mut upstream).await;
    let ended = stage.end(Departure::Announced);
    let first = client.expect(GOAWAY).await;
    assert_eq!((first.number(0), first.number(4)), (0x7fff_ffff, 0), "any number is taken yet");
    // Sent before the client could know.
    client.send(headers(3, END_STREAM, &fields(&host, "/quick"))).await;
    let (mut last, mut is_answered) = (None, false);
    while last.is_none() || !is_answered {
        let next = client.next().await.expect("a frame");
        match next.kind {
            GOAWAY => last = Some((next.number(0), next.number(4))),
            HEADERS => {
                client.fields(&next).await;
            }
            _ => is_answered |= next.stream == 3 && next.has(END_STREAM),
        }
    }
    assert_eq!(last, Some((3, 0)));
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an answer");
    let (stream, answer) = client.message().await;
    assert_eq!((stream, answer.status(), answer.text().as_str(), answer.end), (1, 200, "ok", End::Complete));
    assert_eq!(client.next().await, None);
    drop(client);
    ended.await.expect("it ends when the last answer is out");
}

#[tokio::test]
async fn what_is_left_of_http_2_at_the_end_does_not_look_complete() {
    let (mut stage, listener) = stage("h2c = true\ndrain_delay = \"0\"").await;
    let host = stage.gateway.to_string();
    let stream = TcpStream::connect(stage.gateway).await.expect("a connection");
    let mut client = Peer::client(stream, &[]).await;
    client.send(headers(1, END_STREAM, &fields(&host, "/slow"))).await;
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    head_of(&mut upstream).await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n";
    upstream.write_all(head).await.expect("a head");
    let head = client.expect(HEADERS).await;
    assert!(!head.has(END_STREAM));
    let ended = stage.end(Departure::Announced);
    client.expect(GOAWAY).await;
    stage.advance(Duration::from_secs(20));
    while let Some(next) = client.next().await {
        assert!(next.kind == GOAWAY || !next.has(END_STREAM), "{next:?}");
    }
    assert_eq!(rest(&mut upstream).await, b"");
    ended.await.expect("an end");
}
