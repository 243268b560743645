//! TLS towards an upstream: whom we expect there, who we are, and the connector that holds both to it.
//!
//! TLS 1.2 and 1.3, HTTP/1.1 by ALPN. There is no way back to plain text: what fails here fails the request.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls_error::TlsError;
use crate::clock::Clock;
use crate::socket::Socket;

/// How connections to an upstream are secured.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tls {
    /// The name that is asked for and that the certificate must be for; with an address, nothing is asked for.
    pub name: ServerName<'static>,
    /// What its certificate is held against.
    pub trust: Trust,
    /// Who we are, if the upstream wants to know.
    pub client: Option<ClientCertificate>,
}

/// Which certificates an upstream may show.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Those that the system's roots vouch for.
    System,
    /// Those that these roots vouch for, and no others.
    Roots(Vec<CertificateDer<'static>>),
    /// Any at all.
    Anything,
}

/// A certificate chain with its private key.
///
/// Two are equal when their chains are: the key belongs to the first certificate, which was checked.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

/// Opens TLS on a socket.
#[derive(Clone)]
pub(super) struct Connector {
    connector: Result<TlsConnector, rustls::Error>,
    name: ServerName<'static>,
}

/// Takes any certificate, so that anybody may be on the other end.
#[derive(Debug)]
struct TakeAnything(Vec<SignatureScheme>);

/// The one protocol that is spoken (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

impl ClientCertificate {
    /// A chain, the certificate of `key` first.
    ///
    /// # Errors
    /// When the key is of no known kind, or belongs to another certificate.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(chain, key, &provider).map(|certified| Self(Arc::new(certified)))
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.cert == other.0.cert
    }
}

impl Eq for ClientCertificate {}

impl Hash for ClientCertificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.cert.hash(state);
    }
}

impl Connector {
    /// `system` gives the system's roots, and is asked only if they are wanted.
    pub(super) fn new(tls: &Tls, clock: &Clock, system: impl FnOnce() -> Arc<RootCertStore>) -> Self {
        let connector = config(tls, clock, system).map(|config| TlsConnector::from(Arc::new(config)));
        Self { connector, name: tls.name.clone() }
    }

    /// Opens TLS on `socket`.
    pub(super) async fn connect(&self, socket: Socket) -> Result<TlsStream<Socket>, TlsError> {
        let connector = self.connector.as_ref().map_err(|error| TlsError::of(error.clone(), &self.name))?;
        connector
            .connect(self.name.clone(), socket)
            .await
            .map_err(|error| TlsError::of_handshake(error, &self.name))
    }
}

fn config(
    tls: &Tls,
    clock: &Clock,
    system: impl FnOnce() -> Arc<RootCertStore>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let builder = ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_safe_default_protocol_versions()?;
    let builder = match &tls.trust {
        Trust::System => builder.with_root_certificates(system()),
        Trust::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned());
            builder.with_root_certificates(roots)
        }
        Trust::Anything => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TakeAnything(schemes)))
        }
    };
    let mut config = match &tls.client {
        Some(ClientCertificate(certified)) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(certified))))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}

/// Who takes any certificate learns nothing from a signature made with it.
impl ServerCertVerifier for TakeAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}
