//! Signing out: asked for by the person, here and at the provider, and copies are dead.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vestibule::demo::provider::Fault;

use crate::support::stage::Plan;
use crate::support::{Stage, message};

#[tokio::test]
async fn signing_out_ends_the_session_here_and_at_the_provider_and_a_copied_cookie_is_dead() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let mut copy = browser.clone();
    let page = browser.load("/oauth2/sign_out").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Sign out of 127.0.0.1?"), "{}", page.text());
    let asked = browser.press(&page, &[]).await;
    assert_eq!(browser.url.host_str(), Some("localhost"), "the provider asks: {}", asked.text());
    let back = browser.press(&asked, &[("answer", "sign_out")]).await;
    assert_eq!(browser.url.path(), "/oauth2/signed_out");
    assert!(back.text().contains("You are signed out"), "{}", back.text());
    assert_eq!(copy.fetch("/").await.status, 401, "the copy is dead");
    assert_eq!(browser.fetch("/").await.status, 401);
    assert!(browser.cookie_names().is_empty(), "{:?}", browser.cookie_names());
    assert!(stage.events().iter().any(|event| event["event"] == "sign_out" && event["user"] == "alice"));
    let again = browser.open("/").await;
    assert!(again.text().contains("Sign in"), "the provider's session is over too: {}", again.text());
}

#[tokio::test]
async fn a_foreign_page_cannot_sign_anybody_out() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let form = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 0\r\n";
    for evidence in [
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
        "",
    ] {
        let answer = browser.request("POST", "/oauth2/sign_out", &format!("{evidence}{form}"), b"").await;
        assert_eq!(answer.status, 403, "{evidence}");
    }
    let image = browser
        .request("GET", "/oauth2/sign_out", "sec-fetch-mode: no-cors\r\nsec-fetch-dest: image\r\n", b"")
        .await;
    assert_eq!(image.all("set-cookie").count(), 0, "a GET only asks");
    assert_eq!(browser.fetch("/").await.status, 200);
}

#[tokio::test]
async fn a_provider_without_sign_out_is_said_so() {
    let stage = Stage::with(Plan { faults: vec![Fault::NoEndSession], ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let page = browser.load("/oauth2/sign_out").await;
    let answer = browser.press(&page, &[]).await;
    assert_eq!(browser.url.path(), "/oauth2/signed_out");
    assert!(
        answer.text().contains("You may still be signed in at <bdi>Company account</bdi>"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn the_way_back_goes_to_the_page_asked_for_only_with_the_state_of_this_sign_out() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let page = browser.load("/oauth2/sign_out?rd=/public/bye").await;
    let asked = browser.press(&page, &[]).await;
    let mut forged = browser.clone();
    let answer = forged.load("/oauth2/signed_out?state=forged").await;
    assert_eq!(answer.status, 200, "a foreign state leads nowhere");
    browser.press(&asked, &[("answer", "sign_out")]).await;
    assert_eq!(browser.url.path(), "/public/bye");
    let mut other = stage.signed_in("alice").await;
    let page = other.load("/oauth2/sign_out?rd=https://evil.example/").await;
    assert!(!page.text().contains("evil"), "{}", page.text());
}

#[tokio::test]
async fn the_signed_out_page_never_signs_in_again_by_itself() {
    let stage = Stage::usual().await;
    let answer = stage.browser().load("/oauth2/signed_out").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_way_back_that_leads_elsewhere_counts_as_none_and_signs_nobody_in_again() {
    let stage = Stage::with(Plan { faults: vec![Fault::NoEndSession], ..Plan::default() }).await;
    for rd in ["https://evil.example/", "//evil.example", "/oauth2/start"] {
        let mut browser = stage.signed_in("alice").await;
        let rd: String = url::form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        let form = "sec-fetch-site: same-origin\r\ncontent-length: 0\r\n";
        let answer = browser.request("POST", &format!("/oauth2/sign_out?rd={rd}"), form, b"").await;
        assert_eq!((answer.status, answer.location()), (303, "/oauth2/signed_out"), "{rd}");
    }
}

#[tokio::test]
async fn a_form_that_never_ends_does_not_hold_the_sign_out_up() {
    let stage = Stage::usual().await;
    let browser = stage.signed_in("alice").await;
    let mut copy = browser.clone();
    let mut stream = tokio::net::TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!(
        "POST /oauth2/sign_out HTTP/1.1\r\nhost: 127.0.0.1\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n",
        browser.cookies()
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    // The gateway asks for the body: it waits for it now.
    let mut word = [0; 25];
    stream.read_exact(&mut word).await.expect("100 Continue");
    stage.advance(Duration::from_secs(10));
    let answer = message::read(&mut stream, false).await;
    assert_eq!(answer.status, 303);
    assert_eq!(copy.fetch("/").await.status, 401);
}

#[tokio::test]
async fn local_ends_only_the_session_here_and_says_so() {
    let stage = Stage::with(Plan { login: "sign_out = \"local\"".to_owned(), ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let mut copy = browser.clone();
    let page = browser.load("/oauth2/sign_out").await;
    let answer = browser.press(&page, &[]).await;
    assert_eq!(browser.url.path(), "/oauth2/signed_out");
    assert!(answer.text().contains("You stay signed in at your sign-in provider"), "{}", answer.text());
    assert_eq!(copy.fetch("/").await.status, 401);
    assert_eq!(browser.open("/").await.status, 200, "the provider signs in without asking");
}

#[tokio::test]
async fn after_sign_out_is_where_a_sign_out_ends_that_names_no_place() {
    for (after, expected) in [
        ("/public/bye?x=1", "/public/bye?x=1"),
        ("https://www.example.com/bye", "https://www.example.com/bye"),
    ] {
        let login = format!("after_sign_out = \"{after}\"");
        let stage = Stage::with(Plan { login: login.clone(), ..Plan::default() }).await;
        let mut browser = stage.signed_in("alice").await;
        let page = browser.load("/oauth2/sign_out").await;
        let asked = browser.press(&page, &[]).await;
        let allowed = browser.press_once(&asked, &[("answer", "sign_out")]).await;
        let back = browser.follow_once(&allowed).await;
        assert_eq!((back.status, back.location()), (303, expected), "after the provider");
        assert_eq!(
            browser.load("/oauth2/signed_out?state=forged").await.status,
            200,
            "a state that is not of this sign-out leads nowhere"
        );
        let mut other = stage.signed_in("alice").await;
        let page = other.load("/oauth2/sign_out?rd=/public/own").await;
        let asked = other.press(&page, &[]).await;
        other.press(&asked, &[("answer", "sign_out")]).await;
        assert_eq!(other.url.path(), "/public/own", "a place of its own comes first");

        let login = format!("{login}\nsign_out = \"local\"");
        let stage = Stage::with(Plan { login, ..Plan::default() }).await;
        let mut browser = stage.signed_in("alice").await;
        let page = browser.load("/oauth2/sign_out").await;
        let answer = browser.press_once(&page, &[]).await;
        assert_eq!((answer.status, answer.location()), (303, expected), "without the provider");
    }
}

#[tokio::test]
async fn an_answer_that_was_under_way_does_not_bring_the_cookie_back() {
    let slow = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = slow.local_addr().expect("an address");
    let routes = format!(
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n\
         [routes.slow]\npath = \"/slow\"\nupstream = \"http://{address}\"\nallow = [\"signed-in\"]\n"
    );
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    // Long enough for a new seal.
    stage.advance(Duration::from_secs(600));
    let mut other_tab = browser.clone();
    let answer = tokio::spawn(async move { other_tab.fetch("/slow").await });
    let (mut stream, _) = slow.accept().await.expect("a connection");
    let page = browser.load("/oauth2/sign_out").await;
    assert_eq!(browser.press_once(&page, &[]).await.status, 303);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("an answer");
    let answer = answer.await.expect("no test panicked");
    assert_eq!((answer.status, answer.all("set-cookie").count()), (200, 0), "{answer:?}");
}
