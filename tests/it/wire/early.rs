//! An answer that comes while the request is still being sent reaches the client, whatever becomes of the request.

use super::{Bench, fields, statuses, within};

const HUGE: &str = "Content-Length: 1000000000\r\n";

#[tokio::test]
async fn an_early_answer_is_relayed_at_once_and_ends_the_connection() {
    let bench = Bench::plain().await;
    for (framing, sent) in [(HUGE, "abc"), ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n")] {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("POST /x", framing) + sent).await;
        upstream.until("abc").await;
        upstream.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig").await;
        // The client has not ended its body, nor does it have to.
        let answer = within(framing, client.until("\r\n\r\nbig")).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert_eq!(fields(&answer, "connection"), ["close"], "{framing}");
        assert_eq!(within(framing, client.rest()).await, "", "{framing}");
        upstream.rest().await;
    }
}

#[tokio::test]
async fn an_answer_and_a_reset_while_we_write_is_an_answer() {
    let bench = Bench::plain().await;
    // Again and again, since it is a race between the answer, the reset and our writes.
    for round in 0..50 {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("POST /x", HUGE)).await;
        let answer = "HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig";
        upstream.send(answer).await;
        // Closed with unread bytes behind it, the socket resets what we still write.
        let feed = async {
            let piece = vec![b'x'; 64 * 1024];
            while client.try_send(&piece).await {}
            client
        };
        let (mut client, ()) =
            within("the upload", async { tokio::join!(feed, async { drop(upstream) }) }).await;
        let answer = within("an answer", client.rest()).await;
        assert_eq!(statuses(&answer), [413], "round {round}: {answer}");
        assert!(answer.ends_with("\r\n\r\nbig"), "round {round}: {answer}");
    }
}

#[tokio::test]
async fn a_stream_may_go_up_and_down_at_once() {
    let bench = Bench::plain().await;
    let (mut client, mut upstream, _) =
        bench.exchange(bench.request("POST /x", "Transfer-Encoding: chunked\r\n")).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    // The head comes before the first byte of a body.
    assert!(within("a head", client.head()).await.starts_with("HTTP/1.1 200"));
    for _ in 0..20 {
        client.send("4\r\nping\r\n").await;
        assert_eq!(within("up", upstream.until("ping\r\n")).await, "4\r\nping\r\n");
        upstream.send("4\r\npong\r\n").await;
        assert_eq!(within("down", client.until("pong\r\n")).await, "4\r\npong\r\n");
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(within("up", upstream.until("0\r\n\r\n")).await, "0\r\n\r\n");
    upstream.send("0\r\n\r\n").await;
    assert_eq!(within("down", client.until("0\r\n\r\n")).await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_refusal_of_ours_survives_a_client_that_goes_on_sending() {
    let bench = Bench::with("max_body = \"1KiB\"", "").await;
    for round in 0..20 {
        let mut client = bench.client().await;
        client.send(bench.request("POST /x", "Content-Length: 900000\r\n")).await;
        client.try_send(vec![b'x'; 900_000]).await;
        let answer = within("an answer", client.rest()).await;
        assert_eq!(statuses(&answer), [413], "round {round}: {answer}");
    }
}
