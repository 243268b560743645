//! The PROXY protocol: a trusted proxy must say first for whom it speaks, nobody else is heard, and what follows is HTTP.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::log::Log;
use crate::support::message::exchange_over;
use crate::support::stage::Plan;
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::{self, Client};
use crate::support::vectors;
use crate::support::{Answer, Stage};

const TRUSTING: &str = "trusted_proxies = [\"127.0.0.0/8\"]\nclient_address_from = \"proxy-protocol\"\n";
const LINE: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 50000 443\r\n";

/// A stage with such proxies in front, and further lines in `[listen]`.
async fn behind(listen: &str) -> Stage {
    Stage::with(Plan { listen: format!("{TRUSTING}{listen}"), ..Plan::default() }).await
}

/// Fields by which a client would be somebody else, if they were read.
const LIES: &str = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\nforwarded: for=6.6.6.6;proto=https\r\n\
                    x-real-ip: 6.6.6.6\r\nx-request-id: chosen-by-the-client\r\n";

fn get(stage: &Stage, target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: {}\r\n{LIES}\r\n", stage.gateway).into_bytes()
}

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.gateway).await.expect("a connection")
}

/// A header, and a request right behind it.
async fn ask(stage: &Stage, header: &[u8]) -> Answer {
    exchange_over(&mut connect(stage).await, [header, &get(stage, "/public")].concat()).await
}

/// What the upstream was told last: client, scheme, chain.
fn told(stage: &Stage) -> [Vec<String>; 3] {
    let received = stage.upstream.received().pop().expect("a request");
    assert_ne!(received.all("x-request-id"), ["chosen-by-the-client"]);
    assert!(received.all("forwarded").is_empty());
    ["x-real-ip", "x-forwarded-proto", "x-forwarded-for"].map(|name| received.all(name))
}

/// A header of version 2 from the vectors.
fn v2(name: &str) -> Vec<u8> {
    let line = vectors::lines("proxy-protocol.txt");
    let line = line.iter().find_map(|line| line.strip_prefix(&format!("{name} | "))).expect("a vector");
    let hex: Vec<char> = line.split(" | ").next().expect("bytes").chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal");
    hex.chunks(2).map(byte).collect()
}

/// Reads to the end; whether a word was said.
async fn is_closed_silently(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen).await;
    seen.is_empty()
}

#[tokio::test]
async fn the_client_is_whom_the_header_names_whatever_the_fields_say() {
    let stage = behind("").await;
    for (header, client, scheme) in [
        (LINE.to_vec(), "203.0.113.7", "http"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n".to_vec(), "2001:db8::7", "http"),
        (v2("v2 ipv4"), "203.0.113.7", "http"),
        (v2("v2 ipv6"), "2001:db8::7", "http"),
        (v2("v2 ipv6 that is an ipv4 one"), "203.0.113.7", "http"),
        (v2("v2 with a checksum"), "203.0.113.7", "http"),
        // The proxy says how the client spoke with it.
        (v2("v2 of a TLS client"), "203.0.113.7", "https"),
        (v2("v2 of a plain client"), "203.0.113.7", "http"),
    ] {
        stage.events();
        assert_eq!(ask(&stage, &header).await.status, 200);
        let chain = format!("{client}, 127.0.0.1");
        assert_eq!(told(&stage), [[client.to_owned()], [scheme.to_owned()], [chain]]);
        for line in stage.events_with_access().await {
            assert_eq!(line["client"], client, "{line}");
        }
    }
}

#[tokio::test]
async fn a_client_that_the_proxy_does_not_name_is_unknown_and_a_look_at_us_is_its_own() {
    let routes = "[routes.near]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\nrequire = [\"network:127.0.0.0/8\"]\n";
    let plan = Plan { listen: TRUSTING.to_owned(), routes: routes.to_owned(), ..Plan::default() };
    let stage = Stage::with(plan).await;
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), v2("v2 unspecified")] {
        assert_eq!(ask(&stage, &header).await.status, 403, "the proxy's network is not the client's");
    }
    assert_eq!(ask(&stage, LINE).await.status, 403);
    assert!(stage.upstream.received().is_empty());
    assert_eq!(ask(&stage, &v2("v2 local")).await.status, 200);
    assert_eq!(told(&stage), [["127.0.0.1"], ["http"], ["127.0.0.1"]]);
}

#[tokio::test]
async fn a_header_is_taken_exactly_however_it_comes_and_holds_for_the_connection() {
    let stage = behind("").await;
    for header in [LINE.to_vec(), v2("v2 of a TLS client")] {
        let mut stream = connect(&stage).await;
        stream.set_nodelay(true).expect("a socket");
        for byte in header {
            stream.write_all(&[byte]).await.expect("a byte");
            tokio::task::yield_now().await;
        }
        for number in 0..3 {
            let target = format!("/public?{number}");
            assert_eq!(exchange_over(&mut stream, get(&stage, &target)).await.status, 200);
            assert_eq!(told(&stage)[0], ["203.0.113.7"]);
        }
    }
    assert_eq!(stage.upstream.received().len(), 6);
    // A second header would be a request, and is none.
    let answer = ask(&stage, &[LINE, LINE].concat()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(stage.upstream.received().len(), 6);
}

#[tokio::test]
async fn a_trusted_proxy_that_says_nothing_of_the_kind_is_not_served() {
    let stage = behind("").await;
    let log = Log::catch();
    for header in [
        b"".to_vec(),
        b"proxy TCP4 203.0.113.7 192.0.2.1 50000 443\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 50000 443\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 50000\r\n".to_vec(),
        [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat(),
        v2("v2 datagrams"),
        v2("v2 wrong checksum"),
        v2("v2 of the most that the length can say"),
    ] {
        let mut stream = connect(&stage).await;
        let _ = stream.write_all(&[&*header, &get(&stage, "/public")].concat()).await;
        assert!(is_closed_silently(&mut stream).await, "{header:?}");
    }
    assert!(stage.upstream.received().is_empty());
    assert_eq!(log.take().matches("listen/proxy-header").count(), 1, "however often it happens");
    // Who only looks whether the port is open does not make the log.
    stage.advance(Duration::from_secs(61));
    let mut look = connect(&stage).await;
    look.shutdown().await.expect("a half close");
    assert!(is_closed_silently(&mut look).await);
    assert_eq!(log.take().matches("listen/proxy-header").count(), 0);
}

#[tokio::test]
async fn a_header_must_come_in_the_time_of_a_head() {
    let stage = behind("head_timeout = \"3s\"\n").await;
    for begun in [&b""[..], b"PROXY TCP4 203.0.113.7"] {
        let mut stream = connect(&stage).await;
        stream.write_all(begun).await.expect("a write");
        let advance = async {
            loop {
                stage.advance(Duration::from_millis(500));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            silently = is_closed_silently(&mut stream) => assert!(silently),
            () = advance => {}
        }
    }
}

#[tokio::test]
async fn of_others_a_header_is_no_header() {
    let listen = "trusted_proxies = [\"192.0.2.0/24\"]\nclient_address_from = \"proxy-protocol\"\n";
    let stage = Stage::with(Plan { listen: listen.to_owned(), ..Plan::default() }).await;
    for header in [LINE.to_vec(), v2("v2 ipv4")] {
        assert_eq!(ask(&stage, &header).await.status, 400, "it is a malformed request");
    }
    assert!(stage.upstream.received().is_empty());
    assert_eq!(ask(&stage, b"").await.status, 200);
    assert_eq!(told(&stage), [["127.0.0.1"], ["http"], ["127.0.0.1"]]);
    // And without the convention nobody's is one.
    let listen = "trusted_proxies = [\"127.0.0.0/8\"]\n".to_owned();
    let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
    assert_eq!(ask(&stage, LINE).await.status, 400);
}

#[tokio::test]
async fn a_client_has_so_many_connections_behind_the_proxy_too() {
    let stage = behind("max_connections_per_peer = 3\n").await;
    let line = |client: &str, family: &str, to: &str| format!("PROXY {family} {client} {to} 50000 443\r\n");
    let [v4, v6] = [("TCP4", "192.0.2.1"), ("TCP6", "2001:db8::1")];
    for (family, ours, network, others) in [
        (v4, ["203.0.113.7", "203.0.113.7", "203.0.113.7"], "203.0.113.7", "203.0.113.8"),
        (
            v6,
            ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2::3"],
            "2001:db8:1:2:ffff::1",
            "2001:db8:1:3::1",
        ),
    ] {
        let mut held = Vec::new();
        for client in ours {
            let mut stream = connect(&stage).await;
            let request = [line(client, family.0, family.1).as_bytes(), &get(&stage, "/public")].concat();
            assert_eq!(exchange_over(&mut stream, request).await.status, 200);
            held.push(stream);
        }
        let header = line(network, family.0, family.1);
        let mut more = connect(&stage).await;
        let _ = more.write_all(header.as_bytes()).await;
        assert!(is_closed_silently(&mut more).await, "one too many");
        assert_eq!(
            ask(&stage, line(others, family.0, family.1).as_bytes()).await.status,
            200,
            "somebody else"
        );
        // One that ends makes room for another.
        drop(held.pop());
        while ask(&stage, header.as_bytes()).await.status != 200 {
            tokio::task::yield_now().await;
        }
    }
    // Neighbours are not counted: one of them may be many.
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut stream = connect(&stage).await;
        let request = [&*v2("v2 local"), &get(&stage, "/public")].concat();
        assert_eq!(exchange_over(&mut stream, request).await.status, 200);
        held.push(stream);
    }
}

#[tokio::test]
async fn a_proxy_at_a_unix_socket_introduces_its_connections_too() {
    let folder = Folder::new("proxy-protocol");
    let path = folder.path("http.sock");
    let listen = "trusted_proxies = [\"unix\"]\nclient_address_from = \"proxy-protocol\"\n".to_owned();
    let stage = Stage::with(Plan { sockets: vec![format!("unix:{path}")], listen, ..Plan::default() }).await;
    for (header, client) in [(LINE.to_vec(), &["203.0.113.7"][..]), (v2("v2 local"), &[])] {
        let mut stream = UnixStream::connect(&path).await.expect("a connection");
        let request = [&*header, &get(&stage, "/public")].concat();
        assert_eq!(exchange_over(&mut stream, request).await.status, 200);
        assert_eq!(told(&stage)[0], client);
    }
    let mut stream = UnixStream::connect(&path).await.expect("a connection");
    stream.write_all(&get(&stage, "/public")).await.expect("a write");
    assert!(is_closed_silently(&mut stream).await);
    // Over TCP nobody is trusted here.
    assert_eq!(ask(&stage, b"").await.status, 200);
    assert_eq!(told(&stage)[0], ["127.0.0.1"]);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_header() {
    let mut stage = behind("").await;
    let mut silent = connect(&stage).await;
    assert_eq!(ask(&stage, LINE).await.status, 200);
    let clock = async {
        // It is given the second that every connection is given.
        assert!(is_closed_silently(&mut silent).await);
    };
    let hand = stage.hand();
    let advance = async {
        loop {
            hand.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(stage.stop(), clock) } => {}
        () = advance => {}
    }
}

#[tokio::test]
async fn the_header_stands_before_the_handshake_of_tls() {
    let folder = Folder::new("proxy-protocol-tls");
    let authority = Authority::new("the company");
    let tls = Some(authority.certify(&["wiki.example"]).table(&folder, "tls", ""));
    let routes = "[routes.app]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n".to_owned();
    let plan = Plan { host: "wiki.example", tls, listen: TRUSTING.to_owned(), routes, ..Plan::default() };
    let stage = Stage::with(plan).await;
    let (client, address) = (Client::new(&authority), stage.https.expect("TLS"));
    for header in [LINE.to_vec(), v2("v2 of a plain client")] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(&header).await.expect("a header");
        let mut stream = client.over(stream, "wiki.example").await.expect("a handshake");
        let answer = exchange_over(&mut stream, tls_client::get("wiki.example", "/", LIES)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        // Whatever the proxy says of its own side, this connection is TLS with us.
        assert_eq!(told(&stage), [["203.0.113.7"], ["https"], ["203.0.113.7, 127.0.0.1"]]);
    }
    let stream = TcpStream::connect(address).await.expect("a connection");
    assert!(client.over(stream, "wiki.example").await.is_err(), "a handshake is no header");
    assert_eq!(stage.upstream.received().len(), 2);
}
