//! No text leads a browser away from the origins that are ours.

use proptest::prelude::*;
use url::Url;

use super::{Origin, ReturnTo};

fn own() -> Origin {
    Origin::parse("https://app.example").expect("an origin")
}

fn parse(text: &str) -> Option<String> {
    ReturnTo::parse(text, &own(), |origin| {
        *origin == Origin::parse("https://other.example").expect("an origin")
    })
    .map(|to| to.as_str().to_owned())
}

#[test]
fn own_paths_and_allowed_origins_pass() {
    for (text, to) in [
        ("/", "/"),
        ("/a/b?c=d&e=/f", "/a/b?c=d&e=/f"),
        ("/a#fragment", "/a"),
        ("/a/../b", "/b"),
        ("/%2e%2e/x", "/x"),
        ("https://app.example/x", "/x"),
        ("https://app.example:443/x", "/x"),
        ("https://other.example/x?y", "https://other.example/x?y"),
        ("/\u{fc}ber", "/%C3%BCber"),
        ("/?\\evil.example", "/?\\evil.example"),
        ("https://other.example?\\@evil.example", "https://other.example/?\\@evil.example"),
    ] {
        assert_eq!(parse(text).as_deref(), Some(to), "{text}");
    }
}

#[test]
fn every_other_text_is_refused() {
    for text in [
        "",
        "a",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/x",
        " /x",
        "https:evil.example",
        "https:/evil.example",
        "https://app.example@evil.example/",
        "https://user@app.example/",
        "https://app.example.evil.example/",
        "https://evilapp.example/",
        "http://app.example/",
        "https://app.example:8443/",
        "https://app.example\\.evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "HTTPS://evil.example",
        "/%5cx",
        "https://evil.example/https://app.example/",
        "/a\u{a0}b",
        "/a\u{2028}b",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    assert_eq!(parse(&format!("/{}", "a".repeat(ReturnTo::MAX))), None);
}

#[test]
fn folding_never_uncovers_a_foreign_host() {
    for text in ["/.//evil.example", "/a/..//evil.example", "/././/evil.example/x"] {
        let to = parse(text).unwrap_or_else(|| "/".to_owned());
        assert!(!to.starts_with("//"), "{text} became {to}");
    }
}

proptest! {
    #[test]
    fn resolving_it_against_our_origin_stays_on_our_origins(text in "(/|//|https?:|\\\\|\\.|@|%2f|%5c|\t|app\\.example|evil\\.example|:|\\?|#|[a-z]){0,10}") {
        if let Some(to) = ReturnTo::parse(&text, &own(), |_| false) {
            let url = Url::parse("https://app.example/deep/page").expect("a base").join(to.as_str()).expect("resolves");
            prop_assert_eq!(url.origin().ascii_serialization(), "https://app.example");
        }
    }
}
