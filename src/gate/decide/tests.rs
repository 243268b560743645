//! Who passes where, and what the others get.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::super::{CrossSite, Options, RouteId};
use super::{Decision, Denial, Freshness, Route, SignedOut, Visitor, decide};
use crate::authz::{Rule, Term};
use crate::clock::Timestamp;
use crate::identity::{Fingerprint, HeaderPlan, Identity, IdentityHead, Preset, ProviderName, Vouched};
use crate::session::{Session, SessionId};
use crate::web::facts::Parts;
use crate::web::{
    Arrival, CanonicalPath, Facts, HostName, Origin, PeerAddr, RequestId, RequestKind, Source, TrustedProxies,
};

const NAVIGATION: &[(&str, &str)] = &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
const SOCKET: &[(&str, &str)] = &[("upgrade", "websocket"), ("connection", "upgrade")];

fn facts(method: Method, path: &str, query: Option<&str>, fields: &[(&'static str, &str)]) -> Facts {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }
    let peer = PeerAddr::new("192.0.2.1:5".parse().expect("an address"));
    let parts = Parts {
        kind: RequestKind::of(&method, &headers),
        source: Source::read(&headers),
        forwarded: TrustedProxies::default().read(peer, &headers),
        method,
        host: HostName::parse("wiki.example").expect("a host").0,
        path: CanonicalPath::parse(path).expect("a path"),
        query: query.map(str::to_owned),
        arrival: Arrival::new(peer),
        id: RequestId::fresh([0; 12]),
    };
    Facts::new(parts, &Origin::parse("https://wiki.example").expect("an origin"))
}

fn route(allow: &str, signed_out: SignedOut) -> Arc<Route> {
    route_with(allow, Options { signed_out, ..Options::default() })
}

fn route_with(allow: &str, options: Options) -> Arc<Route> {
    let term: Term = allow.parse().expect("a term");
    let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
    let route = Route::new(RouteId::new(0), "wiki".to_owned(), Rule::new(vec![term]), plan, options);
    Arc::new(route.accepting(vec![ProviderName::new("main")]))
}

fn session(groups: &[&str]) -> Session {
    let identity = Identity::vouch(Vouched {
        provider: ProviderName::new("main"),
        issuer: "https://op.example".into(),
        subject: "1".to_owned(),
        user: "alice".to_owned(),
        email: None,
        name: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        claims: vec![],
    });
    Session::begin(SessionId::new([1; 16]), identity, Fingerprint::default(), None, Timestamp::EPOCH)
}

/// The decision in one word.
fn word(facts: &Facts, route: &Arc<Route>, session: Option<(&Session, Freshness)>) -> &'static str {
    let head = IdentityHead::default();
    let visitor = session.map(|(session, freshness)| Visitor { session, freshness, head: &head });
    match decide(facts, route, visitor) {
        Decision::Pass(pass) if pass.session().is_some() => "pass with session",
        Decision::Pass(_) => "pass",
        Decision::Login => "login",
        Decision::Deny(Denial::SignInNeeded) => "401",
        Decision::Deny(Denial::Refused(_)) => "403",
        Decision::Deny(Denial::ForeignOrigin) => "403 foreign",
        Decision::Deny(Denial::WrongProvider) => "403 provider",
        Decision::Deny(Denial::ForeignWebSocket) => "403 websocket",
    }
}

#[test]
fn only_page_loads_are_sent_to_sign_in() {
    let all = [
        (NAVIGATION, "login", "login", "401"),
        (&[("accept", "text/html")], "login", "login", "401"),
        (&[("accept", "*/*")], "401", "login", "401"),
        (&[("sec-fetch-mode", "cors")], "401", "401", "401"),
        (SOCKET, "401", "401", "401"),
    ];
    for (fields, auto, redirect, never) in all {
        let facts = facts(Method::GET, "/", None, fields);
        for (signed_out, expected) in
            [(SignedOut::Auto, auto), (SignedOut::Redirect, redirect), (SignedOut::Unauthorized, never)]
        {
            assert_eq!(
                word(&facts, &route("signed-in", signed_out), None),
                expected,
                "{fields:?} {signed_out:?}"
            );
        }
    }
    let post = facts(Method::POST, "/", None, NAVIGATION);
    assert_eq!(word(&post, &route("signed-in", SignedOut::Redirect), None), "401");
}

#[test]
fn a_session_passes_by_the_rule_and_a_stale_one_counts_as_none() {
    let (facts, route) = (facts(Method::GET, "/", None, NAVIGATION), route("group:ops", SignedOut::Auto));
    let (ops, staff) = (session(&["ops"]), session(&["staff"]));
    assert_eq!(word(&facts, &route, Some((&ops, Freshness::Fresh))), "pass with session");
    assert_eq!(word(&facts, &route, Some((&staff, Freshness::Fresh))), "403");
    assert_eq!(word(&facts, &route, Some((&staff, Freshness::Stale))), "login");
    assert_eq!(word(&facts, &route, Some((&ops, Freshness::Stale))), "login");
}

#[test]
fn a_session_of_another_provider_is_refused_and_never_redirected() {
    let page = facts(Method::GET, "/", None, NAVIGATION);
    let session = session(&["ops"]);
    let of = |allow: &str, providers: &[&str]| {
        let rule = Rule::new(vec![allow.parse().expect("a term")]);
        let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
        let options = Options { signed_out: SignedOut::Redirect, ..Options::default() };
        let route = Route::new(RouteId::new(0), "wiki".to_owned(), rule, plan, options);
        let providers = providers.iter().map(|name| ProviderName::new(name)).collect();
        Arc::new(route.accepting(providers))
    };
    for freshness in [Freshness::Fresh, Freshness::Stale] {
        for allow in ["signed-in", "user:alice", "group:ops", "provider:main"] {
            for providers in [&["partner"][..], &[]] {
                let route = of(allow, providers);
                assert_eq!(word(&page, &route, Some((&session, freshness))), "403 provider", "{allow}");
                assert_eq!(word(&page, &route, None), "login");
            }
        }
        let socket = facts(Method::GET, "/", None, SOCKET);
        for facts in [&page, &socket] {
            assert_eq!(word(facts, &of("everyone", &["partner"]), Some((&session, freshness))), "pass");
        }
    }
    // Who could evade a term of deny by not being known is not let in.
    let rule = Rule::new(vec![Term::Everyone]).denying(vec!["user:mallory".parse().expect("a term")]);
    let route =
        Route::new(RouteId::new(0), "wiki".to_owned(), rule, HeaderPlan::default(), Options::default());
    let route = Arc::new(route.accepting(vec![ProviderName::new("partner")]));
    assert_eq!(word(&page, &route, Some((&session, Freshness::Fresh))), "403 provider");
    let both = of("user:alice", &["partner", "main"]);
    assert_eq!(word(&page, &both, Some((&session, Freshness::Fresh))), "pass with session");
}

#[test]
fn a_public_route_passes_everybody_with_identity_when_there_is_one() {
    let (facts, route) = (facts(Method::GET, "/", None, &[]), route("everyone", SignedOut::Auto));
    assert_eq!(word(&facts, &route, None), "pass");
    assert_eq!(word(&facts, &route, Some((&session(&[]), Freshness::Fresh))), "pass with session");
}

#[test]
fn a_websocket_with_a_session_needs_our_origin() {
    let (route, session) = (route("signed-in", SignedOut::Auto), session(&[]));
    for (origin, expected) in [
        (Some("https://wiki.example"), "pass with session"),
        (Some("https://WIKI.example:443"), "pass with session"),
        (Some("https://evil.example"), "403 websocket"),
        (Some("http://wiki.example"), "403 websocket"),
        (Some("https://wiki.example:8443"), "403 websocket"),
        (Some("null"), "403 websocket"),
        (None, "403 websocket"),
    ] {
        let mut fields = SOCKET.to_vec();
        fields.extend(origin.map(|origin| ("origin", origin)));
        let facts = facts(Method::GET, "/ws", None, &fields);
        assert_eq!(word(&facts, &route, Some((&session, Freshness::Fresh))), expected, "{origin:?}");
    }
}

#[test]
fn a_websocket_of_an_origin_that_the_route_names_passes() {
    let origins = vec![Origin::parse("https://app.example").expect("an origin")];
    let (session, route) = (session(&[]), route_with("signed-in", Options { origins, ..Options::default() }));
    for (origin, expected) in [
        ("https://app.example", "pass with session"),
        ("https://wiki.example", "pass with session"),
        ("https://app.example:8443", "403 websocket"),
        ("http://app.example", "403 websocket"),
        ("https://x.app.example", "403 websocket"),
    ] {
        let fields = [SOCKET, &[("origin", origin)]].concat();
        let facts = facts(Method::GET, "/ws", None, &fields);
        assert_eq!(word(&facts, &route, Some((&session, Freshness::Fresh))), expected, "{origin}");
    }
}

#[test]
fn unsafe_requests_of_other_sites_are_refused_where_the_route_says_so() {
    let origins = vec![Origin::parse("https://app.example").expect("an origin")];
    let refuse = Options { cross_site: CrossSite::Refuse, origins, ..Options::default() };
    let (session, strict) = (session(&[]), route_with("everyone", refuse));
    let lax = route("everyone", SignedOut::Auto);
    for (fields, passes) in [
        (&[("origin", "https://wiki.example")][..], true),
        (&[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")], true),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "http://wiki.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "https://wiki.example"), ("origin", "https://wiki.example")], false),
        (&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[], true),
    ] {
        for method in
            [Method::POST, Method::PUT, Method::DELETE, Method::from_bytes(b"PURGE").expect("a token")]
        {
            let facts = facts(method, "/", None, fields);
            let expected = if passes { "pass" } else { "403 foreign" };
            assert_eq!(word(&facts, &strict, None), expected, "{fields:?}");
            assert!(
                word(&facts, &strict, Some((&session, Freshness::Fresh))).starts_with(expected),
                "{fields:?}"
            );
            assert_eq!(word(&facts, &lax, None), "pass", "{fields:?}");
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(word(&facts(method, "/", None, fields), &strict, None), "pass", "{fields:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_protected_route_never_passes_nobody_and_a_query_changes_nothing(
        path in "/[a-z/.%;]{0,12}", query in "[ -~]{0,20}", mark in 0_usize..4, redirect in any::<bool>(),
    ) {
        let fields: &[(&str, &str)] = [NAVIGATION, SOCKET, &[], &[("accept", "text/html")]][mark];
        let route = route("signed-in", if redirect { SignedOut::Redirect } else { SignedOut::Auto });
        if CanonicalPath::parse(&path).is_ok() {
            let plain = word(&facts(Method::GET, &path, None, fields), &route, None);
            prop_assert!(!plain.starts_with("pass"));
            prop_assert_eq!(word(&facts(Method::GET, &path, Some(&query), fields), &route, None), plain);
        }
    }
}
