//! WebSocket: a tunnel only for a whole handshake, only after 101, without losing a byte; any other upgrade is none.

use std::time::Duration;

use super::{Bench, OK, OK_CLOSE, fields, statuses, within};

pub(super) const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(super) const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[tokio::test]
async fn bytes_behind_the_handshake_and_behind_101_are_delivered() {
    let bench = Bench::plain().await;
    // The client does not wait for the 101; the upstream speaks first as well, in one write with it.
    let (mut client, mut upstream, head) =
        bench.exchange(bench.request("GET /ws", HANDSHAKE) + "from client").await;
    assert_eq!(fields(&head, "upgrade"), ["websocket"]);
    assert_eq!(fields(&head, "connection"), ["Upgrade"]);
    assert_eq!(fields(&head, "sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
    // Nothing is passed through before the upstream agreed.
    super::settle().await;
    assert!(upstream.buffer.is_empty());
    upstream.send(format!("{SWITCHED}from upstream")).await;
    let answer = within("101", client.until("from upstream")).await;
    assert_eq!(statuses(&answer), [101]);
    assert_eq!(fields(&answer, "sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert_eq!(within("bytes", upstream.bytes(11)).await, b"from client");
    // What looks like HTTP is none any more.
    client.send("GET /smuggled HTTP/1.1\r\n\r\n").await;
    assert_eq!(within("bytes", upstream.bytes(26)).await, b"GET /smuggled HTTP/1.1\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(within("bytes", client.bytes(19)).await, b"HTTP/1.1 200 OK\r\n\r\n");
}

#[tokio::test]
async fn the_end_of_either_side_is_passed_on() {
    let bench = Bench::plain().await;
    let open = async || {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /ws", HANDSHAKE)).await;
        upstream.send(SWITCHED).await;
        client.head().await;
        (client, upstream)
    };
    // Half-closed by the client, which still hears what the upstream has to say.
    let (mut client, mut upstream) = open().await;
    client.send("bye").await;
    client.finish().await;
    assert_eq!(within("fin", upstream.rest()).await, "bye");
    upstream.send("good bye").await;
    drop(upstream);
    assert_eq!(within("fin", client.rest()).await, "good bye");
    // Half-closed by the upstream.
    let (mut client, mut upstream) = open().await;
    upstream.send("bye").await;
    upstream.finish().await;
    assert_eq!(within("fin", client.rest()).await, "bye");
    client.send("good bye").await;
    drop(client);
    assert_eq!(within("fin", upstream.rest()).await, "good bye");
    // Torn by either.
    let (client, mut upstream) = open().await;
    client.reset();
    within("reset", upstream.rest()).await;
    let (mut client, upstream) = open().await;
    upstream.reset();
    within("reset", client.rest()).await;
}

#[tokio::test]
async fn a_silent_tunnel_ends_after_the_idle_limit() {
    let bench = Bench::with("idle_timeout = \"60s\"", "").await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /ws", HANDSHAKE)).await;
    upstream.send(SWITCHED).await;
    client.head().await;
    for _ in 0..5 {
        bench.stage.advance(Duration::from_secs(59));
        super::settle().await;
        client.send("x").await;
        assert_eq!(within("bytes", upstream.bytes(1)).await, b"x");
    }
    let rest = bench.advancing(Duration::from_secs(1), client.rest()).await;
    assert_eq!((rest.as_str(), within("the end", upstream.rest()).await.as_str()), ("", ""));
}

#[tokio::test]
async fn what_is_no_whole_handshake_is_a_plain_request() {
    let bench = Bench::plain().await;
    for (what, line, sent) in [
        (
            "h2c",
            "GET /x HTTP/1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        ),
        (
            "h2c beside websocket of another name",
            "GET /x HTTP/1.1",
            "Connection: Upgrade\r\nUpgrade: h2c, websockets\r\n",
        ),
        ("no Connection", "GET /x HTTP/1.1", "Upgrade: websocket\r\n"),
        ("Connection without upgrade", "GET /x HTTP/1.1", "Connection: keep-alive\r\nUpgrade: websocket\r\n"),
        (
            "another method",
            "POST /x HTTP/1.1",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
        ),
        ("HTTP/1.0", "GET /x HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        (
            "with a body",
            "GET /x HTTP/1.1",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
        ),
        ("TLS", "GET /x HTTP/1.1", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"),
    ] {
        let tail = if sent.ends_with("hi") { "" } else { "\r\n" };
        let (mut client, mut upstream, head) =
            bench.exchange(format!("{line}\r\nHost: HOST\r\n{sent}{tail}")).await;
        for gone in ["upgrade", "connection", "http2-settings"] {
            assert!(fields(&head, gone).is_empty(), "{what}: {head}");
        }
        // An upstream that switches nevertheless is refused.
        upstream.send(SWITCHED).await;
        let answer = within(what, client.head()).await;
        assert_eq!(statuses(&answer), [502], "{what}: {answer}");
        assert_eq!(within(what, upstream.rest()).await, if tail.is_empty() { "hi" } else { "" }, "{what}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_granted_is_a_plain_answer_and_http_goes_on() {
    let bench = Bench::plain().await;
    for status in ["200 OK", "400 Bad Request", "426 Upgrade Required"] {
        let next = bench.request("GET /next", "");
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /ws", HANDSHAKE) + &next).await;
        upstream
            .send(format!("HTTP/1.1 {status}\r\nupgrade: websocket\r\ncontent-length: 2\r\n\r\nno"))
            .await;
        let answer = within(status, client.until("\r\n\r\nno")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(fields(&answer, "upgrade").is_empty(), "{answer}");
        // What the client sent behind it is a request like any other, over another connection.
        let mut fresh = bench.accept().await;
        assert!(within(status, fresh.head()).await.starts_with("GET /next "), "{status}");
        fresh.send(OK_CLOSE).await;
        assert!(client.until("ok").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_is_refused() {
    let bench = Bench::plain().await;
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /ws", HANDSHAKE)).await;
        upstream.send(format!("{answer}{OK}")).await;
        let head = within(answer, client.head()).await;
        assert_eq!(statuses(&head), [502], "{answer}: {head}");
        assert_eq!(within(answer, upstream.rest()).await, "");
    }
}
