//! What a connection may take: time, requests, bytes. Each limit, and that it harms nobody else.

use std::time::Duration;

use super::{Bench, Client, ask, connect, head, plan};
use crate::support::Stage;
use crate::support::frames::{
    ACK, DATA, END_STREAM, End, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, data, frame, headers,
    window_update,
};
use crate::support::stage::Plan;

/// SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 section 6.5.2).
const INITIAL_WINDOW: u16 = 4;

/// Moves the clock until the event comes.
async fn advancing<T>(stage: &Stage, event: impl Future<Output = T>) -> T {
    let advance = async {
        loop {
            stage.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        seen = event => seen,
        () = advance => unreachable!("the clock goes on"),
    }
}

/// The frames until the connection ends, but for settings.
async fn rest(client: &mut Client) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some(next) = client.next().await {
        kinds.push(next.kind);
    }
    kinds
}

#[tokio::test]
async fn the_settings_say_what_is_configured() {
    let listen = "h2c = true\nh2_max_streams = 7\nh2_window = \"128KiB\"".to_owned();
    let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
    let mut client = connect(&stage).await;
    let settings = client.frame().await.expect("a frame");
    assert_eq!((settings.kind, settings.flags), (SETTINGS, 0));
    let value = |id: u16| {
        let at = settings.payload.chunks(6).position(|chunk| chunk[..2] == id.to_be_bytes())?;
        Some(settings.number(at * 6 + 2))
    };
    assert_eq!((value(3), value(INITIAL_WINDOW), value(6)), (Some(7), Some(128 << 10), Some(64 << 10)));
    assert_eq!(value(8), None, "no extended CONNECT");
    // The window of the connection is four times that of a request.
    let credit = loop {
        let next = client.frame().await.expect("a frame");
        if next.kind == 8 {
            break next;
        }
    };
    assert_eq!((credit.stream, credit.number(0)), (0, (512 << 10) - 65_535));
}

#[tokio::test]
async fn further_requests_at_once_are_refused_and_may_be_sent_again() {
    let bench = Bench::with("", "h2_max_streams = 2").await;
    let mut client = connect(&bench.stage).await;
    // Before it has acknowledged the settings, a client cannot know.
    while client.frame().await.expect("a frame").kind != SETTINGS {}
    client.send(frame(SETTINGS, ACK, 0, [])).await;
    let mut held = Vec::new();
    for id in [1, 3] {
        client.send(headers(id, END_STREAM, &head(&bench.host, "GET", &[]))).await;
        held.push(bench.accept().await);
    }
    client.send(headers(5, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    let reset = client.expect(RST_STREAM).await;
    assert_eq!((reset.stream, reset.number(0)), (5, 7), "REFUSED_STREAM");
    held[0].send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.message().await.1.status(), 200);
    client.send(headers(7, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    // Over the connection that the first one left.
    held[0].seen.clear();
    held[0].until(b"\r\n\r\n").await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_in_time_is_closed() {
    let stage = Stage::with(plan()).await;
    for start in [
        &b""[..],
        b"PRI * HT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04",
    ] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(stage.gateway).await.expect("a connection");
        stream.write_all(start).await.expect("a write");
        let mut seen = Vec::new();
        let _ = advancing(&stage, stream.read_to_end(&mut seen)).await;
        assert!(!seen.starts_with(b"HTTP"), "{start:?}");
    }
}

#[tokio::test]
async fn a_connection_without_requests_is_told_to_go_and_pings_do_not_keep_it() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let mut client = connect(&stage).await;
    client.send(headers(1, END_STREAM, &head(&host, "GET", &[]))).await;
    assert_eq!(client.message().await.1.status(), 200);
    // Shorter than it may idle.
    stage.advance(Duration::from_secs(74));
    client.send(headers(3, END_STREAM, &head(&host, "GET", &[]))).await;
    assert_eq!(client.message().await.1.status(), 200);
    for _ in 0..8 {
        stage.advance(Duration::from_secs(9));
        client.send(frame(PING, 0, 0, [7; 8])).await;
        while client.frame().await.expect("a frame").kind != PING {}
    }
    let seen = advancing(&stage, rest(&mut client)).await;
    assert!(seen.contains(&GOAWAY) && seen.iter().all(|kind| *kind == GOAWAY), "{seen:?}");
}

#[tokio::test]
async fn one_that_does_not_go_is_closed() {
    let stage = Stage::with(plan()).await;
    let mut client = connect(&stage).await;
    let closed = async { while client.frame().await.is_some() {} };
    // It never answers the ping that comes with the first GOAWAY.
    advancing(&stage, closed).await;
}

#[tokio::test]
async fn after_max_requests_a_connection_goes_and_none_is_lost() {
    let listen = "h2c = true\nmax_requests = 3".to_owned();
    let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
    let host = stage.gateway.to_string();
    let mut client = connect(&stage).await;
    let mut statuses = Vec::new();
    for id in [1, 3, 5, 7] {
        client.send(headers(id, END_STREAM, &head(&host, "GET", &[]))).await;
    }
    let mut goaways = Vec::new();
    while let Some(next) = client.next().await {
        match next.kind {
            HEADERS => {
                client.fields(&next).await;
                statuses.push(next.stream);
            }
            GOAWAY => goaways.push((next.number(0), next.number(4))),
            _ => {}
        }
    }
    // The fourth was on its way before the client could know.
    statuses.sort_unstable();
    assert_eq!(statuses, [1, 3, 5, 7]);
    assert_eq!(goaways, [(0x7fff_ffff, 0), (7, 0)]);
}

#[tokio::test]
async fn a_short_answer_that_its_client_does_not_take_never_looks_whole() {
    let bench = Bench::with("idle_timeout = \"30s\"", "").await;
    let (mut client, mut upstream) = bench.exchange(&[(INITIAL_WINDOW, 5)]).await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789").await;
    assert_eq!(client.expect(DATA).await.payload, b"01234");
    bench.stage.advance(Duration::from_secs(29));
    client.send(window_update(1, 1)).await;
    assert_eq!(client.expect(DATA).await.payload, b"5");
    // All of it is with h2 by now. It ends with its connection, which looks idle.
    let seen = advancing(&bench.stage, rest(&mut client)).await;
    assert!(seen.iter().all(|kind| *kind == GOAWAY), "no end of the answer: {seen:?}");
}

#[tokio::test]
async fn a_long_answer_that_its_client_does_not_take_is_reset_and_its_upstream_left() {
    let bench = Bench::with("idle_timeout = \"30s\"", "").await;
    let (mut client, mut upstream) = bench.exchange(&[(INITIAL_WINDOW, 0)]).await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n").await;
    let (mut read, mut write) = upstream.stream.split();
    let flood = async {
        use tokio::io::AsyncWriteExt;
        while write.write_all(&[b'x'; 10_000]).await.is_ok() {}
    };
    let left = async {
        use tokio::io::AsyncReadExt;
        while matches!(read.read(&mut [0; 100]).await, Ok(1..)) {}
    };
    let ended = async {
        tokio::select! { () = flood => {}, () = left => {} }
    };
    let (reset, ()) = advancing(&bench.stage, async { tokio::join!(client.expect(RST_STREAM), ended) }).await;
    assert_eq!((reset.stream, reset.number(0)), (1, 8), "CANCEL");
}

#[tokio::test]
async fn a_download_that_stands_still_stops_no_other() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream) = bench.exchange(&[(INITIAL_WINDOW, 1000)]).await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
    upstream.send(vec![b'x'; 200_000]).await;
    for id in (3..40).step_by(2) {
        client.send(headers(id, END_STREAM, &head(&bench.host, "GET", &[]))).await;
        let mut other = bench.accept().await;
        other.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        let mut seen = Vec::new();
        while seen != b"ok" {
            let next = client.expect(DATA).await;
            if next.stream == id {
                seen.extend(next.payload);
            }
        }
    }
}

#[tokio::test]
async fn an_upload_that_stands_still_stops_no_other() {
    let bench = Bench::with("", "h2_window = \"64KiB\"").await;
    let mut client = connect(&bench.stage).await;
    client.send(headers(1, 0, &head(&bench.host, "POST", &[("content-length", "10000000")]))).await;
    // The upstream of the first reads its head and no more: what was sent fills the socket, then the window.
    let stuck = bench.accept().await;
    let mut credit: i64 = 65_535;
    let mut all = 65_535_i64;
    // Sends while there is credit; it ends when no more comes although everything else is at rest.
    loop {
        while credit.min(all) >= 16_384 {
            client.send(data(1, 0, [b'x'; 16_384])).await;
            credit -= 16_384;
            all -= 16_384;
        }
        let Some((stream, by)) = credit_of(&mut client).await else { break };
        if stream == 0 {
            all += i64::from(by);
        } else {
            credit += i64::from(by);
        }
    }
    assert!(all > 65_536, "the connection has room for others: {all}");
    client.send(headers(3, 0, &head(&bench.host, "POST", &[("content-length", "16000")]))).await;
    client.send(data(3, END_STREAM, [b'y'; 16_000])).await;
    let mut other = bench.accept().await;
    other.until(&[b'y'; 16_000]).await;
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let (id, answer) = client.message().await;
    assert_eq!((id, answer.text().as_str(), answer.end), (3, "ok", End::Complete));
    drop(stuck);
}

/// The next credit that is given, or none when a ping comes back before there is any.
async fn credit_of(client: &mut Client) -> Option<(u32, u32)> {
    for _ in 0..20 {
        client.send(frame(PING, 0, 0, [9; 8])).await;
        loop {
            let next = client.frame().await.expect("a frame");
            match next.kind {
                8 => return Some((next.stream, next.number(0))),
                PING => break,
                _ => {}
            }
        }
    }
    None
}

#[tokio::test]
async fn a_head_over_the_limits_gets_431_or_is_reset() {
    let stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let value = "x".repeat(8000);
    // Over max_head: the page. Over 64 KiB: a bare 431 by h2.
    for count in [5, 9] {
        let fields: Vec<_> = (0..count).map(|_| ("x-long", value.as_str())).collect();
        let block = crate::support::hpack::encode(&head(&host, "GET", &fields));
        let mut client = connect(&stage).await;
        let mut chunks = block.chunks(16_000).peekable();
        let first = chunks.next().expect("a chunk");
        client.send(frame(HEADERS, END_STREAM, 1, first)).await;
        while let Some(chunk) = chunks.next() {
            client.send(frame(9, if chunks.peek().is_none() { 4 } else { 0 }, 1, chunk)).await;
        }
        let (_, answer) = client.message().await;
        assert_eq!(answer.status(), 431, "{count}");
        assert_eq!(answer.body.is_empty(), count == 9);
    }
    let many: Vec<String> = (0..101).map(|n| format!("x-{n}")).collect();
    let fields: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(ask(&stage, &head(&host, "GET", &fields)).await.end, End::Reset(11), "ENHANCE_YOUR_CALM");
    let crumbs: Vec<_> = (0..300).map(|_| ("cookie", "a=1")).collect();
    assert_eq!(ask(&stage, &head(&host, "GET", &crumbs)).await.status(), 200);
    assert_eq!(stage.upstream.received().len(), 1);
}

#[tokio::test]
async fn http_1_is_spoken_beside_it_and_an_upgrade_to_h2c_is_not_followed() {
    let stage = Stage::with(plan()).await;
    for head in [
        "GET /public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        "PRI /public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        "GET /public HTTP/1.1\r\nHost: HOST\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    ] {
        let head = head.replace("HOST", &stage.gateway.to_string());
        let answer = crate::support::exchange(stage.gateway, head).await;
        assert_eq!(answer.status, 200);
    }
    for received in stage.upstream.received() {
        assert!(received.all("upgrade").is_empty() && received.all("http2-settings").is_empty());
    }
    // Where it is not configured, whoever begins so is left without an answer, which it could not read.
    let stage = Stage::usual().await;
    let answer = crate::support::exchange(stage.gateway, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (0, ""));
}
