//! The frames that tests write by hand, held against a library that shares nothing with them.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::io::duplex;

use crate::support::frames::{
    END_STREAM, End, GOAWAY, HEADERS, Peer, data, goaway, headers, reset, window_update,
};

const VALUES: [&str; 3] = ["plain", "\u{e9}t\u{e9} ~{|}", "x"];

#[tokio::test]
async fn a_library_s_client_understands_us_and_we_it() {
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(async move {
        let mut peer = Peer::server(ours, &[(3, 10)]).await;
        for round in 0..2 {
            let (id, message) = peer.message().await;
            assert_eq!(message.all(":path"), ["/a?b"]);
            assert_eq!(message.all("x-value"), VALUES);
            assert_eq!(message.all("x-round"), [round.to_string()]);
            assert_eq!((message.text().as_str(), message.end), ("hello", End::Complete));
            peer.send(window_update(0, 5)).await;
            peer.send(headers(id, 0, &[(":status", "207"), ("x-long", &"y".repeat(300))])).await;
            peer.send(data(id, 0, "part")).await;
            peer.send(headers(id, END_STREAM, &[("x-sum", "1")])).await;
        }
        let frame = peer.expect(HEADERS).await;
        peer.fields(&frame).await;
        peer.send([goaway(3, 0), reset(frame.stream, 7)].concat()).await;
        peer
    });
    let (mut client, connection) = h2::client::handshake(theirs).await.expect("a connection");
    tokio::spawn(connection);
    for round in 0..2 {
        let mut request = Request::post("http://a.example/a?b").header("x-round", round);
        for value in VALUES {
            request = request.header("x-value", HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        client = client.ready().await.expect("a stream");
        let (answer, mut body) =
            client.send_request(request.body(()).expect("one"), false).expect("a stream");
        body.send_data(Bytes::from_static(b"hello"), true).expect("a body");
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 207);
        assert_eq!(answer.headers()["x-long"].len(), 300);
        let mut body = answer.into_body();
        assert_eq!(body.data().await.expect("data").expect("data"), "part");
        assert_eq!(body.trailers().await.expect("trailers").expect("trailers")["x-sum"], "1");
    }
    client = client.ready().await.expect("a stream");
    let request = Request::get("http://a.example/").body(()).expect("one");
    let (answer, _) = client.send_request(request, true).expect("a stream");
    let error = answer.await.expect_err("it was not taken");
    assert!(error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM), "{error:?}");
    server.await.expect("the server");
}

#[tokio::test]
async fn a_library_s_server_understands_us_and_we_it() {
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(async move {
        let mut connection = h2::server::handshake(theirs).await.expect("a connection");
        let (mut request, mut respond) = connection.accept().await.expect("a request").expect("a request");
        let running = tokio::spawn(async move { while let Some(Ok(_)) = connection.accept().await {} });
        assert_eq!(request.uri(), "http://a.example/a?b");
        assert_eq!(request.body_mut().data().await.expect("data").expect("data"), "hello");
        let trailers = request.body_mut().trailers().await.expect("trailers").expect("trailers");
        assert_eq!(trailers["x-sum"], "2");
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
        answer.headers_mut().insert("x-value", HeaderValue::from_static("some value: 100 %"));
        let mut body = respond.send_response(answer, false).expect("a head");
        body.send_data(Bytes::from(vec![b'z'; 200_000]), false).expect("a body");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", HeaderValue::from_static("yes"));
        body.send_trailers(trailers).expect("an end");
        running.await.expect("the end");
    });
    let mut peer = Peer::client(ours, &[]).await;
    let fields = [(":method", "POST"), (":scheme", "http"), (":authority", "a.example"), (":path", "/a?b")];
    peer.send(
        [headers(1, 0, &fields), data(1, 0, "hello"), headers(1, END_STREAM, &[("x-sum", "2")])].concat(),
    )
    .await;
    let (id, message) = peer.message().await;
    assert_eq!((id, message.status(), message.body.len()), (1, 418, 200_000));
    assert_eq!(message.all("x-value"), ["some value: 100 %"]);
    assert_eq!(message.trailers, [("x-end".to_owned(), "yes".to_owned())]);
    // An even number begins no stream of a client.
    peer.send(headers(2, END_STREAM, &fields)).await;
    let frame = peer.expect(GOAWAY).await;
    assert_eq!(frame.number(4), 1);
    drop(peer);
    server.await.expect("the server");
}
