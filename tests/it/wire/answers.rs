//! Answers of upstreams that make no sense are 502, and their connection is never used again.

use super::{Bench, OK, fields, statuses, within};
use crate::support::vectors;

#[tokio::test]
async fn a_malformed_answer_is_502_and_its_connection_is_dropped() {
    let bench = Bench::plain().await;
    for row in vectors::rows("wire/answers-refused.txt") {
        let [word, name, bytes] = row.as_slice() else { panic!("three cells: {row:?}") };
        let (word, name) = (super::text(word), super::text(name));
        let method = if name.starts_with("HEAD") { "HEAD" } else { "GET" };
        let (mut client, mut upstream, _) =
            bench.exchange(format!("{method} /x HTTP/1.1\r\nHost: HOST\r\n\r\n")).await;
        upstream.send(bytes).await;
        // What was no answer to the end may be mended by more, but not without an end.
        if word == "upstream/closed" {
            upstream.finish().await;
        }
        let head = within(&name, client.head()).await;
        assert_eq!(statuses(&head), [502], "{name}: {head}");
        assert_eq!(fields(&head, "cache-control"), ["no-store"], "{name}");
        let line = bench.stage.access_line().await;
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&502.into(), &word.as_str().into()),
            "{name}: {line}"
        );
        assert_eq!(within(&name, upstream.rest()).await, "", "{name}");
        // A client that did nothing wrong keeps its connection.
        if method == "GET" {
            let length: usize = fields(&head, "content-length")[0].parse().expect("a length");
            client.bytes(length).await;
            client.send(bench.request("GET /next", "")).await;
            let mut next = bench.accept().await;
            assert!(within(&name, next.head()).await.starts_with("GET /next "), "{name}");
            next.send(OK).await;
            client.until("ok").await;
            drop(next);
            bench.stage.access_line().await;
        }
    }
}

#[tokio::test]
async fn odd_answers_that_are_clear_are_written_anew() {
    let bench = Bench::plain().await;
    for (what, bytes, line, length) in [
        (
            "a list of equal lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
            "HTTP/1.1 200 OK",
            "2",
        ),
        (
            "equal lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK",
            "2",
        ),
        ("zeros in front", "HTTP/1.1 200 OK\r\ncontent-length: 002\r\n\r\nok", "HTTP/1.1 200 OK", "2"),
        ("no reason", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.1 200 ", "2"),
        ("bare LF", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok", "HTTP/1.1 200 OK", "2"),
        ("an unknown status", "HTTP/1.1 599 Odd\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.1 599 Odd", "2"),
    ] {
        let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
        upstream.send(bytes).await;
        drop(upstream);
        let head = within(what, client.head()).await;
        assert!(head.starts_with(&format!("{line}\r\n")), "{what}: {head}");
        assert_eq!(fields(&head, "content-length"), [length], "{what}: {head}");
        assert_eq!(client.bytes(2).await, b"ok", "{what}");
    }
}

#[tokio::test]
async fn chunks_beside_a_length_count_and_the_connection_is_not_kept() {
    let bench = Bench::plain().await;
    for framing in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: CHUNKED\r\ncontent-length: 99\r\n",
    ] {
        let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
        upstream.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n2\r\nok\r\n0\r\n\r\n")).await;
        let head = within(framing, client.head()).await;
        assert!(fields(&head, "content-length").is_empty(), "{head}");
        assert_eq!(client.until("0\r\n\r\n").await, "2\r\nok\r\n0\r\n\r\n");
        assert_eq!(within(framing, upstream.rest()).await, "");
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded_in_bytes_and_in_number() {
    let bench = Bench::with("max_response_head = \"8KiB\"", "").await;
    let small = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: {}\r\n\r\nok", "y".repeat(8000));
    let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    upstream.send(small).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    drop((client, upstream));
    bench.stage.access_line().await;
    for (what, head) in [
        ("bytes in one field", format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(8200))),
        (
            "bytes in several",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", format!("x: {}\r\n", "y".repeat(500)).repeat(20)),
        ),
        ("bytes without an end", format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000))),
        ("number", format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101))),
        ("interim answers", "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n".repeat(16_000)),
    ] {
        let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
        within(what, upstream.try_send(head)).await;
        let head = within(what, client.head()).await;
        assert!(head.starts_with("HTTP/1.1 502"), "{what}: {head}");
        assert_eq!(bench.stage.access_line().await["reason"], "upstream/head-too-large", "{what}");
    }
}
