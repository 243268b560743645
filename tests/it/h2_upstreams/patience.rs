//! Time limits with an upstream of HTTP/2, and what is asked of one that says nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Scene;
use crate::support::frames::{ACK, END_STREAM, HEADERS, PING, RST_STREAM, data, frame, headers};
use crate::support::message::find;
use crate::support::stage::Plan;
use crate::support::{Answer, Stage};

const OK: &[(&str, &str)] = &[(":status", "204")];

/// Moves the clock second by second until the answer is there.
async fn wait(stage: &Stage, mut asked: JoinHandle<Answer>) -> Answer {
    loop {
        tokio::select! {
            answer = &mut asked => return answer.expect("an answer"),
            () = tokio::task::yield_now() => stage.advance(Duration::from_secs(1)),
        }
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_504_and_gets_the_next_request_elsewhere() {
    let scene = Scene::new("timeout = \"20s\"").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    assert_eq!(wait(&scene.stage, asked).await.status, 504);
    assert_eq!(scene.reason().await, "upstream/timeout");
    let end = peer.expect(RST_STREAM).await;
    assert_eq!((end.stream, end.number(0)), (id, 8), "CANCEL");
    let asked = scene.get("/");
    let mut fresh = scene.accept().await;
    let (id, _) = fresh.message().await;
    fresh.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn interim_answers_without_end_are_no_sign_of_life() {
    let scene = Scene::new("timeout = \"20s\"").await;
    for (method, fields, body) in [("GET", "", ""), ("POST", "content-length: 4\r\n", "body")] {
        let mut asked = scene.ask(method, "/", fields, body);
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        let mut seconds = 0;
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut asked => break answer.expect("an answer"),
                () = peer.send(headers(id, 0, &[(":status", "103"), ("link", "</a>")])) => {
                    scene.stage.advance(Duration::from_secs(1));
                    seconds += 1;
                }
            }
            // The alarm goes off in another task.
            tokio::task::yield_now().await;
        };
        assert_eq!(answer.status, 504);
        assert!(seconds >= 20, "{seconds}");
        let end = peer.expect(RST_STREAM).await;
        assert_eq!((end.stream, end.number(0)), (id, 8), "CANCEL");
    }
}

#[tokio::test]
async fn an_upstream_that_makes_no_room_for_the_body_is_504() {
    let scene = Scene::new("idle_timeout = \"20s\"").await;
    let asked = scene.ask("POST", "/", "content-length: 300000\r\n", vec![b'x'; 300_000]);
    let mut peer = scene.accept_with(&[(4, 0)]).await;
    let head = peer.expect(HEADERS).await;
    assert_eq!(wait(&scene.stage, asked).await.status, 504);
    assert_eq!(scene.reason().await, "upstream/upload-stalled");
    let end = peer.expect(RST_STREAM).await;
    assert_eq!((end.stream, end.number(0)), (head.stream, 8), "CANCEL");
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_cut_and_its_request_given_up() {
    let scene = Scene::new("idle_timeout = \"20s\"").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    peer.send([headers(id, 0, &[(":status", "200")]), data(id, 0, "some")].concat()).await;
    let answer = wait(&scene.stage, asked).await;
    assert_eq!((answer.status, answer.complete), (200, false));
    let end = peer.expect(RST_STREAM).await;
    assert_eq!((end.stream, end.number(0)), (id, 8), "CANCEL");
}

#[tokio::test]
async fn an_upstream_that_takes_no_requests_is_503_and_the_next_to_leave_makes_room() {
    let scene = Scene::new("connect_timeout = \"3s\"\ntimeout = \"1h\"").await;
    let mut peers = Vec::new();
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(scene.get("/held"));
        let mut peer = scene.accept_with(&[(3, 1)]).await;
        peer.message().await;
        peers.push(peer);
    }
    let asked = scene.get("/too-many");
    let answer = wait(&scene.stage, asked).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(scene.reason().await, "upstream/busy");
    let mut asked = scene.get("/waits");
    tokio::select! {
        biased;
        answer = &mut asked => panic!("there is no room: {answer:?}"),
        () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
    }
    let peer = &mut peers[40];
    peer.send(headers(1, END_STREAM, OK)).await;
    let (id, message) = peer.message().await;
    assert_eq!(message.all(":path"), ["/waits"]);
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
    for asked in held {
        asked.abort();
    }
}

#[tokio::test]
async fn what_listens_and_says_nothing_is_504_for_all_who_wait_for_its_first_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!(
        "[routes.app]\nupstream = \"h2c://{address}\"\nallow = [\"everyone\"]\ntimeout = \"20s\"\nconnect_timeout = \"5s\"\n"
    );
    let scene = Scene { stage: Stage::with(Plan { routes, ..Plan::default() }).await, listener };
    let first = scene.get("/first");
    let (_silent, _) = scene.listener.accept().await.expect("a connection");
    let second = scene.get("/second");
    let answer = wait(&scene.stage, second).await;
    assert_eq!(answer.status, 504);
    assert_eq!(scene.reason().await, "upstream/connect-timeout");
    assert_eq!(wait(&scene.stage, first).await.status, 504);
    assert_eq!(scene.reason().await, "upstream/timeout");
}

#[tokio::test]
async fn nobody_there_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let routes = format!("[routes.app]\nupstream = \"h2c://{address}\"\nallow = [\"everyone\"]\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let scene = Scene { stage: Stage::with(Plan { routes, ..Plan::default() }).await, listener };
    let asked: Vec<_> = (0..20).map(|_| scene.get("/")).collect();
    for asked in asked {
        assert_eq!(asked.await.expect("an answer").status, 502);
    }
    assert_eq!(scene.reason().await, "upstream/connect");
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_dead() {
    let scene = Scene::new("idle_timeout = \"1h\"\ntimeout = \"1h\"").await;
    let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
    let head = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", scene.stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    peer.send(headers(id, 0, &[(":status", "200")])).await;
    let mut seen = Vec::new();
    // As long as it answers, it may be silent otherwise.
    for _ in 0..2 {
        scene.stage.advance(Duration::from_secs(302));
        let ping = loop {
            let next = peer.frame().await.expect("a frame");
            if next.kind == PING {
                break next;
            }
        };
        peer.send([frame(PING, ACK, 0, ping.payload), data(id, 0, "more")].concat()).await;
        // What was sent is read when the client has some of it.
        let mut chunk = [0; 4096];
        while find(&seen, b"more").is_none() {
            let count = client.read(&mut chunk).await.expect("bytes");
            assert!(count > 0, "cut");
            seen.extend_from_slice(&chunk[..count]);
        }
        seen.clear();
    }
    scene.stage.advance(Duration::from_secs(302));
    loop {
        let next = peer.frame().await.expect("a frame");
        if next.kind == PING {
            break;
        }
    }
    scene.stage.advance(Duration::from_secs(30));
    client.read_to_end(&mut seen).await.expect("the end");
    assert!(find(&seen, b"0\r\n\r\n").is_none(), "cut, not ended: {}", String::from_utf8_lossy(&seen));
}
