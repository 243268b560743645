//! No label holds what a client chose: whatever strangers send, the page grows by nothing that they wrote.

use super::{page, parse};
use crate::support::{Stage, exchange};

/// A word that stands in everything that is sent, and nowhere else.
const MARK: &str = "zq9mark";

#[tokio::test]
async fn nothing_that_a_client_wrote_stands_on_the_page() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let host = stage.gateway.to_string();
    let host = host.as_str();
    let other = format!("{MARK}.example");
    for (line, host, more) in [
        (format!("GET /{MARK}"), host, String::new()),
        (
            format!("GET /public/{MARK}?{MARK}={MARK}"),
            host,
            format!("user-agent: {MARK}\r\nx-request-id: {MARK}\r\n"),
        ),
        (format!("{MARK} /public"), host, String::new()),
        (format!("GET /public/%2e%2e/{MARK}"), host, String::new()),
        (format!("GET /oauth2/{MARK}"), host, String::new()),
        (format!("GET /oauth2/start?provider={MARK}&rd=/{MARK}"), host, String::new()),
        (format!("GET /oauth2/callback?error={MARK}&state={MARK}"), host, String::new()),
        (format!("GET /oauth2/callback/{MARK}?code={MARK}&state={MARK}"), host, String::new()),
        ("GET /".to_owned(), other.as_str(), String::new()),
        ("GET /".to_owned(), "zq9mark\"}", String::new()),
        ("GET /".to_owned(), host, format!("x-forwarded-for: {MARK}\r\nx-forwarded-host: {MARK}\r\n")),
        ("GET /public".to_owned(), host, format!("x-forwarded-user: {MARK}\r\nx_{MARK}: {MARK}\r\n")),
        ("GET /".to_owned(), host, format!("cookie: vestibule={MARK}; {MARK}={MARK}\r\n")),
        ("GET /".to_owned(), host, format!("authorization: Bearer {MARK}\r\n")),
        (format!("GET /public HTTP/1.1\r\n{MARK} {MARK}: 1\r\nx: y"), host, String::new()),
    ] {
        let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n");
        let answer = exchange(stage.gateway, head).await;
        assert_ne!(answer.status, 0, "{line}");
    }
    // Somebody with an account chooses these.
    alice.load(&format!("/admin/{MARK}")).await;
    let text = page(&stage).await;
    assert!(!text.contains(MARK), "{text}");
    assert!(!text.contains("alice") && !text.contains(host), "{text}");
    let details = super::ask(&stage, "/readyz?verbose", "").await.text();
    assert!(!details.contains(MARK), "{details}");
}

#[tokio::test]
async fn the_number_of_series_does_not_grow_with_what_is_sent() {
    let stage = Stage::usual().await;
    let send = |round: usize| {
        let stage = &stage;
        async move {
            for (line, host) in [
                (format!("BREW{round} /public"), stage.gateway.to_string()),
                (format!("GET /{round}"), stage.gateway.to_string()),
                ("GET /".to_owned(), format!("h{round}.example")),
                (format!("GET /oauth2/{round}"), stage.gateway.to_string()),
            ] {
                let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
                assert!(exchange(stage.gateway, head).await.status >= 400 || line.starts_with("BREW"));
            }
        }
    };
    send(0).await;
    let first = parse(&page(&stage).await);
    for round in 1..20 {
        send(round).await;
    }
    let last = parse(&page(&stage).await);
    let new: Vec<_> = last.keys().filter(|name| !first.contains_key(*name)).collect();
    assert!(new.is_empty(), "{new:?}");
}
