//! What is agreed on, and with whom nothing is.

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, Error, HandshakeKind, NamedGroup, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage;
use crate::support::message::{exchange_over, find};
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::{Client, get};
use crate::support::{Stage, exchange};

/// A stage with a client that trusts it.
async fn pair(test: &str) -> (Stage, Client, Folder) {
    let folder = Folder::new(test);
    let authority = Authority::new("the company");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    (stage, Client::new(&authority), folder)
}

#[tokio::test]
async fn a_request_over_tls_of_either_version_reaches_the_upstream_as_https() {
    let folder = Folder::new("https-good");
    let authority = Authority::new("the company");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    for (version, number) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let client = Client::with(&authority, &[version], None);
        let mut stream =
            client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
        let agreed = stream.get_ref().1;
        assert_eq!(agreed.protocol_version(), Some(number));
        assert_eq!(agreed.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = exchange_over(&mut stream, get("wiki.example", "/page?q=1", "")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let received = stage.upstream.received().pop().expect("a request");
        assert_eq!(received.line(), "GET /page?q=1 HTTP/1.1");
        assert_eq!(received.all("x-forwarded-proto"), ["https"]);
        assert_eq!(received.all("host"), ["wiki.example"]);
    }
}

#[tokio::test]
async fn the_key_exchange_withstands_quantum_computers_where_the_client_can() {
    let folder = Folder::new("https-groups");
    let authority = Authority::new("the company");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    for (groups, agreed) in [
        (&[kx_group::X25519MLKEM768, kx_group::X25519][..], NamedGroup::X25519MLKEM768),
        (&[kx_group::X25519], NamedGroup::X25519),
        (&[kx_group::SECP256R1], NamedGroup::secp256r1),
    ] {
        let client = Client::exchanging(&authority, groups);
        let stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
        let group = stream.get_ref().1.negotiated_key_exchange_group().expect("a group");
        assert_eq!(group.name(), agreed);
    }
}

#[tokio::test]
async fn a_client_takes_up_its_session_where_it_left_off() {
    let folder = Folder::new("https-resumed");
    let authority = Authority::new("the company");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    let address = stage.https.expect("TLS");
    for version in [&TLS12, &TLS13] {
        let client = Client::with(&authority, &[version], None);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut stream = client.connect(address, "wiki.example").await.expect("a handshake");
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected), "{version:?}");
            // The tickets of TLS 1.3 come after the handshake, with the first answer at the latest.
            assert_eq!(exchange_over(&mut stream, get("wiki.example", "/", "")).await.status, 200);
        }
        // Under another name nothing is taken up.
        let unknown = client.connect(address, "docs.example").await.expect_err("it is not for that name");
        assert!(unknown.to_string().contains("not valid for name"), "{unknown}");
    }
    // Without tickets the server remembers, for a while.
    let client = Client::with(&authority, &[&TLS12], None).but(|config| {
        config.resumption = Resumption::in_memory_sessions(8)
            .tls12_resumption(rustls::client::Tls12Resumption::SessionIdOnly);
    });
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let stream = client.connect(address, "wiki.example").await.expect("a handshake");
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
    }
}

#[tokio::test]
async fn early_data_is_never_taken() {
    let (stage, client, _folder) = pair("https-early").await;
    let client = client.but(|config| config.enable_early_data = true);
    let address = stage.https.expect("TLS");
    for _ in 0..2 {
        let mut stream = client.connect(address, "wiki.example").await.expect("a handshake");
        assert!(!stream.get_ref().1.is_early_data_accepted());
        assert_eq!(exchange_over(&mut stream, get("wiki.example", "/", "")).await.status, 200);
    }
}

/// The first message of a client that knows TLS 1.0 and 1.1 only, asking for `wiki.example`.
fn old_hello() -> Vec<u8> {
    let name = b"wiki.example";
    let length = u8::try_from(name.len()).expect("a length");
    let mut extension = vec![0, 0, 0, length + 5, 0, length + 3, 0, 0, length];
    extension.extend_from_slice(name);
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[7; 32]);
    // No session; two ciphers; no compression.
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]);
    hello.extend_from_slice(&[0, u8::try_from(extension.len()).expect("a length")]);
    hello.extend(extension);
    let mut message = vec![1, 0, 0, u8::try_from(hello.len()).expect("a length")];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).expect("a length")];
    record.extend(message);
    record
}

#[tokio::test]
async fn older_versions_are_refused_with_an_alert() {
    let (stage, _client, _folder) = pair("https-old").await;
    let mut stream = TcpStream::connect(stage.https.expect("TLS")).await.expect("a connection");
    stream.write_all(&old_hello()).await.expect("a hello");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.expect("the end");
    // A fatal alert, handshake_failure (RFC 8446 section 6): such a client says nothing of signatures either.
    assert_eq!(said.get(..1), Some(&[21][..]), "{said:?}");
    assert_eq!(said.get(5..), Some(&[2, 40][..]), "{said:?}");
}

#[tokio::test]
async fn a_client_of_another_protocol_is_told_so() {
    let (stage, client, _folder) = pair("https-alpn").await;
    let address = stage.https.expect("TLS");
    let other = client.but(|config| config.alpn_protocols = vec![b"imap".to_vec()]);
    let error = other.connect(address, "wiki.example").await.expect_err("no protocol in common");
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()).expect("an error of TLS");
    assert_eq!(*cause, Error::AlertReceived(AlertDescription::NoApplicationProtocol));
    // Who names none is spoken HTTP/1.1 to.
    let silent = client.but(|config| config.alpn_protocols.clear());
    assert_eq!(silent.get(&stage, "wiki.example", "/").await.status, 200);
}

#[tokio::test]
async fn plain_http_at_the_port_of_tls_is_told_what_to_write() {
    let (stage, _client, _folder) = pair("https-plain").await;
    let address = stage.https.expect("TLS");
    let answer = exchange(address, get("wiki.example", "/", "")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "This port speaks TLS: write https:// in the address.");
    assert!(answer.complete && answer.field("connection") == Some("close"), "{answer:?}");
    // A body that is still on its way does not cost the answer.
    let post = format!(
        "POST / HTTP/1.1\r\nhost: wiki.example\r\ncontent-length: 60000\r\n\r\n{}",
        "b".repeat(60000)
    );
    assert_eq!(exchange(address, post).await.status, 400);
    assert!(stage.upstream.received().is_empty());
    // The same for what is no HTTP at all: nothing but those words comes back.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"\x80\x2e\x01\x00\x02").await.expect("bytes");
    stream.shutdown().await.expect("the end");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.expect("the end");
    assert!(find(&said, b"HTTP/1.1 400 Bad Request\r\n") == Some(0), "{said:?}");
}
