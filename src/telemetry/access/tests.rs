//! Access lines: what each form shows, and that no value makes two lines of one.

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

const ID: &str = "88729cb43995ab5a9cd49bf9";

fn line<'a>(path: &'a str, user: Option<&'a str>, agent: Option<&'a [u8]>) -> AccessLine<'a> {
    AccessLine {
        time: Timestamp::from_secs(1_800_000_000),
        request_id: ID,
        client: PeerAddr::new(([203, 0, 113, 7], 1).into()).into(),
        peer: PeerAddr::new(([127, 0, 0, 1], 9).into()),
        protocol: "HTTP/1.1",
        method: "GET",
        host: "wiki.example.com",
        path,
        route: Some("wiki"),
        decision: "allow",
        reason: Some("signed-in"),
        user,
        session: None,
        upstream: Some("127.0.0.1:8080"),
        user_agent: agent,
    }
}

const ENDED: Ended = Ended { status: 200, duration_ms: 3, bytes_in: Some(7), bytes_out: 9 };

/// The lines that come of it.
fn written(format: Format, line: &AccessLine<'_>, answered: Option<Answered>, ended: Ended) -> Vec<String> {
    let lines = Lines::kept();
    let mut open = AccessTrail::new(lines.clone(), format).open(line);
    if let Some(answered) = answered {
        open.answered(answered);
    }
    open.close(ended);
    lines.take()
}

#[test]
fn text_is_for_eyes_and_ends_in_the_reference_where_an_error_page_shows_one() {
    let text = |line, ended| written(Format::Text, &line, None, ended).remove(0);
    assert_eq!(text(line("/", Some("alice"), None), ENDED), "08:00:00 GET / 200 allow(signed-in) alice 3 ms");
    assert_eq!(
        text(line("/a b\u{1b}[2J", None, None), ENDED),
        "08:00:00 GET /a b\u{fffd}[2J 200 allow(signed-in) 3 ms"
    );
    // A name that would look like the rest of the line is in quotes.
    let named = text(line("/", Some("x 3 ms"), None), Ended { status: 502, ..ENDED });
    assert_eq!(named, format!("08:00:00 GET / 502 allow(signed-in) \"x 3 ms\" 3 ms [{ID}]"));
    let long = text(line(&"x".repeat(9000), None, None), ENDED);
    assert!(long.len() < 2200 && long.contains("x... 200"), "{long}");
}

#[test]
fn json_has_every_field_once_and_bounds_what_strangers_choose() {
    let answered = Answered { status: Some(200), ms: 2 };
    let agent = "\u{e9}".repeat(300);
    let long = "y".repeat(9000);
    let line = AccessLine { method: &long, host: &long, ..line("/", Some("alice"), Some(agent.as_bytes())) };
    let text = written(Format::Json, &line, Some(answered), ENDED).remove(0);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (field, value) in [
        ("event", "request"),
        ("client", "203.0.113.7"),
        ("peer", "127.0.0.1:9"),
        ("upstream", "127.0.0.1:8080"),
        ("protocol", "HTTP/1.1"),
    ] {
        assert_eq!(json[field], value);
    }
    for (field, value) in [
        ("status", 200),
        ("upstream_status", 200),
        ("upstream_ms", 2),
        ("bytes_in", 7),
        ("bytes_out", 9),
        ("duration_ms", 3),
    ] {
        assert_eq!(json[field], value, "{field}");
    }
    assert_eq!(json["user_agent"], format!("{}...", "\u{e9}".repeat(128)));
    assert!(text.len() < 1500, "{} bytes", text.len());
    assert_eq!(text.matches("\"reason\"").count(), 1);
    let none = Ended { bytes_in: None, ..ENDED };
    let text = written(Format::Json, &line, Some(Answered { status: None, ms: 2 }), none).remove(0);
    assert!(!text.contains("bytes_in") && !text.contains("upstream_status") && text.contains("upstream_ms"));
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')
}

proptest! {
    #[test]
    fn no_value_forges_a_line(path in any::<String>(), user in any::<String>(), agent in any::<Vec<u8>>()) {
        for format in [Format::Json, Format::Text] {
            let lines = written(format, &line(&path, Some(&user), Some(&agent)), None, ENDED);
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(lines[0].lines().count(), 1);
            prop_assert!(!lines[0].chars().any(is_harmful));
            if format == Format::Json {
                let json: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
                prop_assert_eq!(&json["event"], "request");
                prop_assert_eq!(&json["decision"], "allow");
                prop_assert!(json["user_agent"].as_str().is_some_and(|agent| agent.len() < 300));
            }
        }
    }
}
