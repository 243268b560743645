//! A kept connection to an upstream serves the next request only if it is silent and open.

use std::time::Duration;

use super::{Bench, OK, OK_CLOSE, statuses, within};

/// What the next request of a client gets, after an upstream's connection has been left in some state.
async fn next_is_served_afresh(bench: &Bench, client: &mut super::End, what: &str, method: &str) {
    // Some time later: what comes with the last byte of an answer and is used in the same breath, nobody can tell apart.
    bench.stage.advance(Duration::from_millis(1));
    let (fields, body) = if method == "POST" { ("Content-Length: 2\r\n", "hi") } else { ("", "") };
    client.send(bench.request(&format!("{method} /next"), fields) + body).await;
    let mut fresh = bench.accept().await;
    let head = within(what, fresh.head()).await;
    assert!(head.starts_with(&format!("{method} /next ")), "{what}: {head}");
    assert_eq!(fresh.bytes(body.len()).await, body.as_bytes(), "{what}");
    fresh.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nfresh").await;
    let answer = within(what, client.until("fresh")).await;
    assert_eq!(statuses(&answer), [200], "{what}: {answer}");
}

#[tokio::test]
async fn more_bytes_than_the_answer_has_end_the_connection() {
    let bench = Bench::plain().await;
    let stray = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray";
    for method in ["GET", "POST"] {
        for (what, answer) in [
            ("a second answer behind a length", format!("{OK}{stray}")),
            ("one byte behind a length", format!("{OK}x")),
            ("a line end behind a length", format!("{OK}\r\n")),
            (
                "a second answer behind chunks",
                format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{stray}"),
            ),
            ("a body behind 204", format!("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok{stray}")),
            ("a body behind 304", format!("HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok{stray}")),
        ] {
            let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
            upstream.send(answer).await;
            let head = within(what, client.head()).await;
            if head.contains("chunked") {
                client.until("0\r\n\r\n").await;
            } else if head.contains("200") {
                client.bytes(2).await;
            }
            next_is_served_afresh(&bench, &mut client, what, method).await;
            assert_eq!(within(what, upstream.rest()).await, "", "{what}: nothing more is asked over it");
        }
    }
}

#[tokio::test]
async fn a_body_behind_the_answer_to_head_ends_the_connection() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("HEAD /x", "")).await;
    upstream.send(OK).await;
    assert!(client.head().await.contains("content-length: 2\r\n"));
    next_is_served_afresh(&bench, &mut client, "HEAD", "GET").await;
}

#[tokio::test]
async fn what_happens_while_it_lies_idle_ends_the_connection() {
    let bench = Bench::plain().await;
    for method in ["GET", "POST"] {
        for what in ["a late 408", "one byte", "a close", "a reset"] {
            let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
            upstream.send(OK).await;
            client.until("ok").await;
            let mut held = None;
            match what {
                "a late 408" => {
                    upstream.send("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n").await;
                    held = Some(upstream);
                }
                "one byte" => {
                    upstream.send("x").await;
                    held = Some(upstream);
                }
                "a close" => drop(upstream),
                _ => upstream.reset(),
            }
            // At once: whether it is seen in time or when the request is written, the client does not notice.
            next_is_served_afresh(&bench, &mut client, what, method).await;
            drop(held);
        }
    }
}

#[tokio::test]
async fn one_that_its_upstream_closes_is_let_go_though_nobody_asks_for_it() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    upstream.send(OK).await;
    client.until("ok").await;
    upstream.finish().await;
    let since = bench.stage.clock.instant();
    let end = bench.advancing(Duration::from_millis(100), upstream.rest()).await;
    assert_eq!(end, "");
    assert!(bench.stage.clock.instant() - since <= Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_that_says_close_or_is_of_http_1_0_is_the_last() {
    let bench = Bench::plain().await;
    for answer in [
        OK_CLOSE.to_owned(),
        "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok".to_owned(),
    ] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
        upstream.send(&answer).await;
        client.until("ok").await;
        // A body of unknown length would be lost on a connection to a server of HTTP/1.0.
        client
            .send(bench.request("POST /next", "Transfer-Encoding: chunked\r\n") + "2\r\nhi\r\n0\r\n\r\n")
            .await;
        let mut fresh = bench.accept().await;
        let head = within(&answer, fresh.head()).await;
        assert!(head.starts_with("POST /next HTTP/1.1\r\n"), "{answer}: {head}");
        assert_eq!(within(&answer, fresh.until("0\r\n\r\n")).await, "2\r\nhi\r\n0\r\n\r\n");
        fresh.send(OK_CLOSE).await;
        client.until("ok").await;
        assert_eq!(within(&answer, upstream.rest()).await, "");
    }
}
