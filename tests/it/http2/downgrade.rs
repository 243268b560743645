//! What an HTTP/2 request becomes for an upstream that speaks HTTP/1.1.

use super::{Bench, ask, before, connect, head, stage};
use crate::support::Upstream;
use crate::support::frames::{END_STREAM, End, data, headers};

#[tokio::test]
async fn a_request_is_one_of_http_1_1_to_the_upstream() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let answer = ask(&stage, &head(&host, "GET", &[("te", "trailers"), ("x-own", "1")])).await;
    assert_eq!((answer.status(), answer.end), (200, End::Complete));
    let received = stage.upstream.only();
    assert_eq!(received.line(), "GET /public HTTP/1.1");
    assert_eq!(received.all("host"), [host.as_str()]);
    assert_eq!(received.all("x-forwarded-host"), [host.as_str()]);
    assert_eq!(received.all("te"), ["trailers"]);
    assert_eq!(received.all("x-own"), ["1"]);
    assert!(!received.head.contains("\r\n:"), "{}", received.head);
    for name in ["content-length", "transfer-encoding"] {
        assert!(received.all(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn cookie_crumbs_are_one_line_again() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let crumbs = [("cookie", "a=1"), ("cookie", "__Host-vestibule=x"), ("cookie", "b=2"), ("cookie", "c=3")];
    assert_eq!(ask(&stage, &head(&host, "GET", &crumbs)).await.status(), 200);
    assert_eq!(stage.upstream.only().all("cookie"), ["a=1; b=2; c=3"]);
}

#[tokio::test]
async fn a_session_is_found_among_the_crumbs() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    let cookies = stage.signed_in("alice").await.cookies();
    let mut fields = head(&host, "GET", &[("cookie", "a=1")]);
    fields.retain(|(name, _)| *name != ":path");
    fields.insert(0, (":path", "/"));
    fields.extend(cookies.split("; ").map(|cookie| ("cookie", cookie)));
    assert_eq!(ask(&stage, &fields).await.status(), 200);
    let received = stage.upstream.received();
    let last = received.last().expect("a request");
    assert_eq!(
        (last.all("x-forwarded-user"), last.all("cookie")),
        (vec!["alice".to_owned()], vec!["a=1".to_owned()])
    );
}

#[tokio::test]
async fn a_body_has_the_length_that_was_given_or_comes_in_chunks() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    for (more, length, coding, body) in [
        (&[("content-length", "5")][..], &["5"][..], &[][..], "hello"),
        (&[("content-length", "5"), ("content-length", "5")], &["5"], &[], "hello"),
        (&[], &[], &["chunked"], "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
    ] {
        for method in ["POST", "GET"] {
            let mut client = connect(&stage).await;
            client.send(headers(1, 0, &head(&host, method, more))).await;
            client.send([data(1, 0, "hel"), data(1, END_STREAM, "lo")].concat()).await;
            assert_eq!(client.message().await.1.status(), 200);
            let received = stage.upstream.received();
            let last = received.last().expect("a request");
            assert_eq!(
                (last.all("content-length"), last.all("transfer-encoding")),
                (
                    length.iter().map(ToString::to_string).collect(),
                    coding.iter().map(ToString::to_string).collect(),
                )
            );
            assert_eq!(String::from_utf8_lossy(&last.body), body, "{method}");
        }
    }
}

#[tokio::test]
async fn no_body_has_no_framing_and_an_empty_one_keeps_what_it_says() {
    let stage = stage().await;
    let host = stage.gateway.to_string();
    assert_eq!(ask(&stage, &head(&host, "POST", &[])).await.status(), 200);
    assert_eq!(ask(&stage, &head(&host, "POST", &[("content-length", "0")])).await.status(), 200);
    let received = stage.upstream.received();
    let framing: Vec<_> =
        received.iter().map(|one| (one.all("content-length"), one.all("transfer-encoding"))).collect();
    // A POST without a body says so in HTTP/1.1 (RFC 9110 section 8.6).
    assert_eq!(framing[1], (vec!["0".to_owned()], vec![]));
    assert!(framing[0].1.is_empty(), "{framing:?}");
}

#[tokio::test]
async fn announced_trailers_follow_the_body_without_those_that_decide_anything() {
    let bench = Bench::plain().await;
    let mut client = connect(&bench.stage).await;
    let more = [("trailer", "x-sum, x-forwarded-user, host")];
    client.send(headers(1, 0, &head(&bench.host, "POST", &more))).await;
    client.send(data(1, 0, "hello")).await;
    let trailers =
        [("x-sum", "7"), ("x-forwarded-user", "mallory"), ("host", "elsewhere.example"), ("x-more", "1")];
    client.send(headers(1, END_STREAM, &trailers)).await;
    let mut upstream = bench.accept().await;
    upstream.until(b"0\r\nx-sum: 7\r\n\r\n").await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.message().await.1.text(), "ok");
    // A pseudo field among trailers makes nothing of them, and never another request.
    client.send(headers(3, 0, &head(&bench.host, "POST", &more))).await;
    client.send(headers(3, END_STREAM, &[(":path", "/admin"), ("x-sum", "8")])).await;
    upstream.seen.clear();
    upstream.until(b"\r\n\r\n").await;
    assert!(upstream.seen.starts_with(b"POST /public HTTP/1.1\r\n"));
}

#[tokio::test]
async fn fields_of_the_connection_of_an_answer_do_not_come_back() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nX-B: 2\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    )
    .await;
    let stage = before(upstream).await;
    let host = stage.gateway.to_string();
    let answer = ask(&stage, &head(&host, "GET", &[])).await;
    assert_eq!((answer.status(), answer.text().as_str(), answer.end), (200, "ok", End::Complete));
    for name in ["connection", "x-a", "keep-alive", "transfer-encoding"] {
        assert!(answer.all(name).is_empty(), "{name}");
    }
    assert_eq!(answer.all("x-b"), ["2"]);
}
