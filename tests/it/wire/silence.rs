//! Time limits count silence, and whose silence it is decides the answer.

use std::time::Duration;

use super::{Bench, OK_CLOSE, fields, settle, statuses, within};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_client_that_falls_silent_in_its_body_gets_408_and_its_upstream_an_abort() {
    let bench = Bench::with("idle_timeout = \"0\"\ntimeout = \"0\"", "body_timeout = \"20s\"").await;
    for (framing, sent) in [
        ("Content-Length: 10\r\n", "abc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("Content-Length: 10\r\nExpect: 100-continue\r\n", ""),
    ] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("POST /x", framing) + sent).await;
        if framing.contains("Expect") {
            assert!(client.head().await.starts_with("HTTP/1.1 100 "));
        }
        assert_eq!(upstream.bytes(sent.len()).await, sent.as_bytes());
        bench.stage.advance(Duration::from_secs(19));
        settle().await;
        let head = bench.advancing(SECOND, client.head()).await;
        assert!(head.starts_with("HTTP/1.1 408"), "{framing}: {head}");
        assert_eq!(fields(&head, "connection"), ["close"], "{framing}");
        let line = bench.stage.access_line().await;
        assert_eq!(line["reason"], "request/body-stalled", "{line}");
        let waited = line["duration_ms"].as_u64().expect("a number");
        assert!((20_000..22_000).contains(&waited), "{framing}: {waited}");
        assert_eq!(within(framing, upstream.rest()).await, "", "{framing}: no last chunk, no more bytes");
        // The rest of the body, should it still come, is nothing.
        client.try_send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let rest = within(framing, client.rest()).await;
        assert_eq!(statuses(&rest), Vec::<u16>::new(), "{rest}");
    }
}

#[tokio::test]
async fn a_slow_upload_that_moves_is_never_cut() {
    let bench = Bench::with("idle_timeout = \"20s\"\ntimeout = \"20s\"", "body_timeout = \"20s\"").await;
    let (mut client, mut upstream, _) =
        bench.exchange(bench.request("POST /x", "Content-Length: 20\r\n")).await;
    for _ in 0..20 {
        bench.stage.advance(Duration::from_secs(19));
        settle().await;
        client.send("x").await;
        assert_eq!(within("a byte", upstream.bytes(1)).await, b"x");
    }
    // Only now the application's time begins to count.
    bench.stage.advance(Duration::from_secs(19));
    settle().await;
    upstream.send(OK_CLOSE).await;
    assert!(client.until("ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_time_of_the_application_begins_with_the_last_byte_of_the_request() {
    let bench = Bench::with("timeout = \"20s\"", "").await;
    let (mut client, mut upstream, _) =
        bench.exchange(bench.request("POST /x", "Content-Length: 3\r\n") + "abc").await;
    upstream.bytes(3).await;
    let head = bench.advancing(SECOND, client.head()).await;
    assert!(head.starts_with("HTTP/1.1 504"), "{head}");
    let line = bench.stage.access_line().await;
    assert_eq!(line["reason"], "upstream/timeout");
    assert!((20_000..22_000).contains(&line["duration_ms"].as_u64().expect("a number")), "{line}");
    assert_eq!(within("the end", upstream.rest()).await, "");
}

#[tokio::test]
async fn a_stalled_answer_is_cut_and_never_looks_complete() {
    let bench = Bench::with("idle_timeout = \"20s\"\ntimeout = \"5s\"", "").await;
    for (answer, seen) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\nabc\r\n"),
    ] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
        upstream.send(answer).await;
        client.head().await;
        assert_eq!(client.until(seen).await, seen);
        let rest = bench.advancing(SECOND, client.rest()).await;
        assert_eq!(rest, "", "{answer}");
        assert_eq!(bench.stage.access_line().await["reason"], "upstream/stalled");
        assert_eq!(within("the end", upstream.rest()).await, "");
    }
}

#[tokio::test]
async fn while_an_answer_runs_a_silent_upload_is_a_matter_of_the_idle_limit() {
    let bench = Bench::with("idle_timeout = \"5m\"", "body_timeout = \"20s\"").await;
    let (mut client, mut upstream, _) =
        bench.exchange(bench.request("POST /x", "Transfer-Encoding: chunked\r\n")).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.head().await;
    bench.stage.advance(Duration::from_secs(200));
    settle().await;
    client.send("2\r\nhi\r\n").await;
    assert_eq!(within("up", upstream.until("hi\r\n")).await, "2\r\nhi\r\n");
    bench.stage.advance(Duration::from_secs(200));
    settle().await;
    upstream.send("2\r\nho\r\n0\r\n\r\n").await;
    assert_eq!(within("down", client.until("0\r\n\r\n")).await, "2\r\nho\r\n0\r\n\r\n");
}
