//! Routes: hosts and patterns of hosts, methods, and rules of three lists, tried from outside.

mod options;

use crate::support::stage::Plan;
use crate::support::{Answer, Stage, exchange};

/// A request of a program: no Fetch Metadata, no wish for HTML. `more` are further field lines.
async fn ask(stage: &Stage, line: &str, host: &str, more: &str) -> Answer {
    let length =
        if line.starts_with("GET") || line.starts_with("HEAD") { "" } else { "content-length: 0\r\n" };
    let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{length}{more}\r\n");
    exchange(stage.gateway, head).await
}

async fn stage(routes: &str) -> Stage {
    Stage::with(Plan { routes: routes.to_owned(), ..Plan::default() }).await
}

/// A stage that believes what a proxy on this machine says about the client.
async fn behind_a_proxy(routes: &str) -> Stage {
    let listen = "trusted_proxies = [\"127.0.0.1\"]".to_owned();
    Stage::with(Plan { routes: routes.to_owned(), listen, ..Plan::default() }).await
}

fn lines(stage: &Stage) -> Vec<String> {
    stage.upstream.received().iter().map(|received| received.line().to_owned()).collect()
}

const HOSTS: &str = r#"
[routes.any]
host = ["*.example.localhost", "two.localhost"]
upstream = "UPSTREAM"
allow = ["everyone"]

[routes.any_admin]
host = "*.example.localhost"
path = "/admin"
upstream = "UPSTREAM"
allow = ["everyone"]
require = ["network:192.0.2.0/24"]

[routes.one]
host = "one.example.localhost"
path = "/app"
upstream = "UPSTREAM"
allow = ["signed-in"]
"#;

#[tokio::test]
async fn a_pattern_of_hosts_is_one_label_and_gives_way_to_an_exact_host() {
    let stage = stage(HOSTS).await;
    for (host, path, status) in [
        ("a.example.localhost", "/", 200),
        ("A.Example.LOCALHOST.:1", "/x", 200),
        ("xn--bcher-kva.example.localhost", "/", 200),
        ("two.localhost", "/", 200),
        ("a.example.localhost", "/admin", 403),
        ("one.example.localhost", "/app", 401),
        // The exact host has nothing there, so there is nothing: neither the open page nor the guarded one.
        ("one.example.localhost", "/", 404),
        ("one.example.localhost", "/admin", 404),
        ("ONE.example.localhost.", "/", 404),
        ("a.b.example.localhost", "/", 421),
        ("example.localhost", "/", 421),
        ("aexample.localhost", "/", 421),
        ("a.example.localhost.evil.example", "/", 421),
        ("a.two.localhost", "/", 421),
        ("localhost", "/", 421),
        ("*.example.localhost", "/", 400),
        (".example.localhost", "/", 400),
        ("a..example.localhost", "/", 400),
        ("a.example.localhost, one.example.localhost", "/", 400),
    ] {
        let answer = ask(&stage, &format!("GET {path}"), host, "").await;
        assert_eq!(answer.status, status, "{host}{path}: {}", answer.text());
    }
    let answer = ask(&stage, "GET http://a.example.localhost/", "one.example.localhost", "").await;
    assert_eq!(answer.status, 400, "target and Host differ");
    let forwarded = "x-forwarded-host: a.example.localhost\r\n";
    assert_eq!(ask(&stage, "GET /", "one.example.localhost", forwarded).await.status, 404);
}

#[tokio::test]
async fn nobody_signs_in_on_a_host_of_which_only_a_pattern_is_known() {
    let stage = stage(HOSTS).await;
    let page = "accept: text/html\r\n";
    for path in
        ["/oauth2/start", "/oauth2/sign_in", "/oauth2/callback?code=x&state=y", "/oauth2/", "/oauth2/x"]
    {
        let answer = ask(&stage, &format!("GET {path}"), "a.example.localhost", page).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.all("set-cookie").count(), 0, "{path}");
    }
    assert_eq!(ask(&stage, "GET /oauth2/start", "one.example.localhost", page).await.status, 302);
    // Pages of ours need their stylesheet and their way out on every host.
    let clear = "sec-fetch-site: same-origin\r\ncookie: x=1\r\n";
    assert_eq!(ask(&stage, "POST /oauth2/clear_cookies", "a.example.localhost", clear).await.status, 303);
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn a_browser_is_sent_back_to_hosts_of_a_pattern_and_to_no_others() {
    let routes = format!("{HOSTS}\n[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\n");
    let stage = stage(&routes).await;
    let port = stage.gateway.port();
    for (host, is_ours) in [
        ("a.example.localhost", true),
        ("one.example.localhost", true),
        ("a.b.example.localhost", false),
        ("example.localhost", false),
        ("a.example.localhost.evil.example", false),
    ] {
        let mut browser = stage.signed_in("alice").await;
        let rd = format!("http://{host}:{port}/page");
        let start = browser.load(&format!("/oauth2/start?rd={}", rd.replace('/', "%2F"))).await;
        let provider = browser.follow_once(&start).await;
        let callback = browser.follow_once(&provider).await;
        let expected = if is_ours { rd.as_str() } else { "/" };
        assert_eq!((callback.status, callback.location()), (302, expected), "{host}");
    }
}

const METHODS: &str = r#"
[routes.all]
upstream = "UPSTREAM"
allow = ["everyone"]

[routes.read]
path = "/api"
methods = ["GET"]
upstream = "UPSTREAM"
allow = ["everyone"]

[routes.write]
path = "/api"
methods = ["POST", "DELETE"]
upstream = "UPSTREAM"
allow = ["group:ops"]
"#;

#[tokio::test]
async fn a_method_leads_to_its_route_and_a_method_of_none_is_405() {
    let stage = stage(METHODS).await;
    for (line, status) in [
        ("GET /api/x", 200),
        ("HEAD /api/x", 200),
        ("POST /api/x", 401),
        ("DELETE /api", 401),
        // None of these falls back on the route of "/".
        ("PUT /api/x", 405),
        ("OPTIONS /api/x", 405),
        ("PROPFIND /api", 405),
        ("get /api", 405),
        ("GETX /api", 405),
        ("PUT /api;x=1", 405),
        ("PUT /%61pi", 405),
        ("PUT //api", 405),
        ("PUT /%2561pi", 400),
        ("GET /%2561pi", 400),
        ("PUT /apix", 200),
        ("OPTIONS /", 200),
    ] {
        let answer = ask(&stage, line, "127.0.0.1", "").await;
        assert_eq!(answer.status, status, "{line}: {}", answer.text());
        if status == 405 {
            assert_eq!(answer.field("allow"), Some("GET, HEAD, POST, DELETE"), "{line}");
            assert_eq!(answer.json()["error"], "method_not_allowed", "{line}");
        }
    }
    let page = ask(&stage, "PUT /api", "127.0.0.1", "accept: text/html\r\n").await;
    assert_eq!((page.status, page.field("allow")), (405, Some("GET, HEAD, POST, DELETE")));
    for (user, status) in [("alice", 200), ("bob", 403)] {
        let mut browser = stage.browser();
        assert_eq!(browser.sign_in("/oauth2/start?rd=%2F", user).await.status, 200);
        let cookie = format!("cookie: {}\r\n", browser.cookies());
        assert_eq!(ask(&stage, "DELETE /api/x", "127.0.0.1", &cookie).await.status, status, "{user}");
    }
}

#[tokio::test]
async fn a_preflight_reaches_the_route_that_takes_options() {
    let routes = format!(
        "{METHODS}\n[routes.preflight]\npath = \"/api\"\nmethods = [\"OPTIONS\"]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n"
    );
    let stage = stage(&routes).await;
    let preflight = "origin: https://app.example\r\naccess-control-request-method: DELETE\r\n";
    assert_eq!(ask(&stage, "OPTIONS /api/x", "127.0.0.1", preflight).await.status, 200);
    assert_eq!(
        ask(&stage, "DELETE /api/x", "127.0.0.1", "origin: https://app.example\r\n").await.status,
        401
    );
}

#[tokio::test]
async fn no_field_replaces_the_method_that_was_judged() {
    let stage = stage(METHODS).await;
    let fields = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x_http_method_override",
        "X.HTTP.Method",
    ];
    for field in fields {
        let more = format!("{field}: DELETE\r\n");
        assert_eq!(ask(&stage, "GET /api/x", "127.0.0.1", &more).await.status, 200);
    }
    for received in stage.upstream.received() {
        assert!(!received.head.contains("DELETE"), "{}", received.head);
    }
    // Where one route takes every method there is nothing to get around.
    ask(&stage, "GET /x", "127.0.0.1", "X-HTTP-Method-Override: DELETE\r\n").await;
    let last = stage.upstream.received().pop().expect("a request");
    assert_eq!(last.all("x-http-method-override"), ["DELETE"]);
}

const RULES: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["group:staff", "user:eve"]
deny = ["user:bob"]

[routes.inside]
path = "/inside"
upstream = "UPSTREAM"
allow = ["everyone"]
require = ["network:10.0.0.0/8"]
deny = ["network:10.66.0.0/16"]

[routes.beside]
path = "/beside"
upstream = "UPSTREAM"
allow = ["everyone"]
require = ["network:127.0.0.0/8"]

[routes.away]
path = "/away"
upstream = "UPSTREAM"
allow = ["everyone"]
deny = ["network:10.66.0.0/16"]

[routes.six]
path = "/six"
upstream = "UPSTREAM"
allow = ["everyone"]
require = ["network:2001:db8::/32"]

[routes.both]
path = "/both"
upstream = "UPSTREAM"
allow = ["group:staff"]
require = ["network:10.0.0.0/8", "claim:acr=mfa"]

[routes.exile]
path = "/exile"
upstream = "UPSTREAM"
allow = ["everyone"]
deny = ["user:bob"]
"#;

#[tokio::test]
async fn deny_wins_over_allow_and_the_page_does_not_say_whom_it_means() {
    let stage = stage(RULES).await;
    let mut bob = stage.browser();
    let answer = bob.sign_in("/", "bob").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("other people"), "{}", answer.text());
    assert_eq!(stage.signed_in("alice").await.load("/").await.status, 200);
    assert_eq!(stage.signed_in("eve").await.load("/").await.status, 200);
    let denied =
        stage.events().into_iter().find(|event| event["event"] == "access.denied").expect("an event");
    assert_eq!((&denied["reason"], &denied["rule"]), (&"denied".into(), &"user:bob".into()), "{denied}");
}

#[tokio::test]
async fn who_is_denied_cannot_come_as_nobody() {
    let stage = stage(RULES).await;
    assert_eq!(ask(&stage, "GET /exile", "127.0.0.1", "").await.status, 401);
    let start = ask(&stage, "GET /exile", "127.0.0.1", "accept: text/html\r\n").await;
    assert_eq!(start.status, 302, "sent to sign in");
    assert_eq!(stage.signed_in("alice").await.load("/exile").await.status, 200);
    let mut bob = stage.browser();
    assert_eq!(bob.sign_in("/exile", "bob").await.status, 403);
}

#[tokio::test]
async fn a_network_is_the_clients_own_and_not_what_it_claims() {
    let stage = stage(RULES).await;
    for claim in [
        "x-forwarded-for: 10.0.0.1\r\n",
        "x-forwarded-for: 10.0.0.1, 10.0.0.2\r\n",
        "forwarded: for=10.0.0.1\r\n",
        "x-real-ip: 10.0.0.1\r\n",
        "true-client-ip: 10.0.0.1\r\nx-client-ip: 10.0.0.1\r\n",
        "",
    ] {
        let answer = ask(&stage, "GET /inside", "127.0.0.1", claim).await;
        assert_eq!((answer.status, &answer.json()["error"]), (403, &"requirement_missed".into()), "{claim}");
        // Whoever signs in is where they were: nobody is sent to sign in for that.
        let page = ask(&stage, "GET /inside", "127.0.0.1", &format!("{claim}accept: text/html\r\n")).await;
        assert_eq!(page.status, 403, "{claim}");
        assert!(page.text().contains("cannot be opened from your network"), "{}", page.text());
        assert_eq!(page.all("set-cookie").count(), 0);
    }
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn a_trusted_proxy_says_where_the_client_is_and_a_client_before_it_does_not() {
    let stage = behind_a_proxy(RULES).await;
    for (path, chain, status) in [
        ("/inside", "10.0.0.1", 200),
        ("/inside", "::ffff:10.0.0.1", 200),
        ("/inside", "[::ffff:10.0.0.1]:4711", 200),
        ("/inside", "10.66.0.1", 403),
        ("/inside", "::ffff:10.66.0.1", 403),
        ("/inside", "192.0.2.1", 403),
        // What the client wrote itself stands to the left.
        ("/inside", "10.0.0.1, 192.0.2.1", 403),
        ("/inside", "10.0.0.1, 10.66.0.1", 403),
        ("/inside", "10.0.0.1, unknown", 403),
        ("/inside", "2001:db8::1", 403),
        // A hop that is no address hides the client; the proxy that wrote it stands in the network, but not for them.
        ("/beside", "", 200),
        ("/beside", "192.0.2.1", 403),
        ("/beside", "10.0.0.1, unknown", 403),
        ("/beside", "unix:", 403),
        ("/beside", "unknown, 127.0.0.1", 403),
        ("/away", "192.0.2.1", 200),
        ("/away", "10.66.0.1", 403),
        ("/away", "10.66.0.1, _hidden", 403),
        ("/six", "2001:db8::1", 200),
        ("/six", "2001:db9::1", 403),
        ("/six", "10.0.0.1", 403),
    ] {
        let answer =
            ask(&stage, &format!("GET {path}"), "127.0.0.1", &format!("x-forwarded-for: {chain}\r\n")).await;
        assert_eq!(answer.status, status, "{path} from {chain}");
    }
    let answer = ask(&stage, "GET /inside", "127.0.0.1", "x-forwarded-for: 10.0.0.1\r\n").await;
    assert_eq!(
        answer.field("cache-control"),
        Some("private"),
        "a shared cache would hand it to other networks"
    );
    assert_eq!(lines(&stage).len(), 7);
}

#[tokio::test]
async fn who_sends_what_cannot_be_read_is_named_and_not_the_proxy_that_passed_it_on() {
    let stage = behind_a_proxy(RULES).await;
    let _ = stage.events();
    for (path, word) in [("/..", "bad_path"), ("/%2e%2e", "bad_path"), ("/", "head_too_large")] {
        let size = if word == "head_too_large" { 40_000 } else { 1 };
        let more = format!("x-forwarded-for: 192.0.2.1\r\nx: {}\r\n", "x".repeat(size));
        ask(&stage, &format!("GET {path}"), "127.0.0.1", &more).await;
        let told = stage.events();
        assert_eq!(told.len(), 2, "{told:?}");
        for line in told {
            assert_eq!((&line["client"], &line["reason"]), (&"192.0.2.1".into(), &word.into()), "{line}");
        }
    }
}

#[tokio::test]
async fn every_requirement_must_hold() {
    let stage = behind_a_proxy(RULES).await;
    let alice = stage.signed_in("alice").await.cookies();
    for (chain, cookie, status, word) in [
        ("10.0.0.1", "", 401, "sign_in_required"),
        ("192.0.2.1", "", 403, "requirement_missed"),
        ("192.0.2.1", alice.as_str(), 403, "requirement_missed"),
        ("10.0.0.1", alice.as_str(), 403, "requirement_missed"),
    ] {
        let more = format!("x-forwarded-for: {chain}\r\ncookie: {cookie}\r\n");
        let answer = ask(&stage, "GET /both", "127.0.0.1", &more).await;
        assert_eq!((answer.status, &answer.json()["error"]), (status, &word.into()), "{chain} {cookie}");
    }
    let more = format!("x-forwarded-for: 10.0.0.1\r\ncookie: {alice}\r\naccept: text/html\r\n");
    let page = ask(&stage, "GET /both", "127.0.0.1", &more).await.text();
    assert!(
        page.contains("claim acr = mfa") && !page.contains("group staff"),
        "the page names what is missing: {page}"
    );
}
