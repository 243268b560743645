//! What a seal keeps apart, how long a session stands, which cookies are ours.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{
    Attempt, Attributes, Binding, BodyError, CookieNames, Issuer, Key, Keyring, Lifetimes, PendingLogin,
    Purpose, Revocations, SameSite, SealedBy, Security, Session, SessionId, Standing, pairs,
};
use crate::clock::{Clock, Timestamp};
use crate::identity::{Claim, Fingerprint, Identity, ProviderName, Vouched};
use crate::random::Random;
use crate::web::HostName;

const HERE: Binding<'static> = Binding { cookie: "__Host-vestibule", host: "wiki.example" };

fn key(seed: u64) -> Key {
    Key::parse(&Key::generate(&Random::seeded(seed))).expect("a key")
}

fn issuer(client: &str) -> Issuer {
    Issuer::new(ProviderName::new("main"), "https://op.example", client)
}

fn session(groups: Vec<String>, now: Timestamp) -> Session {
    let identity = Identity::vouch(Vouched {
        provider: ProviderName::new("main"),
        issuer: "https://op.example".into(),
        subject: "248289761001".to_owned(),
        user: "alice".to_owned(),
        email: Some("alice@example.com".to_owned()),
        name: Some("Alice Example".to_owned()),
        groups,
        claims: vec![Claim::new("acr".to_owned(), vec!["mfa".to_owned()])],
    });
    Session::begin(SessionId::new([7; 16]), identity, Fingerprint::from_items(vec![1, 2]), Some(now), now)
}

#[test]
fn a_seal_opens_under_its_own_purpose_binding_and_key_only() {
    let (ring, random) = (Keyring::new(&key(1), &[]), Random::seeded(9));
    let sealed = ring.seal(Purpose::Session, HERE, b"plain", &random);
    assert_eq!(ring.open(Purpose::Session, HERE, &sealed).expect("opens").as_slice(), b"plain");
    assert!(ring.open(Purpose::PendingLogin, HERE, &sealed).is_none());
    assert!(ring.open(Purpose::Session, Binding { cookie: "other", ..HERE }, &sealed).is_none());
    assert!(ring.open(Purpose::Session, Binding { host: "evil.example", ..HERE }, &sealed).is_none());
    assert!(Keyring::new(&key(2), &[]).open(Purpose::Session, HERE, &sealed).is_none());
    let rotated = Keyring::new(&key(2), &[key(1)]);
    assert_eq!(rotated.open(Purpose::Session, HERE, &sealed).expect("opens").as_slice(), b"plain");
    assert_eq!((ring.sealed_by(&sealed), rotated.sealed_by(&sealed)), (SealedBy::Current, SealedBy::Old));
    let fresh = rotated.seal(Purpose::Session, HERE, b"plain", &random);
    assert_eq!(rotated.sealed_by(&fresh), SealedBy::Current);
    assert!(ring.open(Purpose::Session, HERE, &fresh).is_none(), "an old key never seals");
}

#[test]
fn no_two_seals_are_alike() {
    let (ring, random) = (Keyring::new(&key(1), &[]), Random::system());
    assert_ne!(
        ring.seal(Purpose::Session, HERE, b"x", &random),
        ring.seal(Purpose::Session, HERE, b"x", &random)
    );
}

#[test]
fn texts_that_are_no_keys_are_refused() {
    for text in
        ["", "short", &"A".repeat(42), &"A".repeat(44), &format!("{}=", "A".repeat(43)), &"!".repeat(43)]
    {
        assert!(Key::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_session_survives_its_body_and_is_bound_to_issuer_and_client() {
    let now = Timestamp::from_secs(1_800_000_000);
    for groups in [
        vec![],
        vec!["staff".to_owned(), "ops".to_owned()],
        (0..300).map(|n| format!("/team/group-{n}")).collect(),
    ] {
        let session = session(groups, now);
        let bytes = session.to_bytes(&issuer("wiki"));
        assert_eq!(Session::from_bytes(&bytes, [&issuer("wiki")]), Ok(session));
        assert_eq!(Session::from_bytes(&bytes, [&issuer("other")]), Err(BodyError::Provider));
        assert_eq!(Session::from_bytes(&bytes, []), Err(BodyError::Provider));
    }
    assert_eq!(Session::from_bytes(&[], []), Err(BodyError::Format));
    assert_eq!(Session::from_bytes(&[99, 1, 2], []), Err(BodyError::Format));
}

#[test]
fn the_cookie_of_a_person_with_three_groups_is_small() {
    let (ring, now) = (Keyring::new(&key(1), &[]), Timestamp::from_secs(1_800_000_000));
    let session = session(vec!["staff".to_owned(), "ops".to_owned(), "wiki".to_owned()], now);
    let sealed = ring.seal(Purpose::Session, HERE, &session.to_bytes(&issuer("wiki")), &Random::seeded(1));
    assert!(sealed.len() <= 350, "{} bytes", sealed.len());
}

#[test]
fn limits_hold_from_the_sign_in_and_from_the_last_activity() {
    let start = Timestamp::from_secs(1_000_000);
    let lifetimes = Lifetimes { max_age: Duration::from_secs(3600), idle: Some(Duration::from_secs(600)) };
    let session = session(vec![], start);
    let at = |seconds| start.plus(Duration::from_secs(seconds));
    assert_eq!(session.standing(lifetimes, at(599)), Standing::Alive);
    assert_eq!(session.standing(lifetimes, at(600)), Standing::Idle);
    let touched = session.touched(at(500));
    assert_eq!(touched.standing(lifetimes, at(1099)), Standing::Alive);
    assert_eq!(session.touched(at(3599)).standing(lifetimes, at(3600)), Standing::Over);
    let endless = Lifetimes { idle: None, ..lifetimes };
    assert_eq!(session.standing(endless, at(3599)), Standing::Alive);
    assert_eq!(session.idle_until(endless), None);
    assert!(!session.is_due(lifetimes, at(74)) && session.is_due(lifetimes, at(75)));
    assert!(!session.is_due(endless, at(3000)));
    // Clocks differ a little; what lies further ahead was made up.
    assert_eq!(session.standing(lifetimes, Timestamp::from_secs(start.as_secs() - 300)), Standing::Alive);
    assert_eq!(session.standing(lifetimes, Timestamp::from_secs(start.as_secs() - 301)), Standing::Over);
    assert_eq!(session.touched(at(301)).standing(endless, start), Standing::Over);
    // An activity that was recorded later is never taken back.
    assert_eq!(touched.touched(at(1)).active(), at(500));
}

#[test]
fn an_attempt_survives_its_bytes_and_answers_to_its_own_state() {
    let now = Timestamp::from_secs(1_800_000_000);
    let begin = |seed| {
        PendingLogin::begin(&issuer("wiki"), "https://w/cb".into(), "/x?y".into(), &Random::seeded(seed), now)
    };
    let (first, second) = (begin(1), begin(2));
    assert_eq!(PendingLogin::from_bytes(&first.to_bytes()), Some(first.clone()));
    assert!(first.is_with(&issuer("wiki")) && !first.is_with(&issuer("other")));
    assert!(first.attempt().has_state(&first.attempt().state()));
    assert!(!first.attempt().has_state(&second.attempt().state()));
    let (a, b) = (first.attempt().proofs(), second.attempt().proofs());
    assert_eq!((a.nonce.len(), a.verifier.len()), (43, 43));
    assert!(a.nonce != a.verifier && a.nonce != b.nonce && a.verifier != b.verifier);
    assert_eq!(Attempt::tag(&first.attempt().state()).len(), 16);
    assert!(PendingLogin::from_bytes(&[]).is_none() && PendingLogin::from_bytes(&[9; 80]).is_none());
}

#[test]
fn our_names_are_ours_with_any_prefix_and_nobody_elses() {
    let names = CookieNames::new("vestibule".to_owned(), Security::Secure);
    let pending = names.pending("0123456789abcdef");
    for name in [
        names.session(),
        &pending,
        names.round(),
        names.sign_out(),
        "vestibule",
        "__secure-vestibule",
        "__HOST-vestibule",
    ] {
        assert!(names.is_ours(name), "{name}");
    }
    for name in ["vestibules", "vestibule-theme", "x-vestibule", "__Host-other", "Vestibule", ""] {
        assert!(!names.is_ours(name), "{name}");
    }
    assert_eq!(names.pending_tag(&pending), Some("0123456789abcdef"));
    assert_eq!(names.pending_tag(names.round()), None);
}

#[test]
fn a_cookie_is_cleared_with_the_attributes_it_was_set_with() {
    let secure = CookieNames::new("v".to_owned(), Security::Secure);
    let set = secure.set(secure.session(), "abc", Duration::from_secs(60));
    assert_eq!(set, "__Host-v=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    assert_eq!(
        secure.clear(secure.session()),
        "__Host-v=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
    );
    let plain = CookieNames::new("v".to_owned(), Security::Plain);
    assert_eq!(
        plain.set("v", "abc", Duration::from_secs(60)),
        "v=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
    );
}

#[test]
fn only_the_session_is_strict_or_sent_everywhere() {
    for (same_site, word) in [(SameSite::Lax, "Lax"), (SameSite::Strict, "Strict"), (SameSite::None, "None")]
    {
        let attributes = Attributes { same_site, ..Security::Secure.into() };
        let names = CookieNames::new("v".to_owned(), attributes);
        let session = names.clear(names.session());
        assert!(session.to_str().expect("text").contains(&format!("; SameSite={word};")), "{session:?}");
        for name in [names.round(), names.sign_out(), &names.pending("0123456789abcdef")] {
            let other = names.clear(name);
            assert!(other.to_str().expect("text").contains("; SameSite=Lax;"), "{other:?}");
        }
    }
}

#[test]
fn a_shared_domain_is_in_every_cookie_and_in_its_prefix() {
    let domain = HostName::parse("example.com").expect("a host").0;
    let host = HostName::parse("wiki.example.com").expect("a host").0;
    for (security, prefix) in [(Security::Secure, "__Secure-v"), (Security::Plain, "v")] {
        let attributes = Attributes { domain: Some(domain.clone()), ..security.into() };
        let names = CookieNames::new("v".to_owned(), attributes);
        assert_eq!(names.session(), prefix);
        assert_eq!(names.place(&host), &domain);
        for name in [names.session(), names.round(), names.sign_out(), &names.pending("0123456789abcdef")] {
            for line in [names.set(name, "x", Duration::from_secs(60)), names.clear(name)] {
                assert!(line.to_str().expect("text").contains("; Domain=example.com"), "{line:?}");
            }
        }
    }
    let own = CookieNames::new("v".to_owned(), Security::Secure);
    assert_eq!(own.place(&host), &host);
}

#[test]
fn pairs_are_read_over_all_lines_as_they_stand() {
    let mut headers = HeaderMap::new();
    for line in ["a=1; b=2;c=3", "a=4", "novalue; =x; d=\"q\"=r"] {
        headers.append(COOKIE, HeaderValue::from_static(line));
    }
    let all: Vec<_> = pairs(&headers).collect();
    assert_eq!(all, [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("", "x"), ("d", "\"q\"=r")]);
}

#[tokio::test]
async fn ending_a_session_ends_its_leases_at_once_and_for_good() {
    let (clock, hand) = Clock::manual(Timestamp::from_secs(1_000));
    let revocations = Revocations::default();
    let until = Timestamp::from_secs(2_000);
    let (ours, other) = (SessionId::new([1; 16]), SessionId::new([2; 16]));
    let lease = revocations.lease(ours, until);
    let spared = revocations.lease(other, until);
    revocations.revoke(ours, until, clock.now());
    lease.ended(&clock).await;
    revocations.lease(ours, until).ended(&clock).await;
    assert!(revocations.contains(ours) && !revocations.contains(other));
    hand.advance(Duration::from_secs(1_000));
    spared.ended(&clock).await;
}

proptest! {
    #[test]
    fn a_flipped_bit_anywhere_gives_nothing(position in 0_usize..2000, bit in 0_u8..8) {
        let (ring, random) = (Keyring::new(&key(1), &[]), Random::seeded(3));
        let sealed = ring.seal(Purpose::Session, HERE, b"some plain text", &random);
        let mut bytes = sealed.into_bytes();
        let position = position % bytes.len();
        bytes[position] ^= 1 << bit;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(ring.open(Purpose::Session, HERE, text).is_none());
        }
    }

    #[test]
    fn any_text_and_any_body_give_an_answer(text in "[ -~]{0,200}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        let ring = Keyring::new(&key(1), &[]);
        prop_assert!(ring.open(Purpose::Session, HERE, &text).is_none());
        let _ = Session::from_bytes(&body, [&issuer("wiki")]);
        let _ = PendingLogin::from_bytes(&body);
    }
}
