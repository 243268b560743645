//! Heads and bodies on their way through.

use super::support::{bench, plain};
use crate::clock::Clock;
use crate::lease::Lease;

#[tokio::test]
async fn a_request_reaches_the_upstream_with_our_head_and_its_own_target() {
    let bench = plain().await;
    let (mut client, mut upstream, head) = bench
        .exchange(
            "GET /a//b/./c?q=%2F&r HTTP/1.1\r\nHost: Wiki.example:8443\r\nConnection: close, x-one\r\n\
             Connection: X-Two\r\nx-one: 1\r\nx-two: 2\r\nx-forwarded-user: mallory\r\nx_y: 1\r\n\
             cookie: a=1; __Host-vestibule=s\r\nreferer: https://wiki.example/\r\n\r\n",
        )
        .await;
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.remove(0), "GET /a/b/c?q=%2F&r HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "cookie: a=1",
        "host: Wiki.example:8443",
        "referer: https://wiki.example/",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: Wiki.example:8443",
        "x-forwarded-port: 8443",
        "x-forwarded-proto: https",
        "x-real-ip: 127.0.0.1",
        "x-request-id: 000000000000000000000000",
    ];
    assert_eq!(lines, expected);
    upstream
        .send(
            "HTTP/1.1 200 Fine\r\nConnection: x-private\r\nx-private: 1\r\nx-forwarded-user: bob\r\n\
             set-cookie: __Host-vestibule=x\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok",
        )
        .await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 Fine\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(answer.contains("set-cookie: b=2") && !answer.contains("vestibule"), "{answer}");
    assert!(!answer.contains("x-private") && !answer.contains("x-forwarded-user"), "{answer}");
    assert_eq!((bench.meters.reserved_names.get(), bench.meters.underscore_names.get()), (1, 1));
}

#[tokio::test]
async fn both_directions_stream() {
    let bench = plain().await;
    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
    assert_eq!(upstream.until("one\r\n").await, "3\r\none\r\n");
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nuno\r\n").await;
    client.head().await;
    assert_eq!(client.until("uno\r\n").await, "3\r\nuno\r\n");
    client.send("3\r\ntwo\r\n0\r\nx-forwarded-user: mallory\r\n\r\n").await;
    assert_eq!(upstream.until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
    upstream.send("0\r\n\r\n").await;
    assert_eq!(client.until("0\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_get_keeps_its_chunked_body_and_a_head_its_length() {
    let bench = plain().await;
    let (mut client, mut upstream, head) = bench
        .exchange("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
        .await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(upstream.until("0\r\n\r\n").await, "4\r\nbody\r\n0\r\n\r\n");
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(!client.head().await.contains("content-length"));
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n").await;
    assert!(client.head().await.contains("content-length: 1234"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.head().await;
    upstream.send("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\netag: \"x\"\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 304"));
}

#[tokio::test]
async fn a_body_is_invited_only_once_the_upstream_is_there() {
    let bench = plain().await;
    let (mut client, mut upstream, head) = bench
        .exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert!(!head.contains("expect"), "{head}");
    assert!(client.head().await.starts_with("HTTP/1.1 100"));
    client.send("ok").await;
    assert_eq!(upstream.bytes(2).await, b"ok");
    upstream
        .send("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_a_client_may_not_send_never_reaches_the_upstream() {
    let bench = bench(Clock::system(), Lease::endless(), |route| route.max_body = Some(4)).await;
    for (request, status) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n", 417),
    ] {
        let mut client = bench.client().await;
        client.send(request).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    }
    assert_eq!(bench.meters.connects.get(), 0);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_never_looks_complete() {
    let bench = bench(Clock::system(), Lease::endless(), |route| route.max_body = Some(4)).await;
    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n").await;
    assert_eq!(upstream.until("four\r\n").await, "4\r\nfour\r\n");
    client.send("1\r\n5\r\n0\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 413") && head.contains("request/body-too-large"), "{head}");
    assert_eq!(upstream.rest().await, "");
}

#[tokio::test]
async fn doubtful_answers_become_502() {
    let bench = plain().await;
    for (answer, word) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "upstream/bad-response"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nab", "upstream/transfer-coding"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            "upstream/unexpected-upgrade",
        ),
        ("HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n", "upstream/bad-status"),
        ("hello\r\n\r\n", "upstream/bad-response"),
        ("", "upstream/closed"),
    ] {
        let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        upstream.send(answer).await;
        drop(upstream);
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 502") && head.contains(word), "{answer:?}: {head}");
    }
    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.send(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000))).await;
    assert!(client.head().await.contains("upstream/head-too-large"));
}

#[tokio::test]
async fn a_length_beside_chunks_is_dropped_and_the_connection_not_used_again() {
    let bench = plain().await;
    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream
        .send(
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .await;
    let head = client.head().await;
    assert!(!head.contains("content-length") && head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(client.until("0\r\n\r\n").await, "2\r\nok\r\n0\r\n\r\n");
    assert_eq!(upstream.rest().await, "");
}
