//! Rotation: a new session key, and nobody is signed out by it.

use vestibule::app::Reload;

use crate::support::{Stage, exchange};

/// The line of a configuration that names the key, and what it becomes when the key is rotated.
const BEFORE: &str = "key = { env = \"KEY\" }";
const AFTER: &str = "key = { env = \"OTHER_KEY\" }\nold_keys = [{ env = \"KEY\" }]";
const REMOVED: &str = "key = { env = \"OTHER_KEY\" }";

#[tokio::test]
async fn a_session_goes_on_under_the_new_key_and_outlives_the_old_one() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let old = browser.cookie("vestibule").expect("a session");
    stage.restart(|config| config.replace(BEFORE, AFTER)).await;
    let answer = browser.fetch("/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.all("set-cookie").count(), 1, "sealed anew at the first chance, however young it is");
    let new = browser.cookie("vestibule").expect("a session");
    assert_ne!(old, new);
    assert_eq!(browser.fetch("/").await.all("set-cookie").count(), 0, "and only once");
    stage.restart(|config| config.replace(AFTER, REMOVED)).await;
    assert_eq!(browser.fetch("/").await.status, 200);
    browser.put("vestibule", &old);
    assert_eq!(browser.fetch("/").await.status, 401, "the old key is gone");
}

#[tokio::test]
async fn a_running_gateway_takes_both_keys_at_once_and_nobody_is_signed_out() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    assert_eq!(stage.reload(|config| config.replace(BEFORE, AFTER)), Reload::Taken);
    assert_eq!(browser.fetch("/").await.status, 200);
    assert_eq!(stage.reload(|config| config.replace(AFTER, REMOVED)), Reload::Taken);
    assert_eq!(browser.fetch("/").await.status, 200);
    // The new key alone, if only for a moment, shuts out who has not come since: hence one save for both.
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    assert_eq!(stage.reload(|config| config.replace(BEFORE, REMOVED)), Reload::Taken);
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn an_answer_for_shared_caches_puts_the_new_seal_off() {
    let body = "HTTP/1.1 200 OK\r\ncache-control: public\r\ncontent-length: 0\r\n\r\n";
    let upstream = crate::support::Upstream::answering(body).await;
    let mut stage = Stage::before(upstream, crate::support::stage::Plan::default()).await;
    let mut browser = stage.signed_in("alice").await;
    stage.restart(|config| config.replace(BEFORE, AFTER)).await;
    assert_eq!(browser.fetch("/").await.all("set-cookie").count(), 0);
}

#[tokio::test]
async fn an_attempt_that_was_begun_under_the_old_key_ends_well() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/page").await;
    stage.restart(|config| config.replace(BEFORE, AFTER)).await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, browser.url.path()), (200, "/page"));
    let sealed = browser.cookie("vestibule").expect("a session");
    stage.restart(|config| config.replace(AFTER, REMOVED)).await;
    let head = format!(
        "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncookie: vestibule={sealed}\r\n\r\n"
    );
    assert_eq!(exchange(stage.gateway, head).await.status, 200, "what is new is sealed with the new key");
}

#[tokio::test]
async fn an_old_session_signed_out_stays_dead_also_as_a_copy() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    stage.restart(|config| config.replace(BEFORE, AFTER)).await;
    let mut copy = browser.clone();
    browser.fetch("/").await;
    let page = browser.load("/oauth2/sign_out").await;
    browser.press_once(&page, &[]).await;
    assert_eq!(copy.fetch("/").await.status, 401);
}
