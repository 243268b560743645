//! TLS when the terms change: new connections see the new certificate, open ones go on, sessions survive.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::{Certificate, Limits, Resumption, Terms, Tls};
use super::{GET, Server, start_on};
use crate::clock::{Clock, Timestamp};
use crate::web::HostPattern;

/// Takes any certificate: which one it is, the test looks at itself.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A new certificate for `a.example`.
fn certified() -> (CertificateDer<'static>, Certificate) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["a.example".to_owned()]).expect("names");
    let der = params.self_signed(&key).expect("a certificate").der().clone();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let names = vec![HostPattern::parse("a.example").expect("a name")];
    let until = Timestamp::from_secs(2_000_000_000);
    (der.clone(), Certificate::new(vec![der], key, names, until).expect("a certificate"))
}

fn terms(certificate: Certificate, resumption: &Resumption, clock: &Clock) -> Terms {
    let tls = Tls::new(&[certificate], resumption, clock).expect("TLS");
    Terms { tls: Some(Arc::new(tls)), ..Terms::new(Limits::new(8)) }
}

fn client() -> TlsConnector {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn connect(server: &Server, client: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.expect("a connection");
    let name = ServerName::try_from("a.example").expect("a name");
    client.connect(name, stream).await.expect("a handshake")
}

fn shown(stream: &TlsStream<TcpStream>) -> &CertificateDer<'static> {
    &stream.get_ref().1.peer_certificates().expect("certificates")[0]
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(GET.as_bytes()).await.expect("a request");
    let mut seen = Vec::new();
    while !seen.ends_with(b"ok") {
        assert!(stream.read_buf(&mut seen).await.expect("a read") > 0, "an answer");
    }
}

#[tokio::test]
async fn another_certificate_is_for_new_connections_and_ends_neither_open_ones_nor_sessions() {
    let (clock, _) = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let resumption = Resumption::new().expect("random bytes");
    let (old, certificate) = certified();
    let server = start_on(terms(certificate, &resumption, &clock));
    let known = client();
    let mut open = connect(&server, &known).await;
    assert_eq!(*shown(&open), old);
    ask(&mut open).await;

    let (new, certificate) = certified();
    server.terms.replace(terms(certificate, &resumption, &clock));
    let mut fresh = connect(&server, &client()).await;
    assert_eq!(*shown(&fresh), new);
    ask(&mut fresh).await;
    // Who was here before takes up its session, and the connection that is open goes on.
    let mut resumed = connect(&server, &known).await;
    ask(&mut resumed).await;
    assert_eq!(resumed.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    ask(&mut open).await;

    // A configuration without TLS cannot take the address away: what is bound is served.
    server.terms.replace(Terms::new(Limits::new(8)));
    let mut fresh = connect(&server, &client()).await;
    assert_eq!(*shown(&fresh), new);
    ask(&mut fresh).await;
    assert_eq!(server.terms.expiries().len(), 1);
    let handshakes = &server.meters.handshakes;
    assert_eq!((handshakes.complete.get(), handshakes.resumed.get()), (4, 1));
}
