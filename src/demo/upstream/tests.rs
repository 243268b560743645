//! The sample upstream's pure parts: frames, multipart, what a client wants, what the page says.

use bytes::{Bytes, BytesMut};
use http::{HeaderName, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::events::event;
use super::frames::{Fault, Fin, Frame, MAX_PAYLOAD, Opcode, Utf8, decode};
use super::heads::{Changes, HeadLog};
use super::multipart::{FirstPart, boundary};
use super::received::{Received, Wanted};
use super::websocket::{Message, Reply, accept, echo};
use crate::clock::Timestamp;
use crate::observe::Observer;

/// A client's frame, masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut out = vec![first];
    match payload.len() {
        short @ 0..126 => out.push(0x80 | u8::try_from(short).expect("short")),
        long => {
            out.push(0xff);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

fn decoded(bytes: &[u8]) -> Result<Option<Frame>, Fault> {
    decode(&mut BytesMut::from(bytes))
}

// --- WebSocket

#[test]
fn the_handshake_of_rfc_6455_section_1_3_holds() {
    assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn the_masked_hello_of_rfc_6455_section_5_7_is_read_and_written_unmasked() {
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let frame = Frame::whole(Opcode::Text, "Hello");
    assert_eq!(decoded(&hello), Ok(Some(frame.clone())));
    assert_eq!(frame.encode().as_ref(), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    for end in 0..hello.len() {
        assert_eq!(decoded(&hello[..end]), Ok(None), "{end} bytes are no frame yet");
    }
}

#[test]
fn lengths_have_three_forms() {
    for (length, head) in
        [(125, &[0x82, 125][..]), (126, &[0x82, 126, 0, 126]), (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])]
    {
        let frame = Frame::whole(Opcode::Binary, vec![7; length]);
        assert!(frame.encode().starts_with(head));
        assert_eq!(frame.encode().len(), head.len() + length);
        assert_eq!(decoded(&masked(0x82, &vec![7; length])), Ok(Some(frame)));
    }
}

#[test]
fn frames_that_break_the_protocol_are_refused_by_their_head() {
    assert_eq!(decoded(&[0x81, 0x05]), Err(Fault::Protocol), "not masked");
    assert_eq!(decoded(&[0xc1, 0x80]), Err(Fault::Protocol), "a reserved bit");
    assert_eq!(decoded(&[0x83, 0x80]), Err(Fault::Protocol), "an unknown opcode");
    assert_eq!(decoded(&[0x09, 0x80]), Err(Fault::Protocol), "a ping in pieces");
    assert_eq!(decoded(&[0x89, 0xfe]), Err(Fault::Protocol), "a long ping");
    let mut large = vec![0x82, 0xff];
    large.extend((MAX_PAYLOAD as u64 + 1).to_be_bytes());
    assert_eq!(decoded(&large), Err(Fault::TooLarge));
    let mut huge = vec![0x82, 0xff];
    huge.extend(u64::MAX.to_be_bytes());
    assert_eq!(decoded(&huge), Err(Fault::TooLarge));
}

#[test]
fn text_may_be_cut_inside_a_character_but_not_end_there() {
    let euro = "€".as_bytes();
    let mut text = Utf8::default();
    assert_eq!(text.check(&euro[..2], Fin::More), Ok(()));
    assert_eq!(text.check(&euro[2..], Fin::Last), Ok(()));
    assert_eq!(Utf8::default().check(&euro[..2], Fin::Last), Err(Fault::NotUtf8));
    assert_eq!(Utf8::default().check(b"\xc0\xaf", Fin::More), Err(Fault::NotUtf8));
}

#[test]
fn messages_in_pieces_come_back_in_pieces_with_a_pong_between() {
    let mut message = Message::default();
    let piece = |fin, opcode, payload: &'static str| Frame { fin, opcode, payload: Bytes::from(payload) };
    let start = piece(Fin::More, Opcode::Text, "Hel");
    let end = piece(Fin::Last, Opcode::Continuation, "lo");
    assert_eq!(message.reply(start.clone()), Ok(Reply::Send(start.clone())));
    assert_eq!(
        message.reply(Frame::whole(Opcode::Ping, "p")),
        Ok(Reply::Send(Frame::whole(Opcode::Pong, "p")))
    );
    assert_eq!(message.reply(start), Err(Fault::Protocol), "a message inside a message");
    assert_eq!(message.reply(end.clone()), Ok(Reply::Send(end.clone())));
    assert_eq!(message.reply(end), Err(Fault::Protocol), "nothing to continue");
}

#[test]
fn a_close_is_answered_with_its_code() {
    let mut message = Message::default();
    let close = |payload: &'static [u8]| Frame::whole(Opcode::Close, payload);
    assert_eq!(message.reply(close(b"")), Ok(Reply::Close(close(b""))));
    assert_eq!(message.reply(close(b"\x03\xe8bye")), Ok(Reply::Close(close(b"\x03\xe8"))));
    assert_eq!(message.reply(close(b"\x03")), Err(Fault::Protocol));
    assert_eq!(message.reply(close(b"\x03\xed")), Err(Fault::Protocol), "1005 is never sent");
}

#[tokio::test]
async fn the_echo_answers_until_it_closes() {
    let (mut client, server) = tokio::io::duplex(1024);
    let server = tokio::spawn(echo(server));
    client.write_all(&masked(0x81, b"hi")).await.expect("written");
    client.write_all(&masked(0x81, b"\xff")).await.expect("written");
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.expect("read");
    assert_eq!(all, b"\x81\x02hi\x88\x02\x03\xef");
    server.await.expect("joined").expect("a clean end");
}

// --- multipart

fn first_part(body: &[u8], step: usize) -> Option<Vec<u8>> {
    let mut part = FirstPart::new("B");
    let mut content = Vec::new();
    for chunk in body.chunks(step) {
        part.feed(chunk, |data| content.extend_from_slice(data)).ok()?;
    }
    part.is_complete().then_some(content)
}

#[test]
fn the_first_part_is_found_however_the_body_is_cut() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\none\r\n--not\r\n\r\n--B\r\nA: b\r\n\r\ntwo\r\n--B--\r\n";
    for step in 1..body.len() {
        assert_eq!(first_part(body, step).as_deref(), Some(&b"one\r\n--not\r\n"[..]), "{step}");
    }
}

#[test]
fn an_empty_file_is_a_part_and_a_cut_one_is_not() {
    assert_eq!(first_part(b"--B\r\nA: b\r\n\r\n\r\n--B--\r\n", 7), Some(Vec::new()));
    assert_eq!(first_part(b"--B\r\nA: b\r\n\r\nhalf", 7), None);
    assert_eq!(first_part(b"nothing of the kind", 7), None);
    assert_eq!(first_part(&[b"--B\r\nA: ".as_slice(), &[b'x'; 9000]].concat(), 100), None);
}

#[test]
fn only_a_form_has_a_boundary() {
    assert_eq!(boundary("multipart/form-data; boundary=\"x y\"").as_deref(), Some("x y"));
    assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; Boundary=x").as_deref(), Some("x"));
    assert_eq!(boundary("multipart/form-data"), None);
    assert_eq!(boundary("multipart/form-data; boundary="), None);
    assert_eq!(boundary("text/plain; boundary=x"), None);
}

// --- heads

fn received(headers: &[(&str, &str)]) -> Received {
    let mut request = Request::builder().uri("/public?x=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Received::of(&request.body(()).expect("a request"), &HeadLog::default())
}

#[test]
fn html_is_for_whoever_names_it_and_json_for_programs() {
    for (accept, wanted) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", Wanted::Html),
        ("*/*", Wanted::Json),
        ("application/json", Wanted::Json),
        ("text/html;q=0.5, application/json", Wanted::Json),
        ("application/json;q=0.9, text/html", Wanted::Html),
        ("text/html;q=0", Wanted::Json),
    ] {
        assert_eq!(received(&[("accept", accept)]).wanted(), wanted, "{accept}");
    }
    assert_eq!(received(&[]).wanted(), Wanted::Json);
}

#[test]
fn secrets_of_the_browser_are_named_and_not_shown() {
    let received =
        received(&[("cookie", "a=1; b=2=3"), ("authorization", "Bearer secret"), ("x-a", "1"), ("x-a", "2")]);
    let lines: Vec<_> = received.lines().collect();
    assert_eq!(
        lines,
        [
            ("cookie", "a=…; b=…".to_owned()),
            ("authorization", "Bearer …".to_owned()),
            ("x-a", "1".to_owned()),
            ("x-a", "2".to_owned()),
        ]
    );
}

#[test]
fn heads_are_remembered_by_request_id_and_the_oldest_goes() {
    let log = HeadLog::default();
    let added = [HeaderName::from_static("x-forwarded-user")];
    log.outgoing_head("first", &added, &[]);
    log.outgoing_head("first", &[], &added);
    let changes = Changes { added: Vec::new(), removed: added.to_vec() };
    assert_eq!(log.changes("first"), Some(changes));
    for n in 0..1024 {
        log.outgoing_head(&n.to_string(), &added, &[]);
    }
    assert_eq!(log.changes("first"), None);
    assert!(log.changes("0").is_some());
}

#[test]
fn an_event_has_a_name_an_id_and_the_time() {
    assert_eq!(event(3, Timestamp::from_secs(0)), "event: clock\nid: 3\ndata: 1970-01-01T00:00:00.000Z\n\n");
}
