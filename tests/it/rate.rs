//! The limit on sign-ins: who starts too many waits, and nobody else does.

use std::time::Duration;

use crate::support::stage::Plan;
use crate::support::{Answer, Stage, exchange};

const PAGE: &str = "accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";

async fn stage(rate: &str, listen: &str) -> Stage {
    let (login, listen) = (format!("rate = {rate}"), listen.to_owned());
    Stage::with(Plan { login, listen, ..Plan::default() }).await
}

/// A page load without any cookie, as the client at `from` through a proxy in front.
async fn start(stage: &Stage, from: &str) -> Answer {
    let head = format!(
        "GET /page?x=1 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nx-forwarded-for: {from}\r\n{PAGE}\r\n"
    );
    exchange(stage.gateway, head).await
}

#[tokio::test]
async fn one_too_many_gets_a_page_that_says_when_and_starts_nothing() {
    let stage = stage("3", "").await;
    for _ in 0..3 {
        assert_eq!(stage.browser().load("/page").await.status, 302);
    }
    stage.advance(Duration::from_secs(20));
    stage.events();
    let answer = stage.browser().load("/page?x=1").await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("40")));
    assert!(answer.text().contains("Too many sign-ins at once"), "{}", answer.text());
    assert!(answer.text().contains("href=\"/page?x=1\""), "{}", answer.text());
    assert_eq!(answer.all("set-cookie").count(), 0);
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let event = stage.events().into_iter().find(|event| event["event"] == "access.denied").expect("an event");
    assert_eq!(event["reason"], "login/rate");
    assert_eq!(event["request_id"].as_str(), answer.field("x-request-id"));
    stage.advance(Duration::from_secs(40));
    assert_eq!(stage.browser().load("/page").await.status, 302, "the minute is over");
}

#[tokio::test]
async fn whoever_has_an_attempt_under_way_goes_on() {
    let stage = stage("1", "").await;
    let mut browser = stage.browser();
    browser.load("/first").await;
    assert_eq!(stage.browser().load("/other").await.status, 429, "another browser waits");
    let page = browser.open("/second").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, browser.url.path()), (200, "/second"));
    let mut forger = stage.browser();
    forger.put("vestibule-login-0123456789abcdef", "AAAA");
    assert_eq!(forger.load("/").await.status, 429, "an attempt that does not open is none");
}

#[tokio::test]
async fn sessions_programs_and_public_pages_are_not_held_up() {
    let stage = stage("1", "").await;
    let mut alice = stage.signed_in("alice").await;
    assert_eq!(stage.browser().load("/").await.status, 429);
    assert_eq!(alice.load("/").await.status, 200);
    assert_eq!(stage.browser().load("/public").await.status, 200);
    assert_eq!(stage.browser().fetch("/").await.status, 401, "a program starts no sign-in");
}

#[tokio::test]
async fn a_program_that_may_be_redirected_gets_json() {
    let routes =
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\nsigned_out = \"redirect\"\n";
    let (routes, login) = (routes.to_owned(), "rate = 1".to_owned());
    let stage = Stage::with(Plan { routes, login, ..Plan::default() }).await;
    stage.browser().load("/").await;
    let answer = stage.browser().request("GET", "/", "accept: */*\r\n", b"").await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("60")));
    assert_eq!(answer.json()["error"], "login/rate");
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_one_by_one() {
    let stage = stage("1", "trusted_proxies = [\"127.0.0.1\"]").await;
    assert_eq!(start(&stage, "192.0.2.1").await.status, 302);
    assert_eq!(start(&stage, "192.0.2.1").await.status, 429);
    assert_eq!(start(&stage, "192.0.2.2").await.status, 302);
    assert_eq!(start(&stage, "2001:db8::1").await.status, 302);
    assert_eq!(start(&stage, "2001:db8::2").await.status, 429, "one customer's network is one client");
}

#[tokio::test]
async fn what_an_untrusted_peer_says_about_itself_makes_no_new_client() {
    let stage = stage("1", "").await;
    assert_eq!(start(&stage, "192.0.2.1").await.status, 302);
    assert_eq!(start(&stage, "192.0.2.2").await.status, 429);
}

#[tokio::test]
async fn zero_is_no_limit() {
    let stage = stage("0", "").await;
    for _ in 0..700 {
        assert_eq!(start(&stage, "192.0.2.1").await.status, 302);
    }
}

#[tokio::test]
async fn without_the_key_six_hundred_a_minute_are_let_through() {
    let stage = Stage::usual().await;
    for _ in 0..600 {
        assert_eq!(start(&stage, "192.0.2.1").await.status, 302);
    }
    assert_eq!(start(&stage, "192.0.2.1").await.status, 429);
}
