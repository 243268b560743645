//! Answers over HTTP/2: bodiless ones, trailers, refusals, and those that break off.

use tokio::net::TcpListener;

use super::{Bench, Wire, ask, before, connect, head, plan, stage};
use crate::support::frames::{DATA, END_STREAM, End, RST_STREAM, data, headers, reset};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream, exchange};

/// CANCEL and INTERNAL_ERROR (RFC 9113 section 7): neither says that an answer is whole.
const BROKEN: [End; 2] = [End::Reset(8), End::Reset(2)];

#[tokio::test]
async fn access_lines_name_the_protocol_that_the_client_spoke() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let old = exchange(stage.gateway, format!("GET /public HTTP/1.0\r\nhost: {host}\r\n\r\n")).await;
    assert_eq!((old.status, &stage.access_line().await["protocol"]), (200, &"HTTP/1.0".into()));
    // Also of what is refused or answered by us.
    for (target, status) in [("/public", 200), ("/", 302), ("/oauth2/none", 404), ("//%00", 400)] {
        let more = "accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n");
        assert_eq!(exchange(stage.gateway, request).await.status, status, "{target}");
        assert_eq!(stage.access_line().await["protocol"], "HTTP/1.1", "{target}");

        let mut fields = head(&host, "GET", &[("accept", "text/html"), ("sec-fetch-mode", "navigate")]);
        fields.retain(|(name, _)| *name != ":path");
        fields.insert(0, (":path", target));
        fields.push(("sec-fetch-dest", "document"));
        assert_eq!(ask(&stage, &fields).await.status(), status, "{target}");
        assert_eq!(stage.access_line().await["protocol"], "HTTP/2", "{target}");
    }
}

#[tokio::test]
async fn an_answer_without_a_body_ends_with_its_head() {
    let stage = before(
        Upstream::start(|received| {
            let status = match received.line().split(' ').next() {
                Some("DELETE") => "204 No Content\r\n",
                Some("PATCH") => "304 Not Modified\r\nContent-Length: 5\r\n",
                Some("HEAD") => "200 OK\r\nContent-Length: 5\r\n",
                _ => "200 OK\r\nContent-Length: 0\r\n",
            };
            format!("HTTP/1.1 {status}\r\n").into_bytes()
        })
        .await,
    )
    .await;
    let host = stage.gateway.to_string();
    for (method, status, length) in
        [("DELETE", 204, &[][..]), ("PATCH", 304, &["5"]), ("HEAD", 200, &["5"]), ("GET", 200, &["0"])]
    {
        let answer = ask(&stage, &head(&host, method, &[])).await;
        assert_eq!(
            (answer.status(), answer.all("content-length"), answer.end),
            (status, length.to_vec(), End::Head)
        );
    }
}

#[tokio::test]
async fn a_page_of_ours_has_no_body_for_head_and_says_its_length() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let path = |method| {
        let mut fields = head(&host, method, &[("accept", "text/html")]);
        fields.retain(|(name, _)| *name != ":path");
        fields.insert(0, (":path", "/oauth2/signed_out"));
        fields
    };
    let page = ask(&stage, &path("GET")).await;
    let bare = ask(&stage, &path("HEAD")).await;
    assert_eq!((page.status(), bare.status()), (200, 200));
    assert_eq!((page.end, bare.end), (End::Complete, End::Head));
    assert_eq!(page.all("content-length"), bare.all("content-length"));
    assert_eq!(page.all("content-length"), [page.body.len().to_string()]);
}

#[tokio::test]
async fn trailers_of_the_upstream_are_trailers() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
    )
    .await;
    let stage = before(upstream).await;
    let host = stage.gateway.to_string();
    let answer = ask(&stage, &head(&host, "GET", &[("te", "trailers")])).await;
    assert_eq!((answer.text().as_str(), answer.end), ("ok", End::Complete));
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "7".to_owned())]);
}

#[tokio::test]
async fn trailers_say_nothing_that_only_we_may_say() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Forwarded-User: mallory\r\n\
         Set-Cookie: __Host-vestibule=x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
    )
    .await;
    let stage = before(upstream).await;
    let host = stage.gateway.to_string();
    let answer = ask(&stage, &head(&host, "GET", &[("te", "trailers")])).await;
    let names: Vec<&str> = answer.trailers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| *name == "x-sum"), "{names:?}");
    assert_eq!((answer.text().as_str(), answer.end), ("ok", End::Complete));
}

#[tokio::test]
async fn a_grpc_refusal_is_one_head_with_status_200() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    for (path, status) in [("/svc/Call", "16"), ("/public/%2e", "13"), ("/oauth2/none", "12")] {
        let mut fields =
            head(&host, "POST", &[("content-type", "application/grpc+proto"), ("te", "trailers")]);
        fields.retain(|(name, _)| *name != ":path");
        fields.insert(0, (":path", path));
        let answer = ask(&stage, &fields).await;
        assert_eq!((answer.status(), answer.end), (200, End::Head), "{path}");
        assert_eq!(answer.all("grpc-status"), [status], "{path}");
        assert_eq!(answer.all("content-type"), ["application/grpc"], "{path}");
    }
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_reset_wherever_it_does() {
    let bench = Bench::plain().await;
    for whole in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\na\r\n0123456789\r\n0\r\nx-sum: 7\r\n\r\n",
    ] {
        for cut in 0..=whole.len() {
            let (mut client, mut upstream) = bench.exchange(&[]).await;
            upstream.send(&whole[..cut]).await;
            drop(upstream);
            let (_, answer) = client.message().await;
            let is_head = whole[..cut].contains("\r\n\r\n");
            if cut == whole.len() {
                assert_eq!((answer.text().as_str(), answer.end), ("0123456789", End::Complete));
            } else if is_head {
                // Of one that broke off at once, h2 may send the end only.
                assert!(BROKEN.contains(&answer.end), "{:?}: {answer:?}", &whole[..cut]);
            } else {
                assert_eq!((answer.status(), answer.end), (502, End::Complete), "{:?}", &whole[..cut]);
            }
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_arrives_and_then_the_upload_is_refused() {
    let bench = Bench::plain().await;
    let mut client = connect(&bench.stage).await;
    client.send(headers(1, 0, &head(&bench.host, "POST", &[("content-length", "100")]))).await;
    client.send(data(1, 0, "hello")).await;
    let mut upstream = bench.accept().await;
    upstream.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
    drop(upstream);
    let (_, answer) = client.message().await;
    assert_eq!((answer.status(), answer.text().as_str(), answer.end), (413, "no", End::Complete));
    let reset = client.next().await.expect("a frame");
    assert_eq!((reset.kind, reset.stream, reset.number(0)), (RST_STREAM, 1, 0), "NO_ERROR");
    // Nothing else suffers.
    client.send(headers(3, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    let mut upstream = bench.accept().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1.text(), "ok");
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_upload() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let mut client = connect(&stage).await;
    let mut fields = head(&host, "POST", &[("expect", "100-continue")]);
    fields.retain(|(name, _)| *name != ":path");
    fields.insert(0, (":path", "/"));
    client.send(headers(1, 0, &fields)).await;
    let (_, answer) = client.message().await;
    assert_eq!((answer.status(), answer.end), (401, End::Complete));
    let reset = client.next().await.expect("a frame");
    assert_eq!((reset.kind, reset.number(0)), (RST_STREAM, 0), "NO_ERROR");
}

#[tokio::test]
async fn a_client_that_resets_ends_what_it_had_asked_for() {
    let bench = Bench::plain().await;
    let (mut client, mut waiting) = bench.exchange(&[]).await;
    client.send(headers(3, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    let mut streaming = bench.accept().await;
    streaming.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    client.expect(DATA).await;
    client.send(headers(5, 0, &head(&bench.host, "POST", &[]))).await;
    client.send(data(5, 0, "hello")).await;
    let mut uploading = bench.accept().await;
    uploading.until(b"hello").await;
    for (id, upstream) in [(1, &mut waiting), (3, &mut streaming), (5, &mut uploading)] {
        client.send(reset(id, 8)).await;
        upstream.closed().await;
    }
    assert!(!uploading.seen.ends_with(b"0\r\n\r\n"), "a broken upload looks whole");
    // So does the end of the connection.
    client.send(headers(7, END_STREAM, &head(&bench.host, "GET", &[]))).await;
    let mut last = bench.accept().await;
    drop(client);
    last.closed().await;
}

#[tokio::test]
async fn an_event_stream_goes_out_at_once_and_is_reset_with_its_session() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = upstream.local_addr().expect("an address");
    let routes = format!("[routes.home]\nupstream = \"http://{address}\"\nallow = [\"signed-in\"]\n");
    let stage = Stage::with(Plan { routes, ..plan() }).await;
    let host = stage.gateway.to_string();
    let mut browser = stage.browser();
    let accept =
        async { Wire { stream: upstream.accept().await.expect("a connection").0, seen: Vec::new() } };
    let signing_in = async {
        let page = browser.sign_in("/", "alice").await;
        (page.status, browser.cookies())
    };
    let answering = async {
        let mut wire = accept.await;
        wire.until(b"\r\n\r\n").await;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
    };
    let ((status, cookies), ()) = tokio::join!(signing_in, answering);
    assert_eq!(status, 200);
    let mut client = connect(&stage).await;
    let fields = head(&host, "GET", &[("cookie", &cookies), ("accept", "text/event-stream")]);
    client.send(headers(1, END_STREAM, &fields)).await;
    let mut wire = Wire { stream: upstream.accept().await.expect("a connection").0, seen: Vec::new() };
    wire.until(b"\r\n\r\n").await;
    wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
    assert_eq!(client.expect(DATA).await.payload, b"data: 1\n\n");
    let out = browser.request("POST", "/oauth2/sign_out", &format!("origin: http://{host}\r\n"), b"").await;
    assert_eq!(out.status, 303);
    let reset = client.expect(RST_STREAM).await;
    assert!(BROKEN.contains(&End::Reset(reset.number(0))), "{reset:?}");
    wire.closed().await;
}
