//! What is made of claims that a provider, or a person who edits a profile, chose.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::claims::Claims;
use super::super::settings::{EmailTrust, Settings, Transport, Userinfo};
use super::{Mapped, lacks, map};
use crate::identity::{ProviderName, Wanted};

fn settings() -> Settings {
    Settings {
        name: ProviderName::new("main"),
        issuer: "https://op.example".to_owned(),
        client_id: "wiki".to_owned(),
        client_secret: None,
        title: String::new(),
        scopes: None,
        user_claim: "preferred_username".to_owned(),
        email_claim: "email".to_owned(),
        email_trust: EmailTrust::VerifiedOnly,
        groups_claims: vec!["groups".to_owned(), "/realm_access/roles".to_owned()],
        userinfo: Userinfo::Auto,
        algorithms: None,
        auth_params: Vec::new(),
        extra_roots: Vec::new(),
        timeout: Duration::from_secs(1),
        clock_skew: Duration::ZERO,
        transport: Transport::Secure,
    }
}

fn all_groups() -> Wanted {
    let mut wanted = Wanted::default();
    wanted.all_groups();
    wanted
}

fn mapped(settings: &Settings, token: &Value, userinfo: Option<&Value>) -> Result<Mapped, &'static str> {
    map(settings, &all_groups(), &Claims::new(token, userinfo)).map_err(|error| error.code())
}

fn email(trust: EmailTrust, token: &Value, userinfo: Option<&Value>) -> Option<String> {
    let mut token = token.clone();
    token["preferred_username"] = json!("a");
    mapped(&Settings { email_trust: trust, ..settings() }, &token, userinfo).expect("maps").email
}

#[test]
fn a_user_that_an_upstream_could_mistake_for_another_is_refused() {
    for (user, word) in [
        (json!(null), "identity/no-user"),
        (json!(""), "identity/no-user"),
        (json!("  "), "identity/no-user"),
        (json!(7), "identity/no-user"),
        (json!(["alice"]), "identity/no-user"),
        (json!(" alice"), "identity/control-character"),
        (json!("alice\u{a0}"), "identity/control-character"),
        (json!("ali\r\nce"), "identity/control-character"),
        (json!("ali\u{85}ce"), "identity/control-character"),
        (json!("x".repeat(257)), "identity/too-long"),
    ] {
        let claims = json!({ "preferred_username": user });
        assert_eq!(mapped(&settings(), &claims, None), Err(word), "{user}");
    }
    let claims = json!({ "preferred_username": "Zo\u{eb} M" });
    assert_eq!(mapped(&settings(), &claims, None).expect("maps").user, "Zo\u{eb} M");
}

#[test]
fn an_address_counts_only_when_verified_or_trusted() {
    use EmailTrust::{Unflagged, VerifiedOnly};
    let address = Some("a@x.example".to_owned());
    for (flag, verified, unflagged) in [
        (json!(true), true, true),
        (json!("true"), true, true),
        (json!(null), false, true),
        (json!(false), false, false),
        (json!("false"), false, false),
        (json!(1), false, false),
    ] {
        let claims = json!({ "email": "a@x.example", "email_verified": flag });
        assert_eq!(email(VerifiedOnly, &claims, None), address.clone().filter(|_| verified), "{flag}");
        assert_eq!(email(Unflagged, &claims, None), address.clone().filter(|_| unflagged), "{flag}");
    }
    for bad in ["", "a\n@x.example", "a @x.example", &format!("{}@x.example", "a".repeat(250))] {
        assert_eq!(
            email(VerifiedOnly, &json!({ "email": bad, "email_verified": true }), None),
            None,
            "{bad:?}"
        );
    }
}

#[test]
fn a_flag_speaks_only_of_the_address_beside_it() {
    use EmailTrust::VerifiedOnly;
    let token = json!({ "email": "boss@x.example" });
    let other = json!({ "email": "mallory@x.example", "email_verified": true });
    assert_eq!(email(VerifiedOnly, &token, Some(&other)), None);
    assert_eq!(email(VerifiedOnly, &token, Some(&json!({ "email_verified": true }))), None);
    let same = json!({ "email": "boss@x.example", "email_verified": true });
    assert_eq!(email(VerifiedOnly, &token, Some(&same)), Some("boss@x.example".to_owned()));
    let denied = json!({ "email": "boss@x.example", "email_verified": false });
    assert_eq!(email(VerifiedOnly, &same, Some(&denied)), None);

    let mail = Settings { email_claim: "mail".to_owned(), ..settings() };
    let alias = json!({
        "preferred_username": "m", "mail": "boss@x.example", "email": "m@x.example", "email_verified": true,
    });
    assert_eq!(mapped(&mail, &alias, None).expect("maps").email, None);
}

#[test]
fn a_user_that_is_an_address_must_be_a_verified_one() {
    for user_claim in ["email", "/email"] {
        let by_email = Settings { user_claim: user_claim.to_owned(), ..settings() };
        let word = |claims: &Value| mapped(&by_email, claims, None).map(|mapped| mapped.user);
        let address = "a@x.example";
        assert_eq!(word(&json!({ "email": address })), Err("identity/email-unverified"));
        assert_eq!(
            word(&json!({ "email": address, "email_verified": false })),
            Err("identity/email-unverified")
        );
        assert_eq!(word(&json!({ "email": address, "email_verified": true })), Ok(address.to_owned()));
    }
    let trusted =
        Settings { user_claim: "email".to_owned(), email_trust: EmailTrust::Unflagged, ..settings() };
    assert_eq!(mapped(&trusted, &json!({ "email": "a@x.example" }), None).expect("maps").user, "a@x.example");
}

#[test]
fn groups_come_from_lists_texts_and_keys_once_each_and_clean() {
    let groups = |value: Value| {
        let claims = json!({ "preferred_username": "a", "groups": value });
        mapped(&settings(), &claims, None).expect("maps").groups
    };
    assert_eq!(groups(json!(["a", "b", "a", 7, null, ["c"]])), ["a", "b"]);
    assert_eq!(groups(json!("a b")), ["a b"]);
    assert_eq!(groups(json!({ "x": { "y": 1 }, "z": {} })), ["x", "z"]);
    assert_eq!(groups(json!(["", " ops", "ops ", "o\nps", "o\u{85}ps", "ok"])), ["ok"]);
    assert!(groups(json!(7)).is_empty());
    let both = json!({ "preferred_username": "a", "groups": ["a"], "realm_access": { "roles": ["a", "r"] } });
    assert_eq!(mapped(&settings(), &both, None).expect("maps").groups, ["a", "r"]);
}

#[test]
fn groups_beyond_the_limit_refuse_the_sign_in_rather_than_being_cut() {
    let many = |count: usize, width: usize| {
        let groups: Vec<_> = (0..count).map(|n| format!("{n:0width$}")).collect();
        json!({ "preferred_username": "a", "groups": groups })
    };
    assert_eq!(mapped(&settings(), &many(5000, 5), None).expect("maps").groups.len(), 5000);
    assert_eq!(mapped(&settings(), &many(5001, 5), None), Err("identity/too-many-groups"));
    assert_eq!(mapped(&settings(), &many(70, 1000), None), Err("identity/too-many-groups"));
    let mut wanted = Wanted::default();
    wanted.group("00007");
    let kept = map(&settings(), &wanted, &Claims::new(&many(9000, 5), None)).expect("only one is kept");
    assert_eq!(kept.groups, ["00007"]);
}

#[test]
fn a_name_is_dropped_rather_than_repaired() {
    for (name, kept) in
        [("Alice", true), ("", false), ("A\u{0}", false), (&"x".repeat(257), false), (&"x".repeat(256), true)]
    {
        let claims = json!({ "preferred_username": "a", "name": name });
        assert_eq!(mapped(&settings(), &claims, None).expect("maps").name.is_some(), kept, "{name:?}");
    }
}

#[test]
fn userinfo_is_needed_exactly_when_something_wanted_is_open() {
    let full = json!({
        "preferred_username": "a", "email": "a@x.example", "email_verified": true, "groups": [], "acr": "x",
    });
    let mut wanted = all_groups();
    wanted.claim("acr");
    let needs = |wanted: &Wanted, without: &str| {
        let mut claims = full.clone();
        claims.as_object_mut().expect("an object").remove(without);
        lacks(&settings(), wanted, &Claims::new(&claims, None))
    };
    assert!(!needs(&wanted, "nothing"));
    for claim in ["preferred_username", "email", "email_verified", "groups", "acr"] {
        assert!(needs(&wanted, claim), "{claim}");
    }
    let nothing = Wanted::default();
    assert!(!needs(&nothing, "groups") && !needs(&nothing, "acr"));
}
