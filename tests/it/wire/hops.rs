//! Hop-by-hop fields end here, in both directions; end-to-end fields keep their order and their bytes.

use super::{Bench, OK_CLOSE, fields, text, within};

#[tokio::test]
async fn what_belongs_to_the_connection_of_the_client_ends_here() {
    let bench = Bench::plain().await;
    let (_client, _upstream, head) = bench
        .exchange(
            "GET /x HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive, X-One ,, x-two\r\nconnection: X-THREE, content-length, host\r\n\
             Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nTE: gzip, deflate\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\n\
             Via: 1.0 proxy\r\nAuthorization: Basic YTpi\r\nMax-Forwards: 3\r\n\r\n",
        )
        .await;
    for gone in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "upgrade",
        "http2-settings",
        "x-one",
        "x-two",
        "x-three",
        "transfer-encoding",
    ] {
        assert!(fields(&head, gone).is_empty(), "{gone}: {head}");
    }
    assert_eq!(fields(&head, "x-four"), ["4"]);
    // No Via of ours, and nothing taken from the client's; to the application belongs what is the application's.
    assert_eq!(fields(&head, "via"), ["1.0 proxy"]);
    assert_eq!(fields(&head, "authorization"), ["Basic YTpi"]);
    // Of GET it says nothing (RFC 9110 section 7.6.2).
    assert_eq!(fields(&head, "max-forwards"), ["3"]);
}

#[tokio::test]
async fn what_belongs_to_the_connection_of_the_upstream_ends_here() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    upstream
        .send(
            "HTTP/1.1 200 OK\r\nConnection: X-One\r\nConnection: close, x-two\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n\
             Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTE: x\r\n\
             Content-Length: 2\r\n\r\nok",
        )
        .await;
    let head = within("a head", client.head()).await;
    for gone in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "upgrade",
        "te",
        "x-one",
        "x-two",
    ] {
        assert!(fields(&head, gone).is_empty(), "{gone}: {head}");
    }
    assert_eq!(fields(&head, "x-three"), ["3"]);
    // The client's connection is another one than the upstream's: it goes on.
    client.bytes(2).await;
    client.send(bench.request("GET /y", "")).await;
    assert!(bench.accept().await.head().await.starts_with("GET /y "));
}

#[tokio::test]
async fn end_to_end_fields_keep_order_values_and_bytes() {
    let bench = Bench::plain().await;
    let mut client = bench.client().await;
    let request = b"GET /x?a=%20&&b='(|)* HTTP/1.1\r\nHost: HOST\r\nX-A: 1\r\nX-B: \r\nX-A: 2\r\nX-A:\r\nX-C: caf\xe9 \xff\r\n\
                    Accept-Encoding: gzip;q=0\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\", W/\"y\"\r\n\r\n";
    client.send(bench.fill(request)).await;
    let mut upstream = bench.accept().await;
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        raw.extend(upstream.bytes(1).await);
    }
    let head = text(&raw);
    assert!(head.starts_with("GET /x?a=%20&&b='(|)* HTTP/1.1\r\n"), "{head}");
    assert_eq!(fields(&head, "x-a"), ["1", "2", ""]);
    assert_eq!(fields(&head, "x-b"), [""]);
    assert_eq!(fields(&head, "accept-encoding"), ["gzip;q=0"]);
    assert_eq!(fields(&head, "if-none-match"), ["\"x\", W/\"y\""]);
    let wanted = b"x-c: caf\xe9 \xff\r\n";
    assert!(raw.windows(wanted.len()).any(|bytes| bytes == wanted), "{head}");

    let answer = b"HTTP/1.1 299 Just So\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: old/1\r\nSet-Cookie: a=1; Path=/\r\n\
                   X-Empty:\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nCache-Control: no-transform\r\nX-Accel-Buffering: no\r\n\
                   Set-Cookie: a=3\r\nX-C: caf\xe9 \xff\r\nWarning: 199 - x\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x00";
    upstream.send(answer).await;
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        raw.extend(client.bytes(1).await);
    }
    assert_eq!(client.bytes(3).await, b"\x1f\x8b\x00");
    let head = text(&raw);
    assert!(head.starts_with("HTTP/1.1 299 Just So\r\n"), "{head}");
    assert_eq!(fields(&head, "set-cookie"), ["a=1; Path=/", "b=2", "a=3"]);
    for (name, value) in [
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("server", "old/1"),
        ("x-empty", ""),
        ("content-encoding", "gzip"),
        ("cache-control", "no-transform"),
        ("x-accel-buffering", "no"),
        ("content-length", "3"),
        ("warning", "199 - x"),
    ] {
        assert_eq!(fields(&head, name), [value], "{name}: {head}");
    }
    assert!(raw.windows(wanted.len()).any(|bytes| bytes == wanted), "{head}");
}

#[tokio::test]
async fn an_answer_without_a_date_gets_ours() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    upstream.send(OK_CLOSE).await;
    let head = client.head().await;
    assert_eq!(fields(&head, "date").len(), 1, "{head}");
    assert!(fields(&head, "server").is_empty() && fields(&head, "via").is_empty(), "{head}");
}

#[tokio::test]
async fn max_forwards_counts_down_for_options_and_zero_is_answered_here() {
    let bench = Bench::with("methods = [\"GET\", \"OPTIONS\"]", "").await;
    let mut client = bench.client().await;
    client.send(bench.request("OPTIONS /x", "Max-Forwards: 0\r\n")).await;
    let head = within("an answer", client.head()).await;
    assert!(head.starts_with("HTTP/1.1 204"), "{head}");
    assert_eq!(fields(&head, "allow"), ["GET, HEAD, OPTIONS"], "{head}");
    for (sent, passed) in
        [("1", "0"), ("70", "69"), ("x", "x"), ("-1", "-1"), ("99999999999999999999", "99999999999999999999")]
    {
        let fields_sent = format!("Max-Forwards: {sent}\r\n");
        let (_client, _upstream, head) = bench.exchange(bench.request("OPTIONS /x", &fields_sent)).await;
        assert_eq!(fields(&head, "max-forwards"), [passed], "{head}");
    }
}
