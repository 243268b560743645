//! Providers that are down, slow, elsewhere, or that change their keys.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::op::{Reply, SigningKey};
use super::{Scene, settings};
use crate::clock::{Clock, Timestamp};
use crate::oidc::{Account, Fault, Known, Provider, ProviderError, Transport};

const DISCOVERY: &str = "/.well-known/openid-configuration";

async fn start(scene: &Scene) -> Result<String, ProviderError> {
    scene.provider.authorization_url(&scene.pending, Account::Any, &scene.wanted).await
}

async fn word(scene: &Scene) -> &'static str {
    start(scene).await.map_or_else(|error| error.code(), |_| "none")
}

#[tokio::test]
async fn discovery_is_fetched_once_and_refreshed_in_use_after_an_hour() {
    let scene = Scene::new().await;
    let (first, second) = tokio::join!(start(&scene), start(&scene));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(scene.op.asked(DISCOVERY).len(), 1);
    scene.hand.advance(Duration::from_secs(3599));
    assert_eq!((word(&scene).await, scene.op.asked(DISCOVERY).len()), ("none", 1));
    scene.hand.advance(Duration::from_secs(1));
    assert_eq!((word(&scene).await, scene.op.asked(DISCOVERY).len()), ("none", 2));
}

#[tokio::test]
async fn an_old_document_outlives_a_failed_refresh() {
    let scene = Scene::new().await;
    assert_eq!(word(&scene).await, "none");
    scene.op.set(DISCOVERY, Reply::status(500, "{}"));
    scene.hand.advance(Duration::from_secs(3600));
    for _ in 0..3 {
        assert_eq!(word(&scene).await, "none");
    }
    assert_eq!(scene.op.asked(DISCOVERY).len(), 2, "the failed refresh is not repeated at once");
    scene.hand.advance(Duration::from_secs(1));
    assert_eq!((word(&scene).await, scene.op.asked(DISCOVERY).len()), ("none", 3));
}

#[tokio::test]
async fn failures_are_answered_from_memory_for_a_second_then_two_then_up_to_thirty() {
    let scene = Scene::new().await;
    scene.op.set(DISCOVERY, Reply::status(503, "{\"error\":\"down\"}"));
    for (round, wait) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        assert_eq!(word(&scene).await, "provider/status");
        assert_eq!(scene.op.asked(DISCOVERY).len(), round + 1);
        scene.hand.advance(Duration::from_secs(wait) - Duration::from_millis(1));
        assert_eq!(word(&scene).await, "provider/status");
        assert_eq!(scene.op.asked(DISCOVERY).len(), round + 1, "within the wait");
        scene.hand.advance(Duration::from_millis(1));
    }
    scene.op.discover(&json!({}));
    assert_eq!(word(&scene).await, "none");
}

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_told_in_both_forms() {
    let scene = Scene::new().await;
    let found = format!("{}/", scene.op.issuer);
    scene.op.discover(&json!({ "issuer": found }));
    let error = start(&scene).await.expect_err("a mismatch");
    assert_eq!((error.code(), error.fault()), ("provider/issuer-mismatch", Fault::Provider));
    let text = error.to_string();
    assert!(
        text.contains(&format!("you wrote {}, the server calls itself {found}", scene.op.issuer)),
        "{text}"
    );
    assert!(text.ends_with("copy the second form exactly, with the slash"), "{text}");
}

#[tokio::test]
async fn documents_that_are_no_discovery_are_refused() {
    let scene = Scene::new().await;
    let html = vec![("content-type", "text/html".to_owned())];
    let moved = vec![("location", format!("{}/elsewhere", scene.op.issuer))];
    let packed = vec![("content-encoding", "gzip".to_owned())];
    let without = super::op::changed(scene.op.discovery(), &json!({ "jwks_uri": null }));
    for (reply, word) in [
        (Reply::status(404, "{}"), "provider/status"),
        (Reply::Say(200, html, b"<html>".to_vec()), "provider/bad-answer"),
        (Reply::status(200, "{\"issuer\":"), "provider/bad-answer"),
        (Reply::status(200, "[]"), "provider/bad-answer"),
        (Reply::status(200, &"[".repeat(100_000)), "provider/bad-answer"),
        (Reply::json(&without), "provider/bad-answer"),
        (Reply::Say(302, moved, vec![]), "provider/redirect"),
        (Reply::Say(200, packed, scene.op.discovery().to_string().into_bytes()), "provider/bad-answer"),
        (Reply::status(200, &" ".repeat(1024 * 1024 + 1)), "provider/too-large"),
    ] {
        scene.op.set(DISCOVERY, reply);
        scene.hand.advance(Duration::from_secs(60));
        assert_eq!(start(&scene).await.expect_err(word).code(), word);
    }
    assert!(scene.op.asked("/elsewhere").is_empty());
}

#[tokio::test]
async fn every_address_must_be_https_or_loopback_unless_configured_otherwise() {
    let bad = [
        "http://op.example/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://u:p@op.example/",
        "x",
        "",
    ];
    let fields =
        ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"];
    let scene = Scene::new().await;
    for field in fields {
        for url in bad {
            scene.op.discover(&json!({ field: url }));
            scene.hand.advance(Duration::from_secs(60));
            assert_eq!(word(&scene).await, "provider/insecure", "{field} {url}");
        }
        for url in ["https://op.example/x", "http://localhost:1/x", "http://[::1]/x", "http://op.localhost/x"]
        {
            let scene = Scene::new().await;
            scene.op.discover(&json!({ field: url }));
            assert_eq!(word(&scene).await, "none", "{field} {url}");
        }
    }
    let scene = Scene::with(|settings| settings.transport = Transport::InsecureHttp).await;
    scene.op.discover(&json!({ "token_endpoint": "http://op.example/x" }));
    assert_eq!(word(&scene).await, "none");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (clock, _hand) = Clock::manual(Timestamp::from_secs(super::NOW));
    let provider =
        Provider::new(settings(&format!("http://{address}")), clock, &Known::default()).expect("a provider");
    let error = provider.check_response_issuer(None).await.expect_err("refused");
    assert_eq!((error.code(), error.fault()), ("provider/unreachable", Fault::Unavailable));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("refused"), "{text}");
    assert_eq!(provider.end_session_url("https://a.example/", "s", "h").await, None);
}

#[tokio::test]
async fn a_provider_that_never_answers_costs_the_time_limit_and_no_more() {
    let scene = Scene::new().await;
    scene.op.set(DISCOVERY, Reply::Hang);
    let provider = async { start(&scene).await.expect_err("too slow") };
    let hand = async {
        scene.op.arrived(1).await;
        scene.hand.advance(Duration::from_secs(10));
    };
    let (error, ()) = tokio::join!(provider, hand);
    assert_eq!((error.code(), error.fault()), ("provider/timeout", Fault::Unavailable));
    assert!(error.to_string().contains("within 10s"), "{error}");
    assert_eq!((word(&scene).await, scene.op.asked(DISCOVERY).len()), ("provider/timeout", 1));
}

#[tokio::test]
async fn keys_changed_right_before_signing_are_fetched_again_and_then_at_most_once_a_minute() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.fault(&json!({})).await, "none");
    assert_eq!(scene.op.asked("/jwks").len(), 1);
    // A change of keys.
    scene.key = SigningKey::ec("k2");
    scene.op.publish(&[&scene.key]);
    assert_eq!(scene.fault(&json!({})).await, "none");
    assert_eq!(scene.op.asked("/jwks").len(), 2);
    // Ids that nobody published.
    scene.key = SigningKey::ec("k3");
    for _ in 0..3 {
        assert_eq!(scene.fault(&json!({})).await, "token/unknown-key");
    }
    assert_eq!(scene.op.asked("/jwks").len(), 2);
    scene.hand.advance(Duration::from_secs(60));
    assert_eq!(scene.fault(&json!({})).await, "token/unknown-key");
    assert_eq!(scene.op.asked("/jwks").len(), 3);
}

#[tokio::test]
async fn old_keys_outlive_a_key_set_that_cannot_be_fetched() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.fault(&json!({})).await, "none");
    for reply in [Reply::status(500, ""), Reply::json(&json!({ "keys": [] })), Reply::json(&json!([]))] {
        scene.op.set("/jwks", reply);
        let known = std::mem::replace(&mut scene.key, SigningKey::ec("k9"));
        assert_eq!(scene.fault(&json!({})).await, "token/unknown-key");
        scene.key = known;
        assert_eq!(scene.fault(&json!({})).await, "none");
        // Not so far that the token of the scene is too old.
        scene.hand.advance(Duration::from_secs(60));
    }
    assert_eq!(scene.op.asked("/jwks").len(), 4);
}

#[tokio::test]
async fn weak_and_foreign_keys_are_no_keys() {
    let scene = Scene::new().await;
    let encrypting = super::op::changed(scene.key.jwk(), &json!({ "use": "enc" }));
    let short = json!({ "kty": "RSA", "kid": "k1", "n": "AQAB", "e": "AQAB" });
    let shared = json!({ "kty": "oct", "kid": "k1", "k": "c2VjcmV0" });
    scene.op.set("/jwks", Reply::json(&json!({ "keys": [encrypting, short, shared] })));
    assert_eq!(scene.fault(&json!({})).await, "provider/bad-answer");
}
