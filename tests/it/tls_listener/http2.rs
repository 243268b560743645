//! HTTP/2 over TLS: agreed on in the handshake, and one connection for all hosts of a certificate.

use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{stage, with};
use crate::support::Stage;
use crate::support::frames::{END_STREAM, Peer, headers};
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::Client;

/// A client that speaks HTTP/2, or HTTP/1.1 if that is all that there is.
fn http2(client: &Client) -> Client {
    client.but(|config| config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()])
}

async fn connect(stage: &Stage, client: &Client, name: &str) -> Peer<TlsStream<TcpStream>> {
    let stream = client.connect(stage.https.expect("TLS"), name).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Peer::client(stream, &[]).await
}

#[tokio::test]
async fn http2_is_agreed_on_in_the_handshake() {
    let folder = Folder::new("https-h2");
    let authority = Authority::new("a");
    let stage = stage(&folder, &authority, &["wiki.example"], "").await;
    for version in [&TLS12, &TLS13] {
        let client = http2(&Client::with(&authority, &[version], None));
        let mut peer = connect(&stage, &client, "wiki.example").await;
        let fields =
            [(":method", "GET"), (":scheme", "https"), (":authority", "wiki.example"), (":path", "/page")];
        for stream in [1, 3] {
            peer.send(headers(stream, END_STREAM, &fields)).await;
            assert_eq!(peer.message().await.1.status(), 200);
            let received = stage.upstream.received().pop().expect("a request");
            assert_eq!(received.line(), "GET /page HTTP/1.1");
            assert_eq!(received.all("x-forwarded-proto"), ["https"]);
        }
    }
}

#[tokio::test]
async fn one_connection_serves_all_hosts_of_its_certificate_and_refuses_others() {
    let folder = Folder::new("https-h2-hosts");
    let authority = Authority::new("a");
    let both = authority.certify(&["wiki.example", "*.app.example"]).table(&folder, "both", "");
    let docs = authority.certify(&["docs.example"]).table(&folder, "docs", "");
    let stage = with(format!("[{both}, {docs}]"), "").await;
    let mut peer = connect(&stage, &http2(&Client::new(&authority)), "wiki.example").await;
    for (stream, host, status) in [
        (1, "wiki.example", 200),
        (3, "a.app.example", 200),
        (5, "docs.example", 421),
        (7, "b.app.example", 200),
    ] {
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", "/")];
        peer.send(headers(stream, END_STREAM, &fields)).await;
        assert_eq!(peer.message().await.1.status(), status, "{host}");
    }
}
