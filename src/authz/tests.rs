//! Who gets in by which term.

use std::str::FromStr;

use proptest::prelude::*;

use super::{Rule, Term, TermError, Verdict};
use crate::identity::{Claim, Identity, ProviderName, Vouched};

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
    Term::from_str(term).expect(term).admits(identity)
}

#[test]
fn a_refusal_tells_the_operator_what_the_provider_did_not_send() {
    let lacking = |terms: &[&str], identity: &Identity| {
        let terms = terms.iter().map(|term| Term::from_str(term).expect(term)).collect();
        Rule::new(terms).lacking(identity)
    };
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
    assert_eq!(rule.evaluate(None), Verdict::SignInNeeded);
    assert_eq!(rule.evaluate(Some(&person("bob", None, &["staff"]))), Verdict::Refused);
    let carol = person("carol", None, &[]);
    assert!(matches!(rule.evaluate(Some(&carol)), Verdict::Admitted(entry) if entry.text() == "user:carol"));
    assert_eq!(Rule::new(vec![]).evaluate(Some(&person("bob", None, &[]))), Verdict::Refused);
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
    ] {
        assert_eq!(Term::from_str(text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn printing_and_parsing_a_term_gives_it_back(text in "(user|group|email|domain|claim|provider):[a-z=@.:/]{1,12}") {
        if let Ok(term) = Term::from_str(&text) {
            prop_assert_eq!(Term::from_str(&term.to_string()), Ok(term));
        }
    }

    #[test]
    fn a_further_group_never_shuts_anybody_out(mut groups in prop::collection::vec("[a-c]{1}", 0..4), more in "[a-c]{1}") {
        let rule = Rule::new(vec![Term::Group("a".to_owned()), Term::Group("b".to_owned())]);
        let names = |groups: &[String]| person("x", None, &groups.iter().map(String::as_str).collect::<Vec<_>>());
        let before = matches!(rule.evaluate(Some(&names(&groups))), Verdict::Admitted(_));
        groups.push(more);
        prop_assert!(!before || matches!(rule.evaluate(Some(&names(&groups))), Verdict::Admitted(_)));
    }
}
