//! A client that leaves ends the exchange with the upstream at once, and what it did not finish never looks finished.

use super::{Bench, End, within};

#[derive(Clone, Copy, Debug)]
enum Leave {
    Fin,
    Reset,
    /// Says that it sends no more, and goes on listening. Nobody can tell that from leaving.
    HalfClose,
}

const WAYS: [Leave; 3] = [Leave::Fin, Leave::Reset, Leave::HalfClose];

impl Leave {
    /// What is left of the client must be held, or it is gone at another time than the test means.
    async fn now(self, mut client: End) -> Option<End> {
        match self {
            Self::Fin => drop(client),
            Self::Reset => client.reset(),
            Self::HalfClose => {
                client.finish().await;
                return Some(client);
            }
        }
        None
    }
}

#[tokio::test]
async fn while_it_waits_for_the_answer() {
    let bench = Bench::plain().await;
    for way in WAYS {
        let (client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
        let _left = way.now(client).await;
        assert_eq!(within("the end", upstream.rest()).await, "", "{way:?}");
        assert_eq!(bench.stage.access_line().await["status"], 499, "{way:?}");
    }
}

#[tokio::test]
async fn in_the_middle_of_its_upload() {
    let bench = Bench::plain().await;
    for way in WAYS {
        for (framing, sent) in
            [("Content-Length: 10\r\n", "abc"), ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n")]
        {
            let (client, mut upstream, _) = bench.exchange(bench.request("POST /x", framing) + sent).await;
            assert_eq!(upstream.bytes(sent.len()).await, sent.as_bytes());
            let _left = way.now(client).await;
            assert_eq!(within("the end", upstream.rest()).await, "", "{way:?} {framing}");
            let line = bench.stage.access_line().await;
            assert_eq!(
                (&line["status"], &line["reason"]),
                (&499.into(), &"request/body-cut".into()),
                "{way:?} {framing}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn in_the_middle_of_a_chunk_header() {
    let bench = Bench::plain().await;
    for sent in ["3\r\nabc\r\n0", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\nx-a: 1\r\n", "3\r\nabc\r\n5"] {
        let request = bench.request("POST /x", "Transfer-Encoding: chunked\r\n") + sent;
        let (client, mut upstream, _) = bench.exchange(request).await;
        assert_eq!(upstream.until("abc\r\n").await, "3\r\nabc\r\n");
        let _left = Leave::HalfClose.now(client).await;
        assert_eq!(within("the end", upstream.rest()).await, "", "{sent:?}");
    }
}

#[tokio::test]
async fn in_the_middle_of_an_answer() {
    let bench = Bench::plain().await;
    for way in WAYS {
        let (mut client, mut upstream, _) = bench.exchange(bench.request("GET /x", "")).await;
        upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
        client.until("abc").await;
        let _left = way.now(client).await;
        assert_eq!(within("the end", upstream.rest()).await, "", "{way:?}");
        let line = bench.stage.access_line().await;
        assert_eq!((&line["status"], &line["bytes_out"]), (&499.into(), &3.into()), "{way:?}: {line}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_at_once_and_broken_off_upstream() {
    let bench = Bench::with("max_body = \"4B\"", "").await;
    let (mut client, mut upstream, _) =
        bench.exchange(bench.request("POST /x", "Transfer-Encoding: chunked\r\n") + "4\r\nfour\r\n").await;
    assert_eq!(upstream.until("four\r\n").await, "4\r\nfour\r\n");
    client.send("1\r\n5\r\n").await;
    let head = within("413", client.head()).await;
    assert!(head.starts_with("HTTP/1.1 413") && head.contains("connection: close\r\n"), "{head}");
    assert_eq!(within("the end", upstream.rest()).await, "");
    // By its length it is refused before an upstream hears of it, and without inviting it.
    for fields in ["Content-Length: 5\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n"] {
        let mut client = bench.client().await;
        client.send(bench.request("POST /x", fields)).await;
        let head = within("413", client.head()).await;
        assert!(head.starts_with("HTTP/1.1 413") && head.contains("connection: close\r\n"), "{head}");
    }
    bench.nothing_came("a body over the limit").await;
}
