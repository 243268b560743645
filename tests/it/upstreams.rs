//! What the upstream's answer comes to: streams, truncation, tunnels, trouble.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::log::Log;
use crate::support::message::{find, read};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream, exchange};

async fn stage_before(answer: &str) -> Stage {
    Stage::before(Upstream::answering(answer).await, Plan::default()).await
}

async fn public(stage: &Stage, fields: &str) -> crate::support::Answer {
    exchange(
        stage.gateway,
        format!("GET /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{fields}\r\n", stage.gateway),
    )
    .await
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_complete() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly",
    ] {
        let log = Log::catch();
        let stage = stage_before(answer).await;
        let answer = public(&stage, "").await;
        assert_eq!(answer.status, 200);
        assert!(!answer.complete, "{answer:?}");
        let line = stage.access_line().await;
        assert_eq!((&line["status"], &line["reason"]), (&200.into(), &"upstream/truncated".into()), "{line}");
        // With access lines off, the log alone leads to the request.
        let log = log.take();
        let told = log.lines().find(|told| told.contains("upstream/truncated")).expect("a line about it");
        assert!(told.contains(line["request_id"].as_str().expect("an id")), "{told}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_its_answer_leaves_a_line_too() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let routes = format!("[routes.public]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n");
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!("GET /slow HTTP/1.1\r\nhost: {}\r\n\r\n", stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let _asked = silent.accept().await.expect("a connection");
    drop(client);
    let line = stage.access_line().await;
    assert_eq!(
        (&line["status"], &line["path"], &line["route"], &line["decision"]),
        (&499.into(), &"/slow".into(), &"public".into(), &"public".into()),
        "{line}"
    );
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_at_the_idle_limit_of_its_route() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!(
        "[routes.public]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\nidle_timeout = \"30s\"\n"
    );
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!("GET /big HTTP/1.1\r\nhost: {}\r\n\r\n", stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.expect("a head");
    // Until every buffer on the way is full.
    let settled = async || {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    };
    let chunk = vec![b'x'; 64 * 1024];
    loop {
        tokio::select! {
            biased;
            sent = upstream.write(&chunk) => assert!(sent.expect("bytes") > 0),
            () = settled() => break,
        }
    }
    // Far less than the 15 minutes that the listener itself grants.
    let mut steps = 0;
    let line = loop {
        stage.advance(Duration::from_secs(31));
        tokio::select! {
            line = stage.access_line() => break line,
            () = settled() => steps += 1,
        }
        assert!(steps < 10, "the client is still waited for");
    };
    assert_eq!(line["status"], 499, "{line}");
    drop(client);
}

#[tokio::test]
async fn an_answer_in_http_1_0_is_framed_anew() {
    let stage = stage_before("HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nall of it").await;
    let answer = public(&stage, "").await;
    assert_eq!((answer.text().as_str(), answer.complete), ("all of it", true));
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"), "its end cannot be mistaken: {answer:?}");
}

#[tokio::test]
async fn answers_that_make_no_sense_are_502_with_a_page_or_json() {
    for answer in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let stage = stage_before(answer).await;
        let json = public(&stage, "").await;
        assert_eq!(json.status, 502, "{answer}");
        assert_eq!(json.json()["reference"].as_str(), json.field("x-request-id"));
        let page = public(&stage, "accept: text/html\r\n").await;
        assert_eq!(page.status, 502, "{answer}");
        assert!(page.text().contains("The application is not answering"), "{}", page.text());
        assert!(!page.text().contains(&stage.upstream.address.to_string()), "nothing of the upstream shows");
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_504_and_one_that_is_not_there_502() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let routes = format!("[routes.public]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n");
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let ask = || {
        let head = format!("GET /x HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", stage.gateway);
        tokio::spawn(exchange(stage.gateway, head))
    };
    let mut asked = ask();
    let (mut connection, _) = silent.accept().await.expect("a connection");
    let mut head = [0; 4096];
    assert!(connection.read(&mut head).await.expect("a request") > 0);
    // The wait for the answer begins when the request is written: time moves until it is over.
    let answer = loop {
        tokio::select! {
            answer = &mut asked => break answer.expect("an answer"),
            () = tokio::task::yield_now() => stage.advance(Duration::from_secs(1)),
        }
    };
    assert_eq!(answer.status, 504);
    drop((silent, connection));
    assert_eq!(ask().await.expect("an answer").status, 502);
}

#[tokio::test]
async fn an_upstream_can_neither_set_our_cookies_nor_our_headers() {
    let answer = "HTTP/1.1 200 OK\r\nset-cookie: vestibule=planted\r\nset-cookie: __Host-vestibule=planted\r\nset-cookie: theme=dark; Path=/\r\n\
                  x-forwarded-user: root\r\nconnection: x-gone\r\nx-gone: 1\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n\r\n";
    let answer = public(&stage_before(answer).await, "").await;
    assert_eq!(answer.all("set-cookie").collect::<Vec<_>>(), ["theme=dark; Path=/"]);
    for name in ["x-forwarded-user", "x-gone", "keep-alive"] {
        assert_eq!(answer.all(name).count(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_cookie_of_ours_never_rides_on_an_answer_for_shared_caches() {
    let answer = "HTTP/1.1 200 OK\r\ncache-control: public, max-age=60\r\ncontent-length: 0\r\n\r\n";
    let stage = Stage::before(
        Upstream::answering(answer).await,
        Plan { session: "idle = \"1h\"".to_owned(), ..Plan::default() },
    )
    .await;
    let mut browser = stage.signed_in("alice").await;
    stage.advance(Duration::from_secs(20 * 60));
    let answer = browser.fetch("/").await;
    assert_eq!(answer.all("set-cookie").count(), 0);
    assert_eq!(answer.field("cache-control"), Some("public, max-age=60"));
}

const HANDSHAKE: &str = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

/// An upstream that takes one WebSocket and echoes bytes.
async fn websocket_upstream() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("[routes.home]\nupstream = \"http://{address}\"\nallow = [\"signed-in\"]\n"))
}

#[tokio::test]
async fn a_websocket_is_tunnelled_for_our_own_pages_only_and_ends_with_its_session() {
    let (listener, routes) = websocket_upstream().await;
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let accept = tokio::spawn(async move {
        // The page load of the sign-in comes first, then the handshake, each on a connection of its own or the same.
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while find(&head, b"\r\n\r\n").is_none() {
                let mut chunk = [0; 4096];
                let count = stream.read(&mut chunk).await.expect("a request");
                assert!(count > 0);
                head.extend_from_slice(&chunk[..count]);
            }
            if String::from_utf8_lossy(&head).to_ascii_lowercase().contains("upgrade: websocket") {
                let answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n\x01\x02hi";
                stream.write_all(answer.as_bytes()).await.expect("an answer");
                return (stream, head);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .await
                .expect("an answer");
        }
    });
    let mut browser = stage.signed_in("alice").await;
    for (origin, status) in [("", 403), ("origin: https://evil.example\r\n", 403), ("origin: null\r\n", 403)]
    {
        let answer = browser.request("GET", "/socket", &format!("{HANDSHAKE}{origin}"), b"").await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let nobody = stage.browser().request("GET", "/socket", HANDSHAKE, b"").await;
    assert_eq!(nobody.status, 401);

    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!(
        "GET /socket HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\ncookie: {1}\r\n{HANDSHAKE}\r\n",
        stage.gateway,
        browser.cookies()
    );
    client.write_all(head.as_bytes()).await.expect("a handshake");
    let answer = read(&mut client, true).await;
    assert_eq!(answer.status, 101, "{answer:?}");
    let (mut upstream, head) = accept.await.expect("the upstream");
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(head.contains("x-forwarded-user: alice"), "{head}");
    assert!(head.contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="), "{head}");
    client.write_all(b"ping").await.expect("bytes");
    let mut bytes = [0; 4];
    upstream.read_exact(&mut bytes).await.expect("bytes");
    assert_eq!(&bytes, b"ping");
    // Signing out ends the tunnel on both sides.
    let page = browser.load("/oauth2/sign_out").await;
    browser.press_once(&page, &[]).await;
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("the end");
    assert_eq!(upstream.read(&mut bytes).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_event_stream_is_passed_on_as_it_comes_and_is_cut_at_the_session_s_end() {
    let (listener, routes) = websocket_upstream().await;
    let stage = Stage::with(Plan { routes, session: "max_age = \"1h\"".to_owned(), ..Plan::default() }).await;
    let serve = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 8192];
            let count = stream.read(&mut head).await.expect("a request");
            if String::from_utf8_lossy(&head[..count]).starts_with("GET /events") {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await.expect("a head");
                stream.write_all(b"9\r\ndata: 1\n\n\r\n").await.expect("an event");
                return stream;
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .await
                .expect("an answer");
        }
    });
    let browser = stage.signed_in("alice").await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head =
        format!("GET /events HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n", stage.gateway, browser.cookies());
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut seen = Vec::new();
    while find(&seen, b"data: 1\n\n").is_none() {
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).await.expect("an event");
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..count]);
    }
    let _upstream = serve.await.expect("the upstream");
    stage.advance(Duration::from_secs(3600));
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    assert!(
        find(&rest, b"0\r\n\r\n").is_none(),
        "the stream is cut, not ended: {}",
        String::from_utf8_lossy(&rest)
    );
}

#[tokio::test]
async fn bodies_pass_both_ways_and_a_limit_is_413_before_the_upstream_sees_it() {
    let routes =
        "[routes.public]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\nmax_body = \"1KiB\"\n".to_owned();
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let post = |length: usize| {
        format!(
            "POST /x HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{}",
            stage.gateway,
            "b".repeat(length)
        )
    };
    assert_eq!(exchange(stage.gateway, post(1024)).await.status, 200);
    assert_eq!(stage.upstream.only().body, "b".repeat(1024).into_bytes());
    assert_eq!(exchange(stage.gateway, post(1025)).await.status, 413);
    let chunked = format!(
        "POST /x HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        stage.gateway
    );
    assert_eq!(exchange(stage.gateway, chunked).await.status, 200);
    let received = stage.upstream.received().pop().expect("a request");
    assert_eq!(
        (received.all("transfer-encoding"), received.body.as_slice()),
        (vec!["chunked".to_owned()], &b"5\r\nhello\r\n0\r\n\r\n"[..])
    );
    assert_eq!(stage.upstream.received().len(), 2);
}

#[tokio::test]
async fn the_upstream_sees_the_host_that_its_route_says() {
    let route = |name: &str, more: &str| {
        format!(
            "[routes.{name}]\nupstream = \"UPSTREAM\"\npath = \"/{name}\"\nallow = [\"everyone\"]\n{more}\n"
        )
    };
    let routes = [
        route("preserve", ""),
        route("upstream", "host_header = \"upstream\""),
        route("literal", "host_header = \"app.internal:8080\""),
    ];
    let stage = Stage::with(Plan { routes: routes.concat(), ..Plan::default() }).await;
    let (gateway, upstream) = (stage.gateway.to_string(), stage.upstream.address.to_string());
    for (path, host) in
        [("/preserve", &gateway), ("/upstream", &upstream), ("/literal", &"app.internal:8080".to_owned())]
    {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {gateway}\r\nconnection: close\r\n\r\n");
        assert_eq!(exchange(stage.gateway, head).await.status, 200, "{path}");
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.all("host"), std::slice::from_ref(host), "{path}");
        assert_eq!(received.all("x-forwarded-host"), std::slice::from_ref(&gateway), "{path}");
    }
}
