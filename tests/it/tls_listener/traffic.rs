//! What passes over TLS is what passes over plain TCP, to its very end.

use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{open, stage};
use crate::support::message::{exchange_over, find, read};
use crate::support::stage::Plan;
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::{Client, get};
use crate::support::{Stage, Upstream};

/// A stage before this upstream.
async fn before(folder: &Folder, authority: &Authority, upstream: Upstream, listen: &str) -> Stage {
    let tls = Some(authority.certify(&["wiki.example"]).table(folder, "tls", ""));
    let (listen, routes) = (listen.to_owned(), open("[\"wiki.example\"]"));
    Stage::before(upstream, Plan { host: "wiki.example", tls, listen, routes, ..Plan::default() }).await
}

#[tokio::test]
async fn several_requests_and_large_bodies_pass_both_ways_on_one_connection() {
    let folder = Folder::new("https-bodies");
    let authority = Authority::new("a");
    let down: Vec<u8> = (0..8 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", down.len()).into_bytes();
    answer.extend_from_slice(&down);
    let stage = before(&folder, &authority, Upstream::answering(answer).await, "").await;
    for version in [&TLS12, &TLS13] {
        let client = Client::with(&authority, &[version], None);
        let mut stream =
            client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
        for _ in 0..2 {
            let up = "u".repeat(3 << 20);
            let head =
                format!("POST / HTTP/1.1\r\nhost: wiki.example\r\ncontent-length: {}\r\n\r\n", up.len());
            let answer = exchange_over(&mut stream, head + &up).await;
            assert!(answer.complete && answer.body == down, "{} of {}", answer.body.len(), down.len());
            assert_eq!(stage.upstream.received().pop().expect("a request").body, up.into_bytes());
        }
    }
}

#[tokio::test]
async fn the_end_of_a_connection_says_goodbye() {
    let folder = Folder::new("https-goodbye");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    let client = Client::new(&authority);
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    let asked = get("wiki.example", "/", "connection: close\r\n");
    assert_eq!(exchange_over(&mut stream, asked).await.status, 200);
    // Without close_notify this would be an error, as a cut is.
    assert_eq!(stream.read(&mut [0]).await.expect("a goodbye"), 0);
    // An idle connection too.
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    assert_eq!(exchange_over(&mut stream, get("wiki.example", "/", "")).await.status, 200);
    let mut rest = [0];
    let end = stream.read(&mut rest);
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            end = &mut end => {
                assert_eq!(end.expect("a goodbye"), 0);
                break;
            }
            () = tokio::task::yield_now() => stage.advance(Duration::from_secs(5)),
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_an_upload_arrives_whole() {
    let folder = Folder::new("https-early");
    let authority = Authority::new("a");
    let tls = Some(authority.certify(&["wiki.example"]).table(&folder, "tls", ""));
    let routes = format!("{}max_body = \"1KiB\"\n", open("[\"wiki.example\"]"));
    let stage = Stage::with(Plan { host: "wiki.example", tls, routes, ..Plan::default() }).await;
    let client = Client::new(&authority);
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    // More than the buffers on the way hold: we must go on reading after our last byte.
    let head = "POST / HTTP/1.1\r\nhost: wiki.example\r\ncontent-length: 900000\r\n\r\n".to_owned();
    let answer = exchange_over(&mut stream, head + &"b".repeat(900_000)).await;
    assert_eq!((answer.status, answer.complete), (413, true), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_upstream_is_no_whole_one_here() {
    let folder = Folder::new("https-broken");
    let authority = Authority::new("a");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.read_buf(&mut Vec::new()).await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.expect("a half");
    });
    let tls = Some(authority.certify(&["wiki.example"]).table(&folder, "tls", ""));
    let routes = format!(
        "[routes.app]\nupstream = \"http://{address}\"\nhost = \"wiki.example\"\nallow = [\"everyone\"]\n"
    );
    let stage = Stage::with(Plan { host: "wiki.example", tls, routes, ..Plan::default() }).await;
    let client = Client::new(&authority);
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    let answer = exchange_over(&mut stream, get("wiki.example", "/", "")).await;
    assert_eq!((answer.status, answer.complete, answer.body.len()), (200, false, 4), "{answer:?}");
    upstream.await.expect("the upstream");
}

#[tokio::test]
async fn a_client_that_stops_reading_is_let_go() {
    let folder = Folder::new("https-stalled");
    let authority = Authority::new("a");
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 32 << 20).into_bytes();
    answer.resize(answer.len() + (32 << 20), b'd');
    let stage = before(&folder, &authority, Upstream::answering(answer).await, "").await;
    let client = Client::new(&authority);
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    stream.write_all(get("wiki.example", "/", "").as_bytes()).await.expect("a request");
    passing(&stage, async {
        while !stage.metrics().await.contains("listener=\"public\",limit=\"write_stall\"} 1\n") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let cut = read(&mut stream, false).await;
    assert!(!cut.complete && cut.status == 200, "{} bytes", cut.body.len());
}

#[tokio::test]
async fn a_websocket_passes_over_tls() {
    let folder = Folder::new("https-websocket");
    let authority = Authority::new("a");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            stream.read_buf(&mut head).await.expect("a request");
        }
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.expect("bytes");
        stream.write_all(&bytes).await.expect("an echo");
        assert_eq!(stream.read(&mut bytes).await.expect("the end"), 0);
    });
    let tls = Some(authority.certify(&["wiki.example"]).table(&folder, "tls", ""));
    let routes = format!(
        "[routes.app]\nupstream = \"http://{address}\"\nhost = \"wiki.example\"\nallow = [\"everyone\"]\n"
    );
    let stage = Stage::with(Plan { host: "wiki.example", tls, routes, ..Plan::default() }).await;
    let client = Client::new(&authority);
    let mut stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    let handshake = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
    stream.write_all(get("wiki.example", "/socket", handshake).as_bytes()).await.expect("a handshake");
    assert_eq!(read(&mut stream, true).await.status, 101);
    stream.write_all(b"ping").await.expect("bytes");
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).await.expect("bytes");
    assert_eq!(&bytes, b"ping");
    stream.shutdown().await.expect("a goodbye");
    assert_eq!(stream.read(&mut bytes).await.expect("a goodbye"), 0);
    upstream.await.expect("the upstream");
}

/// Waits until `event`, moving the clock on.
async fn passing<T>(stage: &Stage, event: impl Future<Output = T>) -> T {
    tokio::pin!(event);
    loop {
        tokio::select! {
            biased;
            seen = &mut event => return seen,
            () = tokio::task::yield_now() => stage.advance(Duration::from_secs(1)),
        }
    }
}

#[tokio::test]
async fn silent_and_slow_handshakes_are_closed_and_counted_and_hold_nobody_up() {
    let folder = Folder::new("https-slow");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    let address = stage.https.expect("TLS");
    let mut silent = TcpStream::connect(address).await.expect("a connection");
    let mut slow = TcpStream::connect(address).await.expect("a connection");
    // The beginning of a hello that would be 512 bytes long.
    slow.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.expect("bytes");
    assert_eq!(Client::new(&authority).get(&stage, "wiki.example", "/").await.status, 200);
    for stream in [&mut silent, &mut slow] {
        let mut bytes = Vec::new();
        let end = passing(&stage, stream.read_to_end(&mut bytes)).await;
        assert_eq!((end.unwrap_or(0), bytes.len()), (0, 0), "nothing is said");
    }
    let page = stage.metrics().await;
    assert!(page.contains("vestibule_tls_handshakes_total{result=\"timeout\"} 2\n"), "{page}");
    assert!(page.contains("vestibule_tls_handshakes_total{result=\"full\"} 1\n"), "{page}");
}

#[tokio::test]
async fn handshakes_take_the_places_of_connections() {
    let folder = Folder::new("https-places");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "max_connections = 1\n").await;
    let address = stage.https.expect("TLS");
    let silent = TcpStream::connect(address).await.expect("a connection");
    let client = Client::new(&authority);
    let asked = client.get(&stage, "wiki.example", "/");
    tokio::pin!(asked);
    for _ in 0..100 {
        tokio::select! {
            biased;
            answer = &mut asked => panic!("there was no place for {answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(silent);
    assert_eq!(asked.await.status, 200);
}

#[tokio::test]
async fn every_failure_is_counted_by_its_kind_and_the_end_of_the_certificate_is_shown() {
    let folder = Folder::new("https-counted");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    let address = stage.https.expect("TLS");
    // It speaks something else; it ends at once; it breaks the rules; it does not trust us; it speaks another protocol.
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"", &[22, 3, 1, 0, 4, 9, 9, 9, 9]] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(bytes).await.expect("bytes");
        stream.shutdown().await.expect("the end");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let stranger = Client::new(&Authority::new("b"));
    stranger.connect(address, "wiki.example").await.expect_err("an unknown authority");
    let other = Client::new(&authority).but(|config| config.alpn_protocols = vec![b"imap".to_vec()]);
    other.connect(address, "wiki.example").await.expect_err("no protocol in common");
    loop {
        let page = stage.metrics().await;
        let is = |outcome| page.contains(&format!("tls_handshakes_total{{result=\"{outcome}\"}} 1\n"));
        // They end on their own time.
        if ["not_tls", "broken", "malformed", "refused", "incompatible"].into_iter().all(is) {
            let until = "vestibule_certificate_expiry_timestamp_seconds{name=\"wiki.example\"} 1893456000\n";
            assert!(page.contains(until), "{page}");
            break;
        }
        tokio::task::yield_now().await;
    }
}
