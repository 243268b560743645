//! Lines: what is written down about requests, and what never is.

use crate::support::Stage;
use crate::support::stage::{CLIENT_SECRET, Plan, SESSION_KEY};

const BY_NAME: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["user:alice", "email:bob@example.com"]
"#;

/// Everything that was written since the last look, as one text.
fn written(stage: &Stage) -> String {
    stage.lines.take().join("\n")
}

async fn with_log(key: &str) -> Stage {
    let mut stage = Stage::with(Plan { routes: BY_NAME.to_owned(), ..Plan::default() }).await;
    stage.restart(|config| config.replace("[log]\n", &format!("[log]\n{key}\n"))).await;
    let _ = stage.lines.take();
    stage
}

#[tokio::test]
async fn nothing_that_opens_anything_is_ever_written() {
    let mut stage = Stage::usual().await;
    stage.restart(|config| config.replace("[log]\n", "[log]\nquery = true\n")).await;
    let mut browser = stage.browser();
    let page = browser.open("/page?shown=yes").await;
    let consent = browser.press(&page, &[("user", "alice"), ("factor", "first")]).await;
    let callback = browser.press_once(&consent, &[("answer", "allow")]).await;
    let url = url::Url::parse(callback.location()).expect("a url");
    let pending = browser.cookies();
    let answer = browser.navigate(&url).await;
    let answer = browser.follow(answer).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    browser.load("/oauth2/callback?code=c0de-c0de&state=st4te-st4te&error_description=x").await;
    browser.load("/%6fauth2/callback?code=c0de-c0de&state=st4te-st4te").await;
    browser.load("/oauth2//callback?code=c0de-c0de&state=st4te-st4te").await;
    let text = written(&stage);
    assert!(text.contains("/page?shown=yes"), "the query is shown where it is asked for: {text}");
    let code = url.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let session = browser.cookie("vestibule").expect("a session");
    let pending = pending.split('=').nth(1).expect("an attempt");
    for secret in [&code, &state, &session, pending, "c0de-c0de", "st4te-st4te", CLIENT_SECRET, SESSION_KEY] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn people_are_named_by_a_keyed_hash_where_that_is_wanted() {
    let stage = with_log("identity = \"hash\"").await;
    let mut browser = stage.signed_in("alice").await;
    browser.fetch("/x").await;
    stage.signed_in("bob").await;
    let events = stage.lines.take();
    let text = events.join("\n");
    for name in ["alice", "a-1001", "bob"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    let users: Vec<String> = events
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|event| event["event"] == "access.allowed")
        .map(|event| event["user"].as_str().expect("a user").to_owned())
        .collect();
    assert!(users.len() >= 3 && users[0] == users[1] && users.last() != users.first(), "{users:?}");
}

#[tokio::test]
async fn people_are_not_named_at_all_where_that_is_wanted() {
    let stage = with_log("identity = \"none\"").await;
    stage.signed_in("alice").await;
    stage.signed_in("bob").await;
    let text = written(&stage);
    assert!(
        text.contains("access.allowed") && !text.contains("\"who\"") && !text.contains("\"user\":"),
        "{text}"
    );
    for name in ["alice", "a-1001", "bob"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

#[tokio::test]
async fn without_an_access_log_the_audit_events_remain() {
    let stage = with_log("access = false").await;
    stage.signed_in("alice").await;
    let kinds: Vec<String> = stage.events().iter().map(|event| event["kind"].to_string()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| kind == "\"audit\""), "{kinds:?}");
}

#[tokio::test]
async fn a_line_cannot_be_forged() {
    let stage = Stage::usual().await;
    for head in [
        "GET /%0a{\"event\":\"forged\"} HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        "GET /x HTTP/1.1\r\nhost: evil\u{85}{\"event\":\"forged\"}\r\n",
        "GET /x HTTP/1.1\r\nhost: a\"b\r\nx-request-id: \"forged\"\r\n",
    ] {
        let answer =
            crate::support::exchange(stage.gateway, format!("{head}connection: close\r\n\r\n")).await;
        assert_eq!(answer.status, 400, "{head}");
    }
    for event in stage.events() {
        assert_ne!(event["event"], "forged");
        assert_ne!(event["request_id"], "\"forged\"");
    }
}
