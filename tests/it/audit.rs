//! Audit: the events that tell who did what, and the page that promises them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use vestibule::audit::{EventName, REASONS};

use crate::support::place::{Place, listening, start_lines};
use crate::support::stage::Plan;
use crate::support::{Stage, exchange};

const PAGE: &str = include_str!("../../docs/audit.md");

/// The first cells of the rows of the table under a heading that begins so, without their backticks.
fn first_cells(heading: &str) -> BTreeSet<String> {
    let table = PAGE.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let rows = table
        .lines()
        .skip(1)
        .skip_while(|line| line.starts_with("|--"))
        .take_while(|line| line.starts_with('|'));
    let cells: Vec<String> = rows
        .map(|row| row.split('`').nth(1).unwrap_or_else(|| panic!("no word in {row}")).to_owned())
        .collect();
    let found: BTreeSet<String> = cells.iter().cloned().collect();
    assert_eq!(found.len(), cells.len(), "no row stands twice under {heading}: {cells:?}");
    found
}

/// The string literals of a source file.
fn literals(path: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a source file");
    let text = text.replace("\\\"", "");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Those of them that look like a word with its family: `token/expired`.
fn words(path: &str) -> BTreeSet<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    let is_word = |word: &str| {
        let parts: Vec<&str> = word.split('/').collect();
        parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(plain))
    };
    literals(path).into_iter().filter(|word| is_word(word)).collect()
}

#[test]
fn the_page_has_every_event_and_every_reason_and_no_other() {
    let names: BTreeSet<String> = EventName::ALL.iter().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(first_cells("| event | when | further fields |"), names);
    let reasons: BTreeSet<String> = REASONS.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(reasons.len(), REASONS.len(), "none stands twice");
    assert_eq!(first_cells("| reason | status | what it means |"), reasons);
    assert_eq!(
        first_cells("| reason of an upstream's failure | status | what it means |"),
        words("src/proxy/error.rs")
    );
}

#[tokio::test]
async fn the_lines_on_the_page_are_as_ours_and_there_is_one_for_each_event() {
    let examples: Vec<Value> = PAGE
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let keys =
        |line: &Value| -> BTreeSet<String> { line.as_object().expect("an object").keys().cloned().collect() };
    for name in EventName::ALL {
        let example =
            *named(&examples, name.as_str()).first().unwrap_or_else(|| panic!("no line of {name:?}"));
        let row =
            PAGE.lines().find(|line| line.starts_with(&format!("| `{}` |", name.as_str()))).expect("a row");
        let told = |key: &String| {
            ["time", "kind", "event", "outcome", "request_id", "client", "what"].contains(&key.as_str())
                || row.contains(&format!("`{key}`"))
        };
        assert!(keys(example).iter().all(told), "{name:?}: a field that its row does not have: {example}");
    }
    // A real one of each of two kinds has the same fields as the example.
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let _ = stage.events();
    alice.request("GET", "/x", "user-agent: Firefox\r\n", b"").await;
    let ours = stage.events();
    for name in ["access.allowed", "request"] {
        assert_eq!(keys(named(&ours, name)[0]), keys(named(&examples, name)[0]), "{name}");
    }
}

#[test]
fn every_word_that_the_code_makes_is_in_the_closed_list() {
    let made: BTreeSet<String> = [
        "src/flow/refusal/outline.rs",
        "src/flow/session.rs",
        "src/oidc/error/mod.rs",
        "src/oidc/error/login.rs",
    ]
    .iter()
    .flat_map(|path| words(path))
    .collect();
    // Words of the gate are written with underscores. Those that are left out are the provider's.
    let refusals = literals("src/flow/refusal/outline.rs");
    let plain = |word: &&String| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let gate = refusals
        .iter()
        .filter(plain)
        .filter(|word| word.contains('_') && !["access_denied", "redirect_uri"].contains(&word.as_str()));
    // Those of rules are told apart where the decision is read.
    let rules = ["denied", "requirement_missed", "not_allowed"].map(str::to_owned);
    let request = literals("src/flow/denial.rs");
    assert!(rules.iter().all(|word| request.contains(word)));
    let made: BTreeSet<String> = made.into_iter().chain(gate.cloned()).chain(rules).collect();
    let listed: BTreeSet<String> = REASONS.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(made, listed, "made by the code, and listed in src/audit/reasons.rs");
}

/// A stage that writes its events to a file of its own.
struct Filed {
    stage: Stage,
    path: PathBuf,
}

impl Filed {
    async fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-audit-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("audit.log");
        let top = format!("audit = {{ sink = \"file:{}\" }}", path.display());
        Self { stage: Stage::with(Plan { top, ..Plan::default() }).await, path }
    }

    fn events(&self) -> Vec<Value> {
        self.stage.flush();
        let text = fs::read_to_string(&self.path).expect("the file");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

impl Drop for Filed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.path.parent().expect("a folder"));
    }
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[tokio::test]
async fn a_file_gets_the_events_and_nothing_else_does() {
    let filed = Filed::new("file").await;
    let mut alice = filed.stage.signed_in("alice").await;
    alice.fetch("/x").await;
    let events = filed.events();
    assert!(events.iter().all(|event| event["kind"] == "audit"), "{events:?}");
    for name in ["process.started", "sign_in.started", "sign_in.succeeded", "access.allowed"] {
        assert!(!named(&events, name).is_empty(), "{name}");
    }
    let lines = filed.stage.events();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["kind"] == "access"), "{lines:?}");
    // Rotated by somebody else, without a word to us.
    let old = filed.path.with_extension("1");
    fs::rename(&filed.path, &old).expect("moved");
    let before = fs::read_to_string(&old).expect("the old one");
    alice.fetch("/y").await;
    let after = filed.events();
    assert_eq!((after.len(), after[0]["what"]["path"].as_str()), (1, Some("/y")));
    assert_eq!(fs::read_to_string(&old).expect("the old one"), before);
}

#[tokio::test]
async fn a_trail_that_takes_nothing_is_counted_and_told_and_requests_go_on() {
    let filed = Filed::new("full").await;
    let mut alice = filed.stage.signed_in("alice").await;
    let _ = filed.events();
    fs::remove_file(&filed.path).expect("removed");
    fs::create_dir(&filed.path).expect("in its place");
    for _ in 0..3 {
        assert_eq!(alice.fetch("/x").await.status, 200);
        filed.stage.flush();
    }
    // Also what would have told of the loss was lost.
    let lost = filed.stage.audit_dropped();
    assert!(lost >= 3, "{lost}");
    fs::remove_dir(&filed.path).expect("out of the way");
    filed.stage.advance(Duration::from_secs(2));
    assert_eq!(alice.fetch("/y").await.status, 200);
    let events = filed.events();
    let told: Vec<_> =
        named(&events, "audit.dropped").iter().map(|event| event["dropped"].as_u64()).collect();
    assert_eq!(told, [Some(lost)]);
    assert_eq!(named(&events, "access.allowed").len(), 1);
}

#[tokio::test]
async fn with_off_nothing_is_recorded() {
    let stage = Stage::with(Plan { top: "audit = { sink = \"off\" }".to_owned(), ..Plan::default() }).await;
    stage.signed_in("alice").await;
    let lines = stage.events();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["kind"] == "access"), "{lines:?}");
}

#[tokio::test]
async fn a_session_has_a_beginning_and_an_end_and_each_is_one_event() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let session = stage
        .events()
        .iter()
        .find(|event| event["event"] == "sign_in.succeeded")
        .expect("a session")["session"]
        .clone();
    stage.advance(Duration::from_secs(3 * 3600));
    for _ in 0..5 {
        assert_eq!(alice.fetch("/x").await.status, 401);
    }
    let events = stage.events();
    let ended = named(&events, "session.ended");
    assert_eq!(ended.len(), 1, "{ended:?}");
    for (field, value) in [
        ("reason", "session/idle"),
        ("user", "alice"),
        ("route", "home"),
        ("provider", "main"),
        ("outcome", "success"),
    ] {
        assert_eq!(ended[0][field], value);
    }
    assert_eq!(ended[0]["session"], session);
    assert_eq!(ended[0]["who"]["sub"], "a-1001");
    // The page load says why it goes to the provider.
    alice.load("/x").await;
    let events = stage.events();
    let started = named(&events, "sign_in.started");
    assert_eq!(
        (started[0]["reason"].as_str(), started[0]["route"].as_str()),
        (Some("session/idle"), Some("home"))
    );

    let mut bob = stage.signed_in("bob").await;
    stage.advance(Duration::from_secs(13 * 3600));
    bob.fetch("/x").await;
    assert_eq!(named(&stage.events(), "session.ended")[0]["reason"], "session/over");
}

#[tokio::test]
async fn a_copied_cookie_that_comes_after_the_sign_out_is_told_once_for_each_address() {
    let stage =
        Stage::with(Plan { listen: "trusted_proxies = [\"127.0.0.0/8\"]".to_owned(), ..Plan::default() })
            .await;
    let mut alice = stage.signed_in("alice").await;
    let mut thief = alice.clone();
    let page = alice.load("/oauth2/sign_out").await;
    alice.press(&page, &[]).await;
    let _ = stage.events();
    for _ in 0..3 {
        assert_eq!(thief.fetch("/x").await.status, 401);
    }
    assert_eq!(thief.request("GET", "/x", "x-forwarded-for: 203.0.113.9\r\n", b"").await.status, 401);
    let events = stage.events();
    let revoked = named(&events, "session.revoked");
    let clients: Vec<_> = revoked.iter().map(|event| event["client"].as_str().expect("a client")).collect();
    assert_eq!(clients, ["127.0.0.1", "203.0.113.9"]);
    for (field, value) in [("reason", "session/ended"), ("user", "alice"), ("outcome", "failure")] {
        assert_eq!(revoked[0][field], value);
    }
}

#[tokio::test]
async fn a_claimed_identity_is_told_by_name_and_never_by_value() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let _ = stage.events();
    let claims = "x-forwarded-user: mallory\r\nX_Remote.User: mallory\r\nx-remote-user: mallory\r\nx-webauth-mallory: mallory\r\nx-forwarded-for: 10.0.0.1\r\n";
    assert_eq!(alice.request("GET", "/x", claims, b"").await.status, 200);
    assert_eq!(
        alice.request("GET", "/x", "x-forwarded-for: 10.0.0.1\r\nx-real-ip: 10.0.0.1\r\n", b"").await.status,
        200
    );
    let text = stage.lines.take();
    assert!(text.iter().all(|line| !line.contains("mallory")), "{text:?}");
    let events: Vec<Value> = text.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let stripped = named(&events, "identity_header.stripped");
    assert_eq!(stripped.len(), 1, "{stripped:?}");
    assert_eq!(
        stripped[0]["headers"],
        serde_json::json!(["x-forwarded-user", "x-remote-user", "x-webauth-*"])
    );
    assert_eq!((stripped[0]["user"].as_str(), stripped[0]["route"].as_str()), (Some("alice"), Some("home")));
}

#[tokio::test]
async fn a_refused_host_is_named_in_the_line_that_tells_of_it() {
    let stage = Stage::usual().await;
    let answer =
        exchange(stage.gateway, "GET /x HTTP/1.1\r\nhost: wrong.example:8080\r\nconnection: close\r\n\r\n")
            .await;
    assert_eq!(answer.status, 421);
    let events = stage.events();
    let denied = named(&events, "access.denied")[0];
    assert_eq!(denied["reason"], "unknown_host");
    assert_eq!(denied["what"]["host"], "wrong.example");
    let detail = denied["detail"].as_str().expect("words for the operator");
    assert!(detail.contains("wrong.example") && detail.contains("proxy_set_header Host"), "{detail}");
}

#[test]
fn the_program_writes_its_first_and_its_last_event_to_the_file_or_does_not_start() {
    let place = Place::new("audit-sink");
    let config = format!("{}[audit]\nsink = \"file:audit.log\"\n", listening("127.0.0.1:0"));
    place.put("vestibule.toml", &config, 0o644);
    assert_eq!(place.run("check --strict").code, Some(0));
    let file = place.path("audit.log");
    assert!(!file.exists(), "a check makes nothing");
    let mut child =
        place.command("serve").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
    start_lines(&mut child);
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    let said = child.wait_with_output().expect("an end");
    assert_eq!((said.status.code(), said.stdout.as_slice()), (Some(0), b"".as_slice()));
    let text = fs::read_to_string(&file).expect("the file");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().expect("a name")).collect();
    assert_eq!(names, ["process.started", "process.stopping"]);
    // Only an attempt shows that this one leads nowhere.
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("no/such/place", &file).expect("a link");
    let said = place.run("serve");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.err.contains("audit.sink: cannot open ") && said.err.contains("audit.log: No such file"),
        "{said:?}"
    );
}
