//! Tokens and answers that must not sign anybody in.

use serde_json::{Value, json};

use super::op::{ACCESS, Reply, b64, changed};
use super::{NOW, Scene};
use crate::oidc::{Algorithm, Fault, LoginError, Userinfo};

#[tokio::test]
async fn each_claim_that_is_wrong_refuses_the_token_with_its_own_word() {
    let scene = Scene::new().await;
    let other = "https://other.example";
    for (changes, word) in [
        (json!({ "iss": other }), "token/issuer"),
        (json!({ "iss": null }), "token/missing-claim"),
        (json!({ "aud": "other" }), "token/audience"),
        (json!({ "aud": [] }), "token/audience"),
        (json!({ "aud": ["wiki", "other"] }), "token/audience"),
        (json!({ "aud": ["wiki", 7] }), "token/audience"),
        (json!({ "aud": null }), "token/missing-claim"),
        (json!({ "azp": "other" }), "token/authorized-party"),
        (json!({ "exp": NOW - 60 }), "token/expired"),
        (json!({ "exp": null }), "token/missing-claim"),
        (json!({ "exp": "tomorrow" }), "token/missing-claim"),
        (json!({ "exp": -1 }), "token/missing-claim"),
        (json!({ "exp": 1e300 }), "token/missing-claim"),
        (json!({ "iat": NOW + 61 }), "token/not-yet-valid"),
        (json!({ "iat": null }), "token/missing-claim"),
        (json!({ "nbf": NOW + 61 }), "token/not-yet-valid"),
        (json!({ "nonce": "other" }), "token/nonce"),
        (json!({ "nonce": null }), "token/nonce"),
        (json!({ "sub": null }), "token/missing-claim"),
        (json!({ "sub": "" }), "token/subject"),
        (json!({ "sub": "x".repeat(256) }), "token/subject"),
        (json!({ "sub": 7 }), "token/missing-claim"),
        (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), "token/at-hash"),
        (json!({ "at_hash": 7 }), "token/at-hash"),
    ] {
        assert_eq!(scene.fault(&changes).await, word, "{changes}");
    }
    assert!(scene.op.asked("/userinfo").is_empty(), "no token was believed");
}

#[tokio::test]
async fn what_the_specification_leaves_open_is_accepted() {
    let scene = Scene::new().await;
    for changes in [
        json!({ "aud": "wiki", "azp": null, "at_hash": null, "auth_time": null }),
        json!({ "exp": NOW - 59, "iat": NOW + 60, "nbf": NOW + 60 }),
        json!({ "exp": 1_800_000_300.5, "iat": 1_799_999_999.9 }),
        json!({ "email_verified": "true", "updated_at": "yesterday", "address": 7 }),
    ] {
        assert_eq!(scene.fault(&changes).await, "none", "{changes}");
    }
    let ahead = scene.sign_in(&changed(scene.claims(), &json!({ "auth_time": NOW + 50 }))).await;
    assert_eq!(ahead.expect("a sign-in").authenticated.map(crate::clock::Timestamp::as_secs), Some(NOW));
}

#[tokio::test]
async fn a_clock_that_is_behind_is_told_with_the_time_of_the_provider() {
    let scene = Scene::new().await;
    let token = scene.key.sign(&changed(scene.claims(), &json!({ "iat": NOW + 252 })));
    let answer = json!({ "access_token": ACCESS, "token_type": "Bearer", "id_token": token }).to_string();
    let date = "Fri, 15 Jan 2027 08:04:12 GMT".to_owned();
    let fields = vec![("content-type", "application/json".to_owned()), ("date", date)];
    scene.op.set("/token", Reply::Say(200, fields, answer.into_bytes()));
    let error = scene.redeem().await.expect_err("not yet valid").to_string();
    assert!(error.contains("valid in 4 min 12 s"), "{error}");
    assert!(error.contains("its Date header says 08:04:12"), "{error}");
}

#[tokio::test]
async fn a_token_that_nobody_signed_or_an_hmac_did_is_refused_whatever_discovery_lists() {
    let scene = Scene::new().await;
    let claims = scene.claims().to_string();
    for algorithm in ["none", "None", "HS256", "HS512", "ES256K", "RS1", "ES512", ""] {
        scene.op.issue(&scene.key.sign_as(&json!({ "alg": algorithm, "kid": "k1" }), &claims));
        let error = scene.redeem().await.expect_err(algorithm);
        assert_eq!(error.code(), "token/algorithm", "{algorithm}");
    }
    // Really signed with the client secret, as a library that follows discovery would accept it.
    let signed = format!("{}.{}", b64(br#"{"alg":"HS256"}"#), b64(claims.as_bytes()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"s3cr et:");
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    scene.op.issue(&format!("{signed}.{}", b64(tag.as_ref())));
    let error = scene.redeem().await.expect_err("HS256");
    assert_eq!(error.code(), "token/algorithm");
    assert!(error.to_string().contains("authentik"), "{error}");
    assert!(scene.op.asked("/jwks").is_empty());
}

#[tokio::test]
async fn an_algorithm_that_discovery_does_not_list_is_refused() {
    let scene = Scene::new().await;
    scene.op.discover(&json!({ "id_token_signing_alg_values_supported": ["RS256"] }));
    assert_eq!(scene.fault(&json!({})).await, "token/algorithm");
    let scene = Scene::new().await;
    scene.op.discover(&json!({ "id_token_signing_alg_values_supported": null }));
    assert_eq!(scene.fault(&json!({})).await, "none");
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused_whatever_discovery_lists() {
    for (configured, word) in [
        (&[Algorithm::Rs256, Algorithm::EdDsa][..], "token/algorithm"),
        (&[Algorithm::Rs256, Algorithm::Es256], "none"),
    ] {
        let scene = Scene::with(|settings| settings.algorithms = Some(configured.to_vec())).await;
        assert_eq!(scene.fault(&json!({})).await, word);
        let claims = scene.claims().to_string();
        for algorithm in ["none", "HS256"] {
            scene.op.issue(&scene.key.sign_as(&json!({ "alg": algorithm, "kid": "k1" }), &claims));
            assert_eq!(scene.redeem().await.expect_err(algorithm).code(), "token/algorithm");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_in_form_is_refused() {
    let scene = Scene::new().await;
    let claims = scene.claims().to_string();
    let good = scene.key.sign(&scene.claims());
    let header = |extra: Value| changed(json!({ "alg": "ES256", "kid": "k1" }), &extra);
    let twice = claims.replacen('{', r#"{"sub":"admin","#, 1);
    let malformed = [
        String::new(),
        "a.b".to_owned(),
        format!("{good}.x.y"),
        format!("{good}="),
        format!(" {good}"),
        "x".repeat(65 * 1024),
        scene.key.sign_as(&header(json!({ "crit": ["exp"] })), &claims),
        scene.key.sign_as(&header(json!({ "typ": "logout+jwt" })), &claims),
        scene.key.sign_as(&header(json!({ "cty": "JWT" })), &claims),
        scene.key.sign_as(&header(json!({ "kid": 7 })), &claims),
        scene.key.sign_as(&json!(["ES256"]), &claims),
        scene.key.sign_as(&header(json!({})), "[]"),
        scene.key.sign_as(&header(json!({})), &twice),
    ];
    for token in malformed {
        scene.op.issue(&token);
        let error = scene.redeem().await.expect_err("malformed");
        assert_eq!(error.code(), "token/malformed", "{error}");
    }
}

#[tokio::test]
async fn a_signature_that_is_wrong_refuses_the_token() {
    let scene = Scene::new().await;
    let good = scene.key.sign(&scene.claims());
    let forged = scene.key.sign(&changed(scene.claims(), &json!({ "preferred_username": "admin" })));
    let (signed, _) = forged.rsplit_once('.').expect("parts");
    let (_, signature) = good.rsplit_once('.').expect("parts");
    for signature in [signature, "", "AAAA"] {
        scene.op.issue(&format!("{signed}.{signature}"));
        assert_eq!(scene.redeem().await.expect_err("forged").code(), "token/signature");
    }
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    let scene = Scene::with(|settings| settings.userinfo = Userinfo::Always).await;
    for (info, word) in [
        (json!({ "sub": "s-2" }), "userinfo/subject"),
        (json!({ "email": "x" }), "userinfo/subject"),
        (json!({ "sub": null }), "userinfo/subject"),
        (json!(["s-1"]), "provider/bad-answer"),
    ] {
        scene.op.set("/userinfo", Reply::json(&info));
        assert_eq!(scene.fault(&json!({})).await, word, "{info}");
    }
    let jwt = vec![("content-type", "Application/JWT; charset=utf-8".to_owned())];
    scene.op.set("/userinfo", Reply::Say(200, jwt, b"e30.e30.e30".to_vec()));
    let error = scene.sign_in(&scene.claims()).await.expect_err("signed userinfo");
    assert!(error.to_string().contains("application/jwt"), "{error}");
}

#[tokio::test]
async fn the_refusal_of_the_token_endpoint_is_told_without_what_was_sent() {
    let scene = Scene::new().await;
    let body = json!({
        "error": "invalid_grant",
        "error_description": format!("code the-code-of-the-test\r\nunknown {}", "x".repeat(500)),
    });
    scene.op.set("/token", Reply::status(400, &body.to_string()));
    let error = scene.redeem().await.expect_err("refused");
    assert_eq!((error.code(), error.fault()), ("token/refused", Fault::Provider));
    let text = format!("{error} {error:?} {}", error.public());
    assert!(text.contains("invalid_grant") && text.contains("unknown"), "{text}");
    assert!(!text.contains("the-code-of-the-test") && text.len() < 800, "{text}");
}

#[tokio::test]
async fn an_answer_that_is_no_token_answer_is_refused_without_being_quoted() {
    let scene = Scene::new().await;
    let html = vec![("content-type", "text/html".to_owned())];
    let token = scene.key.sign(&scene.claims());
    let json = |value: Value| Reply::json(&value);
    for (reply, word, fault) in [
        (json(json!({})), "provider/bad-answer", Fault::Provider),
        (json(json!([])), "provider/bad-answer", Fault::Provider),
        (
            json(json!({ "access_token": ACCESS, "token_type": "Bearer" })),
            "provider/bad-answer",
            Fault::Provider,
        ),
        (
            json(json!({ "access_token": ACCESS, "token_type": "Bearer", "id_token": { "x": ACCESS } })),
            "provider/bad-answer",
            Fault::Provider,
        ),
        (
            json(json!({ "access_token": ACCESS, "token_type": "DPoP", "id_token": token })),
            "provider/bad-answer",
            Fault::Provider,
        ),
        (Reply::Say(200, html.clone(), b"<html>".to_vec()), "provider/bad-answer", Fault::Provider),
        (Reply::Say(403, html, b"<html>no".to_vec()), "provider/status", Fault::Provider),
        (Reply::status(201, "{}"), "provider/status", Fault::Provider),
        (Reply::status(503, ""), "provider/status", Fault::Unavailable),
        (Reply::Say(302, vec![("location", "/x".to_owned())], vec![]), "provider/redirect", Fault::Provider),
        (Reply::status(200, &"[".repeat(200_000)), "provider/bad-answer", Fault::Provider),
        (Reply::status(200, &" ".repeat(257 * 1024)), "provider/too-large", Fault::Provider),
    ] {
        scene.op.set("/token", reply);
        let error = scene.redeem().await.expect_err(word);
        assert_eq!((error.code(), error.fault()), (word, fault), "{error}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains(ACCESS) && !told.contains("the-code"), "{told}");
    }
}

#[tokio::test]
async fn a_missing_user_claim_lists_what_there_is() {
    let scene = Scene::with(|settings| {
        settings.userinfo = Userinfo::Never;
        settings.user_claim = "upn".to_owned();
    })
    .await;
    let error = scene.sign_in(&scene.claims()).await.expect_err("no upn");
    assert!(matches!(error, LoginError::NoUser { .. }));
    assert_eq!(error.fault(), Fault::Account);
    let text = error.to_string();
    assert!(
        text.contains("has no upn") && text.contains("email, email_verified") && !text.contains("alice"),
        "{text}"
    );
}
