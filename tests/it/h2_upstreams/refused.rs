//! What is tried once more: only what the upstream has never looked at, or what may be asked twice.

use super::Scene;
use crate::support::frames::{END_STREAM, goaway, headers, reset};

const OK: &[(&str, &str)] = &[(":status", "204")];
const REFUSED_STREAM: u32 = 7;

#[tokio::test]
async fn a_request_that_was_refused_unseen_is_sent_once_more_whatever_it_asks() {
    let scene = Scene::new("").await;
    let mut peer = None;
    for method in ["GET", "POST", "DELETE"] {
        let asked = scene.ask(method, "/", "", "");
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, first) = peer.message().await;
        peer.send(reset(id, REFUSED_STREAM)).await;
        let (id, second) = peer.message().await;
        assert_eq!(first.fields, second.fields, "the same once more");
        peer.send(headers(id, END_STREAM, OK)).await;
        assert_eq!(asked.await.expect("an answer").status, 204, "{method}");
    }
    let peer = peer.as_mut().expect("the connection");
    let asked = scene.get("/");
    for _ in 0..2 {
        let (id, _) = peer.message().await;
        peer.send(reset(id, REFUSED_STREAM)).await;
    }
    assert_eq!(asked.await.expect("an answer").status, 502, "and not a third time");
    assert_eq!(scene.reason().await, "upstream/reset");
}

#[tokio::test]
async fn a_request_with_a_body_is_not_sent_twice() {
    let scene = Scene::new("").await;
    let asked = scene.ask("POST", "/", "content-length: 5\r\n", "hello");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    peer.send(reset(id, REFUSED_STREAM)).await;
    assert_eq!(asked.await.expect("an answer").status, 502);
    let asked = scene.get("/next");
    let (id, message) = peer.message().await;
    assert_eq!(message.all(":path"), ["/next"]);
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn a_request_above_the_last_one_that_was_seen_is_sent_over_another_connection() {
    let scene = Scene::new("").await;
    for code in [0, 2] {
        let asked = scene.ask("POST", "/", "content-length: 0\r\n", "");
        let mut old = scene.accept().await;
        let (_, first) = old.message().await;
        old.send(goaway(0, code)).await;
        let mut fresh = scene.accept().await;
        let (id, second) = fresh.message().await;
        assert_eq!(first.fields, second.fields);
        fresh.send([headers(id, END_STREAM, OK), goaway(id, 0)].concat()).await;
        assert_eq!(asked.await.expect("an answer").status, 204);
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_seen_is_sent_twice_only_if_that_changes_nothing() {
    let scene = Scene::new("").await;
    for goes_away in [false, true] {
        for (method, again) in
            [("GET", true), ("HEAD", true), ("OPTIONS", true), ("POST", false), ("PUT", false)]
        {
            // The connection has to have served before: of a fresh one nobody knows that it is stale.
            let asked = scene.get("/before");
            let mut peer = scene.accept().await;
            let (id, _) = peer.message().await;
            peer.send(headers(id, END_STREAM, OK)).await;
            assert_eq!(asked.await.expect("an answer").status, 204);
            let asked = scene.ask(method, "/", "", "");
            let (id, _) = peer.message().await;
            if goes_away {
                peer.send(goaway(id, 0)).await;
            }
            drop(peer);
            if again {
                let mut fresh = scene.accept().await;
                let (id, message) = fresh.message().await;
                assert_eq!(message.all(":method"), [method]);
                fresh.send([headers(id, END_STREAM, OK), goaway(id, 0)].concat()).await;
                assert_eq!(asked.await.expect("an answer").status, 204, "{method}");
            } else {
                assert_eq!(asked.await.expect("an answer").status, 502, "{method}");
                assert_eq!(scene.reason().await, "upstream/closed");
            }
        }
    }
}
