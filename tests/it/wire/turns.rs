//! No upstream has more requests of a route to answer than `max_in_flight`; who is over it waits for a turn, within limits.

use std::time::Duration;

use vestibule::app::Reload;

use super::upgrade::{HANDSHAKE, SWITCHED};
use super::{Bench, End, OK, OK_CLOSE, fields, settle, statuses, within};
use crate::support::message::find;

const ONE: &str = "max_in_flight = 1\nqueue_timeout = \"10s\"\ntimeout = \"30s\"";
const NO_WAITING: &str = "max_in_flight = 1\nqueue_timeout = \"0s\"";

impl Bench {
    /// A client that has sent `request`, which now waits with as many others as `waiting` says, itself among them.
    async fn waiter(&self, request: &str, waiting: usize) -> End {
        let mut client = self.client().await;
        client.send(request).await;
        self.has_waiting(waiting).await;
        client
    }

    async fn has_waiting(&self, count: usize) {
        let series = format!("vestibule_waiting_requests{{route=\"public\"}} {count}\n");
        for _ in 0..2000 {
            if self.stage.metrics().await.contains(&series) {
                return;
            }
            settle().await;
        }
        panic!("never {count} waiting: {}", self.stage.metrics().await)
    }

    /// A request that is answered in full.
    async fn is_free(&self, what: &str) {
        let (mut client, mut upstream, _) = self.exchange(self.request("GET /next", "")).await;
        upstream.send(OK_CLOSE).await;
        assert!(within(what, client.until("ok")).await.starts_with("HTTP/1.1 200"), "{what}");
    }

    async fn is_refused(&self) -> String {
        let mut client = self.client().await;
        client.send(self.request("GET /refused", "Connection: close\r\n")).await;
        let answer = within("a refusal", client.rest()).await;
        assert_eq!(statuses(&answer), [503], "{answer}");
        assert!(answer.contains("\"error\":\"upstream/busy\""), "{answer}");
        assert_eq!(fields(&answer, "retry-after"), ["1"], "{answer}");
        answer
    }
}

/// Nothing came so far.
async fn silent(end: &mut End, what: &str) {
    tokio::select! {
        biased;
        bytes = end.bytes(1) => panic!("{what}: {bytes:?}"),
        () = settle() => {}
    }
}

#[tokio::test]
async fn the_next_is_sent_when_the_answer_before_it_has_ended_in_the_order_of_arrival() {
    let bench = Bench::with("max_in_flight = 2\nqueue_timeout = \"10s\"", "").await;
    let (mut other, mut other_upstream, _) = bench.exchange(bench.request("GET /other", "")).await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let mut second = bench.waiter(&bench.request("GET /second", ""), 1).await;
    let mut third = bench.waiter(&bench.request("GET /third", ""), 2).await;
    silent(&mut upstream, "nothing was answered").await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    first.until("\r\n\r\no").await;
    silent(&mut upstream, "the answer has not ended").await;
    bench.has_waiting(2).await;
    upstream.send("k").await;
    assert_eq!(first.bytes(1).await, b"k");
    // The connection that became free is the one that is used.
    assert!(within("the second", upstream.head()).await.starts_with("GET /second "));
    bench.has_waiting(1).await;
    upstream.send(OK).await;
    second.until("ok").await;
    assert!(within("the third", upstream.head()).await.starts_with("GET /third "));
    upstream.send(OK).await;
    third.until("ok").await;
    bench.has_waiting(0).await;
    other_upstream.send(OK).await;
    assert!(other.until("ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_turn_that_does_not_come_in_time_is_503() {
    let bench = Bench::with(ONE, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let mut late = bench.waiter(&bench.request("GET /late", ""), 1).await;
    bench.stage.advance(Duration::from_secs(9));
    settle().await;
    silent(&mut late, "its time is not over").await;
    let head = bench.advancing(Duration::from_secs(1), late.head()).await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(fields(&head, "retry-after"), ["1"]);
    assert_eq!(fields(&head, "cache-control"), ["no-store"]);
    let line = bench.stage.access_line().await;
    assert_eq!(line["reason"], "upstream/busy", "{line}");
    assert_eq!(line["status"], 503, "{line}");
    assert!((10_000..12_000).contains(&line["duration_ms"].as_u64().expect("a number")), "{line}");
    let metrics = bench.stage.metrics().await;
    for series in [
        "vestibule_upstream_busy_total 1\n",
        "vestibule_request_failures_total{route=\"public\",reason=\"upstream/busy\"} 1\n",
        "vestibule_waiting_requests{route=\"public\"} 0\n",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    // It was never sent, and what was under way ends as it should. Its time began when it was sent.
    upstream.send(OK).await;
    assert!(first.until("ok").await.starts_with("HTTP/1.1 200"));
    silent(&mut upstream, "it was refused").await;
    first.send(bench.request("GET /again", "")).await;
    assert!(upstream.head().await.starts_with("GET /again "));
}

#[tokio::test]
async fn the_time_of_the_application_begins_with_the_turn() {
    let bench = Bench::with("max_in_flight = 1\nqueue_timeout = \"1h\"\ntimeout = \"30s\"", "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let mut second = bench.waiter(&bench.request("GET /second", ""), 1).await;
    bench.stage.advance(Duration::from_secs(29));
    settle().await;
    upstream.send(OK).await;
    first.until("ok").await;
    upstream.head().await;
    bench.stage.advance(Duration::from_secs(29));
    settle().await;
    upstream.send(OK).await;
    assert!(second.until("ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn no_more_wait_than_may_be_in_flight_and_none_where_there_is_no_waiting() {
    let bench = Bench::with(ONE, "").await;
    let (_first, _upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let _waits = bench.waiter(&bench.request("GET /waits", ""), 1).await;
    bench.is_refused().await;
    bench.has_waiting(1).await;
    let bench = Bench::with(NO_WAITING, "").await;
    let (first, _upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    bench.is_refused().await;
    drop(first);
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_among_those_who_wait_to_the_next() {
    let bench = Bench::with(ONE, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let leaves = bench.waiter(&bench.request("GET /leaves", ""), 1).await;
    drop(leaves);
    assert_eq!(bench.stage.access_line().await["status"], 499);
    bench.has_waiting(0).await;
    let resets = bench.waiter(&bench.request("GET /resets", ""), 1).await;
    resets.reset();
    bench.has_waiting(0).await;
    // There is only one place.
    let mut next = bench.waiter(&bench.request("GET /next", ""), 1).await;
    upstream.send(OK).await;
    first.until("ok").await;
    assert!(within("the next", upstream.head()).await.starts_with("GET /next "));
    upstream.send(OK).await;
    assert!(next.until("ok").await.starts_with("HTTP/1.1 200"));
}

/// Nothing of its body is read, so nothing tells that its client has gone.
#[tokio::test]
async fn an_upload_whose_client_left_while_it_waited_ends_with_its_turn() {
    let bench = Bench::with(ONE, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let leaves = bench.waiter(&bench.request("POST /leaves", "Content-Length: 3\r\n"), 1).await;
    leaves.reset();
    upstream.send(OK_CLOSE).await;
    first.until("ok").await;
    let (_upstream, body) = bench.broken_off().await;
    assert_eq!(body, "");
    bench.is_free("it has left").await;
}

#[tokio::test]
async fn no_body_is_asked_for_before_its_turn() {
    let bench = Bench::with(ONE, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let fields = "Content-Length: 3\r\nExpect: 100-continue\r\n";
    let mut upload = bench.waiter(&bench.request("POST /upload", fields), 1).await;
    silent(&mut upload, "no 100 Continue").await;
    upstream.send(OK).await;
    first.until("ok").await;
    assert!(within("the upload", upstream.head()).await.starts_with("POST /upload "));
    assert!(within("100", upload.head()).await.starts_with("HTTP/1.1 100"));
    upload.send("abc").await;
    assert_eq!(within("its body", upstream.bytes(3)).await, b"abc");
    upstream.send(OK).await;
    assert!(upload.until("ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn however_an_exchange_ends_its_turn_is_given_on() {
    let bench = Bench::with(ONE, "").await;
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n";
    // The client leaves: before the answer, and in the middle of a stream.
    let (client, _upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    drop(client);
    bench.is_free("no answer yet").await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    upstream.send(stream).await;
    client.until("data: 1").await;
    drop(client);
    bench.is_free("a stream").await;
    // The upstream leaves, or says nothing that makes sense.
    for answer in
        ["", "HTTP/1.1 999 no\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"]
    {
        let (mut client, mut upstream, _) =
            bench.exchange(bench.request("POST /x", "Content-Length: 0\r\n")).await;
        upstream.send(answer).await;
        drop(upstream);
        client.head().await;
        bench.is_free(answer).await;
    }
    // It says nothing at all.
    let (mut client, _upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    let head = bench.advancing(Duration::from_secs(1), client.head()).await;
    assert!(head.starts_with("HTTP/1.1 504"), "{head}");
    bench.is_free("too late").await;
    // An answer without a body.
    let (mut client, mut upstream, _) = bench.exchange(bench.request("HEAD /x", "")).await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n").await;
    client.head().await;
    bench.is_free("no body").await;
}

#[tokio::test]
async fn an_open_websocket_holds_no_turn() {
    let bench = Bench::with(NO_WAITING, "").await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /ws", HANDSHAKE)).await;
    bench.is_refused().await;
    upstream.send(SWITCHED).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101"));
    bench.is_free("an open tunnel").await;
    client.send("hi").await;
    assert_eq!(within("a frame", upstream.bytes(2)).await, b"hi");
    // One waits for its turn like any other request.
    let bench = Bench::with(ONE, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    let mut socket = bench.waiter(&bench.request("GET /ws", HANDSHAKE), 1).await;
    upstream.send(OK_CLOSE).await;
    first.until("ok").await;
    let mut upstream = bench.accept().await;
    assert!(find(upstream.head().await.as_bytes(), b"GET /ws ").is_some());
    upstream.send(SWITCHED).await;
    assert!(socket.head().await.starts_with("HTTP/1.1 101"));
}

#[tokio::test]
async fn after_a_reload_the_new_numbers_hold_and_those_under_way_end_by_the_old_ones() {
    let mut bench = Bench::with(NO_WAITING, "").await;
    let (mut first, mut upstream, _) = bench.exchange(bench.request("GET /first", "")).await;
    bench.is_refused().await;
    let reload = bench.stage.reload(|config| config.replace("max_in_flight = 1", "max_in_flight = 2"));
    assert_eq!(reload, Reload::Taken);
    let (mut second, mut second_upstream, _) = bench.exchange(bench.request("GET /second", "")).await;
    let (_third, _third_upstream, _) = bench.exchange(bench.request("GET /third", "")).await;
    bench.is_refused().await;
    upstream.send(OK_CLOSE).await;
    assert!(first.until("ok").await.starts_with("HTTP/1.1 200"));
    bench.is_refused().await;
    second_upstream.send(OK_CLOSE).await;
    assert!(second.until("ok").await.starts_with("HTTP/1.1 200"));
    bench.is_free("one of two").await;
}
