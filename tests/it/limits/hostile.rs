//! Hostile clients in numbers, and one good client beside them: it is served, they are ended. Counts, no times.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{advance_until, ask, connect, get, rest, with};
use crate::support::Stage;

/// Many connections, each of which has sent this.
async fn crowd(stage: &Stage, count: usize, bytes: &str) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let mut stream = connect(stage).await;
        stream.write_all(bytes.as_bytes()).await.expect("a write");
        crowd.push(stream);
    }
    crowd
}

/// A good client is served on a connection of its own and on one that it kept.
async fn goes_on(stage: &Stage, kept: &mut TcpStream) {
    for _ in 0..3 {
        assert_eq!(ask(stage, kept).await.status, 200);
        assert_eq!(ask(stage, &mut connect(stage).await).await.status, 200);
    }
}

/// Each of them is closed, without an answer.
async fn are_closed(stage: &Stage, crowd: Vec<TcpStream>) {
    let all = async {
        for mut stream in crowd {
            assert_eq!(rest(&mut stream).await, "");
        }
    };
    advance_until(stage, Duration::from_secs(1), all).await;
}

#[tokio::test]
async fn slow_heads_and_silent_connections_are_ended_and_hold_nobody_up() {
    let stage = with("").await;
    let mut kept = connect(&stage).await;
    let silent = crowd(&stage, 200, "").await;
    let slow = crowd(&stage, 200, "GET /public HTTP/1.1\r\nhost:").await;
    goes_on(&stage, &mut kept).await;
    are_closed(&stage, silent).await;
    are_closed(&stage, slow).await;
    goes_on(&stage, &mut connect(&stage).await).await;
    assert_eq!(stage.upstream.received().len(), 12, "of the good ones");
}

#[tokio::test]
async fn slow_bodies_hold_nobody_up() {
    let stage = with("").await;
    let mut kept = connect(&stage).await;
    let head = format!("POST /public HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000\r\n\r\nx", stage.gateway);
    let slow = crowd(&stage, 100, &head).await;
    goes_on(&stage, &mut kept).await;
    drop(slow);
    goes_on(&stage, &mut kept).await;
}

#[tokio::test]
async fn floods_of_fields_are_refused_and_nothing_of_them_is_kept() {
    let stage = with("").await;
    let mut kept = connect(&stage).await;
    let many = format!("GET /public HTTP/1.1\r\n{}", "a: b\r\n".repeat(2000));
    let large = format!("GET /public HTTP/1.1\r\nx: {}", "y".repeat(80_000));
    for bytes in [many, large] {
        for mut stream in crowd(&stage, 50, &bytes).await {
            let seen = rest(&mut stream).await;
            assert!(seen.starts_with("HTTP/1.1 431"), "{seen}");
        }
        goes_on(&stage, &mut kept).await;
    }
}

#[tokio::test]
async fn a_flood_of_pipelined_requests_by_who_does_not_read_is_held_back() {
    let stage = with("").await;
    let mut kept = connect(&stage).await;
    let mut flood = connect(&stage).await;
    // Answers are as long as requests. More than what all buffers between hold, so that for want of reading writing comes to a
    // halt.
    let requests = get(&stage, "/public", &format!("x: {}\r\n", "y".repeat(12_000))).repeat(100);
    let write = async {
        for _ in 0..1000 {
            flood.write_all(requests.as_bytes()).await.expect("a write");
        }
    };
    let stands = async {
        // It does when rounds of the good client bring no request of the flood.
        let mut before = usize::MAX;
        while before != stage.upstream.received().len() {
            goes_on(&stage, &mut kept).await;
            before = stage.upstream.received().len() + 6;
            goes_on(&stage, &mut kept).await;
        }
    };
    tokio::select! {
        () = write => panic!("a gigabyte of requests was taken, and nobody reads the answers"),
        () = stands => {}
    }
    // Reading sets it going again.
    let served = stage.upstream.received().len();
    let mut bytes = vec![0; 1 << 20];
    while stage.upstream.received().len() == served {
        assert!(flood.read(&mut bytes).await.expect("answers") > 0);
    }
}
