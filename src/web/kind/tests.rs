//! The kinds that need more than a row of `tests/vectors/challenge.txt`: odd spellings, repeated fields, any order.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::RequestKind::{self, *};

fn kind(method: &Method, fields: &[(&str, &str)]) -> RequestKind {
    let fields = fields.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    });
    let mut headers = HeaderMap::new();
    fields.for_each(|(name, value)| {
        headers.append(name, value);
    });
    RequestKind::of(method, &headers)
}

#[test]
fn a_page_load_by_another_method_is_a_form_and_never_a_navigation() {
    for fields in [
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")][..],
        &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")],
    ] {
        assert_eq!(kind(&Method::GET, fields), Navigation, "{fields:?}");
        assert_eq!(kind(&Method::HEAD, fields), Navigation, "{fields:?}");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            assert_eq!(kind(&method, fields), Form, "{method} {fields:?}");
        }
    }
}

#[test]
fn fetch_metadata_that_stand_twice_or_are_unknown_are_no_page_load() {
    let twice = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(kind(&Method::GET, &[twice[0], twice[1], twice[1]]), Resource);
    assert_eq!(kind(&Method::GET, &[twice[0], twice[0], twice[1]]), Resource);
    assert_eq!(kind(&Method::GET, &[("sec-fetch-mode", "Navigate"), ("accept", "text/html")]), Fetch);
    assert_eq!(kind(&Method::GET, &[("sec-fetch-dest", "document"), ("accept", "text/html")]), Resource);
    assert_eq!(kind(&Method::GET, &[("sec-fetch-site", "none"), ("accept", "text/html")]), Fetch);
}

#[test]
fn a_web_view_that_names_its_application_still_loads_pages() {
    let view = ("x-requested-with", "com.example.app");
    let page = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), view];
    assert_eq!(kind(&Method::GET, &page), Navigation);
    assert_eq!(kind(&Method::GET, &[("accept", "text/html"), view]), Fetch);
}

#[test]
fn html_that_is_refused_is_not_asked_for() {
    for (accept, expected) in [
        ("text/html;q=0, application/json", Unmarked),
        ("text/html ; q=0.000,*/*", Unmarked),
        ("TEXT/HTML;q=0.1", Navigation),
        ("application/xhtml+xml", Navigation),
        ("text/htmlx, */*", Unmarked),
        ("application/json, text/plain, */*", Unmarked),
    ] {
        assert_eq!(kind(&Method::GET, &[("accept", accept)]), expected, "{accept}");
    }
}

#[test]
fn a_grpc_call_is_told_by_its_content_type_in_any_case_and_only_by_post() {
    for (content_type, expected) in [
        ("application/grpc", Grpc),
        ("Application/GRPC+proto", Grpc),
        ("application/grpc;charset=utf-8", Grpc),
        ("application/grpc-web+proto", GrpcWeb),
        ("application/grpc-web-text", GrpcWeb),
        ("application/grpcx", Call),
        ("application/grpc/x", Call),
        ("text/plain, application/grpc", Call),
    ] {
        assert_eq!(kind(&Method::POST, &[("content-type", content_type)]), expected, "{content_type}");
        assert_eq!(kind(&Method::GET, &[("content-type", content_type)]), Unmarked, "{content_type}");
    }
}

#[test]
fn an_upgrade_is_never_a_page_load() {
    let html = ("accept", "text/html");
    assert_eq!(
        kind(&Method::GET, &[("upgrade", "websocket"), ("connection", "keep-alive, Upgrade"), html]),
        WebSocket
    );
    assert_eq!(kind(&Method::GET, &[("upgrade", "h2c"), ("connection", "upgrade"), html]), Upgrade);
    assert_eq!(kind(&Method::GET, &[("upgrade", "websocket"), html]), Upgrade);
    assert_eq!(kind(&Method::POST, &[("upgrade", "websocket"), ("connection", "upgrade")]), Upgrade);
}

#[test]
fn names_are_distinct_words() {
    let names: std::collections::BTreeSet<_> = RequestKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), RequestKind::ALL.len());
}

proptest! {
    /// Whatever else a head says: one of these signs, and it is no page load and not unmarked.
    #[test]
    fn one_sign_against_it_is_enough(
        sign in prop::sample::select(vec![
            ("sec-purpose", "prefetch"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("x-purpose", "preview"),
            ("service-worker", "script"), ("accept", "text/event-stream"), ("upgrade", "websocket"),
            ("sec-fetch-dest", "iframe"), ("sec-fetch-dest", "image"), ("sec-fetch-mode", "cors"),
        ]),
        others in prop::collection::vec(prop::sample::select(vec![
            ("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "none"), ("connection", "upgrade"), ("sec-fetch-user", "?1"),
            ("upgrade-insecure-requests", "1"), ("x-requested-with", "XMLHttpRequest"),
        ]), 0..6),
        at in 0..6_usize,
    ) {
        let mut fields = others;
        fields.insert(at.min(fields.len()), sign);
        let kind = kind(&Method::GET, &fields);
        prop_assert!(!matches!(kind, Navigation | Unmarked), "{:?} is {:?}", fields, kind);
    }

    /// No bytes in a content type make a GET a gRPC call, whose answer would have status 200.
    #[test]
    fn only_a_post_is_a_grpc_call(bytes in prop::collection::vec(any::<u8>(), 0..40), post in any::<bool>()) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
        let method = if post { Method::POST } else { Method::GET };
        let is_grpc = matches!(RequestKind::of(&method, &headers), Grpc | GrpcWeb);
        prop_assert!(!is_grpc || (post && bytes.to_ascii_lowercase().starts_with(b"application/grpc")));
    }
}
