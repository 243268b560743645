//! What is no request: each kind is refused, and no upstream hears of it.

use super::{Client, connect, head, stage};
use crate::support::Stage;
use crate::support::frames::{CONTINUATION, END_HEADERS, END_STREAM, End, HEADERS, data, frame, headers};
use crate::support::hpack;

/// PROTOCOL_ERROR (RFC 9113 section 7).
const PROTOCOL_ERROR: u32 = 1;

/// How a connection says that a request is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Status(u16),
    /// The stream is reset, the connection goes on.
    Reset,
    /// The connection ends.
    GoAway,
}

async fn said(client: &mut Client) -> Said {
    let (_, message) = client.message().await;
    match message.end {
        End::Reset(code) => {
            assert_eq!(code, PROTOCOL_ERROR);
            Said::Reset
        }
        End::Closed => Said::GoAway,
        End::Head | End::Complete => Said::Status(message.status()),
    }
}

/// Sends it as stream 1. Unless the connection ends by it, a good request on stream 3 must be answered after it.
async fn refused(stage: &Stage, what: &str, bytes: Vec<u8>, expected: Said, wrong: &mut Vec<String>) {
    let before = stage.upstream.received().len();
    let mut client = connect(stage).await;
    client.send(bytes).await;
    let heard = said(&mut client).await;
    let reached = stage.upstream.received().len() - before;
    if (heard, reached) != (expected, 0) {
        return wrong.push(format!("{what}: {heard:?} instead of {expected:?}, upstream {reached}"));
    }
    if expected != Said::GoAway {
        let host = stage.gateway.to_string();
        client.send(headers(3, END_STREAM, &head(&host, "GET", &[]))).await;
        let next = said(&mut client).await;
        if next != Said::Status(200) {
            wrong.push(format!("{what}: {next:?} to the next one"));
        }
    }
}

/// All that is wrong at once.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn fields_that_http_2_does_not_have_or_that_would_be_others_in_http_1() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    for (name, value, expected) in [
        ("connection", "x-a", Said::Reset),
        ("keep-alive", "timeout=5", Said::Reset),
        ("proxy-connection", "close", Said::Reset),
        ("transfer-encoding", "chunked", Said::Reset),
        ("upgrade", "h2c", Said::Reset),
        ("te", "gzip", Said::Reset),
        ("te", "trailers, gzip", Said::Reset),
        ("X-Upper", "1", Said::GoAway),
        ("x a", "1", Said::GoAway),
        ("x\"a", "1", Said::Reset),
        ("\"", "1", Said::Reset),
        ("x:a", "1", Said::GoAway),
        ("", "1", Said::GoAway),
        ("x-a\r\nx-b", "1", Said::GoAway),
        ("x-a", "1\r\nx-b: 2", Said::GoAway),
        ("x-a", "1\n", Said::GoAway),
        ("x-a", "1\r2", Said::GoAway),
        ("x-a", "1\0", Said::GoAway),
        ("x-a", " 1", Said::Reset),
        ("x-a", "1 ", Said::Reset),
        ("x-a", "\t1", Said::Reset),
        ("x-a", "1\t", Said::Reset),
        (":unknown", "1", Said::GoAway),
        (":path", "/admin", Said::Reset),
        (":status", "200", Said::Reset),
        (":protocol", "websocket", Said::Reset),
        ("host", "elsewhere.example", Said::Status(400)),
        ("host", "", Said::Status(400)),
        ("content-length", "5", Said::Reset),
        ("content-length", "-1", Said::Reset),
        ("content-length", "+0", Said::Reset),
        ("content-length", "0x0", Said::Reset),
        ("content-length", "", Said::Reset),
        ("content-length", "0, 0", Said::Reset),
        ("content-length", "99999999999999999999999", Said::Reset),
        ("expect", "a-wonder", Said::Status(417)),
    ] {
        let fields = head(&host, "POST", &[(name, value)]);
        refused(
            &stage,
            &format!("{name:?}: {value:?}"),
            headers(1, END_STREAM, &fields),
            expected,
            &mut wrong,
        )
        .await;
    }
    none(&wrong);
}

#[tokio::test]
async fn pseudo_fields_that_miss_are_twice_or_come_late() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    let host = host.as_str();
    let (method, scheme, authority, path) =
        ((":method", "GET"), (":scheme", "http"), (":authority", host), (":path", "/public"));
    for (what, fields, expected) in [
        ("no method", vec![scheme, authority, path], Said::Reset),
        ("no scheme", vec![method, authority, path], Said::Reset),
        ("no path", vec![method, scheme, authority], Said::Reset),
        ("no authority and no host", vec![method, scheme, path], Said::Status(400)),
        ("two methods", vec![method, method, scheme, authority, path], Said::Reset),
        ("two paths", vec![method, scheme, authority, path, path], Said::Reset),
        ("two authorities", vec![method, scheme, authority, authority, path], Said::Reset),
        ("a late path", vec![method, scheme, authority, ("x-a", "1"), path], Said::Reset),
        ("two hosts", vec![method, scheme, path, ("host", host), ("host", host)], Said::Status(400)),
        ("an empty path", vec![method, scheme, authority, (":path", "")], Said::Reset),
        ("a method that is none", vec![(":method", "GET / HTTP/1.1"), scheme, authority, path], Said::GoAway),
        ("an empty method", vec![(":method", ""), scheme, authority, path], Said::GoAway),
        ("CONNECT", vec![(":method", "CONNECT"), authority], Said::Status(405)),
        ("CONNECT with a path", vec![(":method", "CONNECT"), scheme, authority, path], Said::Reset),
        (
            "CONNECT for a WebSocket, which was not offered",
            vec![(":method", "CONNECT"), (":protocol", "websocket"), scheme, authority, path],
            Said::Reset,
        ),
        ("TRACE", vec![(":method", "TRACE"), scheme, authority, path], Said::Status(405)),
    ] {
        refused(&stage, what, headers(1, END_STREAM, &fields), expected, &mut wrong).await;
    }
    none(&wrong);
}

#[tokio::test]
async fn targets_that_are_none() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    for (path, expected) in [
        ("public", Said::Reset),
        ("http://elsewhere.example/public", Said::Reset),
        ("*", Said::Reset),
        ("?a=1", Said::Reset),
        ("/public HTTP/1.1", Said::Reset),
        ("/public\r\nx-a: 1", Said::Reset),
        ("/public\0", Said::Reset),
        ("/public/%00", Said::Status(400)),
        ("/public/%2e%2e/admin", Said::Status(400)),
        ("/public\\..", Said::Status(400)),
    ] {
        let mut fields = head(&host, "GET", &[]);
        fields.retain(|(name, _)| *name != ":path");
        fields.insert(0, (":path", path));
        refused(&stage, path, headers(1, END_STREAM, &fields), expected, &mut wrong).await;
    }
    let mut fields = head(&host, "OPTIONS", &[]);
    fields.retain(|(name, _)| *name != ":path");
    fields.insert(0, (":path", "*"));
    refused(&stage, "OPTIONS *", headers(1, END_STREAM, &fields), Said::Status(400), &mut wrong).await;
    none(&wrong);
}

#[tokio::test]
async fn authorities_and_schemes_that_are_none() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    for (name, value, expected) in [
        (":authority", format!("user@{host}"), Said::Status(400)),
        (":authority", format!("user:pass@{host}"), Said::Status(400)),
        (":authority", format!("{host}/public"), Said::Reset),
        (":authority", format!("{host}, {host}"), Said::Reset),
        (":authority", format!("{host} "), Said::Reset),
        (":authority", "127.0.0.1:port".to_owned(), Said::Status(400)),
        (":authority", "127.0.0.1:99999".to_owned(), Said::Status(400)),
        (":authority", String::new(), Said::Reset),
        (":authority", "elsewhere.example".to_owned(), Said::Status(421)),
        (":scheme", "ftp".to_owned(), Said::Status(400)),
        (":scheme", "ht tp".to_owned(), Said::Reset),
        (":scheme", String::new(), Said::Status(400)),
    ] {
        let mut fields = head(&host, "GET", &[]);
        fields.retain(|(own, _)| *own != name);
        fields.insert(0, (name, &value));
        refused(&stage, &format!("{name} {value:?}"), headers(1, END_STREAM, &fields), expected, &mut wrong)
            .await;
    }
    none(&wrong);
}

#[tokio::test]
async fn lengths_that_differ_and_bodies_that_do_not_have_their_length() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    let both = [("content-length", "5"), ("content-length", "6")];
    let fields = head(&host, "POST", &both);
    refused(&stage, "two lengths", headers(1, 0, &fields), Said::Reset, &mut wrong).await;
    let trailers = headers(1, END_STREAM, &[("x-sum", "1")]);
    for (what, rest) in [
        ("a short body", data(1, END_STREAM, "hel")),
        ("a short body and trailers", [data(1, 0, "hel"), trailers].concat()),
        ("a long body", data(1, END_STREAM, "hello you")),
    ] {
        let mut client = connect(&stage).await;
        client.send([headers(1, 0, &head(&host, "POST", &[("content-length", "5")])), rest].concat()).await;
        assert_eq!(said(&mut client).await, Said::Reset, "{what}");
        // Of what began before it was known, the upstream sees no end.
        for received in stage.upstream.received() {
            assert_ne!(received.body, b"hello", "{what}");
        }
        client.send(headers(3, END_STREAM, &head(&host, "GET", &[]))).await;
        assert_eq!(said(&mut client).await, Said::Status(200), "{what}: the next one");
    }
    none(&wrong);
}

#[tokio::test]
async fn heads_that_are_cut_by_other_frames_or_do_not_begin() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    let host = stage.gateway.to_string();
    let block = hpack::encode(&head(&host, "GET", &[]));
    let begun = frame(HEADERS, END_STREAM, 1, &block);
    for (what, bytes) in [
        ("data within a head", [begun.clone(), data(1, 0, "x")].concat()),
        ("another head within", [begun.clone(), headers(3, END_STREAM, &head(&host, "GET", &[]))].concat()),
        ("the rest on another stream", [begun, frame(CONTINUATION, END_HEADERS, 3, [])].concat()),
        ("only a rest", frame(CONTINUATION, END_HEADERS, 1, &block)),
        ("data on no stream", data(1, END_STREAM, "x")),
        ("an even stream", headers(2, END_STREAM, &head(&host, "GET", &[]))),
        ("a head of no stream", headers(0, END_STREAM, &head(&host, "GET", &[]))),
        ("a block that is none", frame(HEADERS, END_STREAM | END_HEADERS, 1, [0x80])),
        ("a frame that is too large", frame(HEADERS, END_STREAM | END_HEADERS, 1, [0; 20_000])),
    ] {
        refused(&stage, what, bytes, Said::GoAway, &mut wrong).await;
    }
    none(&wrong);
}
