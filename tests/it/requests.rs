//! What a stranger may send, and what becomes of it: hosts, paths, methods, sizes, headers.

use crate::support::stage::Plan;
use crate::support::vectors::lines as vectors;
use crate::support::{Answer, Stage, exchange};

async fn ask(stage: &Stage, line: &str, fields: &str) -> Answer {
    let head = format!("{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{fields}\r\n", stage.gateway);
    exchange(stage.gateway, head).await
}

#[tokio::test]
async fn paths_that_servers_read_differently_are_refused_signed_in_or_not() {
    let stage = Stage::usual().await;
    let mut bob = stage.signed_in("bob").await;
    let before = stage.upstream.received().len();
    for path in vectors("paths-refused.txt") {
        let answer = ask(&stage, &format!("GET {path}"), "").await;
        assert_eq!(answer.status, 400, "{path}");
        let cookie = format!("cookie: {}\r\n", bob.cookies());
        assert_eq!(ask(&stage, &format!("GET {path}"), &cookie).await.status, 400, "{path} as bob");
    }
    assert_eq!(stage.upstream.received().len(), before);
    assert_eq!(bob.fetch("/").await.status, 200);
}

#[tokio::test]
async fn what_is_folded_is_judged_and_sent_folded() {
    let stage = Stage::usual().await;
    let mut bob = stage.signed_in("bob").await;
    for (path, sent) in [
        ("//public//x", "/public/x"),
        ("/x/../public/./y", "/public/y"),
        ("/public/a%20b;p=1?q=//..", "/public/a%20b;p=1?q=//.."),
    ] {
        let answer = ask(&stage, &format!("GET {path}"), "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            stage.upstream.received().last().expect("a request").line(),
            format!("GET {sent} HTTP/1.1")
        );
    }
    for path in
        ["//admin", "/public/../admin", "/admin%20x/../admin", "/admin;x", "/./admin", "/public/..//admin"]
    {
        let cookie = format!("cookie: {}\r\nsec-fetch-mode: cors\r\n", bob.cookies());
        assert_eq!(
            ask(&stage, &format!("GET {path}"), &cookie).await.status,
            403,
            "{path} is judged as /admin"
        );
    }
    // An application that matches before it decodes would take it for a path of another route.
    assert_eq!(bob.fetch("/%61dmin").await.status, 400);
    assert_eq!(bob.fetch("/%78/caf%C3%A9").await.status, 200);
}

#[tokio::test]
async fn a_host_is_exactly_one_and_known() {
    let stage = Stage::usual().await;
    for (status, fields) in [
        (400, String::new()),
        (400, format!("host: {0}\r\nhost: {0}\r\n", stage.gateway)),
        (400, "host:\r\n".to_owned()),
        (421, "host: evil.example\r\n".to_owned()),
        (421, "host: localhost\r\n".to_owned()),
        (200, "host: 127.0.0.1\r\n".to_owned()),
        (200, "host: 127.0.0.1:9\r\n".to_owned()),
    ] {
        let answer =
            exchange(stage.gateway, format!("GET /public HTTP/1.1\r\nconnection: close\r\n{fields}\r\n"))
                .await;
        assert_eq!(answer.status, status, "{fields}");
        assert_eq!(answer.all("location").count(), 0);
    }
}

#[tokio::test]
async fn an_absolute_target_must_name_the_host_of_the_host_field() {
    let stage = Stage::usual().await;
    let gateway = stage.gateway;
    assert_eq!(ask(&stage, &format!("GET http://{gateway}/public/x"), "").await.status, 200);
    assert_eq!(stage.upstream.only().line(), "GET /public/x HTTP/1.1");
    for target in [
        "http://evil.example/public",
        &format!("http://user@{gateway}/public"),
        &format!("ftp://{gateway}/public"),
    ] {
        assert_eq!(ask(&stage, &format!("GET {target}"), "").await.status, 400, "{target}");
    }
}

#[tokio::test]
async fn connect_and_trace_are_refused_and_override_headers_change_nothing() {
    let stage = Stage::usual().await;
    for line in [
        format!("CONNECT {}", stage.gateway),
        "CONNECT /public".to_owned(),
        "TRACE /public".to_owned(),
        "OPTIONS *".to_owned(),
    ] {
        let answer = ask(&stage, &line, "").await;
        assert!(matches!(answer.status, 400 | 405), "{line}: {}", answer.status);
        assert_eq!(answer.status == 405, answer.field("allow").is_some(), "{line}");
    }
    let answer = ask(
        &stage,
        "GET /admin",
        "x-http-method-override: OPTIONS\r\nx-original-url: /public\r\nx-rewrite-url: /public\r\n",
    )
    .await;
    assert_eq!(answer.status, 401);
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn a_head_over_the_limit_gets_a_page_with_a_way_out() {
    let stage = Stage::with(Plan { listen: "max_head = \"8KiB\"".to_owned(), ..Plan::default() }).await;
    let long = format!("cookie: a={}; b=2\r\n", "x".repeat(9000));
    let answer = ask(&stage, "GET /public", &format!("{long}accept: text/html\r\n")).await;
    assert_eq!(answer.status, 431);
    assert!(answer.text().contains("/oauth2/clear_cookies"), "{}", answer.text());
    let foreign = ask(
        &stage,
        "POST /oauth2/clear_cookies",
        &format!("{long}origin: https://evil.example\r\ncontent-length: 0\r\n"),
    )
    .await;
    assert_eq!(foreign.status, 403);
    let own = format!("{long}origin: http://{}\r\ncontent-length: 0\r\n", stage.gateway);
    let cleared = ask(&stage, "POST /oauth2/clear_cookies", &own).await;
    assert_eq!((cleared.status, cleared.location()), (303, "/"));
    let cookies: Vec<_> = cleared.all("set-cookie").collect();
    assert_eq!(cookies, ["a=; Path=/; Max-Age=0", "b=; Path=/; Max-Age=0"]);
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn the_identity_cannot_be_stripped_by_a_connection_line() {
    let stage = Stage::usual().await;
    let alice = stage.signed_in("alice").await;
    let fields = format!(
        "connection: x-forwarded-user, cookie\r\nConnection: X-Forwarded-For, x-custom, host\r\nx-custom: 1\r\ncookie: {}\r\n",
        alice.cookies()
    );
    assert_eq!(ask(&stage, "GET /x", &fields).await.status, 200);
    let received = stage.upstream.received().pop().expect("a request");
    assert_eq!(received.all("x-forwarded-user"), ["alice"]);
    assert_eq!(received.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.all("host"), [stage.gateway.to_string()]);
    assert!(received.all("x-custom").is_empty(), "the second Connection line counts too: {received:?}");
}

#[tokio::test]
async fn a_public_route_gets_no_identity_for_nobody_and_the_persons_for_a_session() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    ask(&stage, "GET /public/1", "").await;
    assert!(stage.upstream.received().pop().expect("a request").all("x-forwarded-user").is_empty());
    alice.fetch("/public/2").await;
    assert_eq!(stage.upstream.received().pop().expect("a request").all("x-forwarded-user"), ["alice"]);
}

#[tokio::test]
async fn what_needed_a_session_is_private_unless_the_upstream_says_otherwise() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    assert_eq!(alice.fetch("/").await.field("cache-control"), Some("private"));
    assert_eq!(alice.fetch("/public").await.field("cache-control"), None);
}

#[tokio::test]
async fn unknown_paths_below_ours_are_never_proxied() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let before = stage.upstream.received().len();
    for (method, path, status) in [
        ("GET", "/oauth2/nope", 404),
        ("GET", "/oauth2/callback/other", 404),
        ("GET", "/oauth2/static/nope.css", 404),
        ("POST", "/oauth2/start", 405),
        ("DELETE", "/oauth2/sign_out", 405),
        ("GET", "/oauth2/clear_cookies", 405),
        ("POST", "/oauth2/callback", 405),
    ] {
        let answer = alice.request(method, path, "content-length: 0\r\n", b"").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.field("allow").is_some(), status == 405, "{method} {path}");
    }
    assert_eq!(stage.upstream.received().len(), before);
    assert_eq!(alice.fetch("/oauth2x").await.status, 200, "/oauth2x is the application's");
}

#[tokio::test]
async fn the_admin_listener_serves_probes_and_the_public_one_does_not() {
    let stage = Stage::usual().await;
    let probe = |path: &'static str| {
        exchange(stage.admin, format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    };
    assert_eq!(probe("/livez").await.status, 200);
    assert_eq!(probe("/readyz").await.status, 200);
    assert_eq!(probe("/nothing").await.status, 404);
    assert_eq!(probe("/oauth2/start").await.status, 404);
    assert_eq!(ask(&stage, "GET /livez", "").await.status, 401, "only a path like any other here");
}

#[tokio::test]
async fn a_request_id_is_ours_unless_a_trusted_proxy_sends_one() {
    let stage = Stage::usual().await;
    let answer = ask(&stage, "GET /public", "x-request-id: forged-1\r\n").await;
    let id = answer.field("x-request-id").expect("an id").to_owned();
    assert_ne!(id, "forged-1");
    assert_eq!(stage.upstream.only().all("x-request-id"), [id]);
    let listen = "trusted_proxies = [\"127.0.0.0/8\"]".to_owned();
    let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
    let fields = "x-request-id: abc-1\r\nx-forwarded-for: 6.6.6.6, 192.0.2.7\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil.example\r\n";
    assert_eq!(ask(&stage, "GET /public", fields).await.field("x-request-id"), Some("abc-1"));
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-for"), ["192.0.2.7, 127.0.0.1"]);
    assert_eq!(received.all("x-real-ip"), ["192.0.2.7"]);
    assert_eq!(received.all("x-forwarded-proto"), ["https"]);
    assert_eq!(received.all("x-forwarded-host"), [stage.gateway.to_string()]);
    let answer = ask(&stage, "GET /public", "x-request-id: bad id\r\n").await;
    assert_ne!(answer.field("x-request-id"), Some("bad id"));
}

#[tokio::test]
async fn every_decision_leaves_an_event_and_every_answer_a_line_without_secrets() {
    let stage = Stage::usual().await;
    let mut bob = stage.signed_in("bob").await;
    let denied = bob.fetch("/admin?token=s3cret").await;
    let reference = denied.json()["reference"].as_str().expect("a reference").to_owned();
    let events = stage.events();
    let find = |kind: &str| {
        let mut found =
            events.iter().filter(|event| event["request_id"] == reference.as_str() && event["kind"] == kind);
        let first = found.next().unwrap_or_else(|| panic!("no {kind} line for {reference}")).clone();
        assert!(found.next().is_none());
        first
    };
    let audit = find("audit");
    assert_eq!(audit["event"], "access.denied");
    assert_eq!(
        (&audit["reason"], &audit["route"], &audit["rule"]),
        (&"not_allowed".into(), &"admin".into(), &"group:ops".into())
    );
    assert_eq!(audit["user"], "bob");
    assert_eq!(audit["what"], serde_json::json!({ "method": "GET", "host": "127.0.0.1", "path": "/admin" }));
    let access = find("access");
    assert_eq!(
        (&access["status"], &access["path"], &access["user"]),
        (&403.into(), &"/admin".into(), &"bob".into())
    );
    assert!(events.iter().any(|event| event["event"] == "access.allowed" && event["rule"] == "signed-in"));
    let text = events.iter().map(ToString::to_string).collect::<String>();
    let session = bob.cookie("vestibule").expect("a session");
    for secret in ["s3cret", session.as_str(), "code=", "state="] {
        assert!(!text.contains(secret), "{secret} is in the lines");
    }
}
