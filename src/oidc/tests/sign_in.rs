//! Sign-ins that succeed, and what goes over the wire for them.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::Url;

use super::op::{Op, Reply, SigningKey, b64, changed};
use super::{NOW, Scene};
use crate::clock::Timestamp;
use crate::identity::Claim;
use crate::oidc::{Account, Userinfo};

fn query(url: &str) -> HashMap<String, String> {
    Url::parse(url).expect("a URL").query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_sign_in_gives_the_identity_with_what_is_wanted_and_no_more() {
    let mut scene = Scene::new().await;
    scene.wanted.group("ops");
    scene.wanted.claim("/extra/level");
    let claims = changed(scene.claims(), &json!({ "extra": { "level": 3 }, "phone": "1" }));
    let signed_in = scene.sign_in(&claims).await.expect("a sign-in");
    let identity = &signed_in.identity;
    assert_eq!((identity.user(), identity.subject(), identity.name()), ("alice", "s-1", Some("Alice")));
    assert_eq!(identity.email(), Some("alice@example.com"));
    assert_eq!(identity.groups(), ["ops"]);
    assert_eq!(identity.claims(), [Claim::new("/extra/level".to_owned(), vec!["3".to_owned()])]);
    assert_eq!(identity.issuer(), scene.op.issuer);
    assert_eq!(signed_in.authenticated, Some(Timestamp::from_secs(NOW - 60)));
    assert_eq!(signed_in.kept, scene.wanted.fingerprint());
    assert!(scene.op.asked("/userinfo").is_empty(), "nothing was missing");
}

#[tokio::test]
async fn the_code_is_redeemed_with_verifier_redirect_uri_and_basic_credentials() {
    let scene = Scene::new().await;
    scene.sign_in(&scene.claims()).await.expect("a sign-in");
    let asked = scene.op.asked("/token");
    let [asked] = asked.as_slice() else { panic!("one call") };
    assert_eq!(asked.form["grant_type"], "authorization_code");
    assert_eq!(asked.form["code"], "the-code-of-the-test");
    assert_eq!(asked.form["code_verifier"], *scene.pending.attempt().proofs().verifier);
    assert_eq!(asked.form["redirect_uri"], scene.pending.redirect_uri());
    assert!(!asked.form.contains_key("client_secret"));
    // RFC 6749 section 2.3.1: form-encoded before it is base64.
    assert_eq!(asked.authorization, format!("Basic {}", STANDARD.encode("wiki:s3cr+et%3A")));
    assert!(!asked.accept_encoding);
}

#[tokio::test]
async fn the_secret_goes_into_the_body_only_where_the_provider_takes_it_nowhere_else() {
    for (methods, body) in [
        (json!(["client_secret_post"]), true),
        (json!(["private_key_jwt", "client_secret_post"]), true),
        (json!(["client_secret_post", "client_secret_basic"]), false),
        (json!([]), false),
    ] {
        let scene = Scene::new().await;
        scene.op.discover(&json!({ "token_endpoint_auth_methods_supported": methods }));
        scene.sign_in(&scene.claims()).await.expect("a sign-in");
        let asked = scene.op.asked("/token");
        assert_eq!(asked[0].form.get("client_secret").is_some_and(|secret| secret == "s3cr et:"), body);
        assert_eq!(asked[0].authorization.is_empty(), body, "{methods}");
    }
}

#[tokio::test]
async fn a_public_client_sends_its_id_and_no_secret() {
    let scene = Scene::with(|settings| settings.client_secret = None).await;
    scene.sign_in(&scene.claims()).await.expect("a sign-in");
    let asked = scene.op.asked("/token");
    assert_eq!((asked[0].form["client_id"].as_str(), asked[0].authorization.as_str()), ("wiki", ""));
}

#[tokio::test]
async fn the_authorization_url_carries_this_attempt_and_pkce() {
    let mut scene = Scene::with(|settings| {
        settings.auth_params =
            vec![("prompt".to_owned(), "consent".to_owned()), ("domain_hint".to_owned(), "x y".to_owned())];
    })
    .await;
    scene.wanted.all_groups();
    let url =
        scene.provider.authorization_url(&scene.pending, Account::Any, &scene.wanted).await.expect("a URL");
    assert!(url.starts_with(&format!("{}/authorize?tenant=a&", scene.op.issuer)), "{url}");
    let sent = query(&url);
    let proofs = scene.pending.attempt().proofs();
    let challenge =
        b64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, proofs.verifier.as_bytes()).as_ref());
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "wiki"),
        ("redirect_uri", scene.pending.redirect_uri()),
        ("scope", "openid profile email groups"),
        ("state", &scene.pending.attempt().state()),
        ("nonce", proofs.nonce.as_str()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
        ("domain_hint", "x y"),
    ] {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!sent.contains_key("response_mode"));
    assert!(!url.contains(proofs.verifier.as_str()));
}

#[tokio::test]
async fn another_account_is_asked_for_in_the_way_the_provider_knows() {
    let prompts = |url: &str| {
        let url = Url::parse(url).expect("a URL");
        url.query_pairs()
            .filter(|(name, _)| name == "prompt")
            .map(|(_, value)| value.into_owned())
            .collect::<Vec<_>>()
    };
    for (listed, prompt) in [(json!(["login", "select_account"]), "select_account"), (json!(null), "login")] {
        let scene =
            Scene::with(|settings| settings.auth_params = vec![("prompt".to_owned(), "consent".to_owned())])
                .await;
        scene.op.discover(&json!({ "prompt_values_supported": listed }));
        let url = scene
            .provider
            .authorization_url(&scene.pending, Account::Other, &scene.wanted)
            .await
            .expect("a URL");
        assert_eq!(prompts(&url), [prompt]);
    }
}

#[tokio::test]
async fn scopes_are_those_written_or_the_usual_ones_with_groups_where_offered() {
    let scope = async |scene: &Scene| {
        let url = scene.provider.authorization_url(&scene.pending, Account::Any, &scene.wanted).await;
        query(&url.expect("a URL"))["scope"].clone()
    };
    let scene = Scene::new().await;
    assert_eq!(scope(&scene).await, "openid profile email");
    let mut scene = Scene::new().await;
    scene.wanted.group("ops");
    scene.op.discover(&json!({ "scopes_supported": ["openid"] }));
    assert_eq!(scope(&scene).await, "openid profile email");
    let scene =
        Scene::with(|settings| settings.scopes = Some(vec!["custom".to_owned(), "openid".to_owned()])).await;
    assert_eq!(scope(&scene).await, "openid custom");
}

#[tokio::test]
async fn userinfo_is_asked_with_the_bearer_token_when_a_needed_claim_is_missing() {
    let mut scene = Scene::new().await;
    scene.wanted.all_groups();
    let info = json!({ "sub": "s-1", "preferred_username": "mallory", "groups": { "a": 1, "b": 2 }, "name": "Other" });
    scene.op.set("/userinfo", Reply::json(&info));
    let claims = changed(scene.claims(), &json!({ "groups": null }));
    let identity = scene.sign_in(&claims).await.expect("a sign-in").identity;
    // The ID token wins where it says something.
    assert_eq!((identity.user(), identity.name()), ("alice", Some("Alice")));
    assert_eq!(identity.groups(), ["a", "b"]);
    let asked = scene.op.asked("/userinfo");
    assert_eq!(asked[0].authorization, format!("Bearer {}", super::op::ACCESS));
}

#[tokio::test]
async fn userinfo_is_asked_always_or_never_when_so_configured() {
    let scene = Scene::with(|settings| settings.userinfo = Userinfo::Always).await;
    scene.op.set("/userinfo", Reply::json(&json!({ "sub": "s-1" })));
    assert_eq!(scene.fault(&json!({})).await, "none");
    assert_eq!(scene.op.asked("/userinfo").len(), 1);
    let scene = Scene::with(|settings| settings.userinfo = Userinfo::Never).await;
    assert_eq!(scene.fault(&json!({ "preferred_username": null })).await, "identity/no-user");
    assert!(scene.op.asked("/userinfo").is_empty());
}

#[tokio::test]
async fn an_rs256_token_is_accepted() {
    let mut scene = Scene::new().await;
    scene.key = SigningKey::rsa("r1");
    scene.op.publish(&[&scene.key]);
    assert_eq!(scene.fault(&json!({})).await, "none");
}

#[tokio::test]
async fn keys_without_an_id_or_with_the_same_one_are_tried_and_strange_ones_skipped() {
    let scene = Scene::new().await;
    let nameless = |key: &SigningKey| changed(key.jwk(), &json!({ "kid": null }));
    let strange = json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "k1", "pub": "x" });
    let broken = json!({ "kty": "EC", "kid": 7 });
    let others = [SigningKey::ec("k1"), SigningKey::ec("k1")];
    let keys = json!([strange, broken, "no", others[0].jwk(), others[1].jwk(), scene.key.jwk()]);
    scene.op.set("/jwks", Reply::json(&json!({ "keys": keys })));
    assert_eq!(scene.fault(&json!({})).await, "none");

    let scene = Scene::new().await;
    let keys = json!([nameless(&SigningKey::rsa("r")), nameless(&SigningKey::ec("x")), nameless(&scene.key)]);
    scene.op.set("/jwks", Reply::json(&json!({ "keys": keys })));
    let token = scene.key.sign_as(&json!({ "alg": "ES256" }), &scene.claims().to_string());
    scene.op.issue(&token);
    scene.redeem().await.expect("a sign-in without key ids");
}

#[tokio::test]
async fn signing_out_at_the_provider_names_us_and_where_to_come_back() {
    let scene = Scene::new().await;
    let url = scene.provider.end_session_url("https://a.example/b", "st", "alice").await.expect("a URL");
    let sent = query(&url);
    for (name, value) in [
        ("client_id", "wiki"),
        ("post_logout_redirect_uri", "https://a.example/b"),
        ("logout_hint", "alice"),
        ("state", "st"),
    ] {
        assert_eq!(sent[name], value);
    }
    let scene = Scene::new().await;
    scene.op.discover(&json!({ "end_session_endpoint": null }));
    assert_eq!(scene.provider.end_session_url("https://a.example/b", "st", "alice").await, None);
}

#[tokio::test]
async fn the_issuer_of_a_response_must_be_ours_and_must_be_there_where_promised() {
    let op_promises = async |promise| {
        let scene = Scene::new().await;
        scene.op.discover(&json!({ "authorization_response_iss_parameter_supported": promise }));
        scene
    };
    let check = async |scene: &Scene, issuer: Option<&str>| {
        scene.provider.check_response_issuer(issuer).await.map_err(|error| error.code())
    };
    for promise in [true, false] {
        let scene = op_promises(promise).await;
        let ours: &Op = &scene.op;
        assert_eq!(check(&scene, Some(&ours.issuer)).await, Ok(()));
        for other in [format!("{}/", ours.issuer), "https://other.example".to_owned()] {
            assert_eq!(check(&scene, Some(&other)).await, Err("login/response-issuer"));
        }
        let absent = if promise { Err("login/response-issuer") } else { Ok(()) };
        assert_eq!(check(&scene, None).await, absent);
    }
}

#[tokio::test]
async fn every_step_may_run_in_a_task_of_its_own() {
    let scene = Scene::new().await;
    scene.op.issue(&scene.key.sign(&scene.claims()));
    let task = tokio::spawn(async move {
        scene.provider.authorization_url(&scene.pending, Account::Any, &scene.wanted).await.expect("a URL");
        scene.provider.check_response_issuer(None).await.expect("not promised");
        scene.provider.end_session_url("https://a.example/", "s", "h").await.expect("a URL");
        scene.redeem().await.map(|signed_in| signed_in.identity)
    });
    assert_eq!(task.await.expect("no panic").expect("a sign-in").user(), "alice");
}
