//! What comes back from the provider, and what is made of it.

use std::time::Duration;

use vestibule::demo::provider::Fault;

use super::{pending, state};
use crate::support::Stage;
use crate::support::stage::Plan;

#[tokio::test]
async fn a_state_of_another_browser_is_refused_before_the_code_is_redeemed() {
    let stage = Stage::usual().await;
    let theirs = state(&stage.browser().load("/").await);
    let mut victim = stage.browser();
    victim.load("/").await;
    let answer = victim.load(&format!("/oauth2/callback?code=stolen&state={theirs}")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("Sign-in did not finish"));
    assert_eq!(stage.provider.requests().token(), 0);
    assert!(victim.cookie("vestibule").is_none());
}

#[tokio::test]
async fn callbacks_that_are_malformed_end_on_a_page() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let state = state(&browser.load("/").await);
    let long = "x".repeat(5000);
    for query in [
        "".to_owned(),
        "code=x".to_owned(),
        format!("state={state}"),
        format!("state={state}&state={state}&code=x"),
        format!("state={state}&code=x&code=y"),
        format!("state={state}&code={long}"),
        format!("state={long}&code=x"),
        "state=%zz&code=x".to_owned(),
        "state=nobody&code=x".to_owned(),
    ] {
        let answer = browser.clone().load(&format!("/oauth2/callback?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains("Sign-in did not finish"), "{query}: {}", answer.text());
    }
    assert_eq!(stage.provider.requests().token(), 0);
}

#[tokio::test]
async fn a_callback_that_is_opened_twice_gives_one_session_and_spends_one_code() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/page").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let callback = browser.press_once(&consent, &[("answer", "allow")]).await.location().to_owned();
    let url = url::Url::parse(&callback).expect("a url");
    let mut twin = browser.clone();
    let mut late = browser.clone();
    let (first, second) = tokio::join!(browser.navigate(&url), twin.navigate(&url));
    assert_eq!((first.status, second.status), (302, 302), "{} {}", first.text(), second.text());
    assert_eq!(browser.cookie("vestibule"), twin.cookie("vestibule"));
    assert!(browser.cookie("vestibule").is_some());
    assert_eq!(stage.provider.requests().token(), 1);
    let other = url::Url::parse(&callback.replace("code=", "code=x")).expect("a url");
    let answer = late.navigate(&other).await;
    assert_eq!(answer.status, 400, "the same state with another code");
    assert_eq!(stage.provider.requests().token(), 1);
    assert!(late.cookie("vestibule").is_none());
}

#[tokio::test]
async fn the_back_button_to_the_callback_goes_on_with_a_session_and_offers_a_start_without() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let back = browser.load("/oauth2/callback?code=old&state=AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!((back.status, back.location()), (302, "/"));
    let stranger = stage.browser().load("/oauth2/callback?code=old&state=AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(stranger.status, 400);
    assert!(stranger.text().contains("/oauth2/start?rd="));
}

#[tokio::test]
async fn a_person_who_declines_is_told_so_and_may_start_again() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/page?x=1").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let answer = browser.press(&consent, &[("answer", "deny")]).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("/oauth2/start?rd=%2Fpage%3Fx%3D1"), "{}", answer.text());
    assert_eq!(pending(&browser.cookie_names()), 0);
}

#[tokio::test]
async fn the_providers_error_text_is_text() {
    let description = "<script>alert(1)</script>".to_owned();
    let faults = vec![Fault::CallbackError("server_error".to_owned(), description)];
    let stage = Stage::with(Plan { faults, ..Plan::default() }).await;
    let mut browser = stage.browser();
    let answer = browser.open("/").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(!answer.text().contains("<script>"), "{}", answer.text());
    assert!(answer.text().contains("&#60;script&#62;alert(1)"), "{}", answer.text());
}

#[tokio::test]
async fn a_bad_answer_of_the_provider_never_becomes_a_session() {
    for (fault, status) in [
        (Fault::IdTokenWrongIss, 502),
        (Fault::IdTokenWrongAud, 502),
        (Fault::IdTokenExtraAud, 502),
        (Fault::IdTokenWrongAzp, 502),
        (Fault::IdTokenExpired, 502),
        (Fault::IdTokenIssuedInFuture, 502),
        (Fault::IdTokenNotYetValid, 502),
        (Fault::IdTokenNoNonce, 502),
        (Fault::IdTokenWrongNonce, 502),
        (Fault::BadSignature, 502),
        (Fault::AlgNone, 502),
        (Fault::UnknownKid, 502),
        (Fault::IdTokenNoSub, 502),
        (Fault::IdTokenWrongAtHash, 502),
        (Fault::NoUser, 502),
        (Fault::TokenGarbage, 502),
        (Fault::TokenHuge, 502),
        (Fault::TokenRedirect, 502),
        (Fault::ResponseWrongIss, 400),
        (Fault::ResponseNoIss, 400),
        (Fault::CriticalHeader, 502),
    ] {
        let stage = Stage::with(Plan { faults: vec![fault.clone()], ..Plan::default() }).await;
        let mut browser = stage.browser();
        let answer = browser.sign_in("/", "alice").await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.text());
        assert!(answer.text().contains("Sign-in did not finish"), "{fault:?}: {}", answer.text());
        assert!(browser.cookie("vestibule").is_none(), "{fault:?}");
        assert!(stage.upstream.received().is_empty(), "{fault:?}");
        let failed = stage.events().into_iter().find(|event| event["event"] == "sign_in.failed");
        let failed = failed.unwrap_or_else(|| panic!("{fault:?} left no event"));
        assert!(failed["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{fault:?}: {failed}");
    }
}

#[tokio::test]
async fn asking_for_the_head_of_a_callback_spends_no_code() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/page").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let callback = browser.press_once(&consent, &[("answer", "allow")]).await.location().to_owned();
    let url = url::Url::parse(&callback).expect("a url");
    let target = url[url::Position::BeforePath..].to_owned();
    assert_eq!(browser.request("HEAD", &target, "", b"").await.status, 405);
    assert_eq!(stage.provider.requests().token(), 0);
    assert_eq!(browser.navigate(&url).await.status, 302);
}

#[tokio::test]
async fn the_address_of_a_callback_never_reaches_the_upstream_as_referer() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let gateway = format!("http://{}", stage.gateway);
    for (sent, passed) in [
        (format!("{gateway}/oauth2/callback?code=s3cret&state=x"), format!("{gateway}/")),
        (format!("{gateway}/page?x=1"), format!("{gateway}/page?x=1")),
        ("https://other.example/oauth2/x".to_owned(), "https://other.example/oauth2/x".to_owned()),
    ] {
        browser.request("GET", "/", &format!("referer: {sent}\r\nsec-fetch-mode: cors\r\n"), b"").await;
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.all("referer"), [passed]);
    }
}

#[tokio::test]
async fn an_attempt_that_is_over_is_cleared_by_its_callback() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let state = state(&browser.load("/").await);
    stage.advance(Duration::from_secs(15 * 60));
    assert_eq!(browser.load(&format!("/oauth2/callback?code=x&state={state}")).await.status, 400);
    assert_eq!(pending(&browser.cookie_names()), 0);
}
