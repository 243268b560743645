//! Hosts: one gateway before several, each with its own cookies and its own way back.

use url::Url;

use vestibule::demo::provider::Client;
use vestibule::secret::Secret;

use crate::support::stage::{CLIENT_SECRET, Plan};
use crate::support::{Answer, Browser, Stage};

/// A second host of this machine.
const OTHER: &str = "b.localhost";

/// A stage with two hosts, both registered at the provider.
async fn two() -> Stage {
    let routes = format!(
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n\
         [routes.other]\nhost = \"{OTHER}\"\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n"
    );
    let login =
        "return_to = [\"files.example.com\", \"files.example.com:8443\", \"tool.localhost\"]".to_owned();
    let stage = Stage::with(Plan { routes, login, ..Plan::default() }).await;
    let origins = [origin(&stage, "127.0.0.1"), origin(&stage, OTHER)];
    stage.provider.register(Client {
        id: "wiki".to_owned(),
        title: "The wiki".to_owned(),
        secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        redirect_uris: origins.iter().map(|origin| format!("{origin}/oauth2/callback")).collect(),
        post_logout_redirect_uris: origins
            .iter()
            .map(|origin| format!("{origin}/oauth2/signed_out"))
            .collect(),
        id_token_alg: vestibule::demo::provider::Algorithm::Rs256,
    });
    stage
}

fn origin(stage: &Stage, host: &str) -> String {
    format!("http://{host}:{}", stage.gateway.port())
}

async fn open(browser: &mut Browser, url: &str) -> Answer {
    let answer = browser.navigate(&Url::parse(url).expect("a url")).await;
    browser.follow(answer).await
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn each_host_has_its_own_redirect_uri_and_its_own_session() {
    let stage = two().await;
    let mut browser = stage.browser();
    let page = open(&mut browser, &format!("{}/page", origin(&stage, OTHER))).await;
    let answer = browser.choose(page, "alice").await;
    assert_eq!((answer.status, browser.url.host_str(), browser.url.path()), (200, Some(OTHER), "/page"));
    assert!(browser.cookie("vestibule").is_none(), "the first host has no session");
    let start = browser.load("/").await;
    let redirect =
        format!("redirect_uri={}", encoded(&format!("{}/oauth2/callback", origin(&stage, "127.0.0.1"))));
    assert!(start.location().contains(&redirect), "{}", start.location());
}

#[tokio::test]
async fn a_session_of_one_host_is_none_on_another() {
    let stage = two().await;
    let alice = stage.signed_in("alice").await.cookie("vestibule").expect("a session");
    for (host, status) in [("127.0.0.1", 200), (OTHER, 401)] {
        let head = format!(
            "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: vestibule={alice}\r\n\r\n"
        );
        assert_eq!(crate::support::exchange(stage.gateway, head).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn rd_leads_to_pages_of_any_own_host_and_to_no_endpoint_of_ours() {
    let stage = two().await;
    let other = origin(&stage, OTHER);
    for (rd, expected) in [
        (format!("{other}/page?x=1"), format!("{other}/page?x=1")),
        (format!("{other}/oauth2/start?rd=/x"), "/".to_owned()),
        (format!("{other}/oauth2/sign_out"), "/".to_owned()),
        ("/%6fauth2/start".to_owned(), "/".to_owned()),
        ("/oauth2;x/start".to_owned(), "/".to_owned()),
        ("/x/../oauth2/start".to_owned(), "/".to_owned()),
        (format!("http://{OTHER}:1/"), "/".to_owned()),
        (format!("https://{OTHER}:{}/", stage.gateway.port()), "/".to_owned()),
        (format!("http://user@{OTHER}:{}/", stage.gateway.port()), "/".to_owned()),
        (format!("http://{OTHER}.evil.example:{}/", stage.gateway.port()), "/".to_owned()),
    ] {
        let mut browser = stage.signed_in("alice").await;
        let start = browser.load(&format!("/oauth2/start?rd={}", encoded(&rd))).await;
        let provider = browser.follow_once(&start).await;
        let callback = browser.follow_once(&provider).await;
        assert_eq!((callback.status, callback.location()), (302, expected.as_str()), "{rd}");
    }
}

#[tokio::test]
async fn rd_leads_to_the_hosts_of_return_to_and_to_none_beside_them() {
    let stage = two().await;
    for (rd, expected) in [
        ("https://files.example.com/a?b=c", "https://files.example.com/a?b=c"),
        ("https://FILES.example.com:443/a", "https://files.example.com/a"),
        ("https://files.example.com:8443/a", "https://files.example.com:8443/a"),
        ("http://tool.localhost/a", "http://tool.localhost/a"),
        ("https://tool.localhost/a", "https://tool.localhost/a"),
        ("http://files.example.com/a", "/"),
        ("http://files.example.com:443/a", "/"),
        ("https://files.example.com:9443/a", "/"),
        ("https://files.example.com/oauth2/start", "/"),
        ("https://x.files.example.com/", "/"),
        ("https://example.com/", "/"),
        ("https://files.example.com.evil.example/", "/"),
        ("https://files.example.com@evil.example/", "/"),
        ("https://user@files.example.com/", "/"),
        ("//files.example.com/a", "/"),
    ] {
        let mut browser = stage.signed_in("alice").await;
        let start = browser.load(&format!("/oauth2/start?rd={}", encoded(rd))).await;
        let provider = browser.follow_once(&start).await;
        let callback = browser.follow_once(&provider).await;
        assert_eq!((callback.status, callback.location()), (302, expected), "{rd}");
    }
    let mut browser = stage.signed_in("alice").await;
    let page =
        browser.load(&format!("/oauth2/sign_out?rd={}", encoded("https://files.example.com/bye"))).await;
    let asked = browser.press(&page, &[]).await;
    let allowed = browser.press_once(&asked, &[("answer", "sign_out")]).await;
    let back = browser.follow_once(&allowed).await;
    assert_eq!((back.status, back.location()), (303, "https://files.example.com/bye"), "a sign-out too");
}

#[tokio::test]
async fn an_unknown_host_is_421_and_only_on_this_machine_told_where_to_go() {
    let stage = Stage::usual().await;
    let ask = |host: &str| {
        format!("GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\naccept: text/html\r\n\r\n")
    };
    let public = format!("http://{}", stage.gateway);
    for (host, is_told) in
        [("localhost:1", true), ("127.0.0.9", true), ("x.localhost", true), ("wiki.example", false)]
    {
        let answer = crate::support::exchange(stage.gateway, ask(host)).await;
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(answer.text().contains(&public), is_told, "{host}: {}", answer.text());
        assert!(answer.field("location").is_none());
    }
    for path in ["/oauth2/start", "/oauth2/callback?code=x&state=y", "/oauth2/sign_out", "/oauth2/"] {
        let head = ask("wiki.example").replace("/x", path);
        let answer = crate::support::exchange(stage.gateway, head).await;
        assert_eq!(answer.status, 421, "{path}");
        assert_eq!(answer.all("set-cookie").count(), 0, "{path}");
    }
}
