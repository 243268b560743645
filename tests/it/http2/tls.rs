//! HTTP/2 over TLS, chosen by ALPN.

use super::head;
use crate::support::frames::{END_STREAM, End, Peer, headers};
use crate::support::stage::Plan;
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::Client;
use crate::support::{Stage, Upstream};

#[tokio::test]
async fn a_client_that_offers_it_is_spoken_http_2_to_and_one_that_does_not_is_not() {
    let folder = Folder::new("http2-by-alpn");
    let authority = Authority::new("the company");
    let tls = authority.certify(&["wiki.example"]).table(&folder, "tls", "");
    let routes = "[routes.app]\nupstream = \"UPSTREAM\"\nallow = [\"everyone\"]\n".to_owned();
    let plan = Plan { host: "wiki.example", tls: Some(tls), routes, ..Plan::default() };
    let stage = Stage::before(Upstream::echo().await, plan).await;
    let client = Client::new(&authority)
        .but(|config| config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()]);
    let stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut peer = Peer::client(stream, &[]).await;
    let mut fields = head("wiki.example", "GET", &[]);
    fields.retain(|(name, _)| *name != ":scheme");
    fields.insert(0, (":scheme", "https"));
    peer.send(headers(1, END_STREAM, &fields)).await;
    let (_, answer) = peer.message().await;
    assert_eq!((answer.status(), answer.end), (200, End::Complete));
    let received = stage.upstream.only();
    assert_eq!(
        (received.line(), received.all("host")),
        ("GET /public HTTP/1.1", vec!["wiki.example".to_owned()])
    );
    assert_eq!(received.all("x-forwarded-proto"), ["https"]);
    assert_eq!(stage.access_line().await["protocol"], "HTTP/2");
    // Where HTTP/1.1 was agreed on, the beginning of HTTP/2 is none.
    let client = Client::new(&authority).but(|config| config.alpn_protocols = vec![b"http/1.1".to_vec()]);
    let stream = client.connect(stage.https.expect("TLS"), "wiki.example").await.expect("a handshake");
    let mut peer = Peer::client(stream, &[]).await;
    peer.send(headers(1, END_STREAM, &fields)).await;
    assert_eq!(peer.next().await, None);
    assert_eq!(stage.upstream.received().len(), 1);
}
