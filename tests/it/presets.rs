//! Header sets: which headers with which values an application gets, and that nobody else can send them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;
use vestibule::demo::provider::{Fault, User};
use vestibule::identity::Preset;

use crate::support::stage::Plan;
use crate::support::upstream::Received;
use crate::support::vectors::lines;
use crate::support::{Stage, exchange};

/// The rows of `presets.txt`.
fn rows() -> Vec<(String, String, String)> {
    let rows = lines("presets.txt");
    let cells = rows.iter().map(|line| {
        let mut cells = line.splitn(3, " | ").map(str::to_owned);
        let mut next = || cells.next().unwrap_or_else(|| panic!("{line}: three cells"));
        (next(), next(), next())
    });
    cells.collect()
}

/// A route for each preset, under `/NAME`.
fn routes() -> String {
    let mut routes =
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\nheaders = \"none\"\n".to_owned();
    for preset in Preset::ALL {
        let (name, key) = (preset.name(), preset.name().replace('-', "_"));
        let _ = writeln!(
            routes,
            "[routes.{key}]\nupstream = \"UPSTREAM\"\npath = \"/{name}\"\nallow = [\"signed-in\"]\nheaders = \"{name}\""
        );
    }
    routes
}

/// The names that the gateway writes on every request, and those that this suite's browser sends.
const USUAL: &[&str] = &[
    "host",
    "accept",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-fetch-site",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
];

/// The other fields, in their order.
fn identity(received: &Received) -> Vec<(String, String)> {
    let fields = received.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    fields.filter(|(name, _)| !USUAL.contains(&name.as_str())).collect()
}

fn zoe() -> Vec<User> {
    let groups = ["staff", "ops team", "a,b", "c|d"];
    vec![User {
        name: "zo\u{eb}".to_owned(),
        sub: "z-1".to_owned(),
        full_name: "Zo\u{eb} O'Neil".to_owned(),
        email: "zoe@example.com".to_owned(),
        groups: groups.map(str::to_owned).to_vec(),
    }]
}

#[tokio::test]
async fn each_preset_sends_exactly_its_headers_with_the_persons_values() {
    let stage = Stage::with(Plan { routes: routes(), users: zoe(), ..Plan::default() }).await;
    let mut zoe = stage.signed_in("zo\u{eb}").await;
    let rows = rows();
    let told: BTreeSet<_> = rows.iter().map(|(preset, ..)| preset.as_str()).collect();
    assert_eq!(told, Preset::ALL.iter().map(|preset| preset.name()).collect());
    for preset in Preset::ALL {
        zoe.fetch(&format!("/{}/x", preset.name())).await;
        let expected: Vec<_> = rows
            .iter()
            .filter(|(own, ..)| own == preset.name())
            .map(|(_, name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(identity(&received), expected, "{}", preset.name());
    }
    zoe.fetch("/x").await;
    assert_eq!(identity(&stage.upstream.received().pop().expect("a request")), []);
}

#[tokio::test]
async fn what_a_person_does_not_have_is_no_header_and_never_an_empty_one() {
    let absent = ["email", "name", "groups"].map(|claim| Fault::Claim(claim.to_owned(), Value::Null));
    for faults in [
        absent.to_vec(),
        vec![
            Fault::Claim("email".to_owned(), "".into()),
            Fault::Claim("name".to_owned(), " ".into()),
            Fault::Claim("groups".to_owned(), Value::Array(vec!["".into(), " ops ".into()])),
        ],
        vec![
            Fault::EmailUnverified,
            Fault::Claim("name".to_owned(), "Zoe\r\nX-Forwarded-User: root".into()),
            Fault::Claim("groups".to_owned(), Value::Array(vec!["a\nb".into()])),
        ],
    ] {
        let context = format!("{faults:?}");
        let stage = Stage::with(Plan { routes: routes(), users: zoe(), faults, ..Plan::default() }).await;
        let mut zoe = stage.signed_in("zo\u{eb}").await;
        for preset in Preset::ALL {
            zoe.fetch(&format!("/{}/x", preset.name())).await;
            let expected: Vec<_> = rows()
                .into_iter()
                .filter(|(own, _, value)| own == preset.name() && value == "zo\u{eb}")
                .map(|(_, name, value)| (name.to_ascii_lowercase(), value))
                .collect();
            assert!(!expected.is_empty());
            let received = stage.upstream.received().pop().expect("a request");
            assert_eq!(identity(&received), expected, "{} with {context}", preset.name());
        }
    }
}

/// Header sets of our own beside the presets, one with a secret and one with a name that is odd to begin with.
const OWN: &str = r#"
[headers.corp]
"X-Corp-User" = "{user}"
"X-Corp-Proof" = { env = "SECRET" }
"X-Team.Roles" = "{groups}"

[routes.home]
upstream = "UPSTREAM"
allow = ["signed-in"]
headers = ["forwarded", "corp"]

[routes.public]
upstream = "UPSTREAM"
path = "/public"
allow = ["everyone"]
headers = ["corp", "authelia"]
"#;

/// What a server that makes variables of header names takes a name for.
fn fold(name: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(fold).collect()
}

/// Every spelling in which a name is sent.
fn spellings(name: &str) -> Vec<String> {
    let title: Vec<String> = name
        .split('-')
        .map(|part| part.chars().take(1).flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect())
        .collect();
    let mixed = |from: usize| -> String {
        let letters = name.chars().enumerate();
        letters.map(|(at, c)| if at % 2 == from { c.to_ascii_uppercase() } else { c }).collect()
    };
    let mut all =
        vec![name.to_owned(), name.to_uppercase(), title.join("-"), title.join("_"), mixed(0), mixed(1)];
    // What a header name may hold, beside letters and digits (RFC 9110 section 5.6.2).
    all.extend("_.!#$%&'*+^`|~".chars().map(|other| name.replace('-', &other.to_string())));
    all.push(name.replacen('-', "_", 1));
    all.extend(name.rfind('-').map(|at| format!("{}_{}", &name[..at], &name[at + 1..])));
    all.push(mixed(1).replace('-', "_"));
    all
}

/// What the upstream received that only we may write, in words; nothing if all is well.
fn breaches(received: &Received, reserved: &BTreeSet<String>) -> Vec<String> {
    let ours = [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-real-ip",
        "x-request-id",
    ];
    let vouched = [
        ("x-forwarded-user", "alice"),
        ("x-forwarded-preferred-username", "alice"),
        ("x-forwarded-email", "alice@example.com"),
        ("x-forwarded-groups", "staff,ops"),
        ("x-corp-user", "alice"),
        ("x-team.roles", "staff,ops"),
        ("x-corp-proof", crate::support::stage::CLIENT_SECRET),
        ("remote-user", "alice"),
        ("remote-email", "alice@example.com"),
        ("remote-name", "Alice Adams"),
        ("remote-groups", "staff,ops"),
    ];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for line in received.head.split("\r\n").skip(1) {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let is_ours = ours.contains(&name) || vouched.contains(&(name, value));
        let is_only = seen.insert(fold(name)) || !reserved.contains(&fold(name));
        if line.contains("forged") || (reserved.contains(&fold(name)) && !is_ours) || !is_only {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn the_spoof_matrix_has_every_name_that_we_write() {
    let names: BTreeSet<String> = lines("spoof-matrix.txt").into_iter().collect();
    for preset in Preset::ALL {
        for (name, _) in vestibule::identity::preset(*preset) {
            assert!(names.contains(*name), "{name} of {}", preset.name());
        }
    }
    assert!(names.len() >= 60, "{}", names.len());
    for name in &names {
        assert!(spellings(name).iter().all(|spelling| fold(spelling) == fold(name)), "{name}");
    }
}

#[tokio::test]
async fn nobody_but_us_says_who_is_there_in_any_spelling_on_any_route() {
    let stage = Stage::with(Plan { routes: OWN.to_owned(), ..Plan::default() }).await;
    let alice = stage.signed_in("alice").await;
    let names = lines("spoof-matrix.txt");
    let reserved: BTreeSet<String> = names.iter().map(|name| fold(name)).collect();
    let gateway = stage.gateway;
    let cookie = format!("cookie: {}\r\n", alice.cookies());
    let upgrade =
        "upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
    let origin = format!("origin: http://{gateway}\r\n");
    let preflight = format!("{origin}access-control-request-method: PUT\r\n");
    let websocket = format!("{cookie}{origin}{upgrade}");
    let absolute = format!("GET http://{gateway}/public/absolute");
    let forms = [
        ("GET /public/nobody", ""),
        ("GET /public/alice", cookie.as_str()),
        ("GET /protected", cookie.as_str()),
        ("OPTIONS /public/preflight", preflight.as_str()),
        ("GET /websocket", websocket.as_str()),
        (absolute.as_str(), cookie.as_str()),
    ];
    let columns = spellings(&names[0]).len();
    let mut sent = 0;
    for column in 0..columns {
        // Forty at once: a head has room for a hundred fields, and each name stands twice.
        for some in names.chunks(40) {
            let spelled: Vec<String> =
                some.iter().filter_map(|name| spellings(name).into_iter().nth(column)).collect();
            let twice: String =
                spelled.iter().map(|name| format!("{name}: forged\r\n{name}:forged-again\r\n")).collect();
            let listed = spelled.join(", ");
            for (line, fields) in forms {
                for connection in ["", listed.as_str()] {
                    let option = if fields.contains("upgrade:") { "upgrade" } else { "close" };
                    let connection = format!("connection: {option}, {connection}\r\n");
                    let head =
                        format!("{line} HTTP/1.1\r\nhost: {gateway}\r\n{connection}{twice}{fields}\r\n");
                    let answer = exchange(gateway, head).await;
                    assert_eq!(answer.status, 200, "{line}: {spelled:?}: {}", answer.text());
                    let received = stage.upstream.received().pop().expect("a request");
                    let found = breaches(&received, &reserved);
                    assert!(found.is_empty(), "{line}: {found:?} of {spelled:?}");
                    let vouched = received.all("x-corp-user");
                    assert_eq!(
                        vouched.is_empty(),
                        fields.is_empty() || line.starts_with("OPTIONS"),
                        "{line}: {spelled:?}"
                    );
                    sent += 1;
                }
            }
            let before = stage.upstream.received().len();
            let own = format!(
                "GET /oauth2/userinfo HTTP/1.1\r\nhost: {gateway}\r\nconnection: close\r\n{twice}{cookie}\r\n"
            );
            assert_eq!(exchange(gateway, own).await.json()["user"], "alice");
            for path in ["/protected", "/oauth2/userinfo"] {
                let head =
                    format!("GET {path} HTTP/1.1\r\nhost: {gateway}\r\nconnection: close\r\n{twice}\r\n");
                assert_eq!(exchange(gateway, head).await.status, 401, "{path}: {spelled:?}");
            }
            assert_eq!(stage.upstream.received().len(), before);
        }
    }
    assert!(sent >= 500, "{sent}");
}

#[tokio::test]
async fn a_trailer_never_says_who_is_there() {
    let stage = Stage::with(Plan { routes: OWN.to_owned(), ..Plan::default() }).await;
    for name in lines("spoof-matrix.txt") {
        for spelling in [name.clone(), name.to_uppercase(), name.replace('-', "_")] {
            let head = format!(
                "POST /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: {spelling}\r\nte: trailers\r\n\r\n",
                stage.gateway
            );
            let body = format!("2\r\nhi\r\n0\r\n{spelling}: forged\r\n\r\n");
            assert_eq!(exchange(stage.gateway, head + &body).await.status, 200, "{spelling}");
            let received = stage.upstream.received().pop().expect("a request");
            let body = String::from_utf8_lossy(&received.body).into_owned();
            assert!(body.starts_with("2\r\nhi") && body.ends_with("0\r\n\r\n"), "{spelling}: {body:?}");
            assert!(
                !body.contains("forged") && !received.head.contains("forged"),
                "{spelling}: {received:?}"
            );
            assert!(received.all("trailer").is_empty(), "{spelling}");
        }
    }
}

#[tokio::test]
async fn a_name_with_space_around_it_is_no_request() {
    let stage = Stage::with(Plan { routes: OWN.to_owned(), ..Plan::default() }).await;
    for name in lines("spoof-matrix.txt") {
        for line in [
            format!("{name} : forged"),
            format!("{name}\t: forged"),
            format!("{name}\u{b}: forged"),
            format!("{name}\0: forged"),
            format!("a: b\r\n {name}: forged"),
            format!("a: b\r\n\t{name}: forged"),
            format!(": {name}: forged"),
            format!("a: b\r{name}: forged"),
            format!("\u{feff}{name}: forged"),
        ] {
            let head = format!(
                "GET /public HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{line}\r\n\r\n",
                stage.gateway
            );
            assert_eq!(exchange(stage.gateway, head).await.status, 400, "{line:?}");
        }
    }
    assert!(stage.upstream.received().is_empty());
}
