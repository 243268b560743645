//! HTTP/1.0 on either side: no chunks, no interim answers, one request for each connection unless both want more.

use std::io::ErrorKind;

use tokio::io::AsyncReadExt;
use vestibule::app::Departure;

use super::{Bench, End, OK, fields, statuses, within};

#[tokio::test]
async fn a_client_of_http_1_0_never_sees_chunks() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, head) = bench.exchange("GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n").await;
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
    upstream
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-a: 1\r\n\r\n")
        .await;
    let answer = within("an answer", client.rest()).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nabcde"), "{answer}");
    assert!(fields(&answer, "transfer-encoding").is_empty() && fields(&answer, "trailer").is_empty());
}

#[tokio::test]
async fn a_client_of_http_1_0_is_let_go_unless_it_wants_to_stay() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n").await;
    upstream.send(OK).await;
    assert_eq!(statuses(&within("an answer", client.rest()).await), [200]);
    drop(upstream);
    let stays = "GET /x HTTP/1.0\r\nHost: HOST\r\nConnection: keep-alive\r\n\r\n";
    let (mut client, mut upstream, _) = bench.exchange(stays).await;
    upstream.send(OK).await;
    assert_eq!(fields(&client.until("ok").await, "connection"), ["keep-alive"]);
    client.send(bench.fill(stays)).await;
    within("the next", upstream.head()).await;
    // Of unknown length: its end is that of the connection.
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let answer = within("an answer", client.rest()).await;
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn an_answer_of_http_1_0_is_framed_anew() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    drop(upstream);
    let head = within("a head", client.head()).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(fields(&head, "transfer-encoding"), ["chunked"]);
    assert_eq!(within("a body", client.until("0\r\n\r\n")).await, "9\r\nall of it\r\n0\r\n\r\n");
}

/// What comes until the connection ends, and whether it ended or broke.
async fn rest_and_end(client: &mut End) -> (String, bool) {
    let mut bytes = std::mem::take(&mut client.buffer);
    let ended = client.stream.read_to_end(&mut bytes).await;
    let broke = ended.err().map(|error| error.kind());
    assert!(broke.is_none_or(|kind| kind == ErrorKind::ConnectionReset), "{broke:?}");
    (String::from_utf8(bytes).expect("text"), broke.is_none())
}

/// An answer without a length ends, for a client of HTTP/1.0, where its connection does: one that breaks off is reset.
#[tokio::test]
async fn an_answer_that_breaks_off_does_not_end_like_one_that_is_whole() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for request in [
        "GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n",
        "GET /x HTTP/1.0\r\nHost: HOST\r\nConnection: keep-alive\r\n\r\n",
        "POST /x HTTP/1.0\r\nHost: HOST\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        let mut bench = Bench::with("", "drain_delay = \"0\"\ndrain_timeout = \"0\"").await;
        for (what, rest, is_whole) in [
            ("whole", "0\r\n\r\n", true),
            ("cut between chunks", "", false),
            ("cut in a chunk", "5\r\nde", false),
            ("no chunk", "x\r\n", false),
        ] {
            let (mut client, mut upstream, _) = bench.exchange(request).await;
            upstream.send(chunked).await;
            client.until("abc").await;
            upstream.send(rest).await;
            drop(upstream);
            let (body, ended) = within(what, rest_and_end(&mut client)).await;
            assert_eq!((body.trim_start_matches("de"), ended), ("", is_whole), "{what}");
        }
        // One with a length shows by it that something is missing.
        let (mut client, mut upstream, _) = bench.exchange(request).await;
        upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
        drop(upstream);
        let (answer, _) = within("a length", rest_and_end(&mut client)).await;
        assert!(answer.contains("content-length: 9\r\n") && answer.ends_with("\r\n\r\nabc"), "{answer}");
        // The process ends, and has no time to wait for the rest.
        let (mut client, mut upstream, _) = bench.exchange(request).await;
        upstream.send(chunked).await;
        client.until("abc").await;
        let ended = bench.stage.end(Departure::AtOnce);
        assert_eq!(within("an end", rest_and_end(&mut client)).await, (String::new(), false));
        within("the end of all", ended).await.expect("an end");
    }
}
