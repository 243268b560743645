//! Interim answers: ours to invite a body, the upstream's to be skipped, and a switch only for who asked for it.

use super::{Bench, OK, OK_CLOSE, fields, statuses, within};

const EXPECTS: &str = "Expect: 100-continue\r\nContent-Length: 4\r\n";

#[tokio::test]
async fn interim_answers_of_an_upstream_are_skipped_and_the_final_one_counts() {
    let bench = Bench::plain().await;
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
            .to_owned(),
        "HTTP/1.1 199 What\r\nx: 1\r\ncontent-length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000),
    ] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
        upstream.send(format!("{interim}{OK}")).await;
        let head = within("a head", client.head()).await;
        assert_eq!(statuses(&head), [200], "{head}");
        assert_eq!(client.bytes(2).await, b"ok");
        // The connection goes on in step.
        client.send(bench.request("GET /y", "")).await;
        assert!(within("the next", upstream.head()).await.starts_with("GET /y "));
        upstream.send(OK_CLOSE).await;
        client.until("ok").await;
    }
}

#[tokio::test]
async fn a_body_is_invited_when_the_upstream_takes_it_and_the_upstream_is_not_asked_itself() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, head) = bench.exchange(bench.request("POST /x", EXPECTS)).await;
    assert!(fields(&head, "expect").is_empty(), "{head}");
    assert_eq!(within("100", client.head()).await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body").await;
    assert_eq!(upstream.bytes(4).await, b"body");
    // What an upstream says of its own accord is not said a second time.
    upstream.send(format!("HTTP/1.1 100 Continue\r\n\r\n{OK_CLOSE}")).await;
    assert_eq!(statuses(&client.until("ok").await), [200]);
}

#[tokio::test]
async fn a_body_that_comes_uninvited_is_taken() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("POST /x", EXPECTS) + "body").await;
    assert_eq!(upstream.bytes(4).await, b"body");
    upstream.send(OK_CLOSE).await;
    let answer = within("an answer", client.until("\r\n\r\nok")).await;
    assert_eq!(*statuses(&answer).last().expect("a status"), 200, "{answer}");
}

#[tokio::test]
async fn who_is_refused_is_not_invited_and_what_follows_is_nothing() {
    let bench = Bench::with("path = \"/public\"", "").await;
    for (line, fields, status) in [
        ("POST /elsewhere", EXPECTS, 404),
        ("POST /oauth2/start", EXPECTS, 405),
        ("POST /public/%2e%2e/x", EXPECTS, 400),
        ("POST /public", "Expect: 100-continue, more\r\nContent-Length: 4\r\n", 417),
    ] {
        let mut client = bench.client().await;
        client.send(bench.request(line, fields)).await;
        let head = within(line, client.head()).await;
        assert_eq!(statuses(&head), [status], "{head}");
        assert_eq!(super::fields(&head, "connection"), ["close"], "{line}");
        // A client that sends regardless does not lose the answer to a reset, and is not listened to.
        client.try_send(format!("body{}", bench.request("GET /public/smuggled", ""))).await;
        assert_eq!(statuses(&within(line, client.rest()).await), Vec::<u16>::new(), "{line}");
    }
    let (_client, _upstream, head) = bench.exchange(bench.request("GET /public/sentinel", "")).await;
    assert!(head.starts_with("GET /public/sentinel "), "{head}");
}

#[tokio::test]
async fn a_final_answer_instead_of_the_invitation_reaches_the_client() {
    let bench = Bench::plain().await;
    for status in ["417 Expectation Failed", "401 Unauthorized", "200 OK"] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("POST /x", EXPECTS)).await;
        upstream.send(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nno")).await;
        // The invitation may have gone out, since the upstream's connection took the head.
        let answer = within(status, client.until("\r\n\r\nno")).await;
        assert!(answer.contains(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{status}: {answer}");
        // The upstream's connection waits for a body that will not come: it is not used again.
        assert_eq!(within(status, upstream.rest()).await, "", "{status}");
    }
}

#[tokio::test]
async fn http_1_0_knows_no_expectations() {
    let bench = Bench::plain().await;
    for expect in ["100-continue", "something"] {
        let request =
            format!("POST /x HTTP/1.0\r\nHost: HOST\r\nExpect: {expect}\r\nContent-Length: 4\r\n\r\nbody");
        let (mut client, mut upstream, head) = bench.exchange(request).await;
        assert!(fields(&head, "expect").is_empty(), "{head}");
        assert_eq!(upstream.bytes(4).await, b"body");
        upstream.send(format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}")).await;
        let answer = within(expect, client.rest()).await;
        assert_eq!(statuses(&answer), [200], "{answer}");
    }
}
