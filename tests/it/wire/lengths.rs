//! Framing of requests: the upstream gets one length or chunks of ours, never the client's own words for either.

use super::{Bench, OK, OK_CLOSE, fields, statuses, within};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";

#[tokio::test]
async fn a_length_beside_chunks_is_dropped_in_either_order_and_the_connection_ends() {
    let bench = Bench::plain().await;
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: Chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 99999\r\nConnection: keep-alive\r\n",
    ] {
        let request =
            format!("POST /x HTTP/1.1\r\nHost: HOST\r\n{framing}\r\n3\r\nabc\r\n0\r\n\r\n{SMUGGLED}");
        let (mut client, mut upstream, head) = bench.exchange(request).await;
        assert_eq!(fields(&head, "transfer-encoding"), ["chunked"], "{framing}");
        assert!(fields(&head, "content-length").is_empty(), "{framing}: {head}");
        assert_eq!(upstream.until("0\r\n\r\n").await, "3\r\nabc\r\n0\r\n\r\n");
        upstream.send(OK).await;
        let answer = within(framing, client.rest()).await;
        assert_eq!(statuses(&answer), [200], "{framing}: {answer}");
        assert_eq!(fields(&answer, "connection"), ["close"], "{framing}");
        drop(upstream);
        bench.nothing_came(framing).await;
    }
}

#[tokio::test]
async fn equal_lengths_become_one_and_zeros_in_front_go() {
    let bench = Bench::plain().await;
    for (framing, body) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\nX: 1\r\ncontent-length: 5\r\n", "hello"),
        ("Content-Length: 05\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 0000000005\r\n", "hello"),
        ("Content-Length: 00\r\n", ""),
    ] {
        let request = format!("POST /x HTTP/1.1\r\nHost: HOST\r\n{framing}\r\n{body}");
        let (mut client, mut upstream, head) = bench.exchange(request).await;
        assert_eq!(fields(&head, "content-length"), [body.len().to_string()], "{framing}");
        assert_eq!(upstream.bytes(body.len()).await, body.as_bytes());
        upstream.send(OK_CLOSE).await;
        assert!(client.until("ok").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn bodies_of_methods_that_seldom_have_one_keep_their_framing() {
    let bench = Bench::plain().await;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"] {
        for (framing, body, sent) in [
            ("Content-Length: 5\r\n", "hello", "hello"),
            ("Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "0\r\n\r\n"),
        ] {
            let request = format!("{method} /x HTTP/1.1\r\nHost: HOST\r\n{framing}\r\n{body}{SMUGGLED}");
            let (mut client, mut upstream, head) = bench.exchange(request).await;
            let (name, value) = framing.trim_end().split_once(": ").expect("a field");
            assert_eq!(fields(&head, name), [value], "{method} {framing}");
            within(method, upstream.until(sent)).await;
            upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
            // The body was the first request's, to its last byte; what stands behind it is the next.
            assert!(within(method, upstream.head()).await.starts_with("GET /smuggled HTTP/1.1\r\n"));
            upstream.send(OK_CLOSE).await;
            let answer = within(method, client.until("\r\n\r\nok")).await;
            assert_eq!(statuses(&answer), [204, 200], "{method}");
        }
    }
}

#[tokio::test]
async fn without_a_body_there_is_no_framing() {
    let bench = Bench::plain().await;
    for method in ["GET", "POST", "DELETE"] {
        let (_client, _upstream, head) =
            bench.exchange(format!("{method} /x HTTP/1.1\r\nHost: HOST\r\n\r\n")).await;
        assert!(fields(&head, "content-length").is_empty() && fields(&head, "transfer-encoding").is_empty());
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let bench = Bench::plain().await;
    let request = |n: u8| format!("POST /{n} HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\n{n}");
    let (mut client, mut upstream, head) = bench.exchange((0..5).map(request).collect::<String>()).await;
    let mut head = head;
    for n in 0..5 {
        assert!(head.starts_with(&format!("POST /{n} ")), "{head}");
        assert_eq!(upstream.bytes(1).await, n.to_string().as_bytes());
        upstream.send(format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<{n}>")).await;
        assert!(client.until(">").await.ends_with(&format!("\r\n\r\n<{n}>")));
        if n < 4 {
            head = upstream.head().await;
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_never_a_request() {
    // The answer needs no body; what of it was not read must not be parsed.
    let bench = Bench::with("path = \"/public\"", "").await;
    let smuggled = format!("GET /public/smuggled HTTP/1.1\r\nHost: {}\r\n\r\n", bench.stage.gateway);
    for (line, fields, body) in [
        ("POST /other", format!("Content-Length: {}\r\n", smuggled.len()), smuggled.clone()),
        ("POST /other", format!("Content-Length: {}\r\n", smuggled.len() + 5), format!("abcde{smuggled}")),
        (
            "POST /other",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len()),
        ),
        ("POST /other", "Transfer-Encoding: chunked\r\n".to_owned(), format!("zz\r\n{smuggled}")),
        (
            "POST /other",
            format!("Expect: 100-continue\r\nContent-Length: {}\r\n", smuggled.len()),
            smuggled.clone(),
        ),
    ] {
        let what = format!("{line} {fields}");
        let mut client = bench.client().await;
        client.try_send(bench.request(line, &fields) + &body + &smuggled).await;
        let answer = within(&what, client.rest()).await;
        assert_eq!(statuses(&answer), [404], "{what}: {answer}");
        assert_eq!(super::fields(&answer, "connection"), ["close"], "{what}");
    }
    let (_client, _upstream, head) =
        bench.exchange("GET /public/sentinel HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    assert!(head.starts_with("GET /public/sentinel"), "{head}");
}
