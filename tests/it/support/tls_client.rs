//! A TLS client that shows what was agreed on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestibule::clock::Clock;

use super::message::exchange_over;
use super::stage::START;
use super::tls::{Authority, Certified};
use super::{Answer, Stage};

/// A client that remembers sessions.
#[derive(Clone)]
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    /// A client that trusts this authority, and speaks TLS 1.2 and 1.3.
    pub(crate) fn new(authority: &Authority) -> Self {
        Self::with(authority, rustls::DEFAULT_VERSIONS, None)
    }

    /// One that speaks these versions, and has a certificate to show.
    pub(crate) fn with(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        certified: Option<&Certified>,
    ) -> Self {
        Self::made(authority, versions, certified, default_provider())
    }

    /// One that knows only these ways to exchange keys, the preferred first.
    pub(crate) fn exchanging(authority: &Authority, groups: &[&'static dyn SupportedKxGroup]) -> Self {
        let provider = CryptoProvider { kx_groups: groups.to_vec(), ..default_provider() };
        Self::made(authority, rustls::DEFAULT_VERSIONS, None, provider)
    }

    fn made(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        certified: Option<&Certified>,
        provider: CryptoProvider,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&authority.pem())).expect("a root");
        let (clock, _) = Clock::manual(START);
        let builder = ClientConfig::builder_with_details(Arc::new(provider), Arc::new(clock))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match certified {
            None => builder.with_no_client_auth(),
            Some(Certified { certificate: chain, key }) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(vec![certificate(chain)], key).expect("a client")
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }

    /// The same with a change, and with sessions of its own.
    pub(crate) fn but(&self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = (*self.0).clone();
        change(&mut config);
        Self(Arc::new(config))
    }

    /// Shakes hands, asking for this name. An address asks for none.
    pub(crate) async fn connect(&self, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(address).await?, name).await
    }

    /// The same over a connection that is there.
    pub(crate) async fn over(&self, stream: TcpStream, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }

    /// Asks a stage for a path by GET, at the host that the handshake named.
    pub(crate) async fn get(&self, stage: &Stage, name: &str, path: &str) -> Answer {
        let address = stage.https.expect("TLS");
        let mut stream = self.connect(address, name).await.expect("a handshake");
        exchange_over(&mut stream, get(name, path, "connection: close\r\n")).await
    }
}

/// A request.
pub(crate) fn get(host: &str, path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n")
}

/// A certificate from PEM.
pub(crate) fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
