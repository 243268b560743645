//! Who gets in by which term.

use std::str::FromStr;

use proptest::prelude::*;

use super::{List, Outcome, Refused, Rule, Term, TermError, Verdict};
use crate::identity::{Claim, Identity, ProviderName, Vouched};
use crate::web::facts::Parts;
use crate::web::forwarded::Convention;
use crate::web::{
    Arrival, CanonicalPath, Facts, HostName, Origin, PeerAddr, RequestId, RequestKind, Source, TrustedProxies,
};

/// A request from this address, with an X-Forwarded-For that nobody trusts.
fn from(address: &str) -> Facts {
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("x-forwarded-for"),
        http::HeaderValue::from_static("10.9.9.9"),
    )]);
    let peer = PeerAddr::new(std::net::SocketAddr::new(address.parse().expect("an address"), 4711));
    let parts = Parts {
        method: http::Method::GET,
        host: HostName::parse("wiki.example").expect("a host").0,
        path: CanonicalPath::parse("/").expect("a path"),
        query: None,
        arrival: Arrival::new(peer),
        forwarded: TrustedProxies::new(Vec::new(), Convention::XForwarded).read(peer, &headers),
        kind: RequestKind::Navigation,
        source: Source::default(),
        id: RequestId::fresh([0; 12]),
    };
    Facts::new(parts, &Origin::parse("https://wiki.example").expect("an origin"))
}

fn terms(texts: &[&str]) -> Vec<Term> {
    texts.iter().map(|text| Term::from_str(text).expect(text)).collect()
}

fn rule(allow: &[&str], require: &[&str], deny: &[&str]) -> Rule {
    Rule::new(terms(allow)).requiring(terms(require)).denying(terms(deny))
}

/// The verdict in one word, with the term that decided.
fn word(rule: &Rule, identity: Option<&Identity>, address: &str) -> String {
    match rule.evaluate(identity, &from(address)) {
        Verdict::Admitted(entry) => format!("pass {}", entry.text()),
        Verdict::SignInNeeded => "sign in".to_owned(),
        Verdict::Refused(Refused::Denied(entry)) => format!("denied {}", entry.text()),
        Verdict::Refused(Refused::Missing(entry)) => format!("missing {}", entry.text()),
        Verdict::Refused(Refused::NotAllowed) => "not allowed".to_owned(),
    }
}

fn person(user: &str, email: Option<&str>, groups: &[&str]) -> Identity {
    Identity::vouch(Vouched {
        provider: ProviderName::new("main"),
        issuer: "https://op.example".into(),
        subject: "s".to_owned(),
        user: user.to_owned(),
        email: email.map(str::to_owned),
        name: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        claims: vec![Claim::new("amr".to_owned(), vec!["pwd".to_owned(), "otp".to_owned()])],
    })
}

fn admits(term: &str, identity: Option<&Identity>) -> bool {
    let rule = Rule::new(terms(&[term]));
    matches!(rule.evaluate(identity, &from("192.0.2.1")), Verdict::Admitted(_))
}

#[test]
fn a_refusal_tells_the_operator_what_the_provider_did_not_send() {
    let lacking = |terms: &[&str], identity: &Identity| rule(terms, &[], &[]).lacking(identity);
    let bare = person("alice", None, &[]);
    for (term, word) in [
        ("domain:example.com", "email_trusted"),
        ("email:alice@example.com", "email_trusted"),
        ("group:staff", "groups_claim"),
        ("claim:acr=mfa", "claim acr"),
    ] {
        assert!(lacking(&[term], &bare).is_some_and(|text| text.contains(word)), "{term}");
    }
    let all = lacking(&["group:a", "group:b", "domain:example.com"], &bare).expect("two");
    assert_eq!(all.matches("came with the sign-in").count(), 2, "{all}");
    for term in ["user:bob", "provider:other", "signed-in", "claim:amr=mfa"] {
        assert_eq!(lacking(&[term], &bare), None, "{term}");
    }
    let alice = person("alice", Some("alice@example.com"), &["staff"]);
    assert_eq!(lacking(&["group:ops", "domain:other.example", "email:bob@example.com"], &alice), None);
}

#[test]
fn each_term_admits_whom_it_names_and_nobody_else() {
    let alice = person("alice", Some("alice@Example.com"), &["staff"]);
    for term in [
        "everyone",
        "signed-in",
        "user:alice",
        "email:alice@example.com",
        "domain:example.com",
        "group:staff",
        "provider:main",
        "claim:amr=otp",
    ] {
        assert!(admits(term, Some(&alice)), "{term}");
    }
    for term in [
        "user:Alice",
        "user:alic",
        "email:Alice@example.com",
        "domain:ample.com",
        "domain:www.example.com",
        "group:Staff",
        "group:staf",
        "provider:other",
        "claim:amr=mfa",
        "claim:acr=otp",
    ] {
        assert!(!admits(term, Some(&alice)), "{term}");
    }
    assert!(admits("everyone", None));
    for term in ["signed-in", "user:alice", "domain:example.com", "group:staff", "claim:amr=otp"] {
        assert!(!admits(term, None), "{term}");
    }
}

#[test]
fn an_address_with_two_ats_is_nobodys() {
    for email in
        ["mallory@evil.example@example.com", "@example.com", "mallory@", "a b@example.com", "example.com"]
    {
        assert!(!admits("domain:example.com", Some(&person("m", Some(email), &[]))), "{email}");
    }
    assert!(!admits("domain:example.com", Some(&person("m", None, &[]))));
}

#[test]
fn a_rule_tells_sign_in_needed_from_refused() {
    let rule = Rule::new(vec![Term::Group("ops".to_owned()), Term::User("carol".to_owned())]);
    assert_eq!(word(&rule, None, "192.0.2.1"), "sign in");
    assert_eq!(word(&rule, Some(&person("bob", None, &["staff"])), "192.0.2.1"), "not allowed");
    assert_eq!(word(&rule, Some(&person("carol", None, &[])), "192.0.2.1"), "pass user:carol");
    assert_eq!(word(&Rule::new(vec![]), Some(&person("bob", None, &[])), "192.0.2.1"), "not allowed");
}

#[test]
fn deny_wins_then_every_requirement_must_hold_then_one_term_admits() {
    let rule = rule(
        &["group:staff", "user:root"],
        &["network:10.0.0.0/8", "claim:amr=otp"],
        &["user:mallory", "network:10.66.0.0/16"],
    );
    let staff = |name| person(name, None, &["staff"]);
    let (alice, mallory, guest) = (staff("alice"), staff("mallory"), person("guest", None, &[]));
    for (identity, address, expected) in [
        (Some(&alice), "10.0.0.1", "pass group:staff"),
        (Some(&alice), "::ffff:10.0.0.1", "pass group:staff"),
        (Some(&alice), "192.0.2.1", "missing network:10.0.0.0/8"),
        (Some(&alice), "10.66.1.1", "denied network:10.66.0.0/16"),
        (Some(&mallory), "10.0.0.1", "denied user:mallory"),
        (Some(&mallory), "192.0.2.1", "denied user:mallory"),
        (Some(&guest), "10.0.0.1", "not allowed"),
        (None, "10.0.0.1", "sign in"),
        // No sign-in could help: nobody is sent to one.
        (None, "10.66.1.1", "denied network:10.66.0.0/16"),
        (None, "192.0.2.1", "missing network:10.0.0.0/8"),
    ] {
        assert_eq!(word(&rule, identity, address), expected, "{identity:?} {address}");
    }
    assert_eq!(
        rule.to_string(),
        "group:staff, user:root; require network:10.0.0.0/8, claim:amr=otp; deny user:mallory, network:10.66.0.0/16"
    );
}

#[test]
fn a_term_about_people_cannot_be_evaded_by_not_signing_in() {
    let alice = person("alice", None, &["staff"]);
    let from_here = rule(&["everyone"], &["network:10.0.0.0/8"], &["network:10.1.0.0/16"]);
    assert!(from_here.is_public() && !from_here.is_open());
    assert_eq!(word(&from_here, None, "10.0.0.1"), "pass everyone");
    assert_eq!(word(&from_here, None, "10.1.0.1"), "denied network:10.1.0.0/16");
    assert_eq!(word(&from_here, Some(&alice), "192.0.2.1"), "missing network:10.0.0.0/8");
    for rule in [rule(&["everyone"], &[], &["user:mallory"]), rule(&["everyone"], &["group:staff"], &[])] {
        assert!(!rule.is_public(), "{rule}");
        assert_eq!(word(&rule, None, "10.0.0.1"), "sign in", "{rule}");
        assert_eq!(word(&rule, Some(&alice), "10.0.0.1"), "pass everyone", "{rule}");
    }
    assert!(rule(&["everyone"], &[], &[]).is_open());
}

#[test]
fn each_term_is_judged_in_order_and_told_apart() {
    let rule = rule(&["group:staff"], &["network:10.0.0.0/8"], &["user:bob"]);
    let facts = from("192.0.2.1");
    let judged: Vec<_> = rule.judge_each(None, &facts).map(|(list, _, outcome)| (list, outcome)).collect();
    assert_eq!(
        judged,
        [
            (List::Deny, Outcome::NeedsSession),
            (List::Require, Outcome::Fails),
            (List::Allow, Outcome::NeedsSession)
        ]
    );
    let bob = person("bob", None, &["staff"]);
    let facts = from("10.0.0.1");
    let judged: Vec<_> =
        rule.judge_each(Some(&bob), &facts).map(|(_, entry, outcome)| (entry.text(), outcome)).collect();
    assert_eq!(
        judged,
        [
            ("user:bob", Outcome::Holds),
            ("network:10.0.0.0/8", Outcome::Holds),
            ("group:staff", Outcome::Holds)
        ]
    );
}

#[test]
fn an_ipv6_network_holds_no_ipv4_address_and_the_other_way_round() {
    for (network, address, is_in) in [
        ("fd00::/8", "fd12::1", true),
        ("fd00::/8", "fe80::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "10.0.0.1", false),
        ("::/0", "::ffff:10.0.0.1", false),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("::1", "::1", true),
    ] {
        let rule = rule(&["everyone"], &[&format!("network:{network}")], &[]);
        assert_eq!(word(&rule, None, address) == "pass everyone", is_in, "{network} {address}");
    }
}

#[test]
fn texts_that_are_no_terms_are_refused() {
    use TermError as E;
    for (text, error) in [
        ("", E::Unknown(String::new())),
        ("staff", E::Unknown("staff".to_owned())),
        ("groups:staff", E::Unknown("groups:staff".to_owned())),
        ("local:x", E::Unknown("local:x".to_owned())),
        ("group:", E::NoValue("group")),
        ("email:x", E::NoEmail("x".to_owned())),
        ("domain:*.example.com", E::NoDomain("*.example.com".to_owned())),
        ("domain:@example.com", E::NoDomain("@example.com".to_owned())),
        ("claim:acr", E::NoClaim),
        ("claim:=x", E::NoClaim),
        ("network:", E::NoValue("network")),
        ("network:x", E::NoNetwork("x".to_owned())),
        ("network:10.0.0.0/33", E::NoNetwork("10.0.0.0/33".to_owned())),
        ("network:10.0.0.1/8", E::HostBits("10.0.0.1/8".parse().expect("a network"))),
        ("network:::ffff:10.0.0.0/104", E::MappedNetwork("::ffff:10.0.0.0/104".parse().expect("a network"))),
        ("network:::ffff:10.0.0.1", E::MappedNetwork("::ffff:10.0.0.1/128".parse().expect("a network"))),
    ] {
        assert_eq!(Term::from_str(text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn printing_and_parsing_a_term_gives_it_back(text in "(user|group|email|domain|claim|provider|network):[0-9a-z=@.:/]{1,12}") {
        if let Ok(term) = Term::from_str(&text) {
            prop_assert_eq!(Term::from_str(&term.to_string()), Ok(term));
        }
    }

    #[test]
    fn a_further_group_never_shuts_anybody_out(mut groups in prop::collection::vec("[a-c]{1}", 0..4), more in "[a-c]{1}") {
        let rule = Rule::new(vec![Term::Group("a".to_owned()), Term::Group("b".to_owned())]);
        let names = |groups: &[String]| person("x", None, &groups.iter().map(String::as_str).collect::<Vec<_>>());
        let here = from("192.0.2.1");
        let enters = |identity: &Identity| matches!(rule.evaluate(Some(identity), &here), Verdict::Admitted(_));
        let before = enters(&names(&groups));
        groups.push(more);
        prop_assert!(!before || enters(&names(&groups)));
    }

    #[test]
    fn a_further_denial_or_requirement_never_lets_anybody_in(
        allow in prop::collection::vec(0_usize..7, 1..3), require in prop::collection::vec(0_usize..7, 0..3),
        deny in prop::collection::vec(0_usize..7, 0..3), more in 0_usize..7, signed_in in any::<bool>(), inside in any::<bool>(),
    ) {
        const TERMS: [&str; 7] = ["everyone", "user:x", "user:y", "group:a", "network:10.0.0.0/8", "claim:amr=otp", "signed-in"];
        let pick = |list: &[usize]| list.iter().map(|at| TERMS[*at]).collect::<Vec<_>>();
        let person = person("x", None, &["a"]);
        let identity = signed_in.then_some(&person);
        let facts = from(if inside { "10.0.0.1" } else { "192.0.2.1" });
        let enters = |rule: &Rule| matches!(rule.evaluate(identity, &facts), Verdict::Admitted(_));
        let before = enters(&rule(&pick(&allow), &pick(&require), &pick(&deny)));
        let with = |list: &[usize]| pick(&[list, &[more]].concat());
        prop_assert!(before || !enters(&rule(&pick(&allow), &with(&require), &pick(&deny))));
        prop_assert!(before || !enters(&rule(&pick(&allow), &pick(&require), &with(&deny))));
    }
}

#[test]
fn an_address_that_is_denied_is_denied_in_any_case() {
    let mallory = person("mallory", Some("Mallory@Example.com"), &[]);
    for (list, address, expected) in [
        ("allow", "mallory@example.com", "not allowed"),
        ("allow", "Mallory@example.com", "pass email:Mallory@example.com"),
        ("deny", "mallory@example.com", "denied email:mallory@example.com"),
        ("deny", "MALLORY@EXAMPLE.COM", "denied email:MALLORY@EXAMPLE.COM"),
        ("deny", "allory@example.com", "pass signed-in"),
    ] {
        let term = format!("email:{address}");
        let rule = match list {
            "allow" => rule(&[&term], &[], &[]),
            _ => rule(&["signed-in"], &[], &[&term]),
        };
        assert_eq!(word(&rule, Some(&mallory), "10.0.0.1"), expected, "{list} {address}");
    }
}
