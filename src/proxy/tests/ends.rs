//! How exchanges end: in time, too late, on one side first, and what is tried again.

use std::sync::Arc;
use std::time::Duration;

use super::super::{RouteSettings, Target};
use super::support::{bench, plain};
use crate::clock::{Clock, Timestamp};
use crate::lease::Lease;
use crate::web::HostName;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_truncated_answer_never_looks_complete() {
    let bench = plain().await;
    for (answer, seen) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\nabc\r\n"),
    ] {
        let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        upstream.send(answer).await;
        client.head().await;
        assert_eq!(client.until("abc").await.trim_end(), seen.trim_end());
        drop(upstream);
        assert_eq!(client.rest().await.trim(), "");
    }
    assert_eq!(bench.meters.truncated.get(), 2);
}

#[tokio::test]
async fn a_connection_is_kept_and_a_dead_one_is_tried_once_more() {
    let bench = plain().await;
    let (mut client, mut first, _) = bench.exchange("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    first.send(OK).await;
    client.until("ok").await;
    client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(first.head().await.starts_with("GET /2"));
    // It took the request and died: a GET may be sent again.
    drop(first);
    let mut second = bench.accept().await;
    assert!(second.head().await.starts_with("GET /2"));
    second.send(OK).await;
    client.until("ok").await;
    assert_eq!((bench.meters.retries.get(), bench.meters.connects.get()), (1, 2));
    // A second death in a row is the end.
    client.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    second.head().await;
    drop(second);
    let mut third = bench.accept().await;
    third.head().await;
    drop(third);
    assert!(client.head().await.contains("upstream/closed"));
    assert_eq!((bench.meters.retries.get(), bench.meters.connects.get()), (2, 3));
}

/// Under load the system has long got what this process has not looked at yet.
#[tokio::test]
async fn what_an_upstream_said_unasked_is_never_the_answer_to_the_next_request() {
    let (clock, hand) = Clock::manual(Timestamp::from_secs(1_750_000_000));
    let bench = bench(clock, Lease::endless(), |_| {}).await;
    let get = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    for request in [get, post] {
        for unasked in [
            "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsomebody's",
            "x",
            // The end of the connection.
            "",
        ] {
            let (mut client, mut upstream, _) = bench.exchange("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
            upstream.send(OK).await;
            client.until("ok").await;
            hand.advance(Duration::from_millis(1));
            bench.at_next_request(move || {
                upstream.send_now(unasked);
                upstream.finish_now();
            });
            client.send(request).await;
            let mut fresh = tokio::select! {
                fresh = bench.accept() => fresh,
                head = client.head() => panic!("{unasked:?} became {head}"),
            };
            assert!(fresh.head().await.contains("/next"));
            fresh.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nmine").await;
            let answer = client.until("mine").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{unasked:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_post_is_sent_again_only_if_nothing_of_it_was() {
    let bench = plain().await;
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let (mut client, mut first, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    first.send(OK).await;
    client.until("ok").await;
    // Closed while idle: whether that is seen before or after the next request is queued, it reaches a live one.
    drop(first);
    client.send(post).await;
    let mut second = bench.accept().await;
    second.head().await;
    assert_eq!(second.bytes(2).await, b"hi");
    second.send(OK).await;
    client.until("ok").await;
    // Taken and then closed: it may have been processed.
    client.send(post).await;
    second.until("hi").await;
    drop(second);
    assert!(client.head().await.contains("upstream/closed"));
    assert_eq!(bench.meters.connects.get(), 2);
}

#[tokio::test]
async fn an_early_answer_wins_over_the_body_that_nobody_reads() {
    let bench = plain().await;
    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
    upstream.send("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig").await;
    drop(upstream);
    client.send_until_closed(&[b'x'; 65_536]).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.ends_with("big"), "{answer}");
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_by_the_upstream() {
    let bench = plain().await;
    // In the middle of an upload,
    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send("3\r\none\r\n").await;
    assert_eq!(upstream.until("one\r\n").await, "3\r\none\r\n");
    drop(client);
    assert_eq!(upstream.rest().await, "");
    // while it waits,
    let (client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    drop(client);
    assert_eq!(upstream.rest().await, "");
    // and in the middle of an answer.
    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
    client.until("abc").await;
    drop(client);
    assert_eq!(upstream.rest().await, "");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_504_and_the_limit_counts_from_the_last_byte_of_the_body() {
    let (clock, hand) = Clock::manual(Timestamp::from_secs(1_000_000));
    let bench = bench(clock, Lease::endless(), |_| {}).await;
    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    hand.advance(Duration::from_secs(60));
    assert!(client.head().await.contains("upstream/timeout"));
    assert_eq!(upstream.rest().await, "");

    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab").await;
    upstream.until("ab").await;
    hand.advance(Duration::from_secs(29));
    client.send("cd").await;
    upstream.until("cd").await;
    hand.advance(Duration::from_secs(59));
    upstream.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    assert!(client.until("ok").await.starts_with("HTTP/1.1 200"));

    let (mut client, mut upstream, _) =
        bench.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab").await;
    upstream.until("ab").await;
    hand.advance(Duration::from_secs(30));
    assert!(client.head().await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn silence_and_the_end_of_the_session_cut_a_stream() {
    let (clock, hand) = Clock::manual(Timestamp::from_secs(1_000_000));
    let (lessor, lease) = Lease::until(Timestamp::from_secs(2_000_000));
    let bench = bench(clock, lease, |_| {}).await;
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.send(stream).await;
    client.head().await;
    upstream.send("4\r\n: x\n\r\n").await;
    assert_eq!(client.until(": x\n\r\n").await, "4\r\n: x\n\r\n");
    hand.advance(Duration::from_secs(900));
    assert_eq!((client.rest().await, upstream.rest().await), (String::new(), String::new()));

    let (mut client, mut upstream, _) = bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.send(stream).await;
    client.head().await;
    lessor.end();
    assert_eq!((client.rest().await, upstream.rest().await), (String::new(), String::new()));
    assert_eq!((bench.meters.truncated.get(), bench.meters.ended_by_lease.get()), (1, 1));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502() {
    let elsewhere = |route: &mut RouteSettings| {
        route.target = Target::Http { host: HostName::parse("127.0.0.1").expect("a host").0, port: 1 };
    };
    let bench = bench(Clock::system(), Lease::endless(), elsewhere).await;
    let mut client = bench.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.contains("upstream/connect\r\n"));
    assert_eq!((bench.meters.connect_failures.get(), bench.meters.connections.get()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_used_again_under_load() {
    // On a clock that stands still, a kept connection is never given up for being slow to get ready.
    let (clock, _hand) = Clock::manual(Timestamp::from_secs(1_000_000));
    let bench = Arc::new(bench(clock, Lease::endless(), |_| {}).await);
    let upstreams = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move {
            loop {
                let mut upstream = bench.accept().await;
                tokio::spawn(async move {
                    while upstream.next_head().await.is_some() {
                        upstream.send(OK).await;
                    }
                });
            }
        }
    });
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let mut client = bench.client().await;
                for _ in 0..200 {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                    assert!(client.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client");
    }
    upstreams.abort();
    assert!(bench.meters.connects.get() <= 8, "{}", bench.meters.connects.get());
    assert_eq!((bench.meters.retries.get(), bench.meters.connect_failures.get()), (0, 0));
}
