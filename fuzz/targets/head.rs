//! Request heads: nobody passes a rule without a session, and whatever a client sends, the upstream hears about the
//! identity, the way and the framing from us alone. The same head gets the same answer, its query changes none.

#![no_main]

use std::sync::LazyLock;

use http::Request;
use libfuzzer_sys::fuzz_target;
use vestibule::app::{Explainer, Outcome};
use vestibule::web::CanonicalPath;
use vestibule_fuzz::{ask, explainer, fold, request};

static EXPLAINER: LazyLock<Explainer> = LazyLock::new(explainer);

/// What the upstream is told by us and nobody else, on every request here.
const OURS: [(&str, &str); 4] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("x-real-ip", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "443"),
];

/// Names that end here.
const GONE: &[&str] = &[
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "transfer-encoding",
    "trailer",
    "expect",
    "http2-settings",
    "forwarded",
    "x-original-url",
    "x-rewrite-url",
    "true-client-ip",
    "proxy",
];

/// Families of names that only we set.
const FAMILIES: &[&str] =
    &["x-forwarded-", "x-remote-extra-", "x-auth-request-", "x-webauth-", "x-vestibule-"];

/// Names by which applications are told who somebody is.
const NAMES: &[&str] =
    &["remote-user", "remote-groups", "remote-email", "remote-name", "x-remote-user", "x-remote-group"];

fuzz_target!(|input: (bool, &[u8])| {
    let (is_signed_in, bytes) = input;
    let user = is_signed_in.then_some("alice");
    let Some(request) = request(bytes) else { return };
    let asked = ask(&EXPLAINER, copy(&request), user);

    let mut other = copy(&request);
    if let Some(uri) = with_other_query(request.uri()) {
        *other.uri_mut() = uri;
        let other = ask(&EXPLAINER, other, user);
        if !is_about_size(&asked.outcome) && !is_about_size(&other.outcome) {
            assert_eq!(kind(&asked.outcome), kind(&other.outcome));
        }
    }

    let Outcome::Allow { line, head, .. } = &asked.outcome else { return };
    let route = asked.route.as_ref().expect("what is allowed has a route");
    match route.name.as_str() {
        "public" => {}
        "home" => assert!(is_signed_in),
        other => panic!("nobody here is of the group of {other}"),
    }
    assert_eq!(route.host, "wiki.example");
    let target = line.split(' ').nth(1).expect("a target");
    let path = CanonicalPath::parse(target.split('?').next().unwrap_or_default()).expect("a path");
    assert!(
        path.judged() == route.path
            || route.path == "/"
            || path.judged().starts_with(&format!("{}/", route.path))
    );
    assert_eq!(asked.judged_path.as_deref().unwrap_or(request.uri().path()), path.judged());

    let values = |name: &str| {
        head.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    for (name, value) in OURS {
        assert_eq!(values(name), [value], "{name}");
    }
    for name in ["host", "x-forwarded-host", "x-request-id"] {
        assert_eq!(values(name).len(), 1, "{name}");
    }
    // On a route for everyone too the upstream hears who somebody is that has signed in.
    if is_signed_in {
        assert_eq!(values("x-forwarded-user"), ["alice"]);
    }
    let ours = |name: &str| {
        OURS.iter().any(|(own, _)| *own == name)
            || ["x-forwarded-host", "x-request-id"].contains(&name)
            || (is_signed_in && ["x-forwarded-user", "x-forwarded-preferred-username"].contains(&name))
    };
    let lists = request.headers().get_all("connection").into_iter();
    let listed: Vec<String> = lists
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|token| String::from_utf8_lossy(token.trim_ascii()).to_ascii_lowercase())
        .collect();
    for (name, value) in head {
        let folded = fold(name);
        assert!(ours(name) || !FAMILIES.iter().any(|family| folded.starts_with(family)), "{name}");
        assert!(!NAMES.contains(&folded.as_str()), "{name}");
        assert!(!GONE.contains(&folded.as_str()), "{name}");
        assert!(!name.contains('_'), "{name}");
        match name.as_str() {
            "connection" => assert!(["te", "Upgrade"].contains(&value.as_str()), "{value}"),
            "te" => assert_eq!(value, "trailers"),
            "upgrade" => assert_eq!(value, "websocket"),
            "host" | "content-length" => {}
            _ => assert!(ours(name) || !listed.contains(name), "{name} was listed"),
        }
    }
});

fn copy(request: &Request<()>) -> Request<()> {
    let mut copy = Request::new(());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

fn with_other_query(uri: &http::Uri) -> Option<http::Uri> {
    let text = uri.to_string();
    let place = text.split('?').next()?;
    format!("{place}?x=%2e%2e/admin").parse().ok()
}

fn is_about_size(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refuse { status: 431, .. })
}

fn kind(outcome: &Outcome) -> (&'static str, u16) {
    match outcome {
        Outcome::Allow { .. } => ("allow", 0),
        Outcome::SignIn { .. } => ("sign in", 0),
        Outcome::Refuse { status, .. } => ("refuse", *status),
        Outcome::Own => ("own", 0),
    }
}
