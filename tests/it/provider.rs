//! The provider: what it may do differently, and what becomes of one that lies, stalls or changes.
//! Follows the relying-party tests of the OpenID certification suite.

use std::time::Duration;

use serde_json::json;
use vestibule::demo::provider::{Algorithm, Fault};

use crate::support::stage::Plan;
use crate::support::{Answer, Browser, Stage};

const SECONDS: Duration = Duration::from_secs(1);

fn with(faults: impl Into<Vec<Fault>>) -> Plan {
    Plan { faults: faults.into(), ..Plan::default() }
}

/// Signs in once more at a provider that knows the person already, up to the answer of the callback.
async fn callback(browser: &mut Browser) -> Answer {
    let start = browser.load("/oauth2/start").await;
    assert_eq!(start.status, 302, "{}", start.text());
    let provider = browser.follow_once(&start).await;
    browser.follow_once(&provider).await
}

/// Gives other tasks turns until this holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

fn no_session(browser: &Browser, stage: &Stage, what: &str) {
    assert!(browser.cookie("vestibule").is_none(), "{what}");
    assert!(stage.upstream.received().is_empty(), "{what}");
}

#[tokio::test]
async fn what_the_standards_leave_to_the_provider_is_accepted() {
    for (algorithm, faults) in [
        (Algorithm::Es256, vec![]),
        (Algorithm::Rs256, vec![Fault::TokenType("bEARER".to_owned())]),
        (Algorithm::Rs256, vec![Fault::NoKid]),
        (Algorithm::Es256, vec![Fault::NoKid]),
        (Algorithm::Rs256, vec![Fault::NoAuthTime, Fault::NoSid]),
        (Algorithm::Rs256, vec![Fault::Claim("session_state".to_owned(), json!({"deep": [1, null]}))]),
        (
            Algorithm::Rs256,
            vec![
                Fault::Discovery("authorization_response_iss_parameter_supported".to_owned(), json!(null)),
                Fault::ResponseNoIss,
            ],
        ),
        (
            Algorithm::Rs256,
            [
                "id_token_signing_alg_values_supported",
                "token_endpoint_auth_methods_supported",
                "scopes_supported",
                "prompt_values_supported",
                "code_challenge_methods_supported",
                "userinfo_endpoint",
                "end_session_endpoint",
            ]
            .map(|name| Fault::Discovery(name.to_owned(), json!(null)))
            .to_vec(),
        ),
        (
            Algorithm::Rs256,
            vec![Fault::Discovery(
                "token_endpoint_auth_methods_supported".to_owned(),
                json!(["client_secret_post"]),
            )],
        ),
    ] {
        let stage = Stage::with(Plan { algorithm, ..with(faults.clone()) }).await;
        let answer = stage.browser().sign_in("/", "alice").await;
        assert_eq!(answer.status, 200, "{faults:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn claims_that_are_only_at_userinfo_are_fetched_there() {
    let stage = Stage::with(with([Fault::ClaimsOnlyInUserinfo])).await;
    let mut browser = stage.browser();
    let answer = browser.sign_in("/admin", "alice").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stage.provider.requests().userinfo(), 1);
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    assert_eq!(received.all("x-forwarded-groups"), ["staff,ops"]);
    assert_eq!(received.all("x-forwarded-email"), ["alice@example.com"]);
}

#[tokio::test]
async fn userinfo_about_somebody_else_or_none_at_all_ends_the_sign_in() {
    for (fault, status) in [(Fault::UserinfoWrongSub, 502), (Fault::UserinfoDown, 503)] {
        let stage = Stage::with(with([Fault::ClaimsOnlyInUserinfo, fault.clone()])).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.text());
        no_session(&browser, &stage, &format!("{fault:?}"));
    }
}

#[tokio::test]
async fn keys_that_change_between_two_sign_ins_are_fetched_anew() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let before = stage.provider.requests().jwks();
    stage.provider.rotate_keys().expect("new keys");
    let answer = callback(&mut browser).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    assert_eq!(stage.provider.requests().jwks(), before + 1);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_provider_once_a_minute() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let before = stage.provider.requests().jwks();
    stage.provider.faults().add(Fault::UnknownKid);
    for _ in 0..5 {
        assert_eq!(callback(&mut browser).await.status, 502);
    }
    assert_eq!(stage.provider.requests().jwks(), before + 1);
    stage.advance(60 * SECONDS);
    assert_eq!(callback(&mut browser).await.status, 502);
    assert_eq!(stage.provider.requests().jwks(), before + 2);
    stage.provider.faults().clear();
    assert_eq!(callback(&mut browser).await.status, 302, "who signs in meanwhile is served");
}

#[tokio::test]
async fn an_address_that_nobody_verified_is_no_user_and_no_header() {
    let stage = Stage::with(with([Fault::EmailUnverified])).await;
    let mut browser = stage.browser();
    assert_eq!(browser.sign_in("/", "alice").await.status, 200);
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    assert!(received.all("x-forwarded-email").is_empty());
    let user_claim = "user_claim = \"email\"".to_owned();
    let stage = Stage::with(Plan { provider: user_claim, ..with([Fault::EmailUnverified]) }).await;
    let mut browser = stage.browser();
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("not verified"), "{}", answer.text());
    no_session(&browser, &stage, "unverified");
    let event = stage.events().into_iter().find(|event| event["reason"] == "identity/email-unverified");
    assert!(event.expect("an event")["detail"].as_str().is_some_and(|text| text.contains("email_trusted")));
}

#[tokio::test]
async fn rules_about_addresses_hold_for_verified_ones_only() {
    let routes = |term: &str| format!("[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"{term}\"]\n");
    for (term, faults, status) in [
        ("domain:example.com", vec![], 200),
        ("email:alice@EXAMPLE.com", vec![], 200),
        ("email:Alice@example.com", vec![], 403),
        ("domain:ample.com", vec![], 403),
        ("domain:example.com", vec![Fault::EmailUnverified], 403),
        ("email:alice@example.com", vec![Fault::EmailUnverified], 403),
        (
            "domain:example.com",
            vec![Fault::Claim("email".to_owned(), json!("x@evil.example@example.com"))],
            403,
        ),
        ("domain:example.com", vec![Fault::Claim("email_verified".to_owned(), json!("yes"))], 403),
        ("domain:example.com", vec![Fault::Claim("email_verified".to_owned(), json!(1))], 403),
    ] {
        let stage = Stage::with(Plan { routes: routes(term), ..with(faults.clone()) }).await;
        let answer = stage.browser().sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{term} {faults:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_a_claim_names_the_key_to_look_at() {
    let routes = |term: &str| format!("[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"{term}\"]\n");
    for (term, faults, key) in [
        ("domain:example.com", vec![Fault::EmailUnverified], Some("email_trusted")),
        ("group:staff", vec![Fault::Claim("groups".to_owned(), json!(null))], Some("groups_claim")),
        ("domain:other.example", vec![], None),
    ] {
        let stage = Stage::with(Plan { routes: routes(term), ..with(faults) }).await;
        assert_eq!(stage.browser().sign_in("/", "alice").await.status, 403, "{term}");
        let event = stage.events().into_iter().find(|event| event["reason"] == "not_allowed");
        let detail = event.expect("an event")["detail"].as_str().map(str::to_owned);
        assert_eq!(detail.is_some(), key.is_some(), "{term}: {detail:?}");
        assert!(key.is_none_or(|key| detail.is_some_and(|text| text.contains(key))), "{term}");
    }
}

#[tokio::test]
async fn a_user_who_could_forge_a_header_does_not_get_in() {
    for name in ["alice\nX-Forwarded-User: root", " alice", "alice\u{85}", "", "a\u{0}"] {
        let fault = Fault::Claim("preferred_username".to_owned(), json!(name));
        let stage = Stage::with(with([fault])).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, 502, "{name:?}: {}", answer.text());
        no_session(&browser, &stage, name);
    }
}

#[tokio::test]
async fn a_discovery_document_that_cannot_be_used_starts_no_sign_in() {
    for (fault, status) in [
        (Fault::DiscoveryWrongIssuer, 502),
        (Fault::DiscoveryGarbage, 502),
        (Fault::DiscoveryRedirect, 502),
        (Fault::DiscoveryHttpEndpoints, 502),
        (Fault::Discovery("token_endpoint".to_owned(), json!(null)), 502),
        (Fault::Discovery("authorization_endpoint".to_owned(), json!("javascript:alert(1)")), 502),
        (Fault::Discovery("jwks_uri".to_owned(), json!("file:///etc/passwd")), 502),
        (Fault::Discovery("filler".to_owned(), json!("x".repeat(2 << 20))), 502),
        (Fault::DiscoveryDown, 503),
    ] {
        let stage = Stage::with(with([fault.clone()])).await;
        let mut browser = stage.browser();
        let answer = browser.load("/").await;
        let fault = format!("{fault:?}").chars().take(80).collect::<String>();
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert_eq!(answer.field("retry-after").is_some(), status == 503, "{fault}");
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{fault}");
        assert_eq!(answer.all("set-cookie").count(), 0, "{fault}");
        assert_eq!(stage.provider.requests().authorize() + stage.provider.requests().token(), 0, "{fault}");
        no_session(&browser, &stage, &fault);
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_end_the_sign_in() {
    for (fault, status) in [(Fault::JwksDown, 503), (Fault::JwksGarbage, 502), (Fault::JwksEmpty, 502)] {
        let stage = Stage::with(with([fault.clone()])).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.text());
        no_session(&browser, &stage, &format!("{fault:?}"));
    }
}

#[tokio::test]
async fn the_token_endpoint_may_refuse_without_a_session_or_a_secret_in_sight() {
    for (fault, status) in [
        (Fault::TokenError(400, r#"{"error":"invalid_grant","error_description":"no"}"#.to_owned()), 502),
        (Fault::TokenError(401, r#"{"error":"invalid_client"}"#.to_owned()), 502),
        (Fault::TokenError(500, "oops".to_owned()), 503),
        (Fault::TokenError(429, "{}".to_owned()), 503),
        (Fault::TokenError(200, "{}".to_owned()), 502),
        (Fault::TokenError(200, r#"{"error":"invalid_grant"}"#.to_owned()), 502),
        (Fault::TokenNoIdToken, 502),
        (Fault::TokenType("DPoP".to_owned()), 502),
        (Fault::AlgHs256, 502),
    ] {
        let stage = Stage::with(with([fault.clone()])).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.text());
        no_session(&browser, &stage, &format!("{fault:?}"));
    }
}

#[tokio::test]
async fn a_provider_that_hangs_costs_its_time_limit_and_ends_on_a_page() {
    let stage = Stage::with(with([Fault::DiscoveryHang])).await;
    let mut browser = stage.browser();
    let load = tokio::spawn(async move { browser.load("/").await });
    until(|| stage.provider.requests().discovery() == 1).await;
    stage.advance(10 * SECONDS);
    let answer = load.await.expect("an answer");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.field("retry-after").is_some());
    assert_eq!(answer.all("set-cookie").count(), 0);

    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    stage.provider.faults().add(Fault::TokenHang);
    let before = browser.cookie("vestibule");
    let load = tokio::spawn(async move { (callback(&mut browser).await, browser) });
    until(|| stage.provider.requests().token() == 2).await;
    stage.advance(10 * SECONDS);
    let (answer, browser) = load.await.expect("an answer");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(browser.cookie("vestibule"), before, "the session that there was goes on");
}

#[tokio::test]
async fn a_provider_that_hangs_does_not_hold_a_sign_out_up() {
    let mut stage = Stage::usual().await;
    let browser = stage.signed_in("alice").await;
    stage.restart(|config| config).await;
    stage.provider.faults().add(Fault::DiscoveryHang);
    let asked = stage.provider.requests().discovery();
    let mut copy = browser.clone();
    let mut leaving = browser.clone();
    let form = "sec-fetch-site: same-origin\r\ncontent-length: 0\r\n";
    let load = tokio::spawn(async move { leaving.request("POST", "/oauth2/sign_out", form, b"").await });
    until(|| stage.provider.requests().discovery() == asked + 1).await;
    assert_eq!(copy.fetch("/").await.status, 401, "here they are signed out already");
    stage.advance(3 * SECONDS);
    let answer = load.await.expect("an answer");
    assert_eq!((answer.status, answer.location()), (303, "/oauth2/signed_out"));
}

#[tokio::test]
async fn the_callback_of_the_named_provider_is_one_too_and_another_name_is_none() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/page").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let sent = browser.press_once(&consent, &[("answer", "allow")]).await;
    let url = |name: &str| {
        let text = sent.location().replace("/oauth2/callback", &format!("/oauth2/callback{name}"));
        url::Url::parse(&text).expect("a url")
    };
    assert_eq!(browser.clone().navigate(&url("/other")).await.status, 404);
    let answer = browser.navigate(&url("/main")).await;
    assert_eq!((answer.status, answer.location()), (302, "/page"));
}

#[tokio::test]
async fn a_route_that_wants_a_second_factor_refuses_without_and_opens_with_it() {
    let routes = "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"claim:acr=mfa\"]\n".to_owned();
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut browser = stage.browser();
    let denied = browser.sign_in("/sensitive", "alice").await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    let page = browser.open("/oauth2/start?switch=1&rd=/sensitive").await;
    let page = browser.press(&page, &[("user", "alice"), ("factor", "second")]).await;
    let text = page.text();
    let code =
        text.split("id=\"shown-code\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code");
    let answer = browser.press(&page, &[("code", code)]).await;
    assert_eq!((answer.status, browser.url.path()), (200, "/sensitive"), "{}", answer.text());
    // What the provider says counts, not which page was shown.
    stage.provider.faults().add(Fault::WrongAcr);
    callback(&mut browser).await;
    assert_eq!(browser.load("/sensitive").await.status, 403);
}

#[tokio::test]
async fn a_sign_in_older_than_max_age_asks_for_is_refused() {
    let provider = "auth_params = { max_age = \"3600\" }".to_owned();
    for (faults, status) in [
        (vec![], 200),
        // A person can take the parameter out of the address that they are sent to.
        (vec![Fault::OldAuthTime], 502),
        (vec![Fault::NoAuthTime], 502),
    ] {
        let stage = Stage::with(Plan { provider: provider.clone(), ..with(faults.clone()) }).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{faults:?}: {}", answer.text());
        assert_eq!(browser.cookie("vestibule").is_some(), status == 200, "{faults:?}");
    }
}

#[tokio::test]
async fn an_attempt_is_bound_to_the_issuer_and_client_that_it_was_started_with() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let sent = browser.press_once(&consent, &[("answer", "allow")]).await;
    stage.restart(|config| config.replace("client_id = \"wiki\"", "client_id = \"other\"")).await;
    let answer = browser.navigate(&url::Url::parse(sent.location()).expect("a url")).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(stage.provider.requests().token(), 0, "the code goes to nobody else");
}

#[tokio::test]
async fn an_answer_with_an_error_is_held_against_its_issuer_too() {
    for fault in [Fault::ResponseWrongIss, Fault::ResponseNoIss] {
        let error = Fault::CallbackError("access_denied".to_owned(), "a lie".to_owned());
        let stage = Stage::with(with([error, fault.clone()])).await;
        let answer = stage.browser().open("/").await;
        assert_eq!(answer.status, 400, "{fault:?}: {}", answer.text());
        assert!(!answer.text().contains("a lie"), "{fault:?}: {}", answer.text());
    }
    let stage = Stage::with(with([Fault::ResponseWrongState])).await;
    let mut browser = stage.browser();
    assert_eq!(browser.sign_in("/", "alice").await.status, 400);
    assert_eq!(stage.provider.requests().token(), 0);
}
