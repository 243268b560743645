//! What a client of HTTP/1.1 gets of an answer in HTTP/2.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scene;
use crate::support::frames::{END_STREAM, data, headers, reset};
use crate::support::message::{find, read};

#[tokio::test]
async fn a_body_comes_with_the_length_that_is_known_or_in_chunks() {
    let scene = Scene::new("").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    peer.send(
        [headers(id, 0, &[(":status", "200"), ("content-length", "5")]), data(id, END_STREAM, "hello")]
            .concat(),
    )
    .await;
    let answer = asked.await.expect("an answer");
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "hello", true));
    assert_eq!((answer.field("content-length"), answer.field("transfer-encoding")), (Some("5"), None));

    let asked = scene.get("/");
    let (id, _) = peer.message().await;
    // Padded, in pieces, with an empty frame, and the end in a frame of its own.
    peer.send(headers(
        id,
        0,
        &[(":status", "404"), ("x-b", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
    ))
    .await;
    peer.send(
        [data(id, 8, [&[3][..], b"hello\0\0\0"].concat()), data(id, 0, ""), data(id, 0, " you")].concat(),
    )
    .await;
    peer.send(data(id, END_STREAM, "")).await;
    let answer = asked.await.expect("an answer");
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (404, "hello you", true));
    assert_eq!((answer.field("content-length"), answer.field("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(answer.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test]
async fn an_answer_without_a_body_stays_one() {
    let scene = Scene::new("").await;
    let mut peer = None;
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], Option<&'static str>);
    let cases: &[Case] = &[
        ("GET", "204", &[], None),
        ("GET", "204", &[("content-length", "0")], None),
        ("GET", "304", &[("content-length", "77"), ("etag", "\"x\"")], Some("77")),
        ("HEAD", "200", &[("content-length", "12345")], Some("12345")),
        ("HEAD", "200", &[], None),
        ("GET", "200", &[], Some("0")),
        ("GET", "200", &[("content-length", "0")], Some("0")),
    ];
    for (method, status, fields, length) in cases {
        let asked = scene.ask(method, "/", "", "");
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, _) = peer.message().await;
        let head = [&[(":status", *status)][..], fields].concat();
        peer.send(headers(id, END_STREAM, &head)).await;
        let answer = asked.await.expect("an answer");
        assert_eq!(
            (answer.status.to_string().as_str(), answer.complete),
            (*status, true),
            "{method} {status}"
        );
        assert_eq!(answer.field("content-length"), *length, "{method} {status} {fields:?}");
        assert_eq!(answer.field("transfer-encoding"), None, "{method} {status} {fields:?}");
    }
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let scene = Scene::new("").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    for status in ["100", "103", "102", "103"] {
        peer.send(headers(id, 0, &[(":status", status), ("link", "</a>; rel=preload")])).await;
    }
    peer.send([headers(id, 0, &[(":status", "200")]), data(id, END_STREAM, "hello")].concat()).await;
    let answer = asked.await.expect("an answer");
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "hello", true));
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let scene = Scene::new("").await;
    let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
    let head = format!("GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", scene.stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    let mut seen = Vec::new();
    let mut until = async |client: &mut TcpStream, what: &str| {
        while find(&seen, what.as_bytes()).is_none() {
            let mut chunk = [0; 4096];
            let count = client.read(&mut chunk).await.expect("bytes");
            assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..count]);
        }
    };
    peer.send(headers(id, 0, &[(":status", "200"), ("content-type", "text/event-stream")])).await;
    until(&mut client, "\r\n\r\n").await;
    for event in ["data: one\n\n", "data: two\n\n"] {
        peer.send(data(id, 0, event)).await;
        until(&mut client, event).await;
    }
    peer.send(data(id, END_STREAM, "")).await;
    until(&mut client, "0\r\n\r\n").await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_is_over_is_whole() {
    let scene = Scene::new("").await;
    let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000000\r\n\r\n{}",
        scene.stage.gateway,
        "x".repeat(1000)
    );
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut peer = scene.accept().await;
    let head = peer.expect(crate::support::frames::HEADERS).await;
    let id = head.stream;
    peer.fields(&head).await;
    let answer = [
        headers(id, 0, &[(":status", "413"), ("content-length", "4")]),
        data(id, END_STREAM, "stop"),
        // RFC 9113 section 8.1: the rest of the request is not wanted.
        reset(id, 0),
    ];
    peer.send(answer.concat()).await;
    let answer = read(&mut client, false).await;
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (413, "stop", true));
    // The connection serves the next.
    let asked = scene.get("/next");
    let next = loop {
        let next = peer.expect(crate::support::frames::HEADERS).await;
        if next.stream != id {
            break next;
        }
    };
    peer.fields(&next).await;
    peer.send(headers(next.stream, END_STREAM, &[(":status", "204")])).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn fields_that_only_we_may_set_do_not_come_back() {
    let scene = Scene::new("").await;
    let asked = scene.get("/");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    let fields = [
        (":status", "200"),
        ("x-forwarded-user", "root"),
        ("set-cookie", "vestibule=planted"),
        ("set-cookie", "theme=dark"),
        ("x-kept", "\u{e9}"),
    ];
    peer.send(headers(id, END_STREAM, &fields)).await;
    let answer = asked.await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("x-forwarded-user"), None);
    assert_eq!(answer.all("set-cookie").collect::<Vec<_>>(), ["theme=dark"]);
    assert_eq!(answer.field("x-kept"), Some("\u{e9}"));
}

#[tokio::test]
async fn trailers_that_were_announced_follow_the_chunks_and_others_do_not() {
    let scene = Scene::new("").await;
    let mut peer = None;
    for (announced, te, seen) in [(true, true, true), (true, false, false), (false, true, false)] {
        let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
        let te = if te { "te: trailers\r\n" } else { "" };
        let head =
            format!("GET / HTTP/1.1\r\nhost: {}\r\n{te}connection: close, te\r\n\r\n", scene.stage.gateway);
        client.write_all(head.as_bytes()).await.expect("a request");
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, _) = peer.message().await;
        let fields = [(":status", "200"), ("trailer", "x-sum, set-cookie")];
        peer.send(headers(id, 0, if announced { &fields } else { &fields[..1] })).await;
        peer.send(
            [data(id, 0, "hello"), headers(id, END_STREAM, &[("x-sum", "1"), ("set-cookie", "a=1")])]
                .concat(),
        )
        .await;
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.expect("an answer");
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let (_, body) = text.split_once("\r\n\r\n").expect("a head");
        let end = if seen { "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n" } else { "5\r\nhello\r\n0\r\n\r\n" };
        assert_eq!(body, end, "announced {announced}, {te}");
    }
}

/// The library takes pseudo fields out of trailers (RFC 9113 section 8.1 would allow an error, too).
#[tokio::test]
async fn a_pseudo_field_behind_the_body_changes_nothing_and_goes_no_further() {
    let scene = Scene::new("").await;
    let mut client = TcpStream::connect(scene.stage.gateway).await.expect("a connection");
    let head = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\nte: trailers\r\nconnection: close, te\r\n\r\n",
        scene.stage.gateway
    );
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut peer = scene.accept().await;
    let (id, _) = peer.message().await;
    let head = headers(id, 0, &[(":status", "200"), ("trailer", "x-sum")]);
    let end = headers(id, END_STREAM, &[(":status", "500"), (":path", "/admin"), ("x-sum", "1")]);
    peer.send([head, data(id, 0, "hello"), end].concat()).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"), "{answer}");
}
