//! The provider's pure parts: tokens, keys, requests, memory, switches.

use std::time::Duration;

use serde_json::{Value, json};

use super::expiring::Expiring;
use super::faults::{Fault, Faults};
use super::jwt::{self, Members};
use super::keys::{Algorithm, KeySet};
use super::request::{AuthRequest, Prompt, Refused, ReplyTo, Scope, Scopes};
use super::settings::{Client, User};
use super::store::{Authentication, Code, Grant, Store, Strength};
use crate::clock::Timestamp;
use crate::demo::form::Params;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn members(value: Value) -> Members {
    match value {
        Value::Object(members) => members,
        _ => panic!("not an object"),
    }
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

// --- tokens and keys

#[test]
fn the_example_of_rfc_7636_appendix_b_holds() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(jwt::challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert!(jwt::is_pkce_text(verifier));
}

#[test]
fn a_verifier_has_43_to_128_unreserved_characters() {
    assert!(!jwt::is_pkce_text(&"a".repeat(42)));
    assert!(jwt::is_pkce_text(&"~".repeat(128)));
    assert!(!jwt::is_pkce_text(&"a".repeat(129)));
    assert!(!jwt::is_pkce_text(&"+".repeat(43)));
}

#[test]
fn the_at_hash_of_the_core_examples_holds() {
    // OpenID Connect Core 1.0, appendix A.3.
    assert_eq!(jwt::half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
}

#[test]
fn both_keys_sign_what_they_verify_and_nothing_else() {
    let keys = KeySet::generate().expect("keys");
    let other = KeySet::generate().expect("keys");
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let header = members(json!({ "alg": algorithm.name(), "kid": keys.kid(algorithm) }));
        let claims = members(json!({ "sub": "a-1001", "aud": "wiki" }));
        let message = jwt::signing_input(&header, &claims);
        let signature = keys.sign(algorithm, message.as_bytes()).expect("a signature");
        let token = jwt::compact(&message, &signature);
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(jwt::open(&keys, &token), Some(claims));
        assert_eq!(jwt::open(&other, &token), None);
        assert_eq!(jwt::open(&keys, &format!("A{token}")), None);
    }
    assert_eq!(jwt::open(&keys, "eyJhbGciOiJub25lIn0.e30."), None);
}

#[test]
fn the_key_set_has_what_a_verifier_needs_and_keeps_the_former_keys() {
    let mut keys = KeySet::generate().expect("keys");
    let before = keys.jwks();
    assert_eq!(before["keys"][0]["kty"], "RSA");
    assert_eq!(before["keys"][0]["e"], "AQAB");
    // 2048 bits, no leading zero.
    assert_eq!(before["keys"][0]["n"].as_str().map(str::len), Some(342));
    assert_eq!(before["keys"][1]["crv"], "P-256");
    assert_eq!(before["keys"][1]["x"].as_str().map(str::len), Some(43));
    keys.replace(KeySet::generate().expect("keys"));
    let then = keys.jwks();
    assert_eq!(then["keys"].as_array().map(Vec::len), Some(4));
    assert_eq!(then["keys"][2], before["keys"][0]);
    assert_ne!(then["keys"][0]["kid"], before["keys"][0]["kid"]);
}

// --- requests

fn client() -> Client {
    Client {
        id: "wiki".to_owned(),
        title: "Wiki".to_owned(),
        secret: None,
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        id_token_alg: Algorithm::Rs256,
    }
}

fn check(changes: &[(&str, Option<&str>)]) -> Result<AuthRequest, Refused> {
    let challenge = jwt::challenge("a");
    let mut pairs = vec![
        ("response_type", "code"),
        ("scope", "openid profile unknown"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.extend(value.map(|value| (*name, value)));
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let reply = ReplyTo { redirect_uri: "http://127.0.0.1/cb".to_owned(), state: None };
    AuthRequest::check(&Params::parse(query.as_bytes()).expect("few"), &client(), reply)
}

#[test]
fn a_good_request_is_read_whole() {
    let request = check(&[
        ("prompt", Some("login consent")),
        ("max_age", Some("300")),
        ("acr_values", Some("pwd mfa")),
        ("nonce", Some("n")),
    ])
    .expect("a good request");
    assert!(request.prompts.contains(&Prompt::Login));
    assert_eq!(request.max_age, Some(Duration::from_secs(300)));
    assert!(request.wants_second_factor);
    assert_eq!(request.scopes.to_string(), "openid profile");
    assert_eq!(request.nonce.as_deref(), Some("n"));
}

#[test]
fn each_faulty_request_gets_the_error_of_the_standard() {
    for (name, value, error) in [
        ("response_type", None, "invalid_request"),
        ("response_type", Some("code id_token"), "unsupported_response_type"),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("scope", Some("profile"), "invalid_scope"),
        ("scope", None, "invalid_scope"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("prompt", Some("none login"), "invalid_request"),
        ("prompt", Some("create"), "invalid_request"),
        ("max_age", Some("-1"), "invalid_request"),
        ("request", Some("x.y.z"), "request_not_supported"),
        ("request_uri", Some("https://e"), "request_uri_not_supported"),
    ] {
        let refused = check(&[(name, value)]).expect_err(name);
        assert_eq!(refused.error, error, "{name}={value:?}");
    }
}

#[test]
fn the_response_keeps_the_query_of_the_redirect_uri() {
    let mut reply = ReplyTo { redirect_uri: "http://127.0.0.1/cb".to_owned(), state: Some("a&b".to_owned()) };
    assert_eq!(reply.with(&[("code", "c")]), "http://127.0.0.1/cb?code=c&state=a%26b");
    reply.redirect_uri.push_str("?tenant=1");
    assert_eq!(reply.with(&[("code", "c")]), "http://127.0.0.1/cb?tenant=1&code=c&state=a%26b");
}

// --- memory

#[test]
fn an_entry_ends_and_the_oldest_makes_room() {
    let mut map = Expiring::new(2);
    map.insert("a".to_owned(), 1, after(10));
    assert_eq!(map.get("a", after(9)), Some(&1));
    assert_eq!(map.get("a", after(10)), None);
    map.insert("b".to_owned(), 2, after(10));
    map.insert("a".to_owned(), 3, after(10));
    map.insert("c".to_owned(), 4, after(10));
    assert_eq!(map.get("b", NOW), None, "a was written again, so b was the oldest");
    assert_eq!(map.get("a", NOW), Some(&3));
    map.retain(|value| *value != 3);
    map.insert("d".to_owned(), 5, after(10));
    assert_eq!(map.get("c", NOW), Some(&4));
}

fn store_with_code() -> Store {
    let user = User::demo().remove(0);
    let grant = Grant {
        client_id: "wiki".to_owned(),
        scopes: Scopes::parse("openid offline_access"),
        nonce: None,
        authentication: Authentication {
            user: user.into(),
            sid: "sid".to_owned(),
            at: NOW,
            strength: Strength::Password,
        },
    };
    let code = Code {
        client_id: "wiki".to_owned(),
        redirect_uri: "http://127.0.0.1/cb".to_owned(),
        challenge: jwt::challenge("a"),
        grant: "grant".to_owned(),
        expires: after(60),
        used: false,
    };
    let mut store = Store::default();
    store.add_code("code".to_owned(), code, grant, NOW);
    store
}

#[test]
fn a_code_works_once_for_its_client_and_for_a_minute() {
    let mut store = store_with_code();
    assert!(store.take_code("code", "other", NOW).is_none());
    assert!(store.take_code("code", "wiki", after(59)).is_some(), "a stranger's try costs nothing");
    assert!(store_with_code().take_code("code", "wiki", after(60)).is_none());
}

#[test]
fn a_second_use_of_a_code_takes_back_what_the_first_gave() {
    let mut store = store_with_code();
    assert!(store.take_code("code", "wiki", NOW).is_some());
    store.add_access_token("at".to_owned(), "grant".to_owned(), Scopes::parse("openid"), NOW);
    assert!(store.granted_to("at", NOW).is_some());
    assert!(store.take_code("code", "wiki", after(120)).is_none());
    assert!(store.granted_to("at", NOW).is_none());
}

#[test]
fn a_second_use_of_a_refresh_token_ends_the_family() {
    let mut store = store_with_code();
    let scopes = Scopes::parse("openid offline_access");
    store.add_refresh_token("r1".to_owned(), "grant".to_owned(), scopes.clone(), NOW);
    assert!(store.take_refresh_token("r1", "other", NOW).is_none());
    assert!(store.take_refresh_token("r1", "wiki", NOW).is_some());
    store.add_refresh_token("r2".to_owned(), "grant".to_owned(), scopes, NOW);
    assert!(store.take_refresh_token("r1", "wiki", NOW).is_none());
    assert!(store.take_refresh_token("r2", "wiki", NOW).is_none());
}

#[test]
fn an_access_token_opens_no_more_than_it_was_given_for() {
    let mut store = store_with_code();
    store.add_access_token("at".to_owned(), "grant".to_owned(), Scopes::parse("openid"), NOW);
    let grant = store.granted_to("at", NOW).expect("a grant");
    assert!(!grant.scopes.has(Scope::OfflineAccess));
    assert!(store.granted_to("at", after(600)).is_none());
}

#[test]
fn consent_holds_for_the_same_scopes_only() {
    let mut store = Store::default();
    let scopes = Scopes::parse("openid email");
    store.consent("alice", "wiki", &scopes);
    assert!(store.has_consent("alice", "wiki", &Scopes::parse("email openid"), NOW));
    assert!(!store.has_consent("alice", "wiki", &Scopes::parse("openid"), NOW));
    assert!(!store.has_consent("bob", "wiki", &scopes, NOW));
}

// --- switches

#[test]
fn a_switch_bends_what_it_names_and_nothing_when_off() {
    let faults = Faults::default();
    let good = members(json!({ "iss": "http://localhost:4183", "aud": "wiki", "nonce": "n", "exp": 1 }));
    let mut claims = good.clone();
    faults.bend_id_token(&mut claims, NOW);
    assert_eq!(claims, good);
    faults.add(Fault::IdTokenNoNonce);
    faults.add(Fault::IdTokenExtraAud);
    faults.bend_id_token(&mut claims, NOW);
    assert_eq!(claims.get("nonce"), None);
    assert_eq!(claims["aud"], json!(["wiki", "somebody-else"]));
    assert_eq!(claims["azp"], "wiki");
    faults.clear();
    assert!(!faults.is_on(&Fault::IdTokenNoNonce));
}

#[test]
fn an_unsigned_token_has_an_empty_signature() {
    let faults = Faults::default();
    faults.add(Fault::AlgNone);
    let mut header = members(json!({ "alg": "RS256" }));
    faults.bend_header(&mut header);
    assert_eq!(header["alg"], "none");
    let mut signature = vec![1, 2, 3];
    faults.bend_signature(&mut signature, b"message", b"key");
    assert!(signature.is_empty());
}
