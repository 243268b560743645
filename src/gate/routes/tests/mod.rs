//! Which route a request finds.

mod lenient;

use std::sync::Arc;

use http::Method;

use super::{EncodedSlashes, Found, Options, Route, RouteId, RouteTable};
use crate::authz::{Rule, Term};
use crate::gate::Methods;
use crate::identity::HeaderPlan;
use crate::web::{CanonicalPath, HostName, HostPattern};

/// A table of routes, each named by its place.
fn table(places: &[(&str, &str, &[&str])], encoded_slashes: EncodedSlashes) -> RouteTable {
    let mut table = RouteTable::default();
    for (index, (host, path, methods)) in places.iter().enumerate() {
        let listed = methods.iter().map(|name| Method::from_bytes(name.as_bytes()).expect("a method"));
        let methods = if methods.is_empty() { Methods::ALL } else { Methods::of(listed.collect()) };
        let options = Options { methods, encoded_slashes, ..Options::default() };
        let name = format!("{host}{path}#{index}");
        let rule = Rule::new(vec![Term::SignedIn]);
        let route = Route::new(RouteId::new(index), name, rule, HeaderPlan::default(), options);
        table
            .insert(&HostPattern::parse(host).expect("a host"), path, &Arc::new(route))
            .expect("a free place");
    }
    table
}

fn found(table: &RouteTable, method: &str, host: &str, path: &str) -> String {
    let host = HostName::parse(host).expect("a host").0;
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    match table.find(&host, &CanonicalPath::parse(path).expect("a path"), &method) {
        Found::Route(route) => route.name().to_owned(),
        Found::UnknownHost => "no host".to_owned(),
        Found::UnknownPath => "no path".to_owned(),
        Found::OtherMethods(taken) => {
            format!("only {}", taken.iter().map(Method::as_str).collect::<Vec<_>>().join(" "))
        }
        Found::Doubtful => "doubtful".to_owned(),
    }
}

#[test]
fn the_longest_path_wins_on_segment_borders() {
    let hosts = ["/", "/admin", "/admin/deep/x", "/a"].map(|path| ("wiki.example", path, &[][..]));
    let table = table(&hosts, EncodedSlashes::Refuse);
    for (path, expected) in [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin"),
        ("/admin/users", "/admin"),
        ("/adminx", "/"),
        ("/Adminx", "/"),
        ("/admin/deep", "/admin"),
        ("/admin/deep/x/y", "/admin/deep/x"),
        ("/a", "/a"),
        ("/ab", "/"),
        ("/admin/%61", "/admin"),
        ("/admin;x=1", "/admin"),
        ("//admin", "/admin"),
        ("/x/../admin", "/admin"),
    ] {
        let name = found(&table, "GET", "wiki.example", path);
        assert!(name.starts_with(&format!("wiki.example{expected}#")), "{path}: {name}");
    }
    for path in ["/%61dmin/x", "/%2561dmin", "/%252Fadmin", "/x%2Fadmin", "/admin%2Fx", "/Admin"] {
        assert_eq!(found(&table, "GET", "wiki.example", path), "doubtful", "{path}");
    }
    for path in ["/a%2520b", "/admin/%2541"] {
        assert!(found(&table, "GET", "wiki.example", path).starts_with("wiki.example/"), "{path}");
    }
    assert_eq!(found(&table, "GET", "evil.example", "/"), "no host");
}

#[test]
fn an_exact_host_wins_and_what_it_lacks_is_not_looked_for_at_the_pattern() {
    let places: [(&str, &str, &[&str]); 4] = [
        ("*.wiki.example", "/", &[]),
        ("*.wiki.example", "/admin", &[]),
        ("a.wiki.example", "/app", &[]),
        ("wiki.example", "/", &[]),
    ];
    let table = table(&places, EncodedSlashes::Refuse);
    for (host, path, expected) in [
        ("b.wiki.example", "/x", "*.wiki.example/#0"),
        ("b.wiki.example", "/admin", "*.wiki.example/admin#1"),
        ("B.WIKI.example.:8443", "/admin", "*.wiki.example/admin#1"),
        ("a.wiki.example", "/app/x", "a.wiki.example/app#2"),
        ("a.wiki.example", "/admin", "no path"),
        ("a.wiki.example", "/", "no path"),
        ("wiki.example", "/admin", "wiki.example/#3"),
        ("x.b.wiki.example", "/", "no host"),
        ("xwiki.example", "/", "no host"),
        ("example", "/", "no host"),
    ] {
        assert_eq!(found(&table, "GET", host, path), expected, "{host}{path}");
    }
    let host = |text: &str| HostName::parse(text).expect("a host").0;
    assert!(table.has_host(&host("b.wiki.example")) && !table.names_host(&host("b.wiki.example")));
    assert!(table.names_host(&host("a.wiki.example")) && !table.has_host(&host("a.a.wiki.example")));
}

#[test]
fn methods_choose_among_the_routes_of_a_place_and_never_a_shorter_path() {
    let places: [(&str, &str, &[&str]); 4] = [
        ("wiki.example", "/", &[]),
        ("wiki.example", "/api", &["GET"]),
        ("wiki.example", "/api", &["POST", "DELETE"]),
        ("wiki.example", "/hook", &["POST"]),
    ];
    let table = table(&places, EncodedSlashes::Refuse);
    for (method, path, expected) in [
        ("GET", "/api/x", "wiki.example/api#1"),
        ("HEAD", "/api", "wiki.example/api#1"),
        ("POST", "/api/x", "wiki.example/api#2"),
        ("PUT", "/api", "only GET HEAD POST DELETE"),
        ("OPTIONS", "/api", "only GET HEAD POST DELETE"),
        ("get", "/api", "only GET HEAD POST DELETE"),
        ("GET", "/hook/x", "only POST"),
        ("HEAD", "/hook", "only POST"),
        ("PUT", "/", "wiki.example/#0"),
        // As another server decodes it, this is a place where the method leads to another route, or to none.
        ("GET", "/%2561pi", "doubtful"),
        ("POST", "/%2561pi", "doubtful"),
        ("PUT", "/%2561pi", "doubtful"),
    ] {
        assert_eq!(found(&table, method, "wiki.example", path), expected, "{method} {path}");
    }
}

#[test]
fn an_encoded_slash_passes_within_its_segment_only() {
    let places: [(&str, &str, &[&str]); 3] =
        [("wiki.example", "/", &[]), ("wiki.example", "/api", &[]), ("wiki.example", "/api/admin", &[])];
    let table = table(&places, EncodedSlashes::Pass);
    for (path, expected) in [
        ("/api/group%2Fproject", "wiki.example/api#1"),
        ("/api/group%2fproject/x", "wiki.example/api#1"),
        ("/api/%2Fx", "wiki.example/api#1"),
        // Read as a plain slash, these would be another route's.
        ("/api%2Fadmin", "doubtful"),
        ("/api/x%2F", "wiki.example/api#1"),
        ("/x%2Fapi", "wiki.example/#0"),
        ("/api%2Fx", "doubtful"),
        ("/api/admin%2Fx", "doubtful"),
        ("/%2Fapi", "doubtful"),
    ] {
        assert_eq!(found(&table, "GET", "wiki.example", path), expected, "{path}");
    }
    for path in ["/api/..%2Fadmin", "/api/x%2F..%2Fadmin", "/api/%2e%2e%2Fadmin", "/api/x%252F%252e%252e"] {
        assert!(CanonicalPath::parse(path).is_err(), "{path}");
    }
}

#[test]
fn a_place_that_is_taken_is_not_taken_over() {
    let mut table = table(&[("wiki.example", "/", &["GET"])], EncodedSlashes::Refuse);
    let host = HostPattern::parse("wiki.example").expect("a host");
    let route = |methods: &[Method]| {
        let options = Options { methods: Methods::of(methods.to_vec()), ..Options::default() };
        Arc::new(Route::new(
            RouteId::new(1),
            "b".to_owned(),
            Rule::new(vec![]),
            HeaderPlan::default(),
            options,
        ))
    };
    assert!(table.insert(&host, "/", &route(&[Method::HEAD])).is_err());
    assert!(table.insert(&host, "/", &route(&[Method::POST])).is_ok());
}
