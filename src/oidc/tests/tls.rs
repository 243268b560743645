//! Calls over TLS: which certificates are believed.
//!
//! The certificate beside this file is for `localhost`, signed by itself, and used nowhere else. It was made with
//! `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=vestibule test"
//! -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -addext "basicConstraints=critical,CA:FALSE"`.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{NOW, settings};
use crate::clock::{Clock, Timestamp};
use crate::oidc::{Known, Provider, SetupError};

const CERTIFICATE: &[u8] = include_bytes!("localhost.cert.der");

/// A server that gives a discovery document over TLS. Returns its port.
async fn serve() -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("localhost.key.der").to_vec());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], PrivateKeyDer::Pkcs8(key))
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let host = request.headers()["host"].to_str().expect("text");
                let issuer = format!("https://{host}");
                let endpoint = format!("{issuer}/x");
                let document = json!({
                    "issuer": issuer, "authorization_endpoint": endpoint, "token_endpoint": endpoint,
                    "jwks_uri": endpoint, "end_session_endpoint": endpoint,
                });
                let body = Full::new(Bytes::from(document.to_string()));
                Ok::<_, Infallible>(http::Response::new(body))
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    port
}

async fn word(issuer: &str, extra: Vec<CertificateDer<'static>>) -> &'static str {
    let mut settings = settings(issuer);
    settings.extra_roots = extra;
    let (clock, _hand) = Clock::manual(Timestamp::from_secs(NOW));
    let provider = Provider::new(settings, clock, &Known::default()).expect("a provider");
    provider.check_response_issuer(None).await.map_or_else(|error| error.code(), |()| "none")
}

#[tokio::test]
async fn a_certificate_is_believed_only_if_a_root_vouches_for_that_host() {
    let port = serve().await;
    let root = || vec![CertificateDer::from(CERTIFICATE)];
    assert_eq!(word(&format!("https://127.0.0.1:{port}"), root()).await, "none");
    assert_eq!(word(&format!("https://127.0.0.1:{port}"), vec![]).await, "provider/unreachable");
    assert_eq!(word(&format!("https://127.1.2.3:{port}"), root()).await, "provider/unreachable");
}

#[test]
fn a_root_that_is_no_certificate_is_told_at_the_start() {
    let mut settings = settings("https://op.example");
    settings.extra_roots = vec![CertificateDer::from(vec![1, 2, 3])];
    let (clock, _hand) = Clock::manual(Timestamp::from_secs(NOW));
    assert!(matches!(Provider::new(settings, clock, &Known::default()), Err(SetupError::Tls(..))));
}
