//! Our certificates: what is shown to clients, and whom it lets them prove to be.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::clock::Timestamp;
use crate::web::HostPattern;
use crate::web::tls::{Clients, Entry};

/// A certificate chain that we show, with its key.
#[derive(Clone)]
pub struct Certificate {
    /// What people call it: its first name.
    pub name: String,
    /// When its time is over.
    pub until: Timestamp,
    /// The names and addresses that it is for.
    pub names: Vec<HostPattern>,
    key: Arc<CertifiedKey>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// When the time of a certificate is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// What people call the certificate.
    pub name: String,
    /// When its time is over.
    pub until: Timestamp,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key belongs to another certificate.
    #[error("the key belongs to another certificate")]
    OtherKey,
    /// The key, or the certificate, is of a kind that is not known.
    #[error("the key or the certificate is of an unknown kind")]
    UnknownKind(#[source] rustls::Error),
}

impl Certificate {
    /// A chain with the key of its first certificate, which is for `names` until then.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        names: Vec<HostPattern>,
        until: Timestamp,
    ) -> Result<Self, CertificateError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::OtherKey,
            error => CertificateError::UnknownKind(error),
        })?;
        let name = names.first().map_or_else(|| "nameless".to_owned(), ToString::to_string);
        Ok(Self { name, until, names, key: Arc::new(key), clients: None })
    }

    /// The same, and clients are asked for a certificate that one of these authorities vouches for. They need not show
    /// one.
    ///
    /// # Errors
    /// When there is no authority among them.
    pub fn asking(
        mut self,
        authorities: &[CertificateDer<'static>],
    ) -> Result<Self, rustls::server::VerifierBuilderError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.clients = Some(verifier.allow_unauthenticated().build()?);
        Ok(self)
    }

    /// Who judges the certificates of clients; none where they are not asked for one.
    pub(super) const fn clients(&self) -> Option<&Arc<dyn ClientCertVerifier>> {
        self.clients.as_ref()
    }

    pub(super) const fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    pub(super) fn entry(&self) -> Entry {
        let clients = if self.clients.is_some() { Clients::Asked } else { Clients::Unasked };
        Entry { names: self.names.clone(), clients }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
