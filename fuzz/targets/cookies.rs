//! Cookies: any Cookie lines give a bounded number of pairs; an upstream reads none of ours, and all others as they came.

#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use vestibule::app::{Explainer, Outcome};
use vestibule::session::{CookieNames, Security, pairs};
use vestibule_fuzz::{ask, explainer};

static EXPLAINER: LazyLock<Explainer> = LazyLock::new(explainer);

fuzz_target!(|bytes: &[u8]| {
    let mut request = Request::new(());
    *request.uri_mut() = http::Uri::from_static("/public");
    request.headers_mut().insert("host", HeaderValue::from_static("wiki.example"));
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = HeaderValue::from_bytes(line) else { return };
        request.headers_mut().append(COOKIE, line);
    }
    assert!(pairs(request.headers()).count() <= bytes.len());

    let others = foreign(request.headers());
    let explanation = ask(&EXPLAINER, request, None);
    let head = match explanation.outcome {
        Outcome::Allow { head, .. } => head,
        Outcome::Refuse { status: 431, .. } => return,
        other => panic!("{other:?}"),
    };
    let mut lines = head.iter().filter(|(name, _)| name == "cookie");
    let mut passed = HeaderMap::new();
    if let Some((_, line)) = lines.next() {
        passed.insert(COOKIE, HeaderValue::from_str(line).expect("it was one"));
    }
    assert!(lines.next().is_none(), "one line at most");
    // The explanation shows text. Bytes that are none it replaces, in names and in values.
    let shown = |pairs: Vec<Vec<u8>>| {
        pairs.iter().map(|pair| String::from_utf8_lossy(pair).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown(foreign(&passed)), shown(others));
    let own = names();
    let sent = |pair: &[u8]| own.is_ours(&name(pair));
    assert!(!parts(&passed).any(sent), "{passed:?}");
});

fn names() -> CookieNames {
    CookieNames::new("vestibule".to_owned(), Security::Secure)
}

/// All pairs but those that some server takes for one of ours.
fn foreign(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let own = names();
    parts(headers).filter(|pair| !pair.is_empty() && !own.is_ours(&name(pair))).map(<[u8]>::to_vec).collect()
}

fn parts(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii)
}

/// The name of a pair; of one without a name what looks like one in its value.
fn name(pair: &[u8]) -> Cow<'_, str> {
    let pair = pair.trim_ascii_start();
    let from =
        pair.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b'=').unwrap_or(pair.len());
    let name = pair[from..].split(|byte| *byte == b'=').next().unwrap_or_default();
    String::from_utf8_lossy(name.trim_ascii())
}
