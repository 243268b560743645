//! What a path may be, and that judging and sending never part.

use proptest::prelude::*;

use super::{CanonicalPath, EncodedSlash, PathError};

fn forms(raw: &str) -> (String, String) {
    let path = CanonicalPath::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
    (path.sent().to_owned(), path.judged().to_owned())
}

#[test]
fn plain_dot_segments_and_double_slashes_are_folded() {
    for (raw, sent) in [
        ("/", "/"),
        ("//", "/"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a/../b", "/b"),
        ("/a/..", "/"),
        ("//evil.example/x", "/evil.example/x"),
        ("/a...b", "/a...b"),
        ("/...", "/..."),
        ("/.well-known/x", "/.well-known/x"),
    ] {
        assert_eq!(forms(raw), (sent.to_owned(), sent.to_owned()), "{raw}");
    }
}

#[test]
fn what_is_sent_keeps_the_bytes_and_what_is_judged_is_decoded_once() {
    for (raw, judged) in [
        ("/caf%C3%A9", "/caf\u{e9}"),
        ("/a%20b", "/a b"),
        ("/a%2520b", "/a%20b"),
        ("/%61dmin", "/admin"),
        ("/a%23b", "/a#b"),
        ("/a%3Fb", "/a?b"),
        ("/admin;x=1/y;z", "/admin/y"),
        ("/a%3Bx", "/a"),
    ] {
        assert_eq!(forms(raw), (raw.to_owned(), judged.to_owned()), "{raw}");
    }
}

#[test]
fn an_encoded_slash_stays_inside_its_segment() {
    let path = CanonicalPath::parse("/api/group%2fproject").expect("parses");
    assert_eq!(path.judged(), "/api/group%2Fproject");
    assert_eq!(path.readings(), ["/api/group/project"]);
    assert_eq!(path.encoded_slash(), EncodedSlash::Present);
}

#[test]
fn a_doubly_encoded_name_shows_its_other_reading() {
    assert_eq!(CanonicalPath::parse("/%2561dmin").expect("parses").readings(), ["/admin"]);
    assert_eq!(CanonicalPath::parse("/%252Fadmin").expect("parses").readings(), ["/admin"]);
    assert!(CanonicalPath::parse("/a/b").expect("parses").readings().is_empty());
    assert!(CanonicalPath::parse("/a%20b/").expect("parses").readings().is_empty());
}

#[test]
fn the_readings_are_those_of_lenient_servers() {
    for (raw, deep) in [
        ("/%2561dmin;%25", "/admin"),
        ("/%2561dmin;%25ff", "/admin"),
        ("/public;x%252Fadmin", "/public/admin"),
        ("/public;x%252Fadmin;y%252Fz", "/public/admin/z"),
        ("/admin%3Fx/y", "/admin"),
        ("/admin%2523x/y/", "/admin"),
        ("/public;%3F%252Fadmin", "/public/admin"),
    ] {
        let path = CanonicalPath::parse(raw).expect(raw);
        assert!(path.readings().iter().any(|reading| reading == deep), "{raw}: {:?}", path.readings());
    }
}

/// A path of 32 KiB took seconds: each level of encoding costs a pass over all of it.
#[test]
fn a_long_chain_of_encodings_costs_no_more_than_a_few_passes() {
    let chain = format!("/%{}", "25".repeat(30_000));
    assert_eq!(CanonicalPath::parse(&chain), Err(PathError::TooDeep));
    // Literal percent signs are no chain.
    let literal = format!("/{}", "%25 %25zz".replace(' ', "%20").repeat(1_000));
    assert!(CanonicalPath::parse(&literal).is_ok());
}

#[test]
fn doubtful_forms_are_refused() {
    use PathError as E;
    for (raw, error) in [
        ("", E::NotAbsolute),
        ("a", E::NotAbsolute),
        ("*", E::NotAbsolute),
        ("/..", E::ClimbsOut),
        ("/a/../../b", E::ClimbsOut),
        ("/%2e%2e/admin", E::DisguisedDots),
        ("/%2E./admin", E::DisguisedDots),
        ("/.%2e/admin", E::DisguisedDots),
        ("/%2e/admin", E::DisguisedDots),
        ("/%252e%252e/admin", E::DisguisedDots),
        ("/%25252e/admin", E::DisguisedDots),
        ("/a%2f..%2fadmin", E::DisguisedDots),
        ("/a%252f..%252fadmin", E::DisguisedDots),
        ("/a%255c..%255cadmin", E::DisguisedDots),
        ("/..;/admin", E::DisguisedDots),
        ("/..;x=1/admin", E::DisguisedDots),
        ("/..%3b/admin", E::DisguisedDots),
        ("/.;/admin", E::DisguisedDots),
        ("/;/admin", E::EmptySegment),
        ("/;x=1/admin", E::EmptySegment),
        ("/%3b/admin", E::EmptySegment),
        ("/%253b/admin", E::EmptySegment),
        ("/a%2f;x%2fb", E::EmptySegment),
        ("/a/;", E::EmptySegment),
        ("/a\\b", E::Backslash),
        ("/a%5cb", E::Backslash),
        ("/a%00", E::Control),
        ("/a%0ab", E::Control),
        ("/a%7f", E::Control),
        ("/a%2500", E::Control),
        ("/a%", E::InvalidEncoding),
        ("/a%2", E::InvalidEncoding),
        ("/a%zz", E::InvalidEncoding),
        ("/%c0%ae%c0%ae/", E::NotUtf8),
        ("/a%ff", E::NotUtf8),
        ("/a#b", E::Fragment),
        ("/a?b", E::Fragment),
        // A bad percent sign ends no reading of a server that is lenient about it.
        ("/%252e%252e;%25/admin", E::DisguisedDots),
        ("/%252e%252e%252fadmin%25", E::DisguisedDots),
        ("/%252e%252e%252fadmin%25ff", E::DisguisedDots),
        ("/..%3fx", E::DisguisedDots),
        ("/..%2523x", E::DisguisedDots),
        ("/a%252525252525252525", E::TooDeep),
    ] {
        assert_eq!(CanonicalPath::parse(raw), Err(error), "{raw}");
    }
}

#[test]
fn a_prefix_is_cut_off_segment_by_segment_whatever_its_spelling() {
    for (raw, prefix, rest) in [
        ("/app", "/app", Some("/")),
        ("/app/", "/app", Some("/")),
        ("/app/x/y", "/app", Some("/x/y")),
        ("/app/x%20y", "/app", Some("/x%20y")),
        ("/%61pp/x", "/app", Some("/x")),
        ("/app;v=1/x;w=2", "/app", Some("/x;w=2")),
        ("//app//x", "/app", Some("/x")),
        ("/y/../app/./x", "/app", Some("/x")),
        ("/a/b%2Fc/d", "/a", Some("/b%2Fc/d")),
        ("/a/b/c", "/a/b", Some("/c")),
        ("/app/app/x", "/app", Some("/app/x")),
        ("/m%C3%BCll/x", "/m\u{fc}ll", Some("/x")),
        ("/appx", "/app", None),
        ("/x/app", "/app", None),
    ] {
        let path = CanonicalPath::parse(raw).expect(raw);
        assert_eq!(path.sent_below(prefix), rest, "{raw}");
    }
}

proptest! {
    #[test]
    fn what_is_left_below_a_prefix_is_judged_as_it_was(raw in "(/[a-c%.;12]{0,6}){1,5}", depth in 1_usize..3) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let judged = path.judged();
            let end = judged.match_indices('/').nth(depth).map_or(judged.len(), |(at, _)| at);
            let (prefix, below) = judged.split_at(end);
            if prefix.len() > 1 {
                let rest = path.sent_below(prefix).expect("a prefix");
                let again = CanonicalPath::parse(rest).expect("a path");
                prop_assert_eq!(again.sent(), rest);
                prop_assert_eq!(again.judged(), if below.is_empty() { "/" } else { below });
            }
        }
    }

    #[test]
    fn parsing_is_idempotent_and_leaves_nothing_doubtful(raw in "/[-a-z./%25e0cf;\\\\#A\u{e9}]{0,40}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let again = CanonicalPath::parse(path.sent());
            prop_assert_eq!(again.as_ref(), Ok(&path));
            for form in [path.sent(), path.judged()] {
                prop_assert!(form.starts_with('/') && !form.contains("//") && !form.contains('\\'));
                prop_assert!(form.split('/').all(|segment| segment != "." && segment != ".."));
            }
        }
    }
}
