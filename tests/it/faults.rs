//! Faults while it runs: each that an operator has to act on is provoked, has its code, and says what to do.

use serde_json::Value;
use vestibule::demo::provider::{Fault, User};

use crate::support::Stage;
use crate::support::stage::Plan;

/// The event of the sign-in that failed.
async fn failed(plan: Plan) -> Value {
    let stage = Stage::with(plan).await;
    let mut browser = stage.browser();
    // Some end before there is a page to sign in on.
    let answer = match browser.open("/").await {
        answer if answer.status >= 400 => answer,
        _ => browser.sign_in("/", "alice").await,
    };
    assert!(answer.status >= 400, "{}", answer.text());
    assert!(browser.cookie("vestibule").is_none());
    let events = stage.events();
    let event = events.iter().find(|event| event["event"] == "sign_in.failed");
    event.unwrap_or_else(|| panic!("no failure in {events:?}")).clone()
}

fn with(fault: Fault) -> Plan {
    Plan { faults: vec![fault], ..Plan::default() }
}

#[tokio::test]
async fn each_fault_has_its_code_and_says_what_to_do() {
    let refused = "invalid redirect_uri".to_owned();
    for (fault, code, remedies) in [
        (Fault::DiscoveryDown, "provider/status", &["503"][..]),
        (
            Fault::DiscoveryWrongIssuer,
            "provider/issuer-mismatch",
            &["you wrote", "the server calls itself", "copy the second form exactly"],
        ),
        (Fault::DiscoveryHttpEndpoints, "provider/insecure", &["insecure_http"]),
        (
            Fault::CallbackError("invalid_request".to_owned(), refused),
            "login/redirect-uri",
            &["/oauth2/callback", "register exactly this address", "a trailing slash"],
        ),
        (
            Fault::CallbackError("server_error".to_owned(), "no".to_owned()),
            "login/provider-error",
            &["server_error"],
        ),
        (
            Fault::TokenError(401, r#"{"error":"invalid_client"}"#.to_owned()),
            "token/refused",
            &["check client_id and client_secret"],
        ),
        (
            Fault::TokenError(400, r#"{"error":"invalid_grant"}"#.to_owned()),
            "token/refused",
            &["redirect URI"],
        ),
        (
            Fault::IdTokenIssuedInFuture,
            "token/not-yet-valid",
            &["becomes valid in", "Date header says", "chronyc tracking", "clock_skew"],
        ),
        (Fault::IdTokenNotYetValid, "token/not-yet-valid", &["becomes valid in"]),
        (Fault::IdTokenExpired, "token/expired", &["expired", "clock"]),
        (
            Fault::AlgHs256,
            "token/algorithm",
            &["HS256", "in authentik choose a signing key", "RS256 or ES256"],
        ),
        (Fault::AlgNone, "token/algorithm", &["none", "this product refuses"]),
        (Fault::UnknownKid, "token/unknown-key", &["published"]),
        (Fault::IdTokenWrongAud, "token/audience", &["client_id"]),
        (Fault::NoUser, "identity/no-user", &["main", "preferred_username", "it has:", "set user_claim"]),
    ] {
        let what = format!("{fault:?}");
        let event = failed(with(fault)).await;
        assert_eq!(event["reason"], code, "{what}: {event}");
        let detail = event["detail"].as_str().unwrap_or_else(|| panic!("{what}: {event}"));
        for remedy in remedies {
            assert!(detail.contains(remedy), "{what}: {remedy:?} in {detail}");
        }
    }
}

#[tokio::test]
async fn an_address_as_user_that_nobody_verified_says_which_key_helps() {
    let provider = "user_claim = \"email\"".to_owned();
    let event = failed(Plan { provider, ..with(Fault::EmailUnverified) }).await;
    assert_eq!(event["reason"], "identity/email-unverified");
    assert!(
        event["detail"].as_str().is_some_and(|detail| detail.contains("email_trusted = true")),
        "{event}"
    );
}

#[tokio::test]
async fn a_session_that_no_cookie_holds_says_what_fills_it() {
    let mut users = User::demo();
    let names = (0..400_u64).map(|n| format!("g{:016x}", (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    users.iter_mut().for_each(|user| user.groups = names.clone().collect());
    let event = failed(Plan { users, ..Plan::default() }).await;
    assert_eq!(event["reason"], "session/too-large");
    let detail = event["detail"].as_str().expect("a detail");
    for words in ["one cookie holds", "400 groups", "header set without {groups}"] {
        assert!(detail.contains(words), "{words:?} in {detail}");
    }
}

#[tokio::test]
async fn a_provider_that_nobody_answers_for_is_unreachable_and_can_be_tried_again() {
    let mut stage = Stage::usual().await;
    let issuer = stage.provider.issuer().to_owned();
    // The discard port: nobody listens there.
    stage.restart(|config| config.replace(&issuer, "http://127.0.0.1:9")).await;
    stage.events();
    let answer = stage.browser().load("/").await;
    assert_eq!((answer.status, answer.field("retry-after").is_some()), (503, true), "{}", answer.text());
    let events = stage.events();
    let event = events.iter().find(|event| event["event"] == "sign_in.failed").expect("a failure");
    assert_eq!(event["reason"], "provider/unreachable");
    assert!(event["detail"].as_str().is_some_and(|detail| detail.contains("127.0.0.1:9")), "{event}");
}
