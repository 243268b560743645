//! Property: an upstream's byte stream that is cut anywhere never looks complete to the client.
//!
//! The streams are made here, the judge is whoever speaks the client's protocol: [`streams`] serves HTTP/2 clients as well.

use super::{Bench, within};
use crate::support::message::{Answer, read};

/// An answer of an upstream, in every framing that can tell its own end.
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What a client may see of it at most.
    pub(crate) body: Vec<u8>,
}

/// Bodies of one to four parts, by length and in chunks, with extensions and trailers.
pub(crate) fn streams() -> Vec<Stream> {
    let mut streams = Vec::new();
    for parts in 1..=4_usize {
        let pieces: Vec<String> = (0..parts).map(|part| "abcdefghij"[..=part * 2 + 1].to_owned()).collect();
        let body = pieces.concat();
        let mut add = |name: &str, framing: &str, framed: String| {
            streams.push(Stream {
                name: format!("{name}, {parts} parts"),
                bytes: format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n{framing}\r\n{framed}")
                    .into_bytes(),
                body: body.clone().into_bytes(),
            });
        };
        add("length", &format!("content-length: {}\r\n", body.len()), body.clone());
        let chunk = |piece: &String, extension: &str| format!("{:x}{extension}\r\n{piece}\r\n", piece.len());
        let plain: String = pieces.iter().map(|piece| chunk(piece, "")).collect();
        let extended: String = pieces.iter().map(|piece| chunk(piece, ";a=b")).collect();
        add("chunks", "transfer-encoding: chunked\r\n", format!("{plain}0\r\n\r\n"));
        add("chunks with extensions", "transfer-encoding: chunked\r\n", format!("{extended}0;end\r\n\r\n"));
        add(
            "chunks with trailers",
            "transfer-encoding: chunked\r\ntrailer: x-a, x-b\r\n",
            format!("{plain}0\r\nx-a: 1\r\nx-b: 2\r\n\r\n"),
        );
    }
    streams
}

/// What every answer to a stream that was cut must be.
pub(crate) fn judge(stream: &Stream, cut: usize, answer: &Answer) {
    let what = format!("{}, cut at {cut} of {}: {answer:?}", stream.name, stream.bytes.len());
    let head = stream.bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    if cut < head {
        // Nothing of it was passed on: the gateway itself says so.
        assert_eq!(answer.status, 502, "{what}");
        return;
    }
    assert!(stream.body.starts_with(&answer.body), "{what}: a byte that was never sent");
    let is_whole = cut == stream.bytes.len();
    assert_eq!(answer.complete, is_whole, "{what}");
    // What came before the cut is not thrown away with it.
    assert_eq!(answer.status, 200, "{what}");
    if is_whole {
        assert_eq!(answer.body, stream.body, "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_never_looks_complete() {
    let bench = Bench::plain().await;
    let mut truncated = 0;
    for stream in streams() {
        for cut in 0..=stream.bytes.len() {
            let request = bench.request("GET /x", "TE: trailers\r\nConnection: close\r\n");
            let (mut client, mut upstream, _) = bench.exchange(request).await;
            upstream.send(&stream.bytes[..cut]).await;
            drop(upstream);
            let answer = within(&stream.name, read(&mut client.stream, false)).await;
            judge(&stream, cut, &answer);
            truncated += usize::from(!answer.complete);
        }
    }
    assert!(truncated > 400, "{truncated}");
}

#[tokio::test]
async fn an_upload_that_is_cut_anywhere_never_looks_complete() {
    let bench = Bench::plain().await;
    for (framing, body) in [
        ("Content-Length: 6\r\n", "abcdef"),
        ("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n4;x\r\ncdef\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTrailer: x-a\r\n", "6\r\nabcdef\r\n0\r\nx-a: 1\r\n\r\n"),
    ] {
        for cut in 0..body.len() {
            let what = format!("{framing} cut at {cut}");
            let (mut client, mut upstream, _) =
                bench.exchange(bench.request("POST /x", framing) + &body[..cut]).await;
            client.finish().await;
            let seen = within(&what, upstream.rest()).await;
            if framing.starts_with("Content-Length") {
                assert_eq!(seen, body[..cut], "{what}");
            } else {
                assert!(!seen.contains("0\r\n"), "{what}: {seen:?}");
            }
        }
    }
}
