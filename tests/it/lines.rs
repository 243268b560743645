//! Lines: what is written down about requests, and what never is.

use std::sync::{Arc, Mutex};

use base64::Engine;
use tracing::dispatcher::DefaultGuard;
use vestibule::demo::provider::Fault;
use vestibule::telemetry::{Format, Level, Settings, log_to};

use crate::support::stage::{CLIENT_SECRET, Plan, SESSION_KEY};
use crate::support::{Answer, Stage, exchange};

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

/// The program's own log of this thread, at its most talkative, for as long as the guard lives.
fn program_log() -> (Arc<Mutex<Vec<u8>>>, DefaultGuard) {
    #[derive(Clone)]
    struct Writer(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no test panicked here").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let text = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer(Arc::clone(&text));
    let settings = Settings { format: Format::Text, level: Level::Trace, ..Settings::default() };
    let log = log_to(&settings, move || writer.clone());
    (text, tracing::dispatcher::set_default(&log))
}

/// Every run of characters that tokens, codes, keys and seals are written in, if it is as long as they are.
fn long_runs(text: &str) -> Vec<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(|c| !plain(c)).filter(|run| run.len() >= 32).collect()
}

/// Everything on the wire that opens something: cookie values, and what travels in the queries of redirects.
fn secrets_of(answer: &Answer) -> Vec<String> {
    let cookies = answer.all("set-cookie").filter_map(|line| line.split(';').next()?.split_once('='));
    let mut found: Vec<String> = cookies.map(|(_, value)| value.to_owned()).collect();
    if let Some(Ok(url)) = answer.all("location").next().map(url::Url::parse) {
        let named = ["code", "state", "nonce", "code_challenge", "login_hint", "logout_hint"];
        let pairs = url.query_pairs().filter(|(name, _)| named.contains(&&**name));
        found.extend(pairs.map(|(_, value)| value.into_owned()));
    }
    found.retain(|secret| secret.len() >= 16);
    found
}

#[tokio::test]
async fn nothing_that_opens_anything_is_ever_written() {
    const HIDDEN: &str = "hunter2-in-a-header";
    let (log, _guard) = program_log();
    let mut stage = Stage::usual().await;
    let extra =
        format!("authorization: Bearer {HIDDEN}\r\nreferer: http://{}/?token={HIDDEN}\r\n", stage.gateway);
    let mut secrets: Vec<String> = vec![HIDDEN.to_owned(), CLIENT_SECRET.to_owned(), SESSION_KEY.to_owned()];
    let mut text = String::new();
    for round in ["query = false", "query = true"] {
        stage
            .restart(|config| {
                config.replace("query = false\n", "").replace("[log]\n", &format!("[log]\n{round}\n"))
            })
            .await;
        // A whole sign-in, by hand, so that every step is seen.
        let mut browser = stage.browser();
        let mut answer = browser.load("/page?shown=yes").await;
        loop {
            secrets.extend(secrets_of(&answer));
            let text = answer.text();
            answer = if answer.all("location").next().is_some() {
                browser.follow_once(&answer).await
            } else if text.contains("name=\"factor\"") {
                browser.press_once(&answer, &[("user", "alice"), ("factor", "first")]).await
            } else if text.contains("value=\"allow\"") {
                browser.press_once(&answer, &[("answer", "allow")]).await
            } else {
                break;
            };
        }
        assert_eq!((answer.status, browser.url.path()), (200, "/page"), "{}", answer.text());
        assert_eq!(browser.request("GET", "/page?shown=yes", &extra, b"").await.status, 200);
        let stolen = browser.clone();
        // What is not as it should be.
        for path in [
            "/oauth2/callback?code=c0de-c0de-c0de-c0de&state=st4te-st4te-st4te-st4te&error_description=x",
            "/%6fauth2/callback?code=c0de-c0de-c0de-c0de&state=st4te-st4te-st4te-st4te",
            "/oauth2//callback?code=c0de-c0de-c0de-c0de&state=st4te-st4te-st4te-st4te",
            "/oauth2/userinfo?access_token=c0de-c0de-c0de-c0de",
        ] {
            browser.request("GET", path, &extra, b"").await;
        }
        // A token endpoint that puts its secrets into an answer that cannot be used.
        let body =
            r#"{"error":"invalid_grant","access_token":"4ccess-4ccess-4ccess","id_token":"eyJ4.eyJ4.c2ln"}"#;
        stage.provider.faults().add(Fault::TokenError(400, body.to_owned()));
        let mut other = stage.browser();
        let failed = other.sign_in("/", "bob").await;
        assert_eq!(failed.status, 502, "{}", failed.text());
        stage.provider.faults().clear();
        // And the way out, after which a copy of the cookie is used.
        let page = browser.load("/oauth2/sign_out").await;
        answer = browser.press_once(&page, &[]).await;
        secrets.extend(secrets_of(&answer));
        let mut stolen = stolen;
        assert_eq!(stolen.fetch("/x").await.status, 401);
        let lines = written(&stage);
        assert_eq!(lines.contains("/page?shown=yes"), round == "query = true", "{lines}");
        text.push_str(&lines);
    }
    secrets.extend(["c0de-c0de", "st4te-st4te", "4ccess-4ccess", "eyJ"].map(str::to_owned));
    secrets.push(base64::engine::general_purpose::STANDARD.encode(format!("wiki:{CLIENT_SECRET}")));
    assert!(secrets.len() > 20, "they were looked for: {secrets:?}");
    text.push_str(&String::from_utf8_lossy(&log.lock().expect("no test panicked here")));
    assert!(text.contains("token/refused") && text.contains("session.revoked"), "{text}");
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} in {text}");
    }
    assert_eq!(long_runs(&text), [""; 0], "{text}");
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

/// What is not to be found in any line, in whatever way it came.
fn assert_harmless(stage: &Stage) -> Vec<String> {
    let lines = stage.lines.take();
    for line in &lines {
        assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')), "{line:?}");
        assert_eq!(line.lines().count(), 1, "{line:?}");
    }
    lines
}

#[tokio::test]
async fn a_line_cannot_be_forged() {
    let stage = Stage::usual().await;
    let gateway = stage.gateway;
    let heads: [Vec<u8>; 8] = [
        "GET /%0a{\"event\":\"forged\"} HTTP/1.1\r\nhost: 127.0.0.1\r\n".into(),
        "GET /x HTTP/1.1\r\nhost: evil\u{85}{\"event\":\"forged\"}\r\n".into(),
        "GET /x HTTP/1.1\r\nhost: a\"b\r\nx-request-id: \"forged\"\r\n".into(),
        "GET /x HTTP/1.1\r\nhost: evil\u{2028}\u{202e}\r\nuser-agent: \u{9b}2J\u{2029}\r\n".into(),
        [b"GET /x HTTP/1.1\r\nhost: evil".as_slice(), b"\xff\xfe\xe2\x80\r\n"].concat(),
        [
            b"GET /public/\xe2\x80\xa8\xe2\x80\xae HTTP/1.1\r\nhost: 127.0.0.1\r\n".as_slice(),
            b"user-agent: a\xff\"}{\"event\":\"forged\"\xc2\x9b\r\n",
        ]
        .concat(),
        format!(
            "GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: {}\r\n",
            "x".repeat(9000),
            "y".repeat(9000)
        )
        .into(),
        format!("{} /x HTTP/1.1\r\nhost: 127.0.0.1\r\n", "M".repeat(3000)).into(),
    ];
    for head in &heads {
        let answer = exchange(gateway, [head.as_slice(), b"connection: close\r\n\r\n"].concat()).await;
        assert_ne!(answer.status, 0, "{}", String::from_utf8_lossy(head));
    }
    let lines = assert_harmless(&stage);
    assert!(lines.len() >= heads.len(), "{lines:#?}");
    for line in lines {
        assert!(line.len() < 4000, "{} bytes", line.len());
        let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_ne!(event["event"], "forged");
        assert_ne!(event["request_id"], "\"forged\"");
    }
}

#[tokio::test]
async fn what_a_provider_says_forges_no_line_either() {
    let hostile = "al\u{2028}{\"event\":\"forged\"}\u{202e} 3 ms";
    let claim = |name: &str| Fault::Claim(name.to_owned(), hostile.into());
    let faults = vec![
        claim("preferred_username"),
        claim("sub"),
        Fault::Claim("groups".to_owned(), vec![hostile].into()),
    ];
    let (log, _guard) = program_log();
    let mut stage = Stage::with(Plan { faults, ..Plan::default() }).await;
    for format in ["json", "text"] {
        stage.restart(|config| config.replace("format = \"json\"", &format!("format = \"{format}\""))).await;
        let mut person = stage.browser();
        let page = person.sign_in("/", "alice").await;
        assert_eq!(page.status, 200, "{}", page.text());
        person.fetch("/admin").await;
        // What the provider reports comes through the browser, so it is anybody's.
        let started = stage.browser().load("/").await;
        let mut other = stage.browser();
        let started_here = other.load("/").await;
        let state = |answer: &Answer| {
            let url = url::Url::parse(answer.location()).expect("a url");
            url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned()
        };
        let issuer = stage.provider.issuer();
        for state in [state(&started), state(&started_here)] {
            let said = "%1b%5B2J%0A%7B%22event%22:%22forged%22%7D%E2%80%A8%C2%9B%FF";
            other
                .load(&format!(
                    "/oauth2/callback?state={state}&iss={issuer}&error=x{said}&error_description={said}"
                ))
                .await;
        }
        let lines = assert_harmless(&stage);
        assert!(
            lines.iter().any(|line| line.contains("sign_in.failed") || line.contains("/oauth2/callback"))
        );
        if format == "json" {
            let named: Vec<serde_json::Value> =
                lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert!(named.iter().all(|event| event["event"] != "forged"));
            assert!(
                named
                    .iter()
                    .any(|event| event["user"].as_str().is_some_and(|user| user.starts_with("al\u{fffd}{")))
            );
        } else {
            // In text, a name that would look like more is in quotes.
            assert!(lines.iter().any(|line| line.contains(r#" "al\u{2028}{\"event"#)), "{lines:#?}");
        }
    }
    let log = String::from_utf8(log.lock().expect("no test panicked here").clone()).expect("text");
    assert!(log.contains("login/"), "{log}");
    for line in log.lines() {
        assert!(
            !line.trim_start().starts_with('{') && !line.contains('\u{1b}') && !line.contains('\u{9b}'),
            "{line:?}"
        );
    }
}

#[tokio::test]
async fn the_words_of_a_provider_are_left_out_where_nobody_is_named() {
    for (how, shown) in [("user", true), ("hash", false), ("none", false)] {
        let stage = with_log(&format!("identity = \"{how}\"")).await;
        let (mut browser, issuer) = (stage.browser(), stage.provider.issuer());
        let started = browser.load("/").await;
        let url = url::Url::parse(started.location()).expect("a url");
        let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        browser
            .load(&format!(
                "/oauth2/callback?state={state}&iss={issuer}&error=access_denied&error_description=alice+is+locked"
            ))
            .await;
        let text = written(&stage);
        assert!(text.contains("login/access-denied"), "{text}");
        assert_eq!(text.contains("alice is locked"), shown, "{how}: {text}");
    }
}

#[tokio::test]
async fn in_text_access_lines_and_events_share_a_terminal() {
    let mut stage = Stage::usual().await;
    stage.restart(|config| config.replace("format = \"json\"", "format = \"text\"")).await;
    let _ = stage.lines.take();
    let mut alice = stage.signed_in("alice").await;
    alice.fetch("/page").await;
    let refused = stage.signed_in("bob").await.load("/admin").await;
    let id = refused.field("x-request-id").expect("an id").to_owned();
    let lines = stage.lines.take();
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has(" sign_in.started via main GET 127.0.0.1/"), "{lines:#?}");
    assert!(has(" sign_in.succeeded alice via main "), "{lines:#?}");
    assert!(has(" GET /page 200 allow(signed-in) alice 0 ms"), "{lines:#?}");
    assert!(has(&format!(" GET /admin 403 deny(not_allowed) bob 0 ms [{id}]")), "{lines:#?}");
    assert!(!has("access.allowed") && !has("process.started"), "{lines:#?}");
    // Without access lines, the events tell of requests too.
    stage.restart(|config| config.replace("format = \"text\"", "format = \"text\"\naccess = false")).await;
    alice.fetch("/page").await;
    let lines = stage.lines.take();
    let line = lines.iter().find(|line| line.contains("access.allowed")).expect("an event");
    assert!(line.ends_with(" access.allowed alice GET 127.0.0.1/page signed-in"), "{line}");
}
