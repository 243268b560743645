//! `same_site`: which page loads that a foreign site begins carry the session, and that strict ones end well too.

use url::Url;

use crate::support::stage::Plan;
use crate::support::{Answer, Stage};

const FOREIGN: &str = "https://mail.example/inbox";

async fn stage(same_site: &str) -> Stage {
    Stage::with(Plan { session: format!("same_site = \"{same_site}\""), ..Plan::default() }).await
}

fn page_at(stage: &Stage, path: &str) -> Url {
    Url::parse(&format!("http://{}{path}", stage.gateway)).expect("a url")
}

fn leads_on_to(answer: &Answer, path: &str) {
    let escaped = path.replace('&', "&#38;");
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={escaped}\">");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains(&refresh), "{refresh} in {}", answer.text());
    assert!(answer.text().contains(&format!("href=\"{escaped}\">Continue</a>")), "{}", answer.text());
    assert!(!answer.text().contains("<script"), "{}", answer.text());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_strict_sign_in_ends_on_a_page_that_loads_the_one_asked_for() {
    let stage = stage("strict").await;
    let mut browser = stage.browser();
    let page = browser.open("/page?x=1&y=2").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let to_callback = browser.press_once(&consent, &[("answer", "allow")]).await;
    let callback = browser.follow_once(&to_callback).await;
    leads_on_to(&callback, "/page?x=1&y=2");
    let session = callback.all("set-cookie").find(|line| line.starts_with("vestibule=")).expect("a session");
    assert!(session.contains("; SameSite=Strict;"), "{session}");
    for line in callback.all("set-cookie").filter(|line| !line.starts_with("vestibule=")) {
        assert!(line.contains("; SameSite=Lax;"), "{line}");
    }
    let answer = browser.follow(callback).await;
    assert_eq!((answer.status, browser.url.path(), browser.url.query()), (200, "/page", Some("x=1&y=2")));
    assert_eq!(stage.provider.requests().token(), 1);
}

#[tokio::test]
async fn a_link_from_elsewhere_finds_the_session_without_a_detour_over_the_provider() {
    let stage = stage("strict").await;
    let mut browser = stage.signed_in("alice").await;
    let asked = stage.provider.requests().authorize();
    stage.events();
    let page = browser.follow_link(FOREIGN, &page_at(&stage, "/wanted?x=1&y=%22")).await;
    leads_on_to(&page, "/wanted?x=1&y=%22");
    assert_eq!(page.all("set-cookie").count(), 0);
    let answer = browser.follow(page).await;
    assert_eq!((answer.status, browser.url.path()), (200, "/wanted"));
    assert_eq!(stage.upstream.received().pop().expect("a request").line(), "GET /wanted?x=1&y=%22 HTTP/1.1");
    assert_eq!(stage.provider.requests().authorize(), asked);
    assert!(stage.events().iter().all(|event| event["event"] != "sign_in.started"));
}

#[tokio::test]
async fn a_link_from_elsewhere_without_a_session_starts_a_sign_in_at_the_second_load() {
    let stage = stage("strict").await;
    let mut browser = stage.browser();
    let page = browser.follow_link(FOREIGN, &page_at(&stage, "/wanted")).await;
    leads_on_to(&page, "/wanted");
    let page = browser.follow(page).await;
    assert_eq!(browser.url.host_str(), Some("localhost"), "{}", page.text());
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, browser.url.path()), (200, "/wanted"));
    assert_eq!(stage.provider.requests().token(), 1);
}

#[tokio::test]
async fn the_page_is_shown_once_whatever_a_browser_says_about_the_second_load() {
    let stage = stage("strict").await;
    let load = |more: &str| {
        format!("accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n{more}")
    };
    let own = format!("referer: http://{}/wanted\r\nsec-fetch-site: cross-site\r\n", stage.gateway);
    for (status, more) in [
        (200, "sec-fetch-site: cross-site\r\n"),
        (200, "sec-fetch-site: cross-site\r\nreferer: https://mail.example/wanted\r\n"),
        (302, own.as_str()),
        (302, "sec-fetch-site: same-origin\r\n"),
        (302, "sec-fetch-site: same-site\r\n"),
        (302, "sec-fetch-site: none\r\n"),
        (302, ""),
    ] {
        assert_eq!(
            stage.browser().request("GET", "/wanted", &load(more), b"").await.status,
            status,
            "{more}"
        );
    }
}

#[tokio::test]
async fn what_is_no_page_load_and_what_is_public_is_answered_as_ever() {
    let stage = stage("strict").await;
    let script = "sec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\nsec-fetch-site: cross-site\r\n";
    assert_eq!(stage.browser().request("GET", "/", script, b"").await.status, 401);
    let mut browser = stage.browser();
    let public = browser.follow_link(FOREIGN, &page_at(&stage, "/public")).await;
    assert!(!public.text().contains("http-equiv"), "{}", public.text());
    let lax = Stage::usual().await;
    let mut browser = lax.signed_in("alice").await;
    let answer = browser.follow_link(FOREIGN, &page_at(&lax, "/wanted")).await;
    assert!(answer.status == 200 && !answer.text().contains("http-equiv"), "lax needs no such page");
    assert_eq!(lax.browser().follow_link(FOREIGN, &page_at(&lax, "/wanted")).await.status, 302);
}

#[tokio::test]
async fn the_page_about_the_session_and_a_stale_callback_find_the_session_too() {
    let stage = stage("strict").await;
    let mut browser = stage.signed_in("alice").await;
    let page = browser.follow_link(FOREIGN, &page_at(&stage, "/oauth2/")).await;
    leads_on_to(&page, "/oauth2/");
    assert!(browser.follow(page).await.text().contains("Your session"));
    let stale = page_at(&stage, "/oauth2/callback?code=x&state=old");
    let page = browser.follow_link("http://localhost/", &stale).await;
    leads_on_to(&page, "/oauth2/callback?code=x&state=old");
    browser.follow(page).await;
    assert_eq!(browser.url.path(), "/");
    let mut nobody = stage.browser();
    let page = nobody.follow_link("http://localhost/", &stale).await;
    assert_eq!(nobody.follow(page).await.status, 400, "without a session it says what is wrong");
}

#[tokio::test]
async fn a_browser_that_drops_the_strict_cookie_still_ends_on_the_page_about_the_loop() {
    let stage = stage("strict").await;
    let mut browser = stage.browser();
    browser.block("vestibule");
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("did not send the session cookie back"), "{}", answer.text());
}

#[tokio::test]
async fn signing_out_works_with_a_strict_session() {
    let stage = stage("strict").await;
    let mut browser = stage.signed_in("alice").await;
    let page = browser.load("/oauth2/sign_out").await;
    let asked = browser.press(&page, &[]).await;
    let back = browser.press(&asked, &[("answer", "sign_out")]).await;
    assert!(back.text().contains("has ended too"), "{}", back.text());
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn none_is_for_the_session_only_and_secure() {
    let mut stage = Stage::usual().await;
    let browser = stage.signed_in("alice").await;
    let session = browser.cookie("vestibule").expect("a session");
    stage
        .restart(|config| {
            let config = config.replace("public_url = \"http://", "public_url = \"https://");
            config.replace("key = { env = \"KEY\" }", "key = { env = \"KEY\" }\nsame_site = \"none\"")
        })
        .await;
    let start = stage.browser().load("/").await;
    let pending = start.all("set-cookie").next().expect("an attempt");
    assert!(pending.contains("; SameSite=Lax;"), "{pending}");
    let mut old = stage.browser();
    old.put("__Host-vestibule", &session);
    // It is bound to another name, so it opens no more, and is cleared as it would have been set.
    let cleared = old.load("/").await;
    let line =
        cleared.all("set-cookie").find(|line| line.starts_with("__Host-vestibule=;")).expect("cleared");
    assert!(line.contains("; SameSite=None; Secure;"), "{line}");
}
