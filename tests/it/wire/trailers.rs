//! Trailers pass both ways when they are announced, and never say what only the head may say.

use super::{Bench, OK, OK_CLOSE, fields, statuses, within};

#[tokio::test]
async fn announced_trailers_reach_the_upstream_without_those_that_decide_anything() {
    let bench = Bench::plain().await;
    let trailers = "X-Checksum: abc\r\nX-Checksum: def\r\nx-unannounced: 1\r\nX-Forwarded-User: mallory\r\n\
                    Remote-User: mallory\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\
                    Authorization: Basic eDp5\r\nCookie: vestibule=x\r\nX_Checksum: 1\r\nX-Forwarded-For: 6.6.6.6\r\n";
    let announced = "Trailer: X-Checksum, X-Forwarded-User, Remote-User, Content-Length\r\n\
                     Trailer: transfer-encoding, host, authorization, cookie, x_checksum, X-Forwarded-For\r\n";
    let (_client, mut upstream, head) = bench
        .exchange(format!(
            "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n{announced}\r\n2\r\nhi\r\n0\r\n{trailers}\r\n"
        ))
        .await;
    assert_eq!(fields(&head, "trailer"), ["x-checksum"], "{head}");
    let body = within("a body", upstream.until("\r\n\r\n")).await;
    assert_eq!(body, "2\r\nhi\r\n0\r\nx-checksum: abc\r\nx-checksum: def\r\n\r\n");
}

#[tokio::test]
async fn trailers_that_nobody_announced_end_at_the_gateway() {
    let bench = Bench::plain().await;
    let (_client, mut upstream, head) = bench
        .exchange(
            "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Checksum: 1\r\n\r\n",
        )
        .await;
    assert!(fields(&head, "trailer").is_empty());
    assert_eq!(within("a body", upstream.until("0\r\n\r\n")).await, "2\r\nhi\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_announcement_without_chunks_is_not_passed_on() {
    let bench = Bench::plain().await;
    for framing in ["Content-Length: 2\r\n", ""] {
        let (_client, _upstream, head) =
            bench.exchange(format!("POST /x HTTP/1.1\r\nHost: HOST\r\n{framing}Trailer: x-a\r\n\r\n")).await;
        assert!(fields(&head, "trailer").is_empty(), "{head}");
    }
}

#[tokio::test]
async fn trailers_of_an_answer_reach_a_client_that_takes_them() {
    let bench = Bench::plain().await;
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: X-Checksum, Set-Cookie, x-forwarded-user\r\n\r\n\
                  2\r\nhi\r\n0\r\nX-Checksum: abc\r\nSet-Cookie: a=1\r\nx-forwarded-user: eve\r\nx-other: 1\r\n\r\n";
    for (te, expected) in [
        ("TE: trailers\r\nConnection: TE\r\n", "2\r\nhi\r\n0\r\nx-checksum: abc\r\n\r\n"),
        ("TE: gzip;q=0.5, Trailers\r\n", "2\r\nhi\r\n0\r\nx-checksum: abc\r\n\r\n"),
        ("", "2\r\nhi\r\n0\r\n\r\n"),
    ] {
        let (mut client, mut upstream, head) =
            bench.exchange(format!("GET /x HTTP/1.1\r\nHost: HOST\r\n{te}\r\n")).await;
        assert_eq!(fields(&head, "te"), if te.is_empty() { vec![] } else { vec!["trailers"] }, "{head}");
        upstream.send(answer).await;
        let head = within("a head", client.head()).await;
        assert_eq!(fields(&head, "trailer"), ["x-checksum"], "{head}");
        assert_eq!(within("a body", client.until("\r\n\r\n")).await, expected, "{te}");
        // The connection serves on, whatever became of the trailers.
        client.send(bench.request("GET /y", "")).await;
        assert!(within("the next", upstream.head()).await.starts_with("GET /y "));
        upstream.send(OK_CLOSE).await;
        client.until("ok").await;
    }
}

/// The parser takes the bare LF for the end of the trailers, and what follows up to an empty line for nothing at all. Whoever
/// reads it otherwise would take the next answer for that to what was thrown away.
#[tokio::test]
async fn a_request_that_is_hidden_in_trailers_has_no_answer_of_another() {
    let bench = Bench::plain().await;
    let head = "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n";
    let hidden = "GET /hidden HTTP/1.1\r\nHost: HOST\r\n\r\nGET /next HTTP/1.1\r\nHost: HOST\r\n\r\n";
    let (mut client, mut upstream, _) =
        bench.exchange(format!("{head}2\r\nhi\r\n0\r\nX-A: 1\n\n{hidden}")).await;
    assert_eq!(within("a body", upstream.until("0\r\n\r\n")).await, "2\r\nhi\r\n0\r\n\r\n");
    upstream.send(OK).await;
    let answer = within("an answer", client.rest()).await;
    assert_eq!((statuses(&answer), fields(&answer, "connection")), (vec![200], vec!["close"]), "{answer}");
    drop(upstream);
    bench.nothing_came("hidden").await;
}
