//! Signing in: from any page to the provider and back to that page, whatever happens on the way.

mod callback;

use std::time::Duration;

use vestibule::demo::provider::Fault;

use crate::support::stage::{Plan, Time};
use crate::support::{Answer, Stage};

/// The state in a redirect to the provider.
fn state(answer: &Answer) -> String {
    query(answer.location(), "state")
}

fn query(location: &str, name: &str) -> String {
    let url = url::Url::parse(location).expect("a url");
    let value = url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    value.unwrap_or_else(|| panic!("{location} has no {name}"))
}

fn pending(names: &[String]) -> usize {
    names.iter().filter(|name| name.starts_with("vestibule-login-") && !name.ends_with("-round")).count()
}

#[tokio::test]
async fn a_browser_ends_on_the_page_that_it_asked_for() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let answer = browser.sign_in("/some/page?x=1&y=%2F", "alice").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((browser.url.path(), browser.url.query()), ("/some/page", Some("x=1&y=%2F")));
    let received = stage.upstream.only();
    assert_eq!(received.line(), "GET /some/page?x=1&y=%2F HTTP/1.1");
    assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    assert_eq!(received.all("x-forwarded-groups"), ["staff,ops"]);
    assert_eq!(received.all("x-forwarded-email"), ["alice@example.com"]);
}

#[tokio::test]
async fn a_query_that_browsers_send_as_it_is_comes_back_as_it_was() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    browser.sign_in("/files?path=C:\\dir&q={a}|b^`", "alice").await;
    let line = stage.upstream.received().pop().expect("a request").line().to_owned();
    assert_eq!(line, "GET /files?path=C:\\dir&q={a}|b^` HTTP/1.1");
}

#[tokio::test]
async fn the_authorization_request_carries_state_nonce_and_a_s256_challenge_each_fresh() {
    let stage = Stage::usual().await;
    let (first, second) = (stage.browser().load("/").await, stage.browser().load("/").await);
    assert_eq!(first.status, 302);
    for name in ["state", "nonce", "code_challenge"] {
        let (a, b) = (query(first.location(), name), query(second.location(), name));
        assert!(a.len() >= 22 && a != b, "{name}: {a} {b}");
    }
    assert_eq!(query(first.location(), "code_challenge_method"), "S256");
    assert_eq!(query(first.location(), "response_type"), "code");
    assert_eq!(query(first.location(), "scope"), "openid profile email groups");
    assert_eq!(first.field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn the_session_cookie_has_the_attributes_that_protect_it() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/").await;
    // Without following the last redirect, so that the cookie is seen being set.
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    assert!(consent.text().contains("answer"), "{}", consent.text());
    let before = browser.cookie_names();
    assert_eq!(pending(&before), 1, "{before:?}");
    browser.press(&consent, &[("answer", "allow")]).await;
    let after = browser.cookie_names();
    assert_eq!(pending(&after), 0, "the attempt is over: {after:?}");
    assert!(after.contains(&"vestibule".to_owned()), "{after:?}");
    assert!(browser.cookie("vestibule").expect("a session").len() < 600);
}

#[tokio::test]
async fn with_an_https_public_url_cookies_are_host_bound_and_secure() {
    let stage = Stage::usual().await;
    let mut stage = stage;
    stage.restart(|config| config.replace("public_url = \"http://", "public_url = \"https://")).await;
    let answer = stage.browser().load("/").await;
    let cookie = answer.all("set-cookie").next().expect("a pending login").to_owned();
    assert!(cookie.starts_with("__Host-vestibule-login-"), "{cookie}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=900"] {
        assert!(cookie.contains(attribute), "{cookie} lacks {attribute}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(query(answer.location(), "redirect_uri").starts_with("https://127.0.0.1:"));
}

#[tokio::test]
async fn ten_tabs_that_sign_in_at_once_each_end_on_their_own_page() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let mut tabs = Vec::new();
    for n in 0..10 {
        tabs.push((n, browser.open(&format!("/tab/{n}")).await, browser.url.clone()));
    }
    for (n, page, url) in tabs {
        browser.url = url;
        let answer = browser.choose(page, "alice").await;
        assert_eq!((answer.status, browser.url.path()), (200, format!("/tab/{n}").as_str()));
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_oldest_goes_first() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let first = state(&browser.load("/first").await);
    for n in 0..30 {
        stage.advance(Duration::from_secs(1));
        browser.load(&format!("/page/{n}")).await;
        let size = browser.cookies().len();
        assert!(pending(&browser.cookie_names()) <= 16 && size <= 3600, "{n}: {size} bytes");
    }
    let late = browser.load(&format!("/oauth2/callback?code=x&state={first}")).await;
    assert_eq!(late.status, 400, "the first attempt was dropped");
}

#[tokio::test]
async fn an_attempt_that_took_too_long_is_over() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let state = state(&browser.load("/").await);
    stage.advance(Duration::from_secs(15 * 60));
    let answer = browser.load(&format!("/oauth2/callback?code=x&state={state}")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(stage.provider.requests().token(), 0);
}

#[tokio::test]
async fn a_provider_that_is_down_gives_503_and_leaves_known_sessions_alone() {
    let stage = Stage::usual().await;
    let mut known = stage.signed_in("alice").await;
    stage.provider.faults().add(Fault::DiscoveryDown);
    // Past the life of what was discovered, and far from the session's end.
    stage.advance(Duration::from_secs(60));
    assert_eq!(known.load("/").await.status, 200);
    let fresh = Stage::with(Plan { faults: vec![Fault::DiscoveryDown], ..Plan::default() }).await;
    let answer = fresh.browser().load("/").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_loop_ends_on_a_page_after_three_rounds() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    browser.block("vestibule");
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("did not send the session cookie back"), "{}", answer.text());
    assert_eq!(stage.provider.requests().token(), 3);
    assert_eq!(browser.load("/").await.status, 302, "the page clears the count");
}

#[tokio::test]
async fn sign_ins_that_worked_are_no_loop_however_many() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    for _ in 0..6 {
        let answer = browser.open("/oauth2/start?rd=/page").await;
        assert_eq!((answer.status, browser.url.path()), (200, "/page"));
    }
}

#[tokio::test]
async fn a_long_address_is_not_recorded_and_the_route_begins_at_its_start() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let answer = browser.sign_in(&format!("/admin/x?{}", "y".repeat(600)), "alice").await;
    assert_eq!((answer.status, browser.url.path()), (200, "/admin"));
}

#[tokio::test]
async fn another_account_is_asked_for_at_the_provider() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("bob").await;
    let denied = browser.load("/admin").await;
    assert_eq!(denied.status, 403);
    assert!(denied.text().contains("You do not have access") && denied.text().contains("group ops"));
    let page = browser.open("/oauth2/start?switch=1&rd=/admin").await;
    assert!(page.text().contains("Sign in"), "{}", page.text());
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, browser.url.path()), (200, "/admin"));
}

#[tokio::test]
async fn rd_never_leads_away_from_our_hosts() {
    let stage = Stage::usual().await;
    for rd in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/oauth2/sign_out",
    ] {
        let mut browser = stage.browser();
        let rd: String = url::form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        browser.sign_in(&format!("/oauth2/start?rd={rd}"), "alice").await;
        assert_eq!((browser.url.host_str(), browser.url.path()), (Some("127.0.0.1"), "/"), "{rd}");
    }
}

#[tokio::test]
async fn only_page_loads_start_a_sign_in() {
    let stage = Stage::usual().await;
    for path in ["/", "/oauth2/start", "/oauth2/sign_in"] {
        let answer = stage.browser().fetch(path).await;
        assert_eq!(answer.status, 401, "{path}");
        let expected = format!("Vestibule sign_in=\"http://{}/oauth2/sign_in\"", stage.gateway);
        assert_eq!(answer.field("www-authenticate"), Some(expected.as_str()));
        let json = answer.json();
        assert_eq!(json["error"], "sign_in_required");
        assert_eq!(json["reference"].as_str(), answer.field("x-request-id"));
        assert_eq!(answer.all("set-cookie").count(), 0);
    }
}

#[tokio::test]
async fn it_works_on_the_machines_own_clock_too() {
    let stage = Stage::with(Plan { time: Time::Real, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    assert_eq!(browser.fetch("/").await.status, 200);
}

#[tokio::test]
async fn a_form_that_is_sent_without_a_session_gets_json_that_says_where_to_sign_in() {
    let stage = Stage::usual().await;
    let fields =
        "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\naccept: text/html\r\ncontent-length: 0\r\n";
    let answer = stage.browser().request("POST", "/form", fields, b"").await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("sign_in_required")));
    assert!(answer.field("www-authenticate").is_some_and(|challenge| challenge.starts_with("Vestibule ")));
}

#[tokio::test]
async fn a_long_rd_leads_to_the_start_of_its_route() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let long = format!("/admin/x?{}", "y".repeat(600));
    let rd: String = url::form_urlencoded::byte_serialize(long.as_bytes()).collect();
    browser.sign_in(&format!("/oauth2/start?rd={rd}"), "alice").await;
    assert_eq!(browser.url.path(), "/admin");
}
