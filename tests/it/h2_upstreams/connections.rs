//! The connections that many requests share.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scene;
use crate::support::frames::{DATA, END_STREAM, End, GOAWAY, HEADERS, RST_STREAM, data, goaway, headers};

const OK: &[(&str, &str)] = &[(":status", "204")];

#[tokio::test]
async fn many_requests_share_one_connection_and_may_be_answered_in_any_order() {
    let scene = Scene::new("").await;
    let asked: Vec<_> = (0..50).map(|at| scene.get(&format!("/{at}"))).collect();
    let mut peer = scene.accept().await;
    let mut open = Vec::new();
    for _ in 0..50 {
        let (id, message) = peer.message().await;
        open.push((id, message.all(":path")[0].to_owned()));
    }
    for (id, path) in open.iter().rev() {
        peer.send([headers(*id, 0, &[(":status", "200")]), data(*id, END_STREAM, path)].concat()).await;
    }
    for (at, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.expect("an answer").text(), format!("/{at}"));
    }
}

#[tokio::test]
async fn an_upstream_that_takes_one_at_a_time_gets_one_connection_each() {
    let scene = Scene::new("").await;
    let asked: Vec<_> = (0..3).map(|at| scene.get(&format!("/{at}"))).collect();
    let mut peers = Vec::new();
    for _ in 0..3 {
        let mut peer = scene.accept_with(&[(3, 1)]).await;
        let (id, _) = peer.message().await;
        assert_eq!(id, 1);
        peers.push(peer);
    }
    for peer in &mut peers {
        peer.send(headers(1, END_STREAM, OK)).await;
    }
    for asked in asked {
        assert_eq!(asked.await.expect("an answer").status, 204);
    }
    // The oldest serves the next.
    let asked = scene.get("/");
    let (id, _) = peers[0].message().await;
    assert_eq!(id, 3);
    peers[0].send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn an_upstream_that_goes_away_finishes_what_it_has_and_gets_the_rest_over_another() {
    let scene = Scene::new("").await;
    let first = scene.get("/first");
    let mut old = scene.accept().await;
    let (id, _) = old.message().await;
    old.send([headers(id, 0, &[(":status", "200")]), goaway(id, 0)].concat()).await;
    // A body is no hindrance: the old connection never saw it.
    let second = scene.ask("POST", "/second", "content-length: 5\r\n", "hello");
    let mut fresh = scene.accept().await;
    let (other, message) = fresh.message().await;
    assert_eq!((message.text().as_str(), message.end), ("hello", End::Complete));
    fresh.send(headers(other, END_STREAM, OK)).await;
    assert_eq!(second.await.expect("an answer").status, 204);
    old.send(data(id, END_STREAM, "all of it")).await;
    let answer = first.await.expect("an answer");
    assert_eq!((answer.text().as_str(), answer.complete), ("all of it", true));
    assert!(old.next().await.is_none_or(|last| last.kind == GOAWAY), "it is closed when it carries nothing");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_own_request_only() {
    let scene = Scene::new("").await;
    let request = |path: &str, more: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: {}\r\n{more}\r\n", scene.stage.gateway)
    };
    let other = scene.get("/other");
    let mut peer = scene.accept().await;
    let (kept, _) = peer.message().await;
    // While the answer is awaited, while the answer comes, while the request is sent.
    for (body, head) in [
        ("content-length: 0\r\n", false),
        ("content-length: 0\r\n", true),
        ("content-length: 9\r\n\r\nhell", false),
    ] {
        let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
        client.write_all(request("/left", body).as_bytes()).await.expect("a request");
        let next = peer.expect(HEADERS).await;
        peer.fields(&next).await;
        if body.contains("hell") {
            assert_eq!(peer.expect(DATA).await.payload[..4], b"hell"[..]);
        }
        if head {
            peer.send([headers(next.stream, 0, &[(":status", "200")]), data(next.stream, 0, "x")].concat())
                .await;
            let mut chunk = [0; 4096];
            assert!(client.read(&mut chunk).await.expect("a head") > 0);
        }
        drop(client);
        let end = peer.expect(RST_STREAM).await;
        assert_eq!((end.stream, end.number(0)), (next.stream, 8), "CANCEL");
    }
    peer.send([headers(kept, 0, &[(":status", "200")]), data(kept, END_STREAM, "mine")].concat()).await;
    let answer = other.await.expect("an answer");
    assert_eq!((answer.text().as_str(), answer.complete), ("mine", true));
}

#[tokio::test]
async fn clients_that_leave_in_masses_do_not_cost_others_the_connection() {
    let scene = Scene::new("").await;
    let other = scene.get("/other");
    let mut peer = scene.accept().await;
    let (kept, _) = peer.message().await;
    for _ in 0..1100 {
        let asked = scene.get("/left");
        let next = peer.expect(HEADERS).await;
        peer.fields(&next).await;
        asked.abort();
        let end = peer.expect(RST_STREAM).await;
        assert_eq!(end.stream, next.stream);
        // Our answer crosses with it.
        peer.send(
            [headers(next.stream, 0, &[(":status", "200")]), data(next.stream, END_STREAM, "late")].concat(),
        )
        .await;
    }
    peer.send([headers(kept, 0, &[(":status", "200")]), data(kept, END_STREAM, "mine")].concat()).await;
    assert_eq!(other.await.expect("an answer").text(), "mine");
}

#[tokio::test]
async fn clients_that_take_nothing_do_not_keep_others_waiting() {
    let scene = Scene::new("").await;
    let mut stalled = Vec::new();
    let mut peer = None;
    let part = vec![b'x'; 16 * 1024];
    for _ in 0..99 {
        let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
        let head = format!("GET /big HTTP/1.1\r\nhost: {}\r\n\r\n", scene.stage.gateway);
        client.write_all(head.as_bytes()).await.expect("a request");
        stalled.push(client);
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, _) = peer.message().await;
        peer.send(headers(id, 0, &[(":status", "200")])).await;
        // All that it may send of this one before any of it is taken.
        for _ in 0..16 {
            peer.send(data(id, 0, &part)).await;
        }
    }
    let peer = peer.as_mut().expect("the connection");
    let asked = scene.get("/small");
    let (id, _) = peer.message().await;
    peer.send([headers(id, 0, &[(":status", "200")]), data(id, END_STREAM, &part)].concat()).await;
    assert_eq!(asked.await.expect("an answer").body, part);
}

#[tokio::test]
async fn a_connection_that_carries_nothing_for_a_while_is_closed() {
    let scene = Scene::new("").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
    // The answer is out a moment before its place is free.
    loop {
        scene.stage.advance(Duration::from_secs(31));
        tokio::select! {
            last = peer.next() => {
                assert!(last.is_none_or(|last| last.kind == GOAWAY));
                break;
            }
            () = tokio::task::yield_now() => {}
        }
    }
}
