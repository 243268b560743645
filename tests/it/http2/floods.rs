//! Clients that mean harm: what they send is bounded in what it costs, and who goes on is told to calm down, or cut off.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bench, connect, head, plan};
use crate::support::Stage;
use crate::support::frames::{
    CONTINUATION, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, data, frame, headers, reset,
    settings, window_update,
};
use crate::support::hpack;

/// ENHANCE_YOUR_CALM (RFC 9113 section 7).
const CALM: u32 = 11;

/// How a flood ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// By a GOAWAY with this code.
    GoAway(u32),
    /// Without one.
    Cut,
}

/// Sends `start`, then pieces until the connection ends: what was said last. It must end before `most` pieces were taken.
async fn flood(stage: &Stage, start: &[u8], most: usize, piece: impl Fn(u32) -> Vec<u8>) -> Ended {
    let stream = TcpStream::connect(stage.gateway).await.expect("a connection");
    let (mut read, mut write) = stream.into_split();
    let writing = async {
        let _ = write.write_all(&[PREFACE, &settings(&[]), start].concat()).await;
        for round in 0..most {
            let id = u32::try_from(round).expect("a number") * 2 + 1;
            if write.write_all(&piece(id)).await.is_err() {
                // The end is still to be read.
                std::future::pending::<()>().await;
            }
        }
    };
    let mut seen = Vec::new();
    let mut reading = std::pin::pin!(read.read_to_end(&mut seen));
    tokio::select! {
        _ = &mut reading => {}
        () = writing => {
            // All of it is on its way: it ends, or this does not.
            let _ = (&mut reading).await;
        }
    }
    let mut rest = seen.as_slice();
    let mut ended = Ended::Cut;
    while let [a, b, c, kind, more @ ..] = rest {
        let end = 9 + usize::from(*a) * 65_536 + usize::from(*b) * 256 + usize::from(*c);
        if *kind == GOAWAY {
            ended = Ended::GoAway(u32::from_be_bytes(more[9..13].try_into().expect("four bytes")));
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    ended
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let fields = head(&host, "GET", &[]);
    let piece = |id| [headers(id, END_STREAM, &fields), reset(id, 8)].concat();
    assert_eq!(flood(&stage, &[], 20_000, piece).await, Ended::GoAway(CALM));
    assert!(stage.upstream.received().len() < 200, "{}", stage.upstream.received().len());
}

#[tokio::test]
async fn requests_that_are_taken_back_when_the_upstream_has_them() {
    let bench = Bench::plain().await;
    let mut client = connect(&bench.stage).await;
    let mut id = 1;
    let said = loop {
        client.send(headers(id, END_STREAM, &head(&bench.host, "GET", &[]))).await;
        let mut upstream = tokio::select! {
            upstream = bench.accept() => upstream,
            said = client.expect(GOAWAY) => break said,
        };
        client.send(reset(id, 8)).await;
        upstream.closed().await;
        id += 2;
        assert!(id < 1000, "it goes on");
    };
    assert_eq!((said.number(0), said.number(4)), (0x7fff_ffff, 0));
}

#[tokio::test]
async fn requests_that_are_reset_for_what_the_client_does_with_them() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let fields = head(&host, "GET", &[]);
    let malformed = head(&host, "GET", &[("connection", "close")]);
    // A window that overflows: told to go as one that takes its requests back, then cut, since it goes on.
    let overflowing = |id| [headers(id, END_STREAM, &fields), window_update(id, 0x7fff_ffff)].concat();
    assert_eq!(flood(&stage, &[], 50_000, overflowing).await, Ended::GoAway(0));
    assert!(stage.upstream.received().len() < 500, "{}", stage.upstream.received().len());
    // A request that is none.
    let piece = |id| headers(id, END_STREAM, &malformed);
    assert_eq!(flood(&stage, &[], 50_000, piece).await, Ended::GoAway(CALM));
}

#[tokio::test]
async fn heads_that_never_end() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let start = frame(HEADERS, END_STREAM, 1, hpack::encode(&head(&host, "GET", &[])));
    for bytes in [&[][..], &[0, 1, b'a', 1, b'b']] {
        let said = flood(&stage, &start, 100_000, |_| frame(CONTINUATION, 0, 1, bytes)).await;
        assert_eq!(said, Ended::GoAway(CALM));
    }
}

#[tokio::test]
async fn heads_that_grow_when_they_are_unpacked() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    // One field of some 4,000 bytes into the table, then 10,000 references to it.
    let mut block = hpack::encode(&head(&host, "GET", &[]));
    block.extend([0x40, 1, b'a', 0x7f, 0xa1, 0x1e]);
    block.extend([b'x'; 4000]);
    block.extend([0xbe; 10_000]);
    let said = flood(&stage, &[], 1, |id| frame(HEADERS, END_STREAM | 4, id, &block)).await;
    assert_eq!(said, Ended::GoAway(CALM));
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn frames_that_mean_nothing() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let start = headers(1, 0, &head(&host, "POST", &[]));
    let many = |bytes: Vec<u8>| bytes.repeat(100);
    for (what, piece) in [
        ("pings", many(frame(PING, 0, 0, [0; 8]))),
        ("settings", many(frame(SETTINGS, 0, 0, []))),
        ("priorities", many(frame(2, 0, 1, [0, 0, 0, 3, 7]))),
        ("credit", many(window_update(0, 1))),
        ("answers to no ping", many(frame(PING, 1, 0, [0; 8]))),
        ("unknown frames", many(frame(99, 0, 0, [0; 20]))),
    ] {
        assert_eq!(flood(&stage, &start, 10_000, |_| piece.clone()).await, Ended::Cut, "{what}");
    }
}

#[tokio::test]
async fn data_that_holds_nothing() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let start = headers(1, 0, &head(&host, "POST", &[]));
    let piece = data(1, 0, []).repeat(1000);
    assert_eq!(flood(&stage, &start, 10_000, |_| piece.clone()).await, Ended::GoAway(CALM));
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_read_is_not_read_either() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let stream = TcpStream::connect(stage.gateway).await.expect("a connection");
    let long = "x".repeat(10_000);
    let ask = |id| headers(id, END_STREAM, &head(&host, "GET", &[("x-long", &long)]));
    let mut bytes = [PREFACE, &settings(&[])].concat();
    let (mut sent, mut quiet, mut id) = (0, 0, 1);
    // Answers of 10 KB each that nobody reads; far less than this many are taken.
    while quiet < 20_000 && sent < 500_000_000 {
        if bytes.is_empty() {
            bytes = ask(id);
            id += 2;
        }
        match stream.try_write(&bytes) {
            Ok(count) => {
                sent += count;
                quiet = 0;
                bytes.drain(..count);
            }
            Err(_) => {
                quiet += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    assert!(sent < 100_000_000, "{sent}");
    let others = super::ask(&stage, &head(&host, "GET", &[])).await;
    assert_eq!(others.status(), 200);
}
