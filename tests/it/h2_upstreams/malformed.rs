//! Answers that break the rules of HTTP/2 reach nobody, and harm nobody else.

use super::Scene;
use crate::support::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, SETTINGS, data, frame, headers, window_update,
};
use crate::support::hpack;

#[tokio::test]
async fn a_malformed_head_is_502() {
    let scene = Scene::new("").await;
    let cases: &[&[(&str, &str)]] = &[
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "200"), ("transfer-encoding", "chunked")],
        &[(":status", "200"), ("keep-alive", "timeout=5")],
        &[(":status", "200"), ("proxy-connection", "close")],
        &[(":status", "200"), ("upgrade", "websocket")],
        &[(":status", "200"), ("X-Upper", "1")],
        &[(":status", "200"), ("x space", "1")],
        &[(":status", "200"), ("x-\"quote", "1")],
        &[(":status", "200"), ("x-padded", " 1")],
        &[(":status", "200"), ("x-padded", "1\t")],
        &[(":status", "200"), ("x-nul", "a\0b")],
        &[(":status", "200"), ("x-crlf", "a\r\nset-cookie: b=1")],
        &[(":status", "200"), (":unknown", "1")],
        &[("x-early", "1"), (":status", "200")],
        &[(":status", "200"), (":status", "200")],
        &[("x-none", "1")],
        &[(":status", "2000")],
        &[(":status", "20")],
        &[(":status", "abc")],
        &[(":status", "999")],
        &[(":status", "101"), ("upgrade", "websocket")],
        &[(":status", "200"), ("content-length", "5"), ("content-length", "6")],
        &[(":status", "200"), ("content-length", "-5")],
        &[(":status", "200"), ("content-length", "5, 5")],
        &[(":status", "200"), ("content-length", "99999999999999999999999")],
    ];
    for fields in cases {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        peer.send(headers(id, END_STREAM, fields)).await;
        // Some are found on this side of hyper only, where the connection is as good as before.
        peer.send(crate::support::frames::goaway(id, 0)).await;
        let answer = asked.await.expect("an answer");
        assert_eq!(answer.status, 502, "{fields:?}: {answer:?}");
        assert!(!answer.text().contains("root"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_head_may_be_large_and_not_too_large() {
    let (usual, small) = (Scene::new("").await, Scene::new("max_response_head = \"16KiB\"").await);
    for (scene, size, status) in [
        (&usual, 40 * 1024, 200),
        (&usual, 80 * 1024, 502),
        (&small, 12 * 1024, 200),
        (&small, 40 * 1024, 502),
    ] {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        let value = "x".repeat(size);
        let block = hpack::encode(&[(":status", "200"), ("x-large", &value)]);
        let mut pieces = block.chunks(16 * 1024).peekable();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            let stream = if kind == HEADERS { END_STREAM } else { 0 };
            peer.send(frame(kind, end | stream, id, piece)).await;
            kind = CONTINUATION;
        }
        peer.send(crate::support::frames::goaway(id, 0)).await;
        assert_eq!(asked.await.expect("an answer").status, status, "{size} bytes");
    }
}

#[tokio::test]
async fn what_breaks_the_connection_s_rules_ends_it_and_the_next_is_a_fresh_one() {
    let scene = Scene::new("").await;
    // The stream of the request is 1.
    let cases: &[(&str, Vec<u8>)] = &[
        (
            "a push that was not allowed",
            frame(5, END_HEADERS, 1, [&[0, 0, 0, 2][..], &hpack::encode(&[(":path", "/")])].concat()),
        ),
        ("a head on no stream", headers(0, END_STREAM, &[(":status", "200")])),
        ("data on no stream", data(0, 0, "hello")),
        ("data on a stream that never was", data(77, 0, "hello")),
        ("credit of nothing for the connection", window_update(0, 0)),
        ("too much credit", window_update(0, 0x7fff_ffff)),
        ("settings of half a value", frame(SETTINGS, 0, 0, [0; 3])),
        ("a frame larger than was allowed", data(1, 0, vec![0; 20_000])),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, "")),
        ("another frame within a head", [frame(HEADERS, 0, 1, ""), data(1, 0, "x")].concat()),
        ("a head that cannot be read", frame(HEADERS, END_HEADERS, 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        ("what is no HTTP/2", b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        assert_eq!(id, 1);
        peer.send(bytes).await;
        let answer = asked.await.expect("an answer");
        assert_eq!(answer.status, 502, "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    let scene = Scene::new("").await;
    for piece in ["", "\u{0}\u{1}x\u{1}y"] {
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, _) = peer.message().await;
        peer.send(frame(HEADERS, END_STREAM, id, hpack::encode(&[(":status", "200")]))).await;
        let flood: Vec<u8> = (0..20_000).flat_map(|_| frame(CONTINUATION, 0, id, piece)).collect();
        peer.send(flood).await;
        assert_eq!(asked.await.expect("an answer").status, 502);
    }
}
