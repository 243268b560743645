//! What an upstream of HTTP/2 gets of a request in HTTP/1.1.

use super::Scene;
use crate::support::frames::{END_STREAM, End, headers};

const OK: &[(&str, &str)] = &[(":status", "204")];

#[tokio::test]
async fn a_head_says_in_http_2_what_it_said_in_http_1_1() {
    let scene = Scene::new("").await;
    let fields = "cookie: a=1; b=2\r\nte: gzip, trailers;q=0.5, trailers\r\nx-hop: 1\r\nconnection: x-hop, keep-alive\r\n\
                  keep-alive: timeout=5\r\nproxy-connection: keep-alive\r\nx-two: 1\r\nx-two: 2\r\nX-Forwarded-User: root\r\n\
                  upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let asked = scene.ask("GET", "/a%20b?q=%20&r", fields, "");
    let mut peer = scene.accept().await;
    let (id, message) = peer.message().await;
    let authority = scene.stage.gateway.to_string();
    let pseudo: Vec<(&str, &str)> =
        message.fields.iter().take(4).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        pseudo,
        [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", authority.as_str()),
            (":path", "/a%20b?q=%20&r")
        ]
    );
    assert_eq!((message.end, id), (End::Head, 1), "no body, and the head says so");
    for gone in ["host", "connection", "keep-alive", "proxy-connection", "upgrade", "http2-settings", "x-hop"]
    {
        assert_eq!(message.all(gone), Vec::<&str>::new(), "{gone}");
    }
    for gone in ["transfer-encoding", "content-length", "x-forwarded-user"] {
        assert_eq!(message.all(gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!(message.all("te"), ["trailers"]);
    assert_eq!(message.all("cookie"), ["a=1; b=2"]);
    assert_eq!(message.all("x-two"), ["1", "2"]);
    assert_eq!(message.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(message.all("x-forwarded-host"), [authority.as_str()]);
    assert_eq!(message.all("x-forwarded-proto"), ["http"]);
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
    // Who takes no trailers has none asked for.
    let asked = scene.get("/");
    let (id, message) = peer.message().await;
    assert_eq!(message.all("te"), Vec::<&str>::new());
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn a_body_keeps_its_length_and_chunks_become_data() {
    let scene = Scene::new("").await;
    let chunked = "transfer-encoding: chunked\r\n";
    let cases: &[(&str, &str, &str, Option<&str>, &str)] = &[
        ("POST", "content-length: 5\r\n", "hello", Some("5"), "hello"),
        ("POST", chunked, "5;x=y\r\nhello\r\n4\r\n you\r\n0\r\n\r\n", None, "hello you"),
        ("GET", chunked, "2\r\nok\r\n0\r\n\r\n", None, "ok"),
        ("GET", "content-length: 2\r\n", "ok", Some("2"), "ok"),
        ("DELETE", "content-length: 2\r\n", "ok", Some("2"), "ok"),
        ("PROPFIND", chunked, "2\r\nok\r\n0\r\n\r\n", None, "ok"),
        ("POST", chunked, "0\r\n\r\n", None, ""),
    ];
    let mut peer = None;
    for (method, fields, body, length, sent) in cases {
        let asked = scene.ask(method, "/", fields, body);
        let peer = match &mut peer {
            Some(peer) => peer,
            None => peer.insert(scene.accept().await),
        };
        let (id, message) = peer.message().await;
        assert_eq!(message.all(":method"), [*method]);
        assert_eq!(message.all("content-length").first().copied(), *length, "{method} {fields}");
        assert_eq!(message.all("transfer-encoding"), Vec::<&str>::new());
        assert_eq!((message.text().as_str(), message.end), (*sent, End::Complete), "{method} {fields}");
        peer.send(headers(id, END_STREAM, OK)).await;
        assert_eq!(asked.await.expect("an answer").status, 204);
    }
    let peer = peer.as_mut().expect("the connection");
    let asked = scene.ask("POST", "/", "content-length: 0\r\n", "");
    let (id, message) = peer.message().await;
    assert_eq!((message.all("content-length"), message.end), (vec!["0"], End::Head));
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn trailers_follow_the_body_but_those_that_decide_anything() {
    let scene = Scene::new("").await;
    let body = "5\r\nhello\r\n0\r\nx-sum: 1\r\nauthorization: Basic eDp5\r\nx-forwarded-user: root\r\ncontent-length: 9\r\n\
                host: evil.example\r\nx_forwarded_user: root\r\ngrpc-ish: 2\r\n\r\n";
    let asked = scene.ask("POST", "/", "transfer-encoding: chunked\r\ntrailer: x-sum\r\n", body);
    let mut peer = scene.accept().await;
    let (id, message) = peer.message().await;
    let kept = [("x-sum", "1"), ("grpc-ish", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((message.text().as_str(), message.end), ("hello", End::Complete));
    assert_eq!(message.trailers, kept);
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
    // Where none of them may pass, the body's end is the end.
    let body = "5\r\nhello\r\n0\r\ncookie: a=1\r\n\r\n";
    let asked = scene.ask("POST", "/", "transfer-encoding: chunked\r\n", body);
    let (id, message) = peer.message().await;
    assert_eq!((message.text().as_str(), message.end, message.trailers.len()), ("hello", End::Complete, 0));
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn a_long_body_is_sent_as_the_upstream_makes_room_for_it() {
    let scene = Scene::new("").await;
    let body: Vec<u8> = (0..1_500_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
    let asked = scene.ask("PUT", "/", &format!("content-length: {}\r\n", body.len()), &body);
    // Room for so much at first, and again whenever it was taken.
    let mut peer = scene.accept_with(&[(4, 5_000)]).await;
    let (id, message) = peer.message().await;
    assert_eq!(message.end, End::Complete);
    assert!(message.body == body, "{} bytes", message.body.len());
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}

#[tokio::test]
async fn the_authority_is_the_host_that_the_route_says() {
    for (line, authority) in [
        ("host_header = \"app.internal:8080\"", Some("app.internal:8080")),
        ("host_header = \"upstream\"", None),
    ] {
        let scene = Scene::new(line).await;
        let upstream = scene.listener.local_addr().expect("an address").to_string();
        let asked = scene.get("/");
        let mut peer = scene.accept().await;
        let (id, message) = peer.message().await;
        assert_eq!(message.all(":authority"), [authority.unwrap_or(&upstream)]);
        assert_eq!(message.all("host"), Vec::<&str>::new());
        peer.send(headers(id, END_STREAM, OK)).await;
        asked.await.expect("an answer");
    }
}

#[tokio::test]
async fn a_websocket_is_refused_before_the_upstream_hears_of_it() {
    let scene = Scene::new("").await;
    let fields = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
                  sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let origin = format!("{fields}origin: http://{}\r\n", scene.stage.gateway);
    let head = format!("GET /socket HTTP/1.1\r\nhost: {}\r\n{origin}\r\n", scene.stage.gateway);
    let answer = crate::support::exchange(scene.stage.gateway, head).await;
    assert_eq!(answer.status, 501, "{answer:?}");
    assert_eq!(scene.reason().await, "upstream/no-websocket");
    // Nobody has connected: the first connection is that of the next request.
    let asked = scene.get("/after");
    let mut peer = scene.accept().await;
    let (id, message) = peer.message().await;
    assert_eq!(message.all(":path"), ["/after"]);
    peer.send(headers(id, END_STREAM, OK)).await;
    assert_eq!(asked.await.expect("an answer").status, 204);
}
