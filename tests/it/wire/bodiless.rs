//! Answers without a body: none is waited for, none is sent, and the length is told only where it may be.

use super::{Bench, OK_CLOSE, fields, within};

#[tokio::test]
async fn head_and_304_keep_the_length_and_204_has_none() {
    let bench = Bench::plain().await;
    for (method, answer, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n", Some("1234")),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", None),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", None),
        ("HEAD", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Some("0")),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\netag: \"x\"\r\n\r\n", Some("1234")),
        ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", None),
        ("HEAD", "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", Some("7")),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", None),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", None),
        ("POST", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", None),
    ] {
        let what = format!("{method}: {answer}");
        let (mut client, mut upstream, _) = bench.exchange(bench.request(&format!("{method} /x"), "")).await;
        upstream.send(answer).await;
        let head = within(&what, client.head()).await;
        assert_eq!(fields(&head, "content-length"), length.into_iter().collect::<Vec<_>>(), "{what}: {head}");
        assert!(fields(&head, "transfer-encoding").is_empty(), "{what}: {head}");
        let line = bench.stage.access_line().await;
        assert_eq!((&line["bytes_out"], &line["reason"]), (&0.into(), &"everyone".into()), "{what}: {line}");
        // Nothing stands between this answer and the next, on either side.
        client.send(bench.request("GET /next", "")).await;
        assert!(within(&what, upstream.head()).await.starts_with("GET /next "), "{what}");
        upstream.send(OK_CLOSE).await;
        let next = within(&what, client.until("ok")).await;
        assert!(next.starts_with("HTTP/1.1 200 OK\r\n"), "{what}: {next}");
        bench.stage.access_line().await;
    }
}
