//! Away from plain http, and told to stay away.

use super::{stage, with};
use crate::support::message::exchange_over;
use crate::support::stage::Plan;
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::{Client, get};
use crate::support::{Answer, Stage, Upstream, exchange};

const REDIRECT: &str = "redirect_http = true\n";

/// What plain http answers to a request for this host.
async fn plain(stage: &Stage, method: &str, host: &str, path: &str, fields: &str) -> Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n");
    exchange(stage.gateway, request).await
}

#[tokio::test]
async fn plain_http_is_redirected_to_the_same_address_with_https() {
    let folder = Folder::new("https-redirect");
    let stage = stage(&folder, &Authority::new("a"), &["wiki.example"], REDIRECT).await;
    let port = stage.https.expect("TLS").port();
    for (method, host, path) in [
        ("GET", "wiki.example", "/a?b=%2F&c"),
        ("HEAD", "wiki.example:80", "/"),
        ("POST", "wiki.example", "/form"),
        ("GET", "docs.example", "//evil.example/"),
        ("GET", "x.app.example", "/.well-known/acme-challenge/token"),
        ("GET", "wiki.example", "/oauth2/userinfo"),
    ] {
        let answer = plain(&stage, method, host, path, "").await;
        assert_eq!(answer.status, 308, "{method} {host}{path}: {answer:?}");
        let host = host.trim_end_matches(":80");
        let path = path.replace("//evil", "/evil");
        assert_eq!(answer.location(), format!("https://{host}:{port}{path}"));
        assert!(answer.field("x-request-id").is_some());
    }
    assert!(stage.upstream.received().is_empty());
    let line = stage.access_line().await;
    assert_eq!((&line["decision"], &line["status"]), (&"redirect".into(), &308.into()), "{line}");
    // No address is made of a host that is not ours, nor of what cannot be read.
    assert_eq!(plain(&stage, "GET", "evil.example", "/", "").await.status, 421);
    assert_eq!(plain(&stage, "GET", "wiki.example", "/%2e%2e/", "").await.status, 400);
    // What a stranger says of the way that it came counts for nothing.
    let said = plain(&stage, "GET", "wiki.example", "/", "x-forwarded-proto: https\r\n").await;
    assert_eq!(said.status, 308);
}

#[tokio::test]
async fn a_trusted_proxy_and_tls_are_served_and_without_the_key_so_is_plain_http() {
    let folder = Folder::new("https-served");
    let authority = Authority::new("a");
    let listen = format!("{REDIRECT}trusted_proxies = [\"127.0.0.1\"]\n");
    let served = stage(&folder, &authority, &["wiki.example"], &listen).await;
    for (fields, scheme) in
        [("x-forwarded-proto: https\r\n", "https"), ("x-forwarded-proto: http\r\n", "http"), ("", "https")]
    {
        assert_eq!(plain(&served, "GET", "wiki.example", "/", fields).await.status, 200);
        let received = served.upstream.received().pop().expect("a request");
        assert_eq!(received.all("x-forwarded-proto"), [scheme], "{fields}");
    }
    let client = Client::new(&authority);
    assert_eq!(client.get(&served, "wiki.example", "/").await.status, 200);
    let open = stage(&folder, &authority, &["wiki.example"], "").await;
    assert_eq!(plain(&open, "GET", "wiki.example", "/", "").await.status, 200);
}

#[tokio::test]
async fn the_way_that_a_client_came_counts_for_the_upstream() {
    let folder = Folder::new("https-scheme");
    let authority = Authority::new("a");
    // public_url is plain http, and an address for TLS stands beside it.
    let table = authority.certify(&["127.0.0.1"]).table(&folder, "tls", "");
    let listen = format!("https = [\"127.0.0.1:0\"]\ntls = {table}\nhsts = \"1h\"\n");
    let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
    let mut stream =
        Client::new(&authority).connect(stage.https.expect("TLS"), "127.0.0.1").await.expect("a handshake");
    let answer = exchange_over(&mut stream, get("127.0.0.1", "/public", "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("strict-transport-security"), None, "public_url is where people are sent");
    let received = stage.upstream.only();
    assert_eq!(received.all("x-forwarded-proto"), ["https"]);
    assert_eq!(received.all("x-forwarded-port"), ["443"]);
}

#[tokio::test]
async fn browsers_are_told_to_come_over_https_where_they_did() {
    let folder = Folder::new("https-hsts");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "hsts = \"180d\"\n").await;
    let client = Client::new(&authority);
    // Answers of the upstream and of ours, refusals too.
    for (path, status) in [("/", 200), ("/oauth2/nothing", 404), ("/%2e%2e/", 400)] {
        let answer = client.get(&stage, "wiki.example", path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.field("strict-transport-security"), Some("max-age=15552000"), "{path}");
    }
    let answer = plain(&stage, "GET", "wiki.example", "/", "").await;
    assert_eq!((answer.status, answer.field("strict-transport-security")), (200, None));
}

#[tokio::test]
async fn what_the_application_says_about_https_counts_more() {
    let folder = Folder::new("https-hsts-own");
    let authority = Authority::new("a");
    let said = "HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=0\r\ncontent-length: 0\r\n\r\n";
    let tls = authority.certify(&["wiki.example"]).table(&folder, "tls", "");
    let plan = Plan {
        host: "wiki.example",
        tls: Some(tls),
        listen: "hsts = \"180d\"\n".to_owned(),
        routes: super::open("[\"wiki.example\"]"),
        ..Plan::default()
    };
    let stage = Stage::before(Upstream::answering(said).await, plan).await;
    let answer = Client::new(&authority).get(&stage, "wiki.example", "/").await;
    assert_eq!(answer.field("strict-transport-security"), Some("max-age=0"));
}

#[tokio::test]
async fn https_that_ends_in_front_counts_where_the_proxy_is_trusted() {
    let folder = Folder::new("https-hsts-proxy");
    let listen = "hsts = \"180d\"\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let stage = with(Authority::new("a").certify(&["wiki.example"]).table(&folder, "tls", ""), listen).await;
    for (fields, expected) in
        [("x-forwarded-proto: https\r\n", Some("max-age=15552000")), ("x-forwarded-proto: http\r\n", None)]
    {
        let answer = plain(&stage, "GET", "wiki.example", "/", fields).await;
        assert_eq!(answer.field("strict-transport-security"), expected, "{fields}");
    }
}
