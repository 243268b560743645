//! Loops: whoever is sent round and round ends on a page that says why.

use crate::support::stage::Plan;
use crate::support::{Browser, Stage};

/// Signs in once and stops before the page that was asked for is loaded.
async fn round(browser: &mut Browser, path: &str) -> u16 {
    let start = browser.load(path).await;
    if start.status != 302 {
        return start.status;
    }
    let provider = browser.follow_once(&start).await;
    let callback = browser.follow_once(&provider).await;
    assert_eq!(callback.status, 302, "{}", callback.text());
    302
}

#[tokio::test]
async fn the_page_about_the_session_ends_a_loop_too() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    browser.block("vestibule");
    let answer = browser.sign_in("/oauth2/", "alice").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("did not send the session cookie back"), "{}", answer.text());
}

#[tokio::test]
async fn a_session_that_stays_stale_ends_a_loop_too() {
    let routes =
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"group:staff\"]\nheaders = \"none\"\n".to_owned();
    let mut stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let old = browser.cookie("vestibule").expect("a session");
    stage.restart(|config| config.replace("group:staff", "group:ops")).await;
    // A second gateway with an older configuration seals again and again what this one finds too little.
    for _ in 0..3 {
        assert_eq!(round(&mut browser, "/").await, 302);
        browser.put("vestibule", &old);
    }
    assert_eq!(round(&mut browser, "/").await, 403);
}
