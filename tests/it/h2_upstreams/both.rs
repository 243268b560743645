//! HTTP/2 on both sides: what a client says and hears in frames, and what the upstream does.

use tokio::net::TcpStream;

use super::Scene;
use crate::support::frames::{
    DATA, END_STREAM, End, HEADERS, Message, Peer, RST_STREAM, data, headers, reset,
};

/// A client of the gateway that speaks HTTP/2.
async fn client(scene: &Scene) -> Peer<TcpStream> {
    let stream = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
    Peer::client(stream, &[]).await
}

/// A head for `/`.
fn head(scene: &Scene, id: u32, flags: u8, method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let authority = scene.stage.gateway.to_string();
    let fields =
        [(":method", method), (":scheme", "http"), (":authority", authority.as_str()), (":path", "/")];
    headers(id, flags, &[&fields[..], more].concat())
}

#[tokio::test]
async fn a_message_keeps_its_shape() {
    let scene = Scene::with_h2c().await;
    let mut client = client(&scene).await;
    client
        .send(head(&scene, 1, END_STREAM, "GET", &[("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]))
        .await;
    let mut upstream = scene.accept().await;
    let (id, request) = upstream.message().await;
    assert_eq!(request.end, End::Head);
    assert_eq!(request.all(":authority"), [scene.stage.gateway.to_string()]);
    assert_eq!((request.all("host"), request.all("te")), (vec![], vec!["trailers"]));
    assert_eq!(request.all("cookie"), ["a=1; b=2"]);
    upstream.send(headers(id, END_STREAM, &[(":status", "200"), ("x-status", "0")])).await;
    let (_, answer) = client.message().await;
    assert_eq!((answer.status(), answer.end), (200, End::Head), "a head that is all stays one: {answer:?}");
    // Bodies with and without a length.
    for (id, length) in [(3, None), (5, Some("5"))] {
        let fields: Vec<(&str, &str)> = length.iter().map(|length| ("content-length", *length)).collect();
        client.send([head(&scene, id, 0, "POST", &fields), data(id, END_STREAM, "hello")].concat()).await;
        let (there, request) = upstream.message().await;
        assert_eq!((request.text().as_str(), request.end), ("hello", End::Complete));
        assert_eq!(request.all("content-length").first().copied(), length);
        let fields = [&[(":status", "200")][..], &fields].concat();
        upstream.send([headers(there, 0, &fields), data(there, END_STREAM, "hello")].concat()).await;
        let (_, answer) = client.message().await;
        assert_eq!((answer.text().as_str(), answer.end), ("hello", End::Complete));
        assert_eq!(answer.all("content-length").first().copied(), length);
    }
}

#[tokio::test]
async fn trailers_pass_both_ways_although_nothing_announced_them() {
    let scene = Scene::with_h2c().await;
    let mut client = client(&scene).await;
    client.send(head(&scene, 1, END_STREAM, "GET", &[])).await;
    let mut upstream = scene.accept().await;
    let (id, _) = upstream.message().await;
    upstream.send([headers(id, 0, &[(":status", "200")]), data(id, 0, "hello")].concat()).await;
    let fields = [("grpc-status", "0"), ("set-cookie", "a=1"), ("x-forwarded-user", "root"), ("x-sum", "1")];
    upstream.send(headers(id, END_STREAM, &fields)).await;
    let (_, answer) = client.message().await;
    let trailers =
        [("grpc-status", "0"), ("x-sum", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((answer.text().as_str(), answer.end), ("hello", End::Complete));
    assert_eq!(answer.trailers, trailers);
    let fields = [("x-sum", "2"), ("authorization", "Basic eDp5"), ("x-forwarded-user", "root")];
    client
        .send(
            [head(&scene, 3, 0, "POST", &[]), data(3, 0, "hello"), headers(3, END_STREAM, &fields)].concat(),
        )
        .await;
    let (id, request) = upstream.message().await;
    assert_eq!((request.text().as_str(), request.end), ("hello", End::Complete));
    assert_eq!(request.trailers, [("x-sum".to_owned(), "2".to_owned())]);
    upstream.send(headers(id, END_STREAM, &[(":status", "204")])).await;
    assert_eq!(client.message().await.1.status(), 204);
}

#[tokio::test]
async fn an_answer_that_is_given_up_is_reset_whatever_the_code() {
    let scene = Scene::with_h2c().await;
    let mut client = client(&scene).await;
    let mut upstream: Option<Peer<TcpStream>> = None;
    for (at, code) in [0, 2, 8, 11].into_iter().enumerate() {
        let id = u32::try_from(at * 2 + 1).expect("small");
        client.send(head(&scene, id, END_STREAM, "GET", &[])).await;
        let upstream = match &mut upstream {
            Some(upstream) => upstream,
            None => upstream.insert(scene.accept().await),
        };
        let (there, _) = upstream.message().await;
        upstream.send([headers(there, 0, &[(":status", "200")]), data(there, 0, "hello")].concat()).await;
        let first = client.expect(DATA).await;
        assert_eq!(first.payload, b"hello");
        upstream.send(reset(there, code)).await;
        let end = client.expect(RST_STREAM).await;
        assert_eq!(end.stream, id, "code {code}");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_is_reset_whatever_the_code() {
    let scene = Scene::with_h2c().await;
    let mut client = client(&scene).await;
    let mut upstream: Option<Peer<TcpStream>> = None;
    for (at, code) in [0, 2, 8].into_iter().enumerate() {
        let id = u32::try_from(at * 2 + 1).expect("small");
        client.send([head(&scene, id, 0, "POST", &[]), data(id, 0, "hello")].concat()).await;
        let upstream = match &mut upstream {
            Some(upstream) => upstream,
            None => upstream.insert(scene.accept().await),
        };
        let next = upstream.expect(HEADERS).await;
        upstream.fields(&next).await;
        assert_eq!(upstream.expect(DATA).await.payload, b"hello");
        client.send(reset(id, code)).await;
        let end = upstream.next().await.expect("an end");
        assert_eq!(
            (end.kind, end.stream, end.number(0)),
            (RST_STREAM, next.stream, 8),
            "code {code}: CANCEL"
        );
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_given_up_once_the_answer_is_whole() {
    let scene = Scene::with_h2c().await;
    let mut client = client(&scene).await;
    client.send([head(&scene, 1, 0, "POST", &[]), data(1, 0, "hello")].concat()).await;
    // No room for a body, and nobody will make any.
    let mut upstream = scene.accept_with(&[(4, 0)]).await;
    let next = upstream.expect(HEADERS).await;
    upstream.fields(&next).await;
    let answer = [headers(next.stream, 0, &[(":status", "413")]), data(next.stream, END_STREAM, "stop")];
    upstream.send(answer.concat()).await;
    let (_, answer) = client.message().await;
    assert_eq!((answer.status(), answer.text().as_str(), answer.end), (413, "stop", End::Complete));
    let end = upstream.expect(RST_STREAM).await;
    assert_eq!((end.stream, end.number(0)), (next.stream, 8), "CANCEL");
    // Neither connection is the worse for it.
    client.send(head(&scene, 3, END_STREAM, "GET", &[])).await;
    let (there, _) = upstream.message().await;
    upstream.send(headers(there, END_STREAM, &[(":status", "204")])).await;
    let answer: Message = loop {
        let (id, answer) = client.message().await;
        if id == 3 {
            break answer;
        }
    };
    assert_eq!(answer.status(), 204);
}
