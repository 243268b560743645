//! Clients that are told to go and do not hear it. h2 goes on taking their requests until they have confirmed a PING that
//! follows the first GOAWAY, so the bounds are ours.

use std::time::Duration;

use super::{Bench, Client, connect, head, plan};
use crate::support::Stage;
use crate::support::frames::{ACK, END_STREAM, Frame, GOAWAY, HEADERS, PING, frame, headers, reset};
use crate::wire::within;

/// The next frame of this kind; none if the connection ends before. Nothing is confirmed.
async fn hear(client: &mut Client, kind: u8) -> Option<Frame> {
    loop {
        let next = client.frame().await?;
        if next.kind == HEADERS {
            client.fields(&next).await;
        }
        if next.kind == kind {
            return Some(next);
        }
    }
}

#[tokio::test]
async fn requests_that_are_taken_back_again_and_again_end_the_connection() {
    let bench = Bench::with("", "h2_max_streams = 10").await;
    let mut client = connect(&bench.stage).await;
    let (mut taken, mut last) = (0, None);
    for round in 0..1000 {
        let id = 2 * round + 1;
        client.send(headers(id, END_STREAM, &head(&bench.host, "GET", &[]))).await;
        let mut upstream = tokio::select! {
            upstream = bench.accept() => upstream,
            () = async {
                while let Some(next) = client.frame().await {
                    last = Some(next);
                }
            } => break,
        };
        client.send(reset(id, 8)).await;
        upstream.closed().await;
        taken = round + 1;
    }
    // A hundred, the one that was too much, and twice what it may ask at once.
    assert!((100..=125).contains(&taken), "{taken}");
    assert!(last.is_none_or(|last| last.kind != HEADERS));
}

#[tokio::test]
async fn requests_beyond_those_on_their_way_end_the_connection() {
    let bench = Bench::with("", "h2_max_streams = 2\nmax_requests = 1").await;
    let (mut client, mut upstream) = bench.exchange(&[]).await;
    hear(&mut client, GOAWAY).await.expect("a GOAWAY");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(hear(&mut client, HEADERS).await.map(|answer| answer.stream), Some(1));
    for id in [3, 5, 7, 9] {
        client.send(headers(id, END_STREAM, &head(&bench.host, "GET", &[]))).await;
        upstream.seen.clear();
        upstream.until(b"\r\n\r\n").await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(hear(&mut client, HEADERS).await.map(|answer| answer.stream), Some(id));
    }
    client.send(headers(11, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    assert_eq!(within("the end", hear(&mut client, HEADERS)).await, None);
    let metrics = bench.stage.metrics().await;
    let flood = "vestibule_limits_total{listener=\"public\",limit=\"h2_flood\"} 1";
    assert!(metrics.contains(flood), "{metrics}");
}

#[tokio::test]
async fn a_request_long_after_the_goaway_ends_the_connection() {
    let bench = Bench::with("", "max_requests = 1").await;
    // What it began keeps the connection, however long it takes.
    let (mut client, mut upstream) = bench.exchange(&[]).await;
    hear(&mut client, GOAWAY).await.expect("a GOAWAY");
    bench.stage.advance(Duration::from_secs(9));
    client.send(headers(3, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    let mut second = bench.accept().await;
    bench.stage.advance(Duration::from_secs(2));
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(hear(&mut client, HEADERS).await.map(|answer| answer.stream), Some(1));
    client.send(headers(5, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    assert_eq!(within("the end", hear(&mut client, HEADERS)).await, None);
    second.closed().await;
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_that_was_told_to_go() {
    let stage = Stage::with(plan()).await;
    let mut client = connect(&stage).await;
    // The end of this wait is the beginning of the next one.
    for _ in 0..20 {
        stage.advance(Duration::from_secs(9));
        client.send(frame(PING, 0, 0, [7; 8]).repeat(80)).await;
        let mut heard = 0;
        while heard < 80 {
            match hear(&mut client, PING).await {
                Some(pong) => heard += usize::from(pong.has(ACK)),
                None => return,
            }
        }
    }
    panic!("it is open after three minutes");
}
