//! Who passes where, and what the others get.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::super::{Found, RouteId, RouteTable};
use super::{Decision, Denial, Freshness, Route, SignedOut, Visitor, decide};
use crate::authz::{Rule, Term};
use crate::clock::Timestamp;
use crate::identity::{Fingerprint, HeaderPlan, Identity, IdentityHead, Preset, ProviderName, Vouched};
use crate::session::{Session, SessionId};
use crate::web::facts::Parts;
use crate::web::{
    CanonicalPath, Facts, HostName, Origin, PeerAddr, RequestId, RequestKind, Source, TrustedProxies,
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
        peer,
        id: RequestId::fresh([0; 12]),
    };
    Facts::new(parts, &Origin::parse("https://wiki.example").expect("an origin"))
}

fn route(allow: &str, signed_out: SignedOut) -> Arc<Route> {
    let term: Term = allow.parse().expect("a term");
    let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
    let route = Route::new(RouteId::new(0), "wiki".to_owned(), Rule::new(vec![term]), plan, signed_out);
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
        Decision::Deny(Denial::NotAllowed) => "403",
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
fn the_longest_path_wins_on_segment_borders() {
    let mut table = RouteTable::default();
    let host = HostName::parse("wiki.example").expect("a host").0;
    let rule = || Rule::new(vec![Term::SignedIn]);
    for (index, path) in ["/", "/admin", "/admin/deep/x", "/a"].into_iter().enumerate() {
        let route =
            Route::new(RouteId::new(index), path.to_owned(), rule(), HeaderPlan::default(), SignedOut::Auto);
        assert!(table.insert(&host, path, &Arc::new(route)));
    }
    for (path, expected) in [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin"),
        ("/admin/users", "/admin"),
        ("/adminx", "/"),
        ("/Admin", "/"),
        ("/admin/deep", "/admin"),
        ("/admin/deep/x/y", "/admin/deep/x"),
        ("/a", "/a"),
        ("/ab", "/"),
        ("/%61dmin/x", "/admin"),
        ("/admin;x=1", "/admin"),
        ("//admin", "/admin"),
        ("/x/../admin", "/admin"),
    ] {
        match table.find(&host, &CanonicalPath::parse(path).expect("a path")) {
            Found::Route(route) => assert_eq!(route.name(), expected, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    for path in ["/%2561dmin", "/%252Fadmin", "/x%2Fadmin", "/admin%2Fx"] {
        assert!(
            matches!(table.find(&host, &CanonicalPath::parse(path).expect("a path")), Found::Doubtful),
            "{path}"
        );
    }
    for path in ["/a%2520b", "/admin/%2541"] {
        assert!(
            matches!(table.find(&host, &CanonicalPath::parse(path).expect("a path")), Found::Route(_)),
            "{path}"
        );
    }
    let other = HostName::parse("evil.example").expect("a host").0;
    assert!(matches!(table.find(&other, &CanonicalPath::parse("/").expect("a path")), Found::UnknownHost));
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
