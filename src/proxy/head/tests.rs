//! Whatever a client sends, the upstream hears about the identity from us alone.

use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, TE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Authorization, Changes, Forwarding, MethodFields, Outgoing, Upgrade, rewrite};
use crate::identity::Reserved;
use crate::session::CookieNames;
use crate::session::Security;

/// The names of one route's header set, with a name that comes twice.
const IDENTITY: &[(&str, &str)] = &[
    ("x-forwarded-user", "alice"),
    ("x-remote-group", "ops"),
    ("x-remote-group", "staff"),
    ("x-team", "red"),
];

/// The form in which CGI and its kin compare names.
fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

fn name(text: &str) -> HeaderName {
    HeaderName::from_bytes(text.as_bytes()).expect("a name")
}

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let field = |(key, value): &(&str, &str)| (name(key), HeaderValue::from_str(value).expect("a value"));
    let mut headers = HeaderMap::new();
    fields.iter().map(field).for_each(|(name, value)| {
        headers.append(name, value);
    });
    headers
}

fn apply(headers: &mut HeaderMap, authorization: Authorization, upgrade: Upgrade) -> Changes {
    let identity: Vec<(HeaderName, HeaderValue)> =
        IDENTITY.iter().map(|(key, value)| (name(key), HeaderValue::from_static(value))).collect();
    let forwarding = Forwarding {
        chain: HeaderValue::from_static("203.0.113.9, 192.0.2.1"),
        client: HeaderValue::from_static("203.0.113.9"),
        scheme: HeaderValue::from_static("https"),
        host: HeaderValue::from_static("wiki.example:8443"),
        port: HeaderValue::from_static("8443"),
        request_id: HeaderValue::from_static("r1"),
        prefix: Some(HeaderValue::from_static("/app")),
    };
    let reserved = Reserved::new(identity.iter().map(|(name, _)| name));
    let cookies = CookieNames::new("vestibule".to_owned(), Security::Secure);
    let outgoing = Outgoing {
        reserved: &reserved,
        cookies: &cookies,
        authorization,
        forwarding: &forwarding,
        host: &HeaderValue::from_static("wiki.example:8443"),
        identity: &identity,
        upgrade,
        method: MethodFields::Removed,
        underscores: &[name("x_tenant"), name("x_remote_user")],
    };
    rewrite(headers, outgoing)
}

fn values(headers: &HeaderMap, key: &str) -> Vec<String> {
    headers.get_all(key).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

#[test]
fn a_second_connection_line_is_honoured_and_cannot_strip_what_we_set() {
    let mut headers = head(&[
        ("host", "wiki.example:8443"),
        ("connection", "keep-alive, x-first"),
        ("connection", "X-Second , x-forwarded-user, x-forwarded-for, host, content-length"),
        ("x-first", "1"),
        ("x-second", "2"),
        ("content-length", "3"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("proxy-authorization", "Basic eDp5"),
        ("trailer", "x-late"),
        ("expect", "100-continue"),
        ("accept", "*/*"),
    ]);
    let changes = apply(&mut headers, Authorization::Application, Upgrade::None);
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "content-length",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-user",
        "x-real-ip",
        "x-remote-group",
        "x-request-id",
        "x-team",
    ];
    assert_eq!(names, expected);
    assert_eq!((changes.reserved, changes.underscore), (0, 0));
    assert_eq!(values(&headers, "x-remote-group"), ["ops", "staff"]);
}

#[test]
fn what_only_we_may_set_goes_in_every_spelling() {
    let mut headers = head(&[
        ("X-Forwarded-User", "mallory"),
        ("x_forwarded_user", "mallory"),
        ("X-Team", "blue"),
        ("x_team", "blue"),
        ("x-auth-request-anything", "1"),
        ("forwarded", "for=1.2.3.4"),
        ("x-original-url", "/public"),
        ("x_custom", "1"),
        ("x-custom", "1"),
    ]);
    let changes = apply(&mut headers, Authorization::Application, Upgrade::None);
    assert_eq!((changes.reserved, changes.underscore), (7, 1));
    assert_eq!(values(&headers, "x-forwarded-user"), ["alice"]);
    assert_eq!(values(&headers, "x-team"), ["red"]);
    assert_eq!(values(&headers, "x-custom"), ["1"]);
    assert!(!headers.contains_key("forwarded") && !headers.contains_key("x_custom"));
}

#[test]
fn authorization_is_the_applications_unless_a_header_set_writes_it() {
    for (whose, kept) in [(Authorization::Application, true), (Authorization::Ours, false)] {
        let mut headers = head(&[("authorization", "Basic eDp5")]);
        apply(&mut headers, whose, Upgrade::None);
        assert_eq!(headers.contains_key(AUTHORIZATION), kept);
    }
}

#[test]
fn only_trailers_of_te_goes_on_and_only_a_websocket_upgrades() {
    let mut headers = head(&[("te", "gzip;q=0.5, Trailers"), ("connection", "te")]);
    apply(&mut headers, Authorization::Application, Upgrade::None);
    assert_eq!(
        (values(&headers, "te"), values(&headers, "connection")),
        (vec!["trailers".into()], vec!["te".into()])
    );

    let mut headers =
        head(&[("connection", "Upgrade"), ("upgrade", "websocket, h2c"), ("sec-websocket-key", "k")]);
    apply(&mut headers, Authorization::Application, Upgrade::WebSocket);
    assert_eq!(values(&headers, "upgrade"), ["websocket"]);
    assert_eq!(values(&headers, "connection"), ["Upgrade"]);
    assert_eq!(values(&headers, "sec-websocket-key"), ["k"]);
}

fn any_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "x-forwarded-user",
        "x_forwarded_user",
        "X-Forwarded_User",
        "x-remote-group",
        "x_remote-group",
        "x-remote-extra-scope",
        "x-team",
        "X_Team",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "connection",
        "keep-alive",
        "te",
        "upgrade",
        "transfer-encoding",
        "cookie",
        "accept",
        "host",
        "authorization",
        "expect",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[a-zA-Z_-]{1,12}"]
}

fn any_value() -> impl Strategy<Value = String> {
    let list = prop::collection::vec(any_name(), 0..4).prop_map(|names| names.join(", "));
    prop_oneof![
        list,
        "[ -~]{0,20}",
        Just("a=1; __Host-vestibule=x; b=2".to_owned()),
        Just("trailers".to_owned())
    ]
}

#[test]
fn only_listed_underscores_pass_and_never_one_that_reads_as_ours() {
    let mut headers = head(&[
        ("x_tenant", "red"),
        ("x_tenants", "blue"),
        ("x_remote_user", "root"),
        ("x_forwarded_prefix", "/evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x_http_method_override", "DELETE"),
        ("x-http-method", "DELETE"),
    ]);
    apply(&mut headers, Authorization::Application, Upgrade::None);
    assert_eq!(values(&headers, "x_tenant"), ["red"]);
    assert_eq!(values(&headers, "x-forwarded-prefix"), ["/app"]);
    for gone in
        ["x_tenants", "x_remote_user", "x_forwarded_prefix", "x_http_method_override", "x-http-method"]
    {
        assert!(!headers.contains_key(gone), "{gone}");
    }
}

proptest! {
    #[test]
    fn nothing_a_client_sends_imitates_or_removes_the_identity(
        fields in prop::collection::vec((any_name(), any_value()), 0..16), ours in any::<bool>(),
    ) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let sent = head(&fields);
        let mut headers = sent.clone();
        let whose = if ours { Authorization::Ours } else { Authorization::Application };
        apply(&mut headers, whose, Upgrade::None);

        // Identity exactly once, in no other spelling.
        for key in ["x-forwarded-user", "x-remote-group", "x-team"] {
            let expected: Vec<&str> =
                IDENTITY.iter().filter(|(own, _)| *own == key).map(|(_, value)| *value).collect();
            prop_assert_eq!(values(&headers, key), expected);
            prop_assert_eq!(headers.keys().filter(|own| fold(own.as_str()) == key).count(), 1);
        }
        let set_by_us = |key: &str| {
            ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip",
             "x-forwarded-prefix", "x-request-id", "host"].contains(&key) || IDENTITY.iter().any(|(own, _)| *own == key)
        };
        let reserved = Reserved::new([&name("x-team")]);
        let listed: Vec<String> = sent.get_all(CONNECTION).iter()
            .flat_map(|line| line.to_str().unwrap_or("").split(',').map(|token| token.trim().to_ascii_lowercase()))
            .filter(|token| token != "host" && token != "content-length")
            .collect();
        let trailers = headers.contains_key(TE);
        for key in headers.keys().map(HeaderName::as_str) {
            let ours_again = set_by_us(key) || (trailers && ["te", "connection"].contains(&key));
            prop_assert!(ours_again || !reserved.contains(key), "reserved {}", key);
            prop_assert!(ours_again || !listed.iter().any(|token| token == key), "listed {}", key);
            prop_assert!(!key.contains('_') || key == "x_tenant", "underscore {}", key);
        }
        prop_assert!(!headers.contains_key(TRANSFER_ENCODING));
        prop_assert_eq!(values(&headers, HOST.as_str()), vec!["wiki.example:8443".to_owned()]);
        prop_assert!(!values(&headers, COOKIE.as_str()).concat().contains("__Host-vestibule=x"));
        prop_assert!(headers.get_all(COOKIE).iter().count() <= 1);

        let once = headers.clone();
        apply(&mut headers, whose, Upgrade::None);
        prop_assert_eq!(headers, once);
    }
}
