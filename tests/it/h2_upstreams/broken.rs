//! An answer in HTTP/2 that breaks off never looks whole.

use super::Scene;
use crate::support::Answer;
use crate::support::frames::{END_STREAM, data, goaway, headers, reset};

/// Whether the client can take this for the upstream's whole answer.
fn is_whole(answer: &Answer) -> bool {
    answer.status == 200 && answer.complete
}

#[tokio::test]
async fn cut_at_any_byte() {
    let scene = Scene::new("").await;
    let heads: [&[(&str, &str)]; 2] =
        [&[(":status", "200")], &[(":status", "200"), ("content-length", "10")]];
    for head in heads {
        let bytes = |id| {
            [headers(id, 0, head), data(id, 0, "hello"), data(id, 0, "world"), data(id, END_STREAM, "")]
                .concat()
        };
        let length = bytes(1).len();
        for cut in 0..=length {
            let asked = scene.get("/");
            let mut peer = scene.accept().await;
            let (id, _) = peer.message().await;
            peer.send(&bytes(id)[..cut]).await;
            drop(peer);
            let answer = asked.await.expect("an answer");
            // With a length, the body's last byte is the end.
            let whole = if head.len() == 1 { cut == length } else { cut >= length - 9 };
            assert_eq!(is_whole(&answer), whole, "cut at {cut} of {length}: {answer:?}");
            assert!(
                whole || answer.status == 502 || !answer.complete,
                "cut at {cut} of {length}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn given_up_with_any_code_also_with_none() {
    let scene = Scene::new("").await;
    for code in 0..=14 {
        for fields in [&[(":status", "200")][..], &[(":status", "200"), ("content-length", "10")]] {
            let asked = scene.get("/");
            let mut peer = scene.accept().await;
            let (id, _) = peer.message().await;
            peer.send([headers(id, 0, fields), data(id, 0, "hello")].concat()).await;
            peer.send([reset(id, code), goaway(id, 0)].concat()).await;
            let answer = asked.await.expect("an answer");
            assert!(answer.status == 502 || !answer.complete, "code {code}: {answer:?}");
            if answer.status == 200 {
                assert_eq!(scene.reason().await, "upstream/truncated", "code {code}");
            }
        }
    }
}

#[tokio::test]
async fn given_up_before_its_head_is_502() {
    let scene = Scene::new("").await;
    let mut peer = None;
    for code in [0, 1, 2, 8, 11, 13, 99] {
        let asked = scene.get("/");
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, _) = peer.message().await;
        peer.send(reset(id, code)).await;
        assert_eq!(asked.await.expect("an answer").status, 502, "code {code}");
        assert_eq!(scene.reason().await, "upstream/reset", "code {code}");
    }
}

#[tokio::test]
async fn left_by_goaway_and_the_end_of_the_connection() {
    let scene = Scene::new("").await;
    for last in [0, 1] {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        peer.send([headers(id, 0, &[(":status", "200")]), data(id, 0, "hello"), goaway(last, 0)].concat())
            .await;
        drop(peer);
        let answer = asked.await.expect("an answer");
        assert!(answer.status == 502 || !answer.complete, "last {last}: {answer:?}");
    }
}

#[tokio::test]
async fn shorter_or_longer_than_its_length() {
    let scene = Scene::new("").await;
    for body in ["hell", "hello!"] {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        let head = headers(id, 0, &[(":status", "200"), ("content-length", "5")]);
        peer.send([head, data(id, END_STREAM, body), goaway(id, 0)].concat()).await;
        let answer = asked.await.expect("an answer");
        assert!(answer.status == 502 || !answer.complete, "{body}: {answer:?}");
    }
}
