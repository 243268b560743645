//! References: what a page or a JSON answer shows finds exactly the lines of its request.

use serde_json::Value;
use vestibule::demo::provider::Fault;

use crate::support::stage::Plan;
use crate::support::{Answer, Stage, exchange};

/// What is expected of a refusal: its status, and the reason in its lines.
struct Expected<'a> {
    status: u16,
    reason: &'a str,
    /// The event that tells of it; none where the decision was to let it in.
    event: &'a str,
}

/// The reference that an answer shows, as a person or a program reads it.
fn shown(answer: &Answer) -> String {
    let text = answer.text();
    if answer.field("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return answer.json()["reference"].as_str().expect("a reference").to_owned();
    }
    let id = answer.field("x-request-id").expect("an id");
    assert!(text.contains(id), "the page shows it: {text}");
    id.to_owned()
}

/// Holds an answer against the lines since the last one.
fn check(stage: &Stage, answer: &Answer, expected: &Expected<'_>) {
    let Expected { status, reason, event } = *expected;
    assert_eq!(answer.status, status, "{reason}: {}", answer.text());
    let id = shown(answer);
    assert_eq!(answer.field("x-request-id"), Some(&*id), "{reason}");
    let lines: Vec<Value> = stage.events().into_iter().filter(|line| line["request_id"] == *id).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let (access, audit) = (of("access"), of("audit"));
    assert_eq!(access.len(), 1, "{reason}: {lines:#?}");
    assert_eq!(
        (access[0]["status"].as_u64(), access[0]["reason"].as_str()),
        (Some(status.into()), Some(reason)),
        "{lines:#?}"
    );
    let audit: Vec<_> = audit.iter().filter(|line| line["event"] != "identity_header.stripped").collect();
    assert_eq!(audit.len(), 1, "{reason}: {lines:#?}");
    assert_eq!(audit[0]["event"], event, "{reason}");
    if event != "access.allowed" {
        assert_eq!(audit[0]["reason"], reason);
    }
}

/// Both ways in which an answer shows its reference.
const READERS: [&str; 2] = [
    "accept: application/json\r\n",
    "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\naccept: text/html\r\n",
];

#[tokio::test]
async fn of_whatever_cannot_be_read_or_is_refused_without_a_session() {
    let stage = Stage::with(Plan { listen: "max_head = \"8KiB\"".to_owned(), ..Plan::default() }).await;
    let host = stage.gateway.to_string();
    let long = format!("x-long: {}\r\n", "x".repeat(9000));
    for reader in READERS {
        for (line, host, more, status, reason) in [
            ("GET /x", "a b", "", 400, "bad_host"),
            ("GET /x/%2e%2e/y", &*host, "", 400, "bad_path"),
            ("GET /public/a%2fb", &*host, "", 400, "bad_path"),
            ("TRACE /x", &*host, "", 405, "method_not_allowed"),
            ("DELETE /oauth2/sign_out", &*host, "", 405, "method_not_allowed"),
            ("GET /oauth2/none", &*host, "", 404, "not_found"),
            ("GET /x", "wrong.example", "", 421, "unknown_host"),
            ("GET /x", &*host, &*long, 431, "head_too_large"),
            ("POST /x", &*host, "content-length: 0\r\n", 401, "sign_in_required"),
            (
                "POST /oauth2/clear_cookies",
                &*host,
                "origin: https://evil.example\r\ncontent-length: 0\r\n",
                403,
                "foreign_origin",
            ),
        ] {
            // A POST is no navigation; who reads it as a page still may.
            let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}{reader}\r\n");
            let answer = exchange(stage.gateway, head).await;
            check(&stage, &answer, &Expected { status, reason, event: "access.denied" });
        }
    }
}

#[tokio::test]
async fn of_a_person_who_may_not_and_of_an_upstream_that_fails() {
    let routes = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["signed-in"]
max_body = "1KiB"

[routes.admin]
upstream = "UPSTREAM"
path = "/admin"
allow = ["group:ops"]

[routes.gone]
upstream = "http://127.0.0.1:1"
path = "/gone"
allow = ["signed-in"]
"#;
    let stage = Stage::with(Plan { routes: routes.to_owned(), ..Plan::default() }).await;
    let mut bob = stage.signed_in("bob").await;
    let _ = stage.events();
    for reader in READERS {
        let answer = bob.request("GET", "/admin", reader, b"").await;
        check(&stage, &answer, &Expected { status: 403, reason: "not_allowed", event: "access.denied" });
        let answer = bob.request("GET", "/gone", reader, b"").await;
        check(
            &stage,
            &answer,
            &Expected { status: 502, reason: "upstream/connect", event: "access.allowed" },
        );
        let more = format!("{reader}content-length: 2000\r\n");
        let answer = bob.request("POST", "/x", &more, &[b'x'; 2000]).await;
        check(
            &stage,
            &answer,
            &Expected { status: 413, reason: "request/body-too-large", event: "access.allowed" },
        );
    }
}

#[tokio::test]
async fn of_a_sign_in_that_fails() {
    let stage = Stage::usual().await;
    // Where groups are many, they do not fit into a token.
    stage.provider.faults().add(Fault::ClaimsOnlyInUserinfo);
    for (fault, status, reason) in [
        (Fault::BadSignature, 502, "token/signature"),
        (Fault::NoUser, 502, "identity/no-user"),
        (Fault::ManyGroups(5001), 403, "identity/too-many-groups"),
        (Fault::IdTokenExpired, 502, "token/expired"),
    ] {
        stage.provider.faults().add(fault);
        let answer = stage.browser().sign_in("/", "alice").await;
        check(&stage, &answer, &Expected { status, reason, event: "sign_in.failed" });
        stage.provider.faults().clear();
        stage.provider.faults().add(Fault::ClaimsOnlyInUserinfo);
    }
    let mut browser = stage.browser();
    let answer = browser.load("/oauth2/callback?code=x&state=y").await;
    check(&stage, &answer, &Expected { status: 400, reason: "login/stale-state", event: "sign_in.failed" });
    let answer = browser.load("/oauth2/callback").await;
    check(&stage, &answer, &Expected { status: 400, reason: "login/bad-callback", event: "sign_in.failed" });
}

#[tokio::test]
async fn an_access_line_tells_all_that_is_known_of_a_request() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let _ = stage.events();
    let more = "user-agent: curl/8\r\ncontent-length: 5\r\n";
    let answer = alice.request("POST", "/x?q=hidden", more, b"12345").await;
    let events = stage.events();
    let line = events.iter().find(|line| line["event"] == "request").expect("a line");
    for (field, value) in [
        ("protocol", "HTTP/1.1"),
        ("method", "POST"),
        ("host", "127.0.0.1"),
        ("path", "/x"),
        ("route", "home"),
        ("decision", "allow"),
        ("reason", "signed-in"),
        ("user", "alice"),
        ("client", "127.0.0.1"),
        ("upstream", &*stage.upstream.address.to_string()),
        ("user_agent", "curl/8"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    let out = answer.body.len() as u64;
    for (field, value) in [
        ("status", 200),
        ("upstream_status", 200),
        ("upstream_ms", 0),
        ("duration_ms", 0),
        ("bytes_in", 5),
        ("bytes_out", out),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")));
    assert!(line["session"].as_str().is_some_and(|session| session.len() == 8));
    // One that is sent to sign in names its route, and no upstream.
    stage.browser().load("/x").await;
    let events = stage.events();
    let line = events.iter().find(|line| line["event"] == "request").expect("a line");
    assert_eq!((line["route"].as_str(), line["decision"].as_str()), (Some("home"), Some("sign_in")));
    assert!(line["upstream"].is_null() && line["bytes_in"].is_null() && line["user"].is_null());
}
