//! `cookie_domain`: hosts that share one session, one redirect URI and one way out.

use url::Url;

use crate::support::stage::Plan;
use crate::support::{Answer, Browser, Stage, exchange};

const DOMAIN: &str = "gate.localhost";
const HOME: &str = "a.gate.localhost";
const OTHER: &str = "b.gate.localhost";

fn routes() -> String {
    format!(
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n\
         [routes.other]\nhost = \"{OTHER}\"\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n\
         [routes.deep]\nhost = \"{OTHER}\"\npath = \"/deep\"\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n\
         [routes.public]\nhost = \"{OTHER}\"\npath = \"/public\"\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n"
    )
}

async fn with(session: &str, login: &str, routes: String) -> Stage {
    let session = format!("cookie_domain = \"{DOMAIN}\"\n{session}");
    Stage::with(Plan { host: HOME, session, login: login.to_owned(), routes, ..Plan::default() }).await
}

/// Only the addresses of the public URL are registered at the provider.
async fn two() -> Stage {
    with("", "", routes()).await
}

fn at(stage: &Stage, host: &str, path: &str) -> Url {
    Url::parse(&format!("http://{host}:{}{path}", stage.gateway.port())).expect("a url")
}

async fn load(browser: &mut Browser, stage: &Stage, host: &str, path: &str) -> Answer {
    browser.navigate(&at(stage, host, path)).await
}

async fn open(browser: &mut Browser, stage: &Stage, host: &str, path: &str) -> Answer {
    let answer = load(browser, stage, host, path).await;
    browser.follow(answer).await
}

async fn signed_in(stage: &Stage, host: &str) -> Browser {
    let mut browser = stage.browser();
    let page = open(&mut browser, stage, host, "/").await;
    assert_eq!(browser.choose(page, "alice").await.status, 200);
    browser
}

/// The session of a fresh browser as a Cookie value, for requests by hand.
async fn cookie(stage: &Stage) -> String {
    format!("vestibule={}", signed_in(stage, HOME).await.anywhere("vestibule").expect("a session"))
}

async fn status(stage: &Stage, host: &str, cookie: &str) -> u16 {
    let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: {cookie}\r\n\r\n");
    exchange(stage.gateway, head).await.status
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_sign_in_on_any_host_comes_back_over_the_public_one_and_counts_on_all() {
    let stage = two().await;
    let mut browser = stage.browser();
    let start = load(&mut browser, &stage, OTHER, "/page?x=1&y=%2F").await;
    let redirect = encoded(at(&stage, HOME, "/oauth2/callback").as_str());
    assert!(start.location().contains(&format!("redirect_uri={redirect}")), "{}", start.location());
    let line = start.all("set-cookie").next().expect("an attempt");
    assert!(line.starts_with("vestibule-login-") && line.contains("; Domain=gate.localhost"), "{line}");
    let page = browser.follow(start).await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!(
        (answer.status, &browser.url),
        (200, &at(&stage, OTHER, "/page?x=1&y=%2F")),
        "{}",
        answer.text()
    );
    assert_eq!(browser.places("vestibule"), [".gate.localhost"]);
    assert_eq!(load(&mut browser, &stage, HOME, "/").await.status, 200, "the session counts there too");
    assert_eq!(stage.provider.requests().token(), 1);
    for received in stage.upstream.received() {
        assert!(!received.head.contains("vestibule="), "{}", received.head);
        assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    }
}

#[tokio::test]
async fn no_other_host_takes_an_answer_of_the_provider() {
    let stage = two().await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, OTHER, "/page").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let callback = browser.press_once(&consent, &[("answer", "allow")]).await;
    let query = Url::parse(callback.location()).expect("a url").query().expect("a query").to_owned();
    for path in ["/oauth2/callback", "/oauth2/callback/main"] {
        let answer = load(&mut browser, &stage, OTHER, &format!("{path}?{query}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(stage.provider.requests().token(), 0, "no code was spent");
    let answer = load(&mut browser, &stage, HOME, &format!("/oauth2/callback?{query}")).await;
    assert_eq!((answer.status, answer.location()), (302, at(&stage, OTHER, "/page").as_str()));
}

#[tokio::test]
async fn a_session_of_a_domain_is_none_of_a_host_and_the_other_way_round() {
    let mut stage = two().await;
    let shared = cookie(&stage).await;
    for host in [HOME, OTHER] {
        assert_eq!(status(&stage, host, &shared).await, 200, "{host}");
    }
    stage.restart(|config| config.replace("cookie_domain = \"gate.localhost\"", "")).await;
    assert_eq!(status(&stage, HOME, &shared).await, 401);
    let own = cookie(&stage).await;
    assert_eq!((status(&stage, HOME, &own).await, status(&stage, OTHER, &own).await), (200, 401));
    stage
        .restart(|config| config.replace("[session]\n", "[session]\ncookie_domain = \"gate.localhost\"\n"))
        .await;
    assert_eq!(status(&stage, HOME, &own).await, 401);
    assert_eq!(
        status(&stage, HOME, &format!("{own}; {shared}")).await,
        200,
        "what does not open counts for nothing"
    );
}

#[tokio::test]
async fn signing_out_on_one_host_ends_the_session_on_all_and_goes_back_to_it() {
    let stage = two().await;
    let mut browser = signed_in(&stage, HOME).await;
    let mut copy = browser.clone();
    let page = load(&mut browser, &stage, OTHER, "/oauth2/sign_out?rd=/public/bye").await;
    let end = browser.press_once(&page, &[]).await;
    let back = encoded(at(&stage, HOME, "/oauth2/signed_out").as_str());
    assert!(end.location().contains(&format!("post_logout_redirect_uri={back}")), "{}", end.location());
    let asked = browser.follow(end).await;
    let answer = browser.press(&asked, &[("answer", "sign_out")]).await;
    assert_eq!((answer.status, &browser.url), (200, &at(&stage, OTHER, "/public/bye")), "{}", answer.text());
    assert!(browser.places("vestibule").is_empty() && browser.places("vestibule-logout").is_empty());
    for host in [HOME, OTHER] {
        let answer = load(&mut copy, &stage, host, "/").await;
        assert_eq!(answer.status, 302, "the copy is dead on {host}");
    }
}

#[tokio::test]
async fn after_sign_out_means_the_public_host() {
    let stage = with("", "after_sign_out = \"/bye\"\nsign_out = \"local\"", routes()).await;
    for (host, expected) in [(HOME, "/bye".to_owned()), (OTHER, at(&stage, HOME, "/bye").to_string())] {
        let mut browser = signed_in(&stage, host).await;
        let page = load(&mut browser, &stage, host, "/oauth2/sign_out").await;
        let answer = browser.press_once(&page, &[]).await;
        assert_eq!((answer.status, answer.location()), (303, expected.as_str()), "{host}");
    }
}

#[tokio::test]
async fn a_sign_out_takes_a_form_of_the_same_host_only() {
    let stage = two().await;
    let cookie = cookie(&stage).await;
    let own = at(&stage, OTHER, "/");
    let sibling = at(&stage, HOME, "/");
    for (expected, origin) in [(403, &sibling), (303, &own)] {
        let origin = origin.origin().ascii_serialization();
        let head = format!(
            "POST /oauth2/sign_out HTTP/1.1\r\nhost: {OTHER}\r\nconnection: close\r\ncookie: {cookie}\r\n\
             origin: {origin}\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(exchange(stage.gateway, head).await.status, expected, "{origin}");
    }
}

#[tokio::test]
async fn the_button_of_last_resort_clears_cookies_of_the_host_and_of_the_domain() {
    let stage = two().await;
    let head = format!(
        "POST /oauth2/clear_cookies HTTP/1.1\r\nhost: {OTHER}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
         cookie: vestibule=x; __Host-other=y\r\ncontent-length: 0\r\n\r\n"
    );
    let answer = exchange(stage.gateway, head).await;
    let lines: Vec<&str> = answer.all("set-cookie").collect();
    assert_eq!(
        lines,
        [
            "__Host-other=; Path=/; Max-Age=0; Secure",
            "vestibule=; Path=/; Max-Age=0",
            "vestibule=; Path=/; Max-Age=0; Domain=gate.localhost",
        ]
    );
}

#[tokio::test]
async fn a_long_address_on_another_host_ends_at_the_start_of_its_route_there() {
    let stage = two().await;
    let long = format!("/deep/x?{}", "y".repeat(600));
    let fits = format!("/deep/x?{}", "y".repeat(500));
    for (asked, expected) in [
        (long.clone(), "/deep".to_owned()),
        (fits.clone(), fits),
        (format!("/oauth2/start?rd={}", encoded(&long)), "/deep".to_owned()),
        (format!("/oauth2/start?rd={}", encoded(at(&stage, OTHER, &long).as_str())), "/deep".to_owned()),
    ] {
        let mut browser = stage.browser();
        let page = open(&mut browser, &stage, OTHER, &asked).await;
        browser.choose(page, "alice").await;
        assert_eq!(browser.url, at(&stage, OTHER, &expected), "{asked}");
    }
}

#[tokio::test]
async fn whoever_asks_a_host_about_their_session_is_told_there() {
    let stage = two().await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, OTHER, "/oauth2/").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, &browser.url), (200, &at(&stage, OTHER, "/oauth2/")));
    assert!(answer.text().contains("<h1>Your session</h1>"), "{}", answer.text());
}

#[tokio::test]
async fn a_sign_in_that_fails_is_started_again_for_the_same_page() {
    let stage = two().await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, OTHER, "/page").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let answer = browser.press(&consent, &[("answer", "deny")]).await;
    assert_eq!(browser.url.host_str(), Some(HOME));
    let again = format!("/oauth2/start?rd={}", encoded(at(&stage, OTHER, "/page").as_str()));
    assert!(answer.text().contains(&again), "{again} in {}", answer.text());
    let page = open(&mut browser, &stage, HOME, &again).await;
    let consent = if page.text().contains("value=\"allow\"") {
        page
    } else {
        browser.press(&page, &[("user", "alice"), ("factor", "first")]).await
    };
    browser.press(&consent, &[("answer", "allow")]).await;
    assert_eq!(browser.url, at(&stage, OTHER, "/page"));
}

#[tokio::test]
async fn a_public_host_without_a_route_still_takes_the_answers() {
    let routes =
        format!("[routes.other]\nhost = \"{OTHER}\"\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n");
    let stage = with("", "", routes).await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, OTHER, "/page").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, &browser.url), (200, &at(&stage, OTHER, "/page")), "{}", answer.text());
    assert_eq!(load(&mut browser, &stage, HOME, "/").await.status, 421, "nothing else is served there");
    assert_eq!(load(&mut browser, &stage, HOME, "/oauth2/").await.status, 200);
    assert_eq!(
        load(&mut browser, &stage, "c.gate.localhost", "/oauth2/callback?code=x&state=y").await.status,
        421
    );
}

#[tokio::test]
async fn a_strict_session_is_shared_too() {
    let stage = with("same_site = \"strict\"", "", routes()).await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, OTHER, "/page").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, &browser.url), (200, &at(&stage, OTHER, "/page")), "{}", answer.text());
    let answer = browser.follow_link(at(&stage, OTHER, "/").as_str(), &at(&stage, HOME, "/x")).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.text().contains("http-equiv"), "hosts of one domain are one site: {}", answer.text());
}

#[tokio::test]
async fn a_loop_is_counted_over_all_hosts() {
    let stage = two().await;
    let mut browser = stage.browser();
    browser.block("vestibule");
    let page = open(&mut browser, &stage, OTHER, "/page").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("did not send the session cookie back"), "{}", answer.text());
}

#[tokio::test]
async fn a_pattern_of_hosts_signs_in_and_out_like_a_named_one() {
    let routes =
        "[routes.all]\nhost = \"*.gate.localhost\"\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n";
    let stage = with("", "", routes.to_owned()).await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &stage, "any.gate.localhost", "/page?x=1").await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, &browser.url), (200, &at(&stage, "any.gate.localhost", "/page?x=1")));
    assert_eq!(load(&mut browser, &stage, "more.gate.localhost", "/").await.status, 200);
    let page = load(&mut browser, &stage, "any.gate.localhost", "/oauth2/sign_out?rd=/bye").await;
    let asked = browser.press(&page, &[]).await;
    let allowed = browser.press_once(&asked, &[("answer", "sign_out")]).await;
    let back = browser.follow_once(&allowed).await;
    assert_eq!((back.status, back.location()), (303, at(&stage, "any.gate.localhost", "/bye").as_str()));
    for host in ["gate.localhost", "a.b.gate.localhost", "evil.localhost"] {
        let mut browser = stage.browser();
        let rd = encoded(at(&stage, host, "/page").as_str());
        let page = open(&mut browser, &stage, HOME, &format!("/oauth2/start?rd={rd}")).await;
        browser.choose(page, "alice").await;
        assert_eq!(browser.url, at(&stage, HOME, "/"), "{host} is none of the pattern's");
    }
}
