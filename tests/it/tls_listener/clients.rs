//! Certificates of clients: asked for where the configuration says so, and judged each time.

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion};
use tokio::io::AsyncReadExt;

use super::with;
use crate::support::message::exchange_over;
use crate::support::tls::{Authority, Folder};
use crate::support::tls_client::{Client, get};

#[tokio::test]
async fn a_valid_certificate_and_none_are_let_in_and_an_invalid_one_ends_the_handshake() {
    let folder = Folder::new("https-clients");
    let (ours, staff, strangers) = (Authority::new("ours"), Authority::new("staff"), Authority::new("them"));
    let asking = format!(", client_ca = \"{}\"", folder.put("ca.pem", &staff.pem()));
    let stage = with(ours.certify(&["wiki.example"]).table(&folder, "tls", &asking), "").await;
    let address = stage.https.expect("TLS");
    let (valid, expired) = (staff.certify(&["alice"]), staff.certify_for(&["bob"], 2025, 2026));
    let foreign = strangers.certify(&["alice"]);
    for version in [&TLS12, &TLS13] {
        for certified in [None, Some(&valid)] {
            let client = Client::with(&ours, &[version], certified);
            for _ in 0..2 {
                let mut stream = client.connect(address, "wiki.example").await.expect("a handshake");
                // Never taken up: a certificate is judged each time.
                assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
                let answer = exchange_over(&mut stream, get("wiki.example", "/", "")).await;
                assert_eq!(answer.status, 200);
            }
        }
        for certified in [&expired, &foreign] {
            let client = Client::with(&ours, &[version], Some(certified));
            // In TLS 1.3 a client takes the handshake for finished before its certificate is judged.
            let outcome = match client.connect(address, "wiki.example").await {
                Ok(mut stream) => {
                    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
                    stream.read(&mut [0]).await.map(drop)
                }
                Err(error) => Err(error),
            };
            let error = outcome.expect_err("a refusal").to_string();
            assert!(error.contains("alert"), "{error}");
        }
    }
    let page = stage.metrics().await;
    assert!(page.contains("vestibule_tls_handshakes_total{result=\"client_certificate\"} 4\n"), "{page}");
}

#[tokio::test]
async fn who_is_not_asked_shows_none() {
    let folder = Folder::new("https-unasked");
    let authority = Authority::new("the company");
    let stage = super::stage(&folder, &authority, &["wiki.example"], "").await;
    let client = Client::with(&authority, &[&TLS13], Some(&Authority::new("others").certify(&["alice"])));
    assert_eq!(client.get(&stage, "wiki.example", "/").await.status, 200);
}
