//! That no application, however leniently it reads a path, sees one that another route guards.

use std::sync::Arc;

use http::Method;
use proptest::prelude::*;

use crate::authz::Rule;
use crate::gate::{EncodedSlashes, Found, Options, Route, RouteId, RouteTable};
use crate::identity::{HeaderPlan, Preset};
use crate::web::{CanonicalPath, HostName, HostPattern};

const PATHS: &[&str] = &["/", "/public", "/public/admin", "/admin", "/admin/open/x"];

fn table(encoded_slashes: EncodedSlashes) -> (RouteTable, HostName) {
    let host = HostName::parse("wiki.example").expect("a host").0;
    let mut table = RouteTable::default();
    for (index, path) in PATHS.iter().enumerate() {
        let rule = Rule::new(vec!["everyone".parse().expect("a term")]);
        let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
        let options = Options { encoded_slashes, ..Options::default() };
        let route = Route::new(RouteId::new(index), (*path).to_owned(), rule, plan, options);
        table.insert(&HostPattern::Exact(host.clone()), path, &Arc::new(route)).expect("a free place");
    }
    (table, host)
}

/// How an application reads a path.
#[derive(Clone, Copy, Debug)]
struct Reader {
    /// How often it decodes. What is no encoding it keeps.
    decodes: usize,
    /// Whether it takes what it decoded for a URL, which ends at `?` or `#`.
    cuts_query: bool,
    /// Whether it compares paths in any case, as Express and IIS do.
    ignores_case: bool,
}

impl Reader {
    /// The segments that it sees: `\` for `/`, slashes merged, `;params` cut, dots resolved.
    fn read(self, sent: &str) -> Vec<String> {
        let mut path = sent.to_owned();
        for _ in 0..self.decodes {
            path = decode(&path);
        }
        if self.cuts_query {
            path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        }
        let mut segments: Vec<String> = Vec::new();
        for segment in cut(&path).split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                _ => segments.push(segment.to_owned()),
            }
        }
        segments
    }
}

fn cut(path: &str) -> String {
    let segments = path.split(['/', '\\']).map(|segment| segment.split(';').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join("/")
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes().peekable();
    let text = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.next() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                bytes.next();
                bytes.next();
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The route that guards these segments.
fn guard(segments: &[String], ignores_case: bool) -> &'static str {
    let same =
        |own: &str, segment: &str| own == segment || (ignores_case && own.eq_ignore_ascii_case(segment));
    let guards = |path: &&&str| {
        let own: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.len() >= own.len() && own.iter().zip(segments).all(|(own, segment)| same(own, segment))
    };
    PATHS.iter().filter(guards).max_by_key(|path| path.len()).expect("the root guards all")
}

/// Pieces of which attacks are made, each encoded up to three times.
fn piece() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "/", "\\", ".", "..", ";", ";x", "?", "#", "%", "public", "admin", "open", "x", "a", "dmin", "%zz",
        "\u{e9}", "Admin", "PUBLIC", "D",
    ]);
    (plain, 0_usize..4, any::<bool>()).prop_map(|(plain, times, whole)| {
        let mut text = plain.to_owned();
        for _ in 0..times {
            let encode = |byte: u8| {
                let keep = byte.is_ascii_alphanumeric() && !whole;
                if keep { char::from(byte).to_string() } else { format!("%{byte:02x}") }
            };
            text = text.bytes().map(encode).collect();
        }
        text
    })
}

fn check(raw: &str) -> Result<(), TestCaseError> {
    check_with(raw, EncodedSlashes::Refuse)?;
    check_with(raw, EncodedSlashes::Pass)
}

fn check_with(raw: &str, encoded_slashes: EncodedSlashes) -> Result<(), TestCaseError> {
    let (table, host) = table(encoded_slashes);
    let Ok(path) = CanonicalPath::parse(raw) else { return Ok(()) };
    let Found::Route(route) = table.find(&host, &path, &Method::GET) else { return Ok(()) };
    for decodes in 1..=4 {
        for (cuts_query, ignores_case) in [(false, false), (true, false), (false, true), (true, true)] {
            let reader = Reader { decodes, cuts_query, ignores_case };
            let seen = reader.read(path.sent());
            prop_assert_eq!(
                guard(&seen, reader.ignores_case),
                route.name(),
                "{} is {:?} to {:?}",
                path.sent(),
                seen,
                reader
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn no_lenient_application_sees_a_path_that_another_route_guards(
        pieces in prop::collection::vec(piece(), 1..9),
    ) {
        check(&format!("/{}", pieces.concat()))?;
    }
}

#[test]
fn known_tricks_reach_no_other_route() {
    for raw in [
        "/public;%3F%252fadmin",
        "/public;x%252Fadmin",
        "/public;x%255Cadmin",
        "/%2561dmin;%25",
        "/%2561dmin;%25ff",
        "/public/%252e%252e;%25/admin",
        "/public/%252e%252e%252fadmin%252f%25",
        "/admin%3Fx",
        "/admin%23x",
        "/admin%253Fx/y",
        "/Admin",
        "/ADMIN/x",
        "/public/ADMIN",
        "/%41dmin",
        "/%2541dmin",
        "/admin/OPEN/x",
    ] {
        check(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
    }
}

fn found(routes: &[(usize, &str)], path: &str) -> Option<usize> {
    let host = HostName::parse("wiki.example").expect("a host").0;
    let mut table = RouteTable::default();
    for (id, own) in routes {
        let rule = Rule::new(vec!["everyone".parse().expect("a term")]);
        let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
        let route =
            Arc::new(Route::new(RouteId::new(*id), (*own).to_owned(), rule, plan, Options::default()));
        table.insert(&HostPattern::Exact(host.clone()), own, &route).expect("a free place");
    }
    match table.find(&host, &CanonicalPath::parse(path).expect("a path"), &Method::GET) {
        Found::Route(route) => Some(route.id().index()),
        Found::Doubtful => None,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_path_that_another_route_has_in_another_case_is_doubtful() {
    let routes = [(0, "/"), (1, "/wiki"), (2, "/Api"), (3, "/caf\u{e9}")];
    for (path, route) in [
        ("/wiki/X", Some(1)),
        ("/Wiki", None),
        ("/WIKI/x", None),
        ("/Wikis", Some(0)),
        ("/X/wiki", Some(0)),
        ("/Api/x", Some(2)),
        ("/api/x", None),
        ("/CAF%C3%89", None),
    ] {
        assert_eq!(found(&routes, path), route, "{path}");
    }
    // Who names both knows of the difference; and where one route has both places, nothing hangs on it.
    assert_eq!(found(&[(0, "/"), (1, "/wiki"), (2, "/Wiki")], "/Wiki/x"), Some(2));
    assert_eq!(found(&[(0, "/"), (1, "/wiki"), (2, "/Wiki")], "/wiki/x"), Some(1));
    assert_eq!(found(&[(0, "/"), (1, "/wiki"), (2, "/Wiki")], "/WIKI/x"), None);
    assert_eq!(found(&[(0, "/"), (0, "/wiki")], "/WIKI/x"), Some(0));
}
