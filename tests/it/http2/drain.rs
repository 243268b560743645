//! A gateway that stops: what was sent is answered, and the client is told where to stop.

use super::{Bench, connect, head, plan};
use crate::support::Stage;
use crate::support::frames::{ACK, DATA, END_STREAM, End, GOAWAY, HEADERS, PING, frame, headers};

#[tokio::test]
async fn two_goaways_say_it_and_what_comes_between_them_is_answered() {
    let mut bench = Bench::plain().await;
    let (mut client, mut upstream) = bench.exchange(&[]).await;
    let host = bench.host.clone();
    let Bench { stage, upstream: listener, .. } = &mut bench;
    let stopping = stage.stop();
    let talking = async {
        // The first GOAWAY comes with a ping, and names no last request.
        let first = loop {
            let next = client.frame().await.expect("a frame");
            if next.kind == GOAWAY {
                break next;
            }
        };
        assert_eq!((first.number(0), first.number(4)), (0x7fff_ffff, 0));
        let ping = loop {
            let next = client.frame().await.expect("a frame");
            if next.kind == PING {
                break next;
            }
        };
        // Sent before it could be known.
        client.send(headers(3, END_STREAM, &head(&host, "GET", &[]))).await;
        client.send(frame(PING, ACK, 0, ping.payload)).await;
        let second = client.expect(GOAWAY).await;
        assert_eq!((second.number(0), second.number(4)), (3, 0));
        let mut other =
            super::Wire { stream: listener.accept().await.expect("a connection").0, seen: Vec::new() };
        other.until(b"\r\n\r\n").await;
        for wire in [&mut upstream, &mut other] {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let (_, answer) = client.message().await;
            assert_eq!((answer.status(), answer.text().as_str(), answer.end), (200, "ok", End::Complete));
            assert!(answer.all("connection").is_empty());
        }
        // Then the connection ends.
        while let Some(next) = client.next().await {
            assert!(![HEADERS, DATA].contains(&next.kind), "{next:?}");
        }
        drop(client);
    };
    tokio::join!(stopping, talking);
}

#[tokio::test]
async fn a_connection_without_requests_goes_at_once() {
    let mut stage = Stage::with(plan()).await;
    let host = stage.gateway.to_string();
    let mut client = connect(&stage).await;
    client.send(headers(1, END_STREAM, &head(&host, "GET", &[]))).await;
    assert_eq!(client.message().await.1.status(), 200);
    let ((), last) = tokio::join!(stage.stop(), async move {
        let mut last = None;
        while let Some(next) = client.next().await {
            last = Some(next.kind);
        }
        last
    });
    assert_eq!(last, Some(GOAWAY));
}
