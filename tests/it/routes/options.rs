//! What a route says besides whom it lets in: other sites, encoded slashes, removed paths, underscores, silence.

use super::{ask, lines, stage};
use crate::support::stage::Plan;
use crate::support::{Stage, exchange};

const SOCKETS: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["signed-in"]
origins = ["https://app.example", "http://127.0.0.1:1"]
cross_site = "refuse"

[routes.lax]
path = "/lax"
upstream = "UPSTREAM"
allow = ["signed-in"]

[routes.hook]
path = "/hook"
upstream = "UPSTREAM"
allow = ["everyone"]
cross_site = "refuse"
"#;

#[tokio::test]
async fn pages_of_other_sites_send_nothing_where_the_route_refuses_them() {
    let stage = stage(SOCKETS).await;
    let cookie = format!("cookie: {}\r\n", stage.signed_in("alice").await.cookies());
    let own = format!("origin: http://{}\r\n", stage.gateway);
    for (line, more, status) in [
        ("POST /x", own.as_str(), 200),
        ("POST /x", "origin: https://app.example\r\nsec-fetch-site: cross-site\r\n", 200),
        ("POST /x", "origin: https://evil.example\r\n", 403),
        ("PUT /x", "origin: https://evil.example\r\n", 403),
        ("DELETE /x", "origin: https://app.example.evil.example\r\n", 403),
        ("POST /x", "origin: null\r\n", 403),
        ("POST /x", "origin: https://app.example\r\norigin: https://app.example\r\n", 403),
        ("POST /x", "sec-fetch-site: cross-site\r\n", 403),
        ("POST /x", "sec-fetch-site: same-site\r\n", 403),
        ("POST /x", "sec-fetch-site: same-origin\r\n", 200),
        ("POST /x", "sec-fetch-site: none\r\n", 200),
        ("POST /x", "sec-fetch-site: same-party\r\n", 403),
        ("post /x", "origin: https://evil.example\r\n", 403),
        ("get /x", "origin: https://evil.example\r\n", 403),
        ("POST /x", "", 200),
        ("GET /x", "origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n", 200),
        ("OPTIONS /x", "origin: https://evil.example\r\n", 200),
        // What the method field says changes nothing.
        ("POST /x", "origin: https://evil.example\r\nx-http-method-override: GET\r\n", 403),
        ("POST /lax", "origin: https://evil.example\r\n", 200),
        ("POST /hook", "origin: https://evil.example\r\n", 403),
    ] {
        let answer = ask(&stage, line, "127.0.0.1", &format!("{cookie}{more}")).await;
        assert_eq!(answer.status, status, "{line} {more}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.json()["error"], "foreign_origin", "{line} {more}");
        }
    }
    let evil = "origin: https://evil.example\r\n";
    assert_eq!(ask(&stage, "POST /hook", "127.0.0.1", evil).await.status, 403, "also without a session");
}

#[tokio::test]
async fn a_websocket_comes_from_our_pages_or_from_those_that_the_route_names() {
    let stage = stage(SOCKETS).await;
    let cookie = stage.signed_in("alice").await.cookies();
    for (path, origin, is_let_in) in [
        ("/ws", "https://app.example", true),
        ("/ws", "http://127.0.0.1:1", true),
        ("/ws", "https://app.example:444", false),
        ("/ws", "http://app.example", false),
        ("/ws", "https://evil.example", false),
        ("/lax/ws", "https://app.example", false),
    ] {
        let more = format!(
            "cookie: {cookie}\r\norigin: {origin}\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\n{more}\r\n");
        // The upstream here speaks no WebSocket: what it is asked is answered with 200.
        let answer = exchange(stage.gateway, head).await;
        assert_eq!(answer.status == 403, !is_let_in, "{path} {origin}: {}", answer.status);
    }
}

const PATHS: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["everyone"]

[routes.api]
path = "/api"
upstream = "UPSTREAM"
allow = ["everyone"]
encoded_slash = "pass"

[routes.admin]
path = "/api/admin"
upstream = "UPSTREAM"
allow = ["group:ops"]
encoded_slash = "pass"

[routes.app]
path = ["/app", "/app/deep", "/m\u00fcll x"]
upstream = "UPSTREAM"
allow = ["everyone"]
strip_path = true
encoded_slash = "pass"
"#;

#[tokio::test]
async fn an_encoded_slash_stays_in_its_segment_and_opens_no_other_route() {
    let stage = stage(PATHS).await;
    for (path, status) in [
        ("/x%2Fy", 400),
        ("/api/group%2Fproject", 200),
        ("/api/group%2fproject/x?a=%2F", 200),
        ("/api/admin", 401),
        ("/api/admin%2Fx", 400),
        ("/api%2Fadmin", 400),
        ("/api/%2Fadmin", 400),
        ("/api/x%2F..%2Fadmin", 400),
        ("/api/..%2Fadmin", 400),
        ("/api/%2e%2e%2Fadmin", 400),
        ("/api/x%252F..%252Fadmin", 400),
        ("/api/x%5Cadmin", 400),
        ("/api/..%5Cadmin", 400),
    ] {
        let answer = ask(&stage, &format!("GET {path}"), "127.0.0.1", "").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    let sent = ["GET /api/group%2Fproject HTTP/1.1", "GET /api/group%2fproject/x?a=%2F HTTP/1.1"];
    assert_eq!(lines(&stage), sent);
}

#[tokio::test]
async fn the_matched_path_is_removed_and_only_we_say_which_it_was() {
    let stage = stage(PATHS).await;
    let spoof =
        "x-forwarded-prefix: /evil\r\nX_Forwarded_Prefix: /evil\r\nconnection: x-forwarded-prefix\r\n";
    for (path, sent, prefix) in [
        ("/app", "/", Some("/app")),
        ("/app/", "/", Some("/app")),
        ("/app?q=/app/x", "/?q=/app/x", Some("/app")),
        ("/app/x%20y;v=1?q", "/x%20y;v=1?q", Some("/app")),
        ("/app//%78", "/%78", Some("/app")),
        ("/app;v=1/x", "/x", Some("/app")),
        ("/app/deep/x", "/x", Some("/app/deep")),
        ("/app/deeper", "/deeper", Some("/app")),
        ("/app/app/x", "/app/x", Some("/app")),
        ("/app/a%2Fb/c", "/a%2Fb/c", Some("/app")),
        ("/m%C3%BCll%20x/y", "/y", Some("/m%C3%BCll%20x")),
        ("/appx", "/appx", None),
        ("/", "/", None),
    ] {
        let answer = ask(&stage, &format!("GET {path}"), "127.0.0.1", spoof).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.line(), format!("GET {sent} HTTP/1.1"), "{path}");
        assert_eq!(received.all("x-forwarded-prefix"), Vec::from_iter(prefix), "{path}");
        assert!(!received.head.contains("evil"), "{}", received.head);
    }
}

#[tokio::test]
async fn what_the_upstream_answers_below_a_removed_path_is_left_as_it_is() {
    let answer =
        "HTTP/1.1 302 Found\r\nlocation: /login\r\nset-cookie: a=b; Path=/\r\ncontent-length: 0\r\n\r\n";
    let upstream = crate::support::Upstream::answering(answer).await;
    let stage = Stage::before(upstream, Plan { routes: PATHS.to_owned(), ..Plan::default() }).await;
    let answer = ask(&stage, "GET /app/x", "127.0.0.1", "").await;
    assert_eq!((answer.status, answer.location()), (302, "/login"));
    assert_eq!(answer.field("set-cookie"), Some("a=b; Path=/"));
}

#[tokio::test]
async fn names_with_an_underscore_pass_where_the_route_lists_them_and_nowhere_else() {
    let routes = "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\nunderscore_headers = [\"x_tenant\"]\n\
                  [routes.other]\npath = \"/other\"\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n";
    let stage = stage(routes).await;
    let more = "X_Tenant: red\r\nx_tenants: blue\r\nX_Forwarded_User: root\r\nx__tenant: green\r\n";
    for (path, tenants) in [("/", &["red"][..]), ("/other", &[])] {
        ask(&stage, &format!("GET {path}"), "127.0.0.1", more).await;
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.all("x_tenant"), tenants, "{path}");
        for gone in ["blue", "green", "root"] {
            assert!(!received.head.contains(gone), "{path}: {}", received.head);
        }
    }
    let listed = format!("{more}connection: x_tenant\r\n");
    ask(&stage, "GET /", "127.0.0.1", &listed).await;
    assert!(!stage.upstream.received().pop().expect("a request").head.contains("red"), "hop by hop");
}

#[tokio::test]
async fn a_rule_that_is_not_to_be_shown_is_in_the_log_only() {
    let routes = "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"group:secret_project\"]\nshow_rule = false\n\
                  [routes.shown]\npath = \"/shown\"\nupstream = \"UPSTREAM\"\nallow = [\"group:secret_project\"]\n\
                  [routes.inside]\npath = \"/inside\"\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n\
                  require = [\"network:10.0.0.0/8\"]\nshow_rule = false\n";
    let stage = stage(routes).await;
    let mut bob = stage.browser();
    let page = bob.sign_in("/", "bob").await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("other people") && !page.text().contains("secret"), "{}", page.text());
    let json = bob.fetch("/").await;
    assert!(json.status == 403 && !json.text().contains("secret"), "{}", json.text());
    let events = stage.events();
    let denied = events.iter().find(|event| event["event"] == "access.denied").expect("an event");
    assert_eq!(denied["rule"], "group:secret_project", "{denied}");
    assert!(bob.load("/shown").await.text().contains("secret_project"));
    let page = ask(&stage, "GET /inside", "127.0.0.1", "accept: text/html\r\n").await;
    assert_eq!(page.status, 403);
    assert!(!page.text().contains("network") && page.text().contains("other people"), "{}", page.text());
}
