//! Who is sent to sign in: the kinds of requests, as data, as a page of the documentation, and over the wire.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use vestibule::web::RequestKind;

use crate::support::stage::Plan;
use crate::support::vectors::{Case, heads};
use crate::support::{Answer, Stage, exchange};

const ROUTES: &str = r#"
[routes.auto]
upstream = "UPSTREAM"
allow = ["signed-in"]

[routes.redirect]
upstream = "UPSTREAM"
path = "/redirect"
allow = ["signed-in"]
signed_out = "redirect"

[routes.never]
upstream = "UPSTREAM"
path = "/never"
allow = ["signed-in"]
signed_out = "401"

[routes.public]
upstream = "UPSTREAM"
path = "/public"
allow = ["everyone"]
"#;

async fn stage() -> Stage {
    Stage::with(Plan { routes: ROUTES.to_owned(), ..Plan::default() }).await
}

fn kind(case: &Case) -> RequestKind {
    let mut headers = HeaderMap::new();
    for (name, value) in &case.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    RequestKind::of(&Method::from_bytes(case.method.as_bytes()).expect("a method"), &headers)
}

/// Sends the head of a case to a path, with fields of our own for what belongs to the connection.
async fn send(stage: &Stage, case: &Case, path: &str) -> Answer {
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {}\r\n", case.method, stage.gateway);
    for (name, value) in &case.fields {
        if !["host", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if case.field("connection").is_none_or(|value| value.eq_ignore_ascii_case("keep-alive")) {
        head.push_str("connection: close\r\n");
    }
    let body = if matches!(case.method.as_str(), "POST" | "PUT") { "content-length: 0\r\n" } else { "" };
    exchange(stage.gateway, format!("{head}{body}\r\n")).await
}

/// What an answer to a missing session is, in the word of the tables. Fails for one that is none of them whole.
fn word(stage: &Stage, case: &Case, answer: &Answer) -> &'static str {
    let context =
        || format!("{}: {} {}: {} {:?}", case.name, case.method, case.target, answer.status, answer.fields);
    assert_eq!(answer.field("cache-control"), Some("no-store"), "{}", context());
    match answer.status {
        302 => {
            let to = url::Url::parse(answer.location()).expect("an address");
            assert_eq!(to.port(), Some(stage.provider.addr().port()), "{}", context());
            assert!(answer.all("set-cookie").any(|line| line.contains("-login-")), "{}", context());
            "login"
        }
        // Over HTTP/1.1: a 200 would be a success to whatever stands between.
        401 if answer.field("grpc-status").is_some() => {
            assert_eq!(answer.field("grpc-status"), Some("16"), "{}", context());
            assert_eq!(answer.field("grpc-message"), Some("Sign in to go on."), "{}", context());
            let asked = case.field("content-type").unwrap_or_default();
            let own = answer.field("content-type").unwrap_or_default();
            assert!(
                asked.starts_with(own) && own.starts_with("application/grpc") && answer.body.is_empty(),
                "{}",
                context()
            );
            "grpc"
        }
        401 => {
            let challenge = format!("Vestibule sign_in=\"http://{}/oauth2/sign_in\"", stage.gateway);
            assert_eq!(answer.field("www-authenticate"), Some(challenge.as_str()), "{}", context());
            assert_eq!(answer.field("content-type"), Some("application/json"), "{}", context());
            if case.method != "HEAD" {
                assert_eq!(answer.json()["error"], "sign_in_required");
                assert_eq!(
                    answer.json()["sign_in"],
                    format!("http://{}/oauth2/sign_in", stage.gateway).as_str()
                );
            }
            "401"
        }
        _ => panic!("{}", context()),
    }
}

#[test]
fn the_page_and_the_data_say_the_same_of_every_kind() {
    let path = format!("{}/docs/challenge.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), cells[2..].join(" "))
    });
    let told: BTreeMap<String, String> = rows.collect();
    let mut in_data: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in heads("challenge.txt") {
        assert_eq!(kind(&case).name(), case.expected[0], "{}", case.name);
        in_data.entry(case.expected[0].clone()).or_default().insert(case.expected[1..].join(" "));
    }
    let every: BTreeSet<String> = RequestKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), every, "docs/challenge.md has every kind once");
    for (kind, answers) in told {
        assert_eq!(in_data.get(&kind), Some(&BTreeSet::from([answers])), "{kind}");
    }
}

#[tokio::test]
async fn each_kind_gets_its_answer_on_each_route_and_no_upstream_hears_of_it() {
    let stage = stage().await;
    for case in heads("challenge.txt") {
        let mut words = vec![kind(&case).name()];
        for path in ["/x", "/redirect/x", "/never/x"] {
            words.push(word(&stage, &case, &send(&stage, &case, path).await));
        }
        assert_eq!(words, case.expected, "{}", case.name);
    }
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn each_kind_passes_where_everyone_may_enter_preflights_too() {
    let stage = stage().await;
    for (n, case) in heads("challenge.txt").iter().enumerate() {
        let answer = send(&stage, case, &format!("/public/{n}")).await;
        assert_eq!(answer.status, 200, "{}", case.name);
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.line(), format!("{} /public/{n} HTTP/1.1", case.method), "{}", case.name);
    }
}

#[tokio::test]
async fn a_grpc_call_is_told_of_every_other_refusal_by_its_status_too() {
    let stage = Stage::usual().await;
    let bob = stage.signed_in("bob").await;
    let call = "content-type: application/grpc\r\ncontent-length: 0\r\nconnection: close\r\n";
    let cookie = format!("cookie: {}\r\n", bob.cookies());
    for (host, path, http, status) in [
        (stage.gateway.to_string(), "/admin/x", 403, "7"),
        ("evil.example".to_owned(), "/x", 421, "12"),
        (stage.gateway.to_string(), "/%2e%2e/x", 400, "13"),
        (stage.gateway.to_string(), "/oauth2/nope", 404, "12"),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n{call}{cookie}\r\n");
        let answer = exchange(stage.gateway, head).await;
        assert_eq!((answer.status, answer.field("grpc-status")), (http, Some(status)), "{path}");
        assert!(answer.body.is_empty() && answer.field("grpc-message").is_some(), "{answer:?}");
    }
    let events = stage.events();
    let denied = events.iter().any(|event| event["kind"] == "audit" && event["reason"] == "not_allowed");
    assert!(denied, "the log tells of a refusal, whatever status went out");
}

#[tokio::test]
async fn what_chromium_sends_is_the_kind_that_it_is_and_only_page_loads_go_to_the_provider() {
    let stage = stage().await;
    let mut seen = BTreeSet::new();
    for file in ["chromium/secure.txt", "chromium/plain.txt"] {
        for case in heads(file) {
            let context = format!("{file}: {}", case.name);
            assert_eq!(kind(&case).name(), case.expected[0], "{context}");
            let answer = word(&stage, &case, &send(&stage, &case, &case.target).await);
            // Inside of a frame on plain http nothing tells the load from that of a page.
            let is_page =
                case.name.starts_with("navigation") || (file.ends_with("plain.txt") && case.name == "iframe");
            assert_eq!(answer, if is_page { "login" } else { "401" }, "{context}");
            let never = word(&stage, &case, &send(&stage, &case, &format!("/never{}", case.target)).await);
            assert_eq!(never, "401", "{context}");
            seen.insert(case.expected[0].clone());
        }
    }
    for kind in [
        "navigation",
        "form",
        "frame",
        "prefetch",
        "fetch",
        "resource",
        "manifest",
        "service-worker",
        "event-stream",
        "websocket",
        "preflight",
        "unmarked",
        "call",
    ] {
        assert!(seen.contains(kind), "no {kind} was recorded");
    }
    assert!(stage.upstream.received().is_empty());
}
