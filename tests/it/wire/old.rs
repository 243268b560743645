//! HTTP/1.0 on either side: no chunks, no interim answers, one request for each connection unless both want more.

use super::{Bench, OK, fields, statuses, within};

#[tokio::test]
async fn a_client_of_http_1_0_never_sees_chunks() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, head) = bench.exchange("GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n").await;
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
    upstream
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-a: 1\r\n\r\n")
        .await;
    let answer = within("an answer", client.rest()).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nabcde"), "{answer}");
    assert!(fields(&answer, "transfer-encoding").is_empty() && fields(&answer, "trailer").is_empty());
}

#[tokio::test]
async fn a_client_of_http_1_0_is_let_go_unless_it_wants_to_stay() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange("GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n").await;
    upstream.send(OK).await;
    assert_eq!(statuses(&within("an answer", client.rest()).await), [200]);
    drop(upstream);
    let stays = "GET /x HTTP/1.0\r\nHost: HOST\r\nConnection: keep-alive\r\n\r\n";
    let (mut client, mut upstream, _) = bench.exchange(stays).await;
    upstream.send(OK).await;
    assert_eq!(fields(&client.until("ok").await, "connection"), ["keep-alive"]);
    client.send(bench.fill(stays)).await;
    within("the next", upstream.head()).await;
    // Of unknown length: its end is that of the connection.
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let answer = within("an answer", client.rest()).await;
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn an_answer_of_http_1_0_is_framed_anew() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    drop(upstream);
    let head = within("a head", client.head()).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(fields(&head, "transfer-encoding"), ["chunked"]);
    assert_eq!(within("a body", client.until("0\r\n\r\n")).await, "9\r\nall of it\r\n0\r\n\r\n");
}
