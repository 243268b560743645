//! One cause, one count: each metric moves when its cause happens, and nothing else does.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::demo::provider::Fault;

use super::{Series, assert_grown, series};
use crate::support::stage::Plan;
use crate::support::{Browser, Stage, Upstream, exchange};

/// Requests of one kind: the cause, and what it adds to.
struct Case {
    what: &'static str,
    /// `anybody`, or a user who is signed in.
    who: &'static str,
    /// `GET /path`
    line: &'static str,
    /// Field lines.
    more: &'static str,
    status: u16,
    expected: &'static [(&'static str, f64)],
}

const PAGE: &str = "accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";

const SENT_ON: (&str, f64) = (
    r#"http_client_request_duration_seconds_count{server_address="UPSTREAM",http_request_method="GET",http_response_status_code="200"}"#,
    1.0,
);

const CASES: &[Case] = &[
    Case {
        what: "let in",
        who: "alice",
        line: "GET /",
        more: "",
        status: 200,
        expected: &[
            (r#"vestibule_decisions_total{route="home",decision="allow",reason=""}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="home",http_request_method="GET",http_response_status_code="200"}"#,
                1.0,
            ),
            SENT_ON,
        ],
    },
    Case {
        what: "for everyone",
        who: "anybody",
        line: "GET /public",
        more: "",
        status: 200,
        expected: &[
            (r#"vestibule_decisions_total{route="public",decision="public",reason=""}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="public",http_request_method="GET",http_response_status_code="200"}"#,
                1.0,
            ),
            SENT_ON,
        ],
    },
    Case {
        what: "signed in, not allowed",
        who: "bob",
        line: "GET /admin",
        more: "",
        status: 403,
        expected: &[
            (r#"vestibule_decisions_total{route="admin",decision="deny",reason="not_allowed"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="admin",http_request_method="GET",http_response_status_code="403"}"#,
                1.0,
            ),
        ],
    },
    Case {
        what: "a program that is not signed in",
        who: "anybody",
        line: "DELETE /",
        more: "",
        status: 401,
        expected: &[
            (r#"vestibule_decisions_total{route="home",decision="deny",reason="sign_in_required"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="home",http_request_method="DELETE",http_response_status_code="401"}"#,
                1.0,
            ),
        ],
    },
    Case {
        what: "sent to sign in",
        who: "anybody",
        line: "GET /",
        more: PAGE,
        status: 302,
        expected: &[
            (r#"vestibule_decisions_total{route="home",decision="sign_in",reason="session/no-cookie"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="home",http_request_method="GET",http_response_status_code="302"}"#,
                1.0,
            ),
        ],
    },
    Case {
        what: "a host that nobody serves",
        who: "anybody",
        line: "GET /",
        more: "host: other.example\r\n",
        status: 421,
        expected: &[
            (r#"vestibule_decisions_total{route="",decision="deny",reason="unknown_host"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="",http_request_method="GET",http_response_status_code="421"}"#,
                1.0,
            ),
        ],
    },
    Case {
        what: "a path that servers read in two ways",
        who: "anybody",
        line: "GET /a%2fb",
        more: "",
        status: 400,
        expected: &[
            (r#"vestibule_decisions_total{route="",decision="deny",reason="bad_path"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="",http_request_method="GET",http_response_status_code="400"}"#,
                1.0,
            ),
        ],
    },
    Case {
        what: "an endpoint of ours",
        who: "alice",
        line: "GET /oauth2/userinfo",
        more: "",
        status: 200,
        expected: &[(
            r#"http_server_request_duration_seconds_count{http_route="(own)",http_request_method="GET",http_response_status_code="200"}"#,
            1.0,
        )],
    },
    Case {
        what: "headers that say who somebody is, and one with an underscore",
        who: "anybody",
        line: "GET /public",
        more: "x-forwarded-user: root\r\nx-forwarded-groups: ops\r\nx_evil: 1\r\n",
        status: 200,
        expected: &[
            (r#"vestibule_decisions_total{route="public",decision="public",reason=""}"#, 1.0),
            (r#"vestibule_headers_stripped_total{route="public",kind="identity"}"#, 2.0),
            (r#"vestibule_headers_stripped_total{route="public",kind="underscore"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="public",http_request_method="GET",http_response_status_code="200"}"#,
                1.0,
            ),
            SENT_ON,
        ],
    },
    Case {
        what: "a callback that belongs to no attempt",
        who: "anybody",
        line: "GET /oauth2/callback?code=a&state=b",
        more: PAGE,
        status: 400,
        expected: &[
            (r#"vestibule_decisions_total{route="(own)",decision="deny",reason="login/stale-state"}"#, 1.0),
            (r#"vestibule_sign_ins_total{provider="",result="failure",reason="login/stale-state"}"#, 1.0),
            (
                r#"http_server_request_duration_seconds_count{http_route="(own)",http_request_method="GET",http_response_status_code="400"}"#,
                1.0,
            ),
        ],
    },
];

async fn send(stage: &Stage, browser: Option<&Browser>, case: &Case) -> u16 {
    let host =
        if case.more.contains("host:") { String::new() } else { format!("host: {}\r\n", stage.gateway) };
    let cookie = browser.map(|browser| format!("cookie: {}\r\n", browser.cookies())).unwrap_or_default();
    let head = format!("{} HTTP/1.1\r\n{host}{cookie}{}connection: close\r\n\r\n", case.line, case.more);
    exchange(stage.gateway, head).await.status
}

#[tokio::test]
async fn each_kind_of_request_moves_its_own_counts_and_no_other() {
    let stage = Stage::usual().await;
    let (mut alice, mut bob) = (stage.signed_in("alice").await, stage.signed_in("bob").await);
    // What happens once only is over: the count of sign-ins in a row, the first connection to the upstream.
    for browser in [&mut alice, &mut bob] {
        assert_eq!(browser.fetch("/public").await.status, 200);
    }
    settled(&stage).await;
    for case in CASES {
        let before = series(&stage).await;
        let browser = match case.who {
            "alice" => Some(&alice),
            "bob" => Some(&bob),
            _ => None,
        };
        assert_eq!(send(&stage, browser, case).await, case.status, "{}", case.what);
        assert_grown(&stage, &before, case.expected, case.what).await;
    }
}

/// Asks until this holds: an answer may be with its client before it is counted.
async fn until(stage: &Stage, holds: impl Fn(&Series) -> bool) -> Series {
    for _ in 0..500 {
        let all = series(stage).await;
        if holds(&all) {
            return all;
        }
    }
    panic!("it does not come to hold: {:#?}", series(stage).await)
}

/// Waits until nothing is under way.
async fn settled(stage: &Stage) -> Series {
    let active = |(name, _): &(&String, &f64)| name.starts_with("http_server_active_requests");
    until(stage, |all| all.iter().filter(active).all(|(_, count)| *count == 0.0)).await
}

/// The value of the only series of that name, or of one with exactly these labels.
fn value(all: &Series, name: &str) -> f64 {
    *all.get(name).unwrap_or_else(|| panic!("no {name} in {all:#?}"))
}

#[tokio::test]
async fn a_sign_in_and_its_end_are_counted_at_the_provider_once() {
    let stage = Stage::usual().await;
    let fresh = series(&stage).await;
    for name in [
        r#"vestibule_sign_ins_total{provider="main",result="success",reason=""}"#,
        r#"vestibule_sign_outs_total{provider="main",kind="user"}"#,
        r#"vestibule_sign_outs_total{provider="main",kind="expired"}"#,
        r#"vestibule_revoked_cookies_total{provider="main"}"#,
        r#"vestibule_sign_in_duration_seconds_count{provider="main"}"#,
        "vestibule_session_cookie_bytes_count",
        r#"vestibule_decisions_total{route="home",decision="allow",reason=""}"#,
        r#"vestibule_tunnels{route="home"}"#,
    ] {
        assert_eq!(value(&fresh, name), 0.0, "{name} is there from the start");
    }
    assert!(!fresh.keys().any(|name| name.starts_with("vestibule_provider_")), "nobody asked it yet");

    let mut browser = stage.browser();
    let page = browser.open("/").await;
    stage.advance(Duration::from_secs(7));
    browser.choose(page, "alice").await;
    let all = settled(&stage).await;
    assert_eq!(value(&all, r#"vestibule_sign_ins_total{provider="main",result="success",reason=""}"#), 1.0);
    assert_eq!(value(&all, r#"vestibule_sign_in_duration_seconds_sum{provider="main"}"#), 7.0);
    assert_eq!(value(&all, r#"vestibule_sign_in_duration_seconds_bucket{provider="main",le="5.0"}"#), 0.0);
    assert_eq!(value(&all, r#"vestibule_sign_in_duration_seconds_bucket{provider="main",le="10.0"}"#), 1.0);
    assert_eq!(value(&all, "vestibule_session_cookie_bytes_count"), 1.0);
    let bytes = browser.cookie("vestibule").expect("a session").len() + "vestibule=".len();
    assert_eq!(
        value(&all, "vestibule_session_cookie_bytes_sum"),
        f64::from(u32::try_from(bytes).expect("small"))
    );
    assert_eq!(value(&all, r#"vestibule_provider_up{provider="main"}"#), 1.0);
    assert_eq!(value(&all, r#"vestibule_provider_keys_age_seconds{provider="main"}"#), 0.0);
    assert!(all.contains_key(r#"vestibule_provider_clock_skew_seconds{provider="main"}"#));
    let provider = format!("localhost:{}", stage.provider.addr().port());
    for (method, calls) in [("GET", 2.0), ("POST", 1.0)] {
        let name = format!(
            "http_client_request_duration_seconds_count{{server_address=\"{provider}\",http_request_method=\"{method}\",http_response_status_code=\"200\"}}"
        );
        assert_eq!(value(&all, &name), calls, "discovery and keys, then the token");
    }

    // Signed out, and the cookie comes again from the same address twice.
    let stolen = browser.cookies();
    let form = format!(
        "POST /oauth2/sign_out HTTP/1.1\r\nhost: {}\r\ncookie: {stolen}\r\nsec-fetch-site: same-origin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        stage.gateway
    );
    assert_eq!(exchange(stage.gateway, form).await.status, 303);
    for _ in 0..2 {
        let again = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\ncookie: {stolen}\r\nconnection: close\r\n\r\n",
            stage.gateway
        );
        assert_eq!(exchange(stage.gateway, again).await.status, 401);
    }
    let all = settled(&stage).await;
    assert_eq!(value(&all, r#"vestibule_sign_outs_total{provider="main",kind="user"}"#), 1.0);
    assert_eq!(value(&all, r#"vestibule_revoked_cookies_total{provider="main"}"#), 1.0);

    // Another one grows old.
    let mut bob = stage.signed_in("bob").await;
    stage.advance(Duration::from_secs(3 * 3600));
    bob.fetch("/").await;
    bob.fetch("/").await;
    let all = settled(&stage).await;
    assert_eq!(value(&all, r#"vestibule_sign_outs_total{provider="main",kind="expired"}"#), 1.0);
    assert_eq!(value(&all, r#"vestibule_provider_keys_age_seconds{provider="main"}"#), 10_800.0);
}

#[tokio::test]
async fn a_provider_that_goes_and_comes_back_is_seen_and_told_once() {
    let stage = Stage::usual().await;
    stage.provider.faults().add(Fault::DiscoveryDown);
    for _ in 0..2 {
        assert_eq!(stage.browser().load("/").await.status, 503);
        // The failure is answered from memory for a while.
        stage.advance(Duration::from_secs(60));
    }
    assert_eq!(value(&series(&stage).await, r#"vestibule_provider_up{provider="main"}"#), 0.0);
    let details = super::ask(&stage, "/readyz?verbose", "").await;
    assert_eq!(details.status, 200, "ready all the same: who has a session goes on working");
    let told = &details.json()["providers"][0];
    assert_eq!((&told["name"], &told["standing"]), (&"main".into(), &"down".into()));
    assert_eq!(told["last_error"]["code"], "provider/status");
    stage.provider.faults().clear();
    assert_eq!(stage.browser().load("/").await.status, 302);
    assert_eq!(value(&series(&stage).await, r#"vestibule_provider_up{provider="main"}"#), 1.0);
    stage.flush();
    let events = stage.events();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["event"].as_str().is_some_and(|name| name.starts_with("provider.")))
        .map(|event| (event["event"].as_str(), event["provider"].as_str(), event["reason"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("provider.down"), Some("main"), Some("provider/status")),
            (Some("provider.up"), Some("main"), None)
        ]
    );
    // What a refused sign-in counts for.
    let all = series(&stage).await;
    assert_eq!(
        value(&all, r#"vestibule_sign_ins_total{provider="main",result="failure",reason="provider/status"}"#),
        2.0
    );
}

#[tokio::test]
async fn an_upstream_that_fails_is_told_by_its_reason() {
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = dead.local_addr().expect("an address");
    drop(dead);
    let routes = format!(
        "[routes.dead]\nupstream = \"http://{address}\"\npath = \"/dead\"\nallow = [\"everyone\"]\n\
         [routes.cut]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n"
    );
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf";
    let stage = Stage::before(Upstream::answering(cut).await, Plan { routes, ..Plan::default() }).await;
    let before = series(&stage).await;
    assert_eq!(stage.browser().fetch("/dead").await.status, 502);
    let connects = format!("vestibule_upstream_connects_total{{upstream=\"{address}\",result=\"failure\"}}");
    let unanswered = format!(
        "http_client_request_duration_seconds_count{{server_address=\"{address}\",http_request_method=\"GET\",http_response_status_code=\"\"}}"
    );
    let expected = [
        (r#"vestibule_decisions_total{route="dead",decision="public",reason=""}"#, 1.0),
        (r#"vestibule_request_failures_total{route="dead",reason="upstream/connect"}"#, 1.0),
        (
            r#"http_server_request_duration_seconds_count{http_route="dead",http_request_method="GET",http_response_status_code="502"}"#,
            1.0,
        ),
        (connects.as_str(), 1.0),
        (unanswered.as_str(), 1.0),
    ];
    assert_grown(&stage, &before, &expected, "nobody listens").await;

    let before = series(&stage).await;
    let answer = stage.browser().fetch("/").await;
    assert!(!answer.complete);
    let expected = [
        (r#"vestibule_decisions_total{route="cut",decision="public",reason=""}"#, 1.0),
        (r#"vestibule_request_failures_total{route="cut",reason="upstream/truncated"}"#, 1.0),
        (
            r#"http_server_request_duration_seconds_count{http_route="cut",http_request_method="GET",http_response_status_code="200"}"#,
            1.0,
        ),
        SENT_ON,
        (r#"vestibule_upstream_connects_total{upstream="UPSTREAM",result="success"}"#, 1.0),
        ("vestibule_answers_truncated_total", 1.0),
    ];
    assert_grown(&stage, &before, &expected, "half an answer").await;
}

#[tokio::test]
async fn what_is_under_way_shows_and_a_client_that_goes_is_a_499() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!("[routes.slow]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n");
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!("PUT /x HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n", stage.gateway);
    client.write_all(head.as_bytes()).await.expect("a request");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    assert!(upstream.read(&mut [0; 1024]).await.expect("a head") > 0);
    let all = series(&stage).await;
    assert_eq!(value(&all, r#"http_server_active_requests{http_request_method="PUT"}"#), 1.0);
    assert_eq!(value(&all, r#"vestibule_connections{listener="public"}"#), 1.0);
    let connections =
        |state: &str| format!("vestibule_upstream_connections{{upstream=\"{address}\",state=\"{state}\"}}");
    assert_eq!(value(&all, &connections("active")), 1.0);
    assert_eq!(value(&all, &connections("idle")), 0.0);
    drop(client);
    let all = settled(&stage).await;
    let gone = r#"http_server_request_duration_seconds_count{http_route="slow",http_request_method="PUT",http_response_status_code="499"}"#;
    assert_eq!(value(&all, gone), 1.0);
    assert_eq!(value(&all, r#"vestibule_decisions_total{route="slow",decision="public",reason=""}"#), 1.0);
}

#[tokio::test]
async fn a_tunnel_shows_as_long_as_it_is_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!("[routes.socket]\nupstream = \"http://{address}\"\nallow = [\"everyone\"]\n");
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!(
        "GET /x HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stage.gateway
    );
    client.write_all(head.as_bytes()).await.expect("a request");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    assert!(upstream.read(&mut [0; 1024]).await.expect("a head") > 0);
    let answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";
    upstream.write_all(answer.as_bytes()).await.expect("an answer");
    assert!(client.read(&mut [0; 1024]).await.expect("a head") > 0);
    let tunnels = r#"vestibule_tunnels{route="socket"}"#;
    let all = settled(&stage).await;
    assert_eq!(value(&all, tunnels), 1.0, "and it is no request any more");
    drop((client, upstream));
    until(&stage, |all| value(all, tunnels) == 0.0).await;
}

#[tokio::test]
async fn what_is_no_http_and_too_many_sign_ins_are_counted() {
    let stage = Stage::with(Plan { login: "rate = 1".to_owned(), ..Plan::default() }).await;
    let all = series(&stage).await;
    let limited = r#"vestibule_rate_limited_total{what="sign_in"}"#;
    assert_eq!(value(&all, limited), 0.0);
    stage.browser().load("/").await;
    assert_eq!(stage.browser().load("/").await.status, 429);
    let all = settled(&stage).await;
    assert_eq!(value(&all, limited), 1.0);
    assert_eq!(
        value(&all, r#"vestibule_decisions_total{route="home",decision="deny",reason="login/rate"}"#),
        1.0
    );

    let malformed = |all: &Series| -> f64 {
        let of_public =
            |name: &str| name.starts_with("vestibule_malformed_requests_total{listener=\"public\"");
        all.iter().filter(|(name, _)| of_public(name)).map(|(_, count)| count).sum()
    };
    assert_eq!(malformed(&all), 0.0);
    assert_eq!(exchange(stage.gateway, "GET / HTTP/1.1\r\nb@d name: x\r\n\r\n").await.status, 400);
    until(&stage, |all| malformed(all) == 1.0).await;
}
