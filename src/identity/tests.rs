//! What an upstream is told about a person, and what nobody else can tell it.

use http::HeaderName;
use serde_json::json;

use super::{
    Claim, HeaderPlan, HeaderSource, Identity, Preset, ProviderName, Reserved, Template, TemplateError,
    Vouched, Wanted,
};
use crate::secret::Secret;

fn identity(groups: &[&str]) -> Identity {
    Identity::vouch(Vouched {
        provider: ProviderName::new("main"),
        issuer: "https://op.example".into(),
        subject: "s-1".to_owned(),
        user: "zo\u{eb}".to_owned(),
        email: Some("zoe@example.com".to_owned()),
        name: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        claims: vec![Claim::new("/team/ids".to_owned(), vec!["1".to_owned(), "2".to_owned()])],
    })
}

fn rendered(template: &str, groups: &[&str]) -> Vec<String> {
    let source = HeaderSource::Template(Template::parse(template).expect("a template"));
    let plan = HeaderPlan::new(vec![(HeaderName::from_static("x-test"), source)]);
    let head = plan.render(Some((&identity(groups), "abcd1234")));
    head.fields().iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

#[test]
fn placeholders_give_their_values_and_a_missing_one_omits_the_header() {
    assert_eq!(rendered("{user}", &[]), ["zo\u{eb}"]);
    assert_eq!(rendered("{user} <{email}>", &[]), ["zo\u{eb} <zoe@example.com>"]);
    assert_eq!(rendered("{sub}@{issuer}#{session}", &[]), ["s-1@https://op.example#abcd1234"]);
    assert_eq!(rendered("{claim:/team/ids}", &[]), ["1,2"]);
    assert!(rendered("{name}", &[]).is_empty());
    assert!(rendered("x{name}", &[]).is_empty());
    assert!(rendered("{groups}", &[]).is_empty());
    assert!(rendered("{claim:absent}", &[]).is_empty());
}

#[test]
fn a_group_that_contains_the_separator_cannot_forge_a_second_group() {
    assert_eq!(rendered("{groups}", &["staff", "a,ops", "b"]), ["staff,b"]);
    assert_eq!(rendered("{groups}", &["a,ops"]), Vec::<String>::new());
    assert_eq!(rendered("{groups:|}", &["staff", "a,ops", "b|ops"]), ["staff|a,ops"]);
    assert_eq!(rendered("{groups*}", &["staff", "a,ops"]), ["staff", "a,ops"]);
    // "ops|||b" would be read as "ops" and "|b".
    assert_eq!(rendered("{groups:||}", &["ops|", "b", "|c"]), ["b|||c"]);
    assert_eq!(rendered("{groups:, }", &["a,", "b c"]), ["a,, b c"]);
}

#[test]
fn a_value_with_a_control_character_never_becomes_a_header() {
    for group in ["a\r\nx-admin: 1", "a\0", "a\tb", "a\u{85}b", "\u{7f}"] {
        assert!(rendered("{groups*}", &[group]).is_empty(), "{group:?}");
    }
}

#[test]
fn a_value_with_a_space_at_an_end_is_left_out_since_it_would_arrive_as_another() {
    for odd in [" admin", "admin ", "\u{a0}admin", "admin\u{3000}", "  "] {
        let identity = Identity::vouch(Vouched {
            provider: ProviderName::new("main"),
            issuer: "https://op.example".into(),
            subject: odd.to_owned(),
            user: "zoe".to_owned(),
            email: None,
            name: Some(odd.to_owned()),
            groups: vec![],
            claims: vec![
                Claim::new("nick".to_owned(), vec![odd.to_owned()]),
                Claim::new("roles".to_owned(), vec!["staff".to_owned(), odd.to_owned(), "x".to_owned()]),
            ],
        });
        for (template, expected) in [
            ("{name}", None),
            ("{sub}", None),
            ("{claim:nick}", None),
            ("<{name}>", None),
            ("{claim:roles}", Some("staff,x")),
            ("{user}", Some("zoe")),
        ] {
            let source = HeaderSource::Template(Template::parse(template).expect("a template"));
            let head = HeaderPlan::new(vec![(HeaderName::from_static("x-test"), source)])
                .render(Some((&identity, "abcd1234")));
            let values: Vec<_> =
                head.fields().iter().map(|(_, value)| value.to_str().expect("text")).collect();
            assert_eq!(values.first().copied(), expected, "{template} of {odd:?}");
            assert_eq!(head.omitted(), u64::from(template != "{user}"), "{template} of {odd:?}");
        }
    }
}

#[test]
fn templates_that_are_no_templates_are_refused() {
    use TemplateError as E;
    for (text, error) in [
        ("{user", E::Unbalanced),
        ("user}", E::Unbalanced),
        ("{usr}", E::Unknown("usr".to_owned())),
        ("{groups:}", E::Unknown("groups:".to_owned())),
        ("{id_token}", E::Unknown("id_token".to_owned())),
        ("a{groups*}", E::EachNotAlone),
        ("a\nb", E::Control),
    ] {
        assert_eq!(Template::parse(text), Err(error), "{text}");
    }
}

#[test]
fn every_header_of_every_preset_is_reserved_in_every_spelling() {
    let own = HeaderName::from_static("x-corp-user");
    let reserved = Reserved::new([&own]);
    let names = Preset::ALL.iter().flat_map(|preset| super::preset(*preset)).map(|(name, _)| *name);
    for name in names.chain([
        "x-corp-user",
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "x-original-url",
        "x-remote-extra-scopes",
    ]) {
        for spelling in
            [name.to_owned(), name.to_ascii_uppercase(), name.replace('-', "_"), name.replacen('-', "_", 1)]
        {
            assert!(reserved.contains(&spelling), "{spelling}");
        }
    }
    for name in ["authorization", "cookie", "x-corp-users", "accept"] {
        assert!(!reserved.contains(name), "{name}");
    }
}

#[test]
fn a_fixed_secret_is_sent_without_an_identity_and_templates_are_not() {
    let mut headers = HeaderPlan::of_preset(Preset::Forwarded);
    headers
        .push((HeaderName::from_static("x-proof"), HeaderSource::Secret(Secret::new("s3cret".to_owned()))));
    let plan = HeaderPlan::new(headers);
    let names = |head: &super::IdentityHead| {
        head.fields().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&plan.render(None)), ["x-proof"]);
    let all = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-proof",
    ];
    assert_eq!(names(&plan.render(Some((&identity(&["staff"]), "s")))), all);
}

#[test]
fn a_session_covers_what_was_wanted_when_it_was_sealed_and_less() {
    let wanted = |all: bool, groups: &[&str], claims: &[&str]| {
        let mut wanted = Wanted::default();
        if all {
            wanted.all_groups();
        }
        groups.iter().for_each(|group| wanted.group(group));
        claims.iter().for_each(|claim| wanted.claim(claim));
        wanted
    };
    let two = wanted(false, &["a", "b"], &["acr"]);
    assert!(two.fingerprint().covers(&two));
    assert!(two.fingerprint().covers(&wanted(false, &["a"], &[])));
    assert!(!two.fingerprint().covers(&wanted(false, &["a", "c"], &[])));
    assert!(!two.fingerprint().covers(&wanted(true, &[], &[])));
    assert!(!two.fingerprint().covers(&wanted(false, &[], &["amr"])));
    assert!(wanted(true, &[], &[]).fingerprint().covers(&wanted(false, &["a", "z"], &[])));
    let names: Vec<String> = (0..100).map(|n| format!("g{n}")).collect();
    let many = wanted(false, &names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    assert_eq!(many.fingerprint().items().len(), 1);
    assert!(many.fingerprint().covers(&many));
}

#[test]
fn claims_are_found_by_name_and_by_pointer_and_only_as_text() {
    let claims = json!({ "acr": "mfa", "n": 7, "amr": ["pwd", "otp"], "realm": { "roles": ["x"] }, "o": {}, "mixed": ["a", {}] });
    let find = |path: &str| Claim::find(&claims, path).map(|claim| claim.values().to_vec());
    assert_eq!(find("acr"), Some(vec!["mfa".to_owned()]));
    assert_eq!(find("n"), Some(vec!["7".to_owned()]));
    assert_eq!(find("amr"), Some(vec!["pwd".to_owned(), "otp".to_owned()]));
    assert_eq!(find("/realm/roles"), Some(vec!["x".to_owned()]));
    for absent in ["o", "mixed", "none", "/realm/none"] {
        assert_eq!(find(absent), None, "{absent}");
    }
}
