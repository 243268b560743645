//! Several providers: each person chooses one, a session belongs to one, and none can pass for another.

use std::time::Duration;

use vestibule::demo::provider::Fault;

use crate::support::stage::Plan;
use crate::support::upstream::Received;
use crate::support::{Answer, Browser, Stage};

const ROUTES: &str = r#"
[routes.company]
upstream = "UPSTREAM"
allow = ["signed-in"]
providers = ["main"]

[routes.partner]
upstream = "UPSTREAM"
path = "/partner"
allow = ["user:alice"]
providers = ["partner"]

[routes.both]
upstream = "UPSTREAM"
path = "/both"
allow = ["signed-in"]
providers = ["main", "partner"]

[routes.public]
upstream = "UPSTREAM"
path = "/public"
allow = ["everyone"]

[routes.known]
upstream = "UPSTREAM"
path = "/known"
allow = ["everyone"]
providers = ["main"]
"#;

fn plan() -> Plan {
    Plan { second: Some(String::new()), routes: ROUTES.to_owned(), ..Plan::default() }
}

/// What the upstream received last.
fn last(stage: &Stage) -> Received {
    stage.upstream.received().pop().expect("a request")
}

async fn stage() -> Stage {
    Stage::with(plan()).await
}

fn issuer(stage: &Stage) -> (String, String) {
    let second = stage.second.as_ref().expect("a second provider");
    (stage.provider.issuer().to_owned(), second.issuer().to_owned())
}

/// Where the link with this text leads.
fn link(page: &Answer, text: &str) -> String {
    let html = page.text();
    let anchor = html
        .split("<a ")
        .skip(1)
        .find(|anchor| anchor.split("</a>").next().is_some_and(|anchor| anchor.contains(text)));
    let anchor = anchor.unwrap_or_else(|| panic!("no link {text} in {html}"));
    let href = anchor.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a target").0;
    href.replace("&amp;", "&").replace("&#38;", "&")
}

fn links(page: &Answer) -> Vec<String> {
    let html = page.text();
    html.split("<li><a ")
        .skip(1)
        .map(|item| item.split("</a>").next().unwrap_or_default().to_owned())
        .collect()
}

/// Signs in with the provider of this name, to end at this path.
async fn sign_in(browser: &mut Browser, provider: &str, path: &str, user: &str) -> Answer {
    browser.sign_in(&format!("/oauth2/start?provider={provider}&rd={path}"), user).await
}

/// From a provider's page on: signs in and stops before the browser follows the way back to us.
async fn callback(browser: &mut Browser, mut page: Answer, user: &str) -> String {
    for _ in 0..8 {
        page = match page.status {
            200 if page.text().contains("value=\"allow\"") => {
                browser.press_once(&page, &[("answer", "allow")]).await
            }
            200 => browser.press_once(&page, &[("user", user), ("factor", "first")]).await,
            _ if page.location().contains("/oauth2/callback") => return page.location().to_owned(),
            _ => browser.follow_once(&page).await,
        };
    }
    panic!("no way back to us: {page:?}");
}

fn parameter(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).expect("a url");
    url.query_pairs()
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
        .expect("the parameter")
}

#[tokio::test]
async fn a_person_chooses_a_provider_and_ends_where_they_wanted_to_go() {
    let stage = stage().await;
    let (main, partner) = issuer(&stage);
    for (title, name, issuer) in [("Company account", "main", main), ("Partner account", "partner", partner)]
    {
        let mut browser = stage.browser();
        let answer = browser.load("/both/x?y=1").await;
        assert_eq!((answer.status, answer.location()), (302, "/oauth2/sign_in?rd=%2Fboth%2Fx%3Fy%3D1"));
        let page = browser.follow(answer).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("You will return to <strong><bdi>/both/x</bdi>"), "{}", page.text());
        let start = browser.load(&link(&page, title)).await;
        assert!(start.location().starts_with(&issuer), "{}", start.location());
        let uri = parameter(start.location(), "redirect_uri");
        assert_eq!(uri, format!("http://{}/oauth2/callback/{name}", stage.gateway));
        let page = browser.follow(start).await;
        let answer = browser.choose(page, "bob").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!((browser.url.path(), browser.url.query()), ("/both/x", Some("y=1")));
        let info = browser.fetch("/oauth2/userinfo").await.json();
        assert_eq!((&info["user"], &info["provider"]), (&"bob".into(), &name.into()));
        let own = browser.load("/oauth2/").await.text();
        assert!(own.contains(&format!("<bdi>{title}</bdi>")), "{own}");
    }
}

#[tokio::test]
async fn only_the_providers_of_the_route_are_offered_and_a_single_one_without_a_choice() {
    let stage = stage().await;
    let (main, partner) = issuer(&stage);
    assert!(stage.browser().load("/").await.location().starts_with(&main));
    assert!(stage.browser().load("/partner/x").await.location().starts_with(&partner));
    for (rd, count) in [("/both", 2), ("/public", 2), ("/nowhere/else", 0), ("/partner/x", 0), ("/known", 0)]
    {
        let answer = stage.browser().load(&format!("/oauth2/sign_in?rd={rd}")).await;
        assert_eq!(links(&answer).len(), count, "{rd}: {}", answer.text());
        assert_eq!(answer.status, if count == 0 { 302 } else { 200 }, "{rd}");
    }
    let start = stage.browser().load("/oauth2/start?rd=/both").await;
    assert_eq!(start.location(), "/oauth2/sign_in?rd=%2Fboth");
    let hostile = stage.browser().load("/oauth2/sign_in?rd=https://evil.example/both").await;
    assert!(hostile.location().starts_with(&main), "what is no place of ours is the start page");
    let script = stage.browser().fetch("/oauth2/sign_in?rd=/both").await;
    assert_eq!(script.status, 401);
}

#[tokio::test]
async fn the_page_on_which_one_chooses_names_another_host_that_it_leads_to() {
    let login = "return_to = [\"files.example.com\"]\n".to_owned();
    let stage = Stage::with(Plan { login, ..plan() }).await;
    for (rd, told) in [
        ("https://files.example.com/x", "files.example.com/x"),
        ("https://files.example.com", "files.example.com"),
    ] {
        let page = stage.browser().load(&format!("/oauth2/sign_in?rd={rd}")).await;
        let told = format!("You will return to <strong><bdi>{told}</bdi></strong>");
        assert!(page.text().contains(&told), "{told} in {}", page.text());
    }
}

#[tokio::test]
async fn alice_of_another_provider_is_not_alice() {
    let stage = stage().await;
    let mut browser = stage.browser();
    assert_eq!(sign_in(&mut browser, "main", "/", "alice").await.status, 200);
    let before = stage.upstream.received().len();
    stage.events();

    let page = browser.load("/partner/x").await;
    assert_eq!(page.status, 403, "never a redirect: {page:?}");
    assert!(page.text().contains("via <bdi>Company account</bdi>"), "{}", page.text());
    let start = link(&page, "Partner account");
    assert_eq!(start, "/oauth2/start?provider=partner&rd=%2Fpartner%2Fx");
    assert!(!page.text().contains("provider=main"));
    let script = browser.fetch("/partner/x").await;
    assert_eq!((script.status, &script.json()["error"]), (403, &"wrong_provider".into()));
    assert_eq!(stage.upstream.received().len(), before);
    let denied: Vec<_> = stage.events().into_iter().filter(|line| line["event"] == "access.denied").collect();
    assert_eq!(denied.len(), 2);
    assert!(denied.iter().all(|line| line["reason"] == "wrong_provider"), "{denied:#?}");

    let page = browser.open(&start).await;
    assert_eq!(browser.choose(page, "alice").await.status, 200);
    assert_eq!(browser.url.path(), "/partner/x");
    assert_eq!(last(&stage).all("x-forwarded-user"), ["alice"]);
    assert_eq!(browser.load("/").await.status, 403, "the session is the partner's now");
}

#[tokio::test]
async fn an_application_that_takes_two_providers_can_tell_their_people_apart() {
    let routes = "[headers.both]\nX-User = \"{user}\"\nX-Issuer = \"{issuer}\"\n\
         [routes.both]\nupstream = \"UPSTREAM\"\nallow = [\"user:alice\"]\nproviders = [\"main\", \"partner\"]\nheaders = \"both\"\n";
    let stage = Stage::with(Plan { routes: routes.to_owned(), ..plan() }).await;
    let (main, partner) = issuer(&stage);
    for (provider, issuer) in [("main", main), ("partner", partner)] {
        let mut browser = stage.browser();
        assert_eq!(sign_in(&mut browser, provider, "/", "alice").await.status, 200);
        assert_eq!(last(&stage).all("x-user"), ["alice"]);
        assert_eq!(last(&stage).all("x-issuer"), [issuer.as_str()]);
    }
}

#[tokio::test]
async fn a_route_for_everyone_passes_the_session_of_another_provider_as_nobody() {
    let stage = stage().await;
    for (provider, at_known) in [("main", vec!["bob"]), ("partner", vec![])] {
        let mut browser = stage.browser();
        sign_in(&mut browser, provider, "/both", "bob").await;
        assert_eq!(browser.load("/public").await.status, 200);
        assert!(last(&stage).all("x-forwarded-user").is_empty());
        assert_eq!(browser.load("/known").await.status, 200);
        assert_eq!(last(&stage).all("x-forwarded-user"), at_known, "{provider}");
    }
}

#[tokio::test]
async fn an_answer_at_the_address_of_another_provider_is_refused_before_its_code_is_redeemed() {
    let stage = stage().await;
    let (main, _) = issuer(&stage);
    let second = stage.second.as_ref().expect("a second provider");
    for (from, to) in [("/callback/partner?", "/callback/main?"), ("/callback/partner?", "/callback?")] {
        let mut browser = stage.browser();
        let page = browser.open("/oauth2/start?provider=partner&rd=/both").await;
        let back = callback(&mut browser, page, "alice").await;
        let answer = browser.load(&back.replace(from, to)).await;
        assert_eq!(answer.status, 400, "{to}");
        assert!(!answer.all("set-cookie").any(|cookie| cookie.starts_with("vestibule=")), "{answer:?}");
        assert_eq!(browser.load(&back).await.status, 400, "the attempt is over");
    }
    assert_eq!((stage.provider.requests().token(), second.requests().token()), (0, 0));
    let failed = stage.events().into_iter().find(|line| line["event"] == "sign_in.failed").expect("an event");
    assert_eq!((&failed["reason"], &failed["provider"]), (&"login/wrong-callback".into(), &"partner".into()));

    // The same with the right address and the other's name (RFC 9207).
    let mut browser = stage.browser();
    let page = browser.open("/oauth2/start?provider=partner&rd=/both").await;
    let back = url::Url::parse(&callback(&mut browser, page, "alice").await).expect("a url");
    let mut forged = back.clone();
    forged.query_pairs_mut().clear().extend_pairs(back.query_pairs().filter(|(name, _)| name != "iss"));
    forged.query_pairs_mut().append_pair("iss", &main);
    assert_eq!(browser.load(forged.as_str()).await.status, 400);
    assert_eq!(second.requests().token(), 0);
}

#[tokio::test]
async fn two_tabs_sign_in_at_two_providers() {
    let stage = stage().await;
    let mut browser = stage.browser();
    let first = browser.open("/oauth2/start?provider=main&rd=/both/1").await;
    let first = callback(&mut browser, first, "alice").await;
    let second = browser.open("/oauth2/start?provider=partner&rd=/both/2").await;
    let second = callback(&mut browser, second, "bob").await;
    for (back, path, user) in [(first, "/both/1", "alice"), (second, "/both/2", "bob")] {
        let answer = browser.open(&back).await;
        assert_eq!((answer.status, browser.url.path()), (200, path), "{}", answer.text());
        assert_eq!(browser.fetch("/oauth2/userinfo").await.json()["user"], user);
    }
}

#[tokio::test]
async fn the_session_of_a_provider_that_was_removed_opens_no_more() {
    let mut stage = stage().await;
    let mut browser = stage.browser();
    assert_eq!(sign_in(&mut browser, "partner", "/both", "alice").await.status, 200);
    stage.restart(|config| config).await;
    assert_eq!(browser.load("/both").await.status, 200, "a restart alone ends nothing");
    stage
        .restart(|config| {
            let from = config.find("[providers.partner]").expect("the table");
            let to = config[from..].find("[routes.").expect("the routes") + from;
            let without = [&config[..from], &config[to..]].concat();
            without.replace(", \"partner\"]", "]").replace("\"partner\"", "\"main\"")
        })
        .await;
    let answer = browser.load("/both").await;
    assert!(answer.location().starts_with(stage.provider.issuer()), "{answer:?}");
    assert_eq!(browser.fetch("/oauth2/userinfo").await.status, 401);
}

#[tokio::test]
async fn a_sign_out_ends_the_session_at_the_provider_that_it_came_from() {
    let stage = stage().await;
    let (_, partner) = issuer(&stage);
    let mut browser = stage.browser();
    sign_in(&mut browser, "partner", "/both", "alice").await;
    let page = browser.load("/oauth2/sign_out").await;
    let answer = browser.press_once(&page, &[]).await;
    assert!(answer.location().starts_with(&partner), "{}", answer.location());
    assert_eq!(browser.fetch("/oauth2/userinfo").await.status, 401);
}

#[tokio::test]
async fn a_name_that_no_provider_has_is_refused() {
    let stage = stage().await;
    let answer = stage.browser().load("/oauth2/start?provider=nope&rd=/both").await;
    assert_eq!(answer.status, 400);
    assert_eq!(link(&answer, "Start again"), "/oauth2/sign_in?rd=%2Fboth");
    let mut browser = stage.browser();
    assert_eq!(browser.load("/oauth2/callback/nope?state=x&code=y").await.status, 404);
    let post = browser.request("POST", "/oauth2/callback/partner", "content-length: 0\r\n", b"").await;
    assert_eq!((post.status, post.field("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn the_provider_that_was_used_last_stands_first() {
    let stage = stage().await;
    let mut browser = stage.browser();
    let page = browser.open("/both").await;
    assert!(links(&page)[0].contains("Company account") && !page.text().contains("used last"));
    sign_in(&mut browser, "partner", "/both", "alice").await;
    stage.advance(Duration::from_secs(2 * 3600));
    let page = browser.open("/both").await;
    let links = links(&page);
    assert!(links[0].contains("Partner account") && links[0].contains("used last"), "{links:?}");
    assert!(links[1].contains("Company account") && !links[1].contains("used last"), "{links:?}");
    browser.put("vestibule", "forged");
    assert!(!browser.open("/both").await.text().contains("used last"));
}

#[tokio::test]
async fn who_is_signed_in_already_may_go_on_or_take_another_account() {
    let stage = stage().await;
    let mut browser = stage.browser();
    sign_in(&mut browser, "partner", "/both", "alice").await;
    let page = browser.load("/oauth2/sign_in?rd=/both/x").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<h1>You are signed in as alice</h1>"), "{}", page.text());
    assert_eq!(link(&page, "Continue"), "/both/x");
    let page = browser.open(&link(&page, "Use another account")).await;
    let entry = link(&page, "Partner account");
    assert_eq!(entry, "/oauth2/start?provider=partner&switch=1&rd=%2Fboth%2Fx");
    assert_eq!(parameter(browser.load(&entry).await.location(), "prompt"), "select_account");
    // Where that session does not count, going on would lead nowhere; and no redirect takes it away.
    let page = browser.load("/oauth2/sign_in?rd=/").await;
    assert!(
        page.text().contains("provider=main&#38;rd=%2F") || link(&page, "Company account").contains("rd=%2F")
    );
    assert!(!page.text().contains("Continue"));
}

#[tokio::test]
async fn the_chooser_is_shown_for_one_provider_where_that_is_configured() {
    let stage = Stage::with(Plan { login: "chooser = \"always\"\n".to_owned(), ..Plan::default() }).await;
    let mut browser = stage.browser();
    let page = browser.open("/x").await;
    assert_eq!(browser.url.path(), "/oauth2/sign_in");
    let page = browser.open(&link(&page, "Company account")).await;
    assert_eq!(browser.choose(page, "alice").await.status, 200);
    assert_eq!(browser.url.path(), "/x");
    let page = browser.load("/oauth2/sign_in").await;
    assert!(page.text().contains("You are signed in as alice"));

    let usual = Stage::usual().await;
    assert!(usual.browser().load("/x").await.location().starts_with(usual.provider.issuer()));
    assert!(usual.browser().load("/oauth2/sign_in").await.location().starts_with(usual.provider.issuer()));
}

#[tokio::test]
async fn a_provider_that_is_alone_may_answer_at_either_address() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    let page = browser.open("/x").await;
    let back = callback(&mut browser, page, "alice").await;
    assert!(back.contains("/oauth2/callback?"), "{back}");
    assert_eq!(browser.open(&back.replace("/callback?", "/callback/main?")).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_from_the_other() {
    let stage = stage().await;
    stage.provider.faults().add(Fault::DiscoveryDown);
    let mut browser = stage.browser();
    let page = browser.open("/both").await;
    let down = browser.load(&link(&page, "Company account")).await;
    assert_eq!(down.status, 503);
    let page = browser.open(&link(&down, "Try again")).await;
    let page = browser.open(&link(&page, "Partner account")).await;
    assert_eq!(browser.choose(page, "alice").await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_signed_otherwise_than_is_configured_signs_nobody_in() {
    let mut stage =
        Stage::with(Plan { provider: "algorithms = [\"ES256\", \"EdDSA\"]\n".to_owned(), ..Plan::default() })
            .await;
    let mut browser = stage.browser();
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let failed = stage.events().into_iter().find(|line| line["event"] == "sign_in.failed").expect("an event");
    assert_eq!(failed["reason"], "token/algorithm");
    stage.restart(|config| config.replace("\"ES256\"", "\"RS256\"")).await;
    assert_eq!(stage.browser().sign_in("/", "alice").await.status, 200);
}
