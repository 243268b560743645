//! Why there is no TLS with an upstream, in words that say what to do about it.

use std::io;

use rustls::{CertificateError, Error};
use rustls_pki_types::ServerName;

/// Why TLS with an upstream failed. Each source is what the TLS library, or the system, said.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's time is over.
    #[error("its certificate has expired; renew it there, or set the clock of this machine right")]
    Expired(#[source] Error),
    /// The certificate's time has not come.
    #[error("its certificate is not valid yet; set the clock of this machine, or of its maker, right")]
    NotYetValid(#[source] Error),
    /// Nobody that we trust vouches for it.
    #[error(
        "its certificate comes from an authority that is not trusted here; name that authority's file in upstream_tls.ca"
    )]
    UnknownIssuer(#[source] Error),
    /// It is for another name.
    #[error("its certificate is not for {name}; set upstream_tls.server_name to a name that it is for")]
    WrongName {
        /// The name that was expected.
        name: String,
        /// What the library said, with the names that it is for.
        #[source]
        source: Error,
    },
    /// It is self-signed and says that it is an authority, which is what `openssl req -x509` makes unless told otherwise.
    #[error(
        "its certificate calls itself an authority, and may only vouch for others; have one made that does not \
         (openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE)"
    )]
    Authority(#[source] Error),
    /// It is otherwise unfit.
    #[error("its certificate cannot be accepted; have a proper one made for it")]
    Certificate(#[source] Error),
    /// It sent an alert.
    #[error("it refused; if it wants a client certificate, or another one, see upstream_tls.cert and key")]
    Refused(#[source] Error),
    /// It talked, but not TLS.
    #[error("what answers there speaks no TLS; if it is meant to be plain, write http://")]
    NotTls(#[source] Error),
    /// Nothing that both sides know.
    #[error("it knows no version or cipher of ours; TLS 1.2 and 1.3 are spoken")]
    Incompatible(#[source] Error),
    /// Anything else that the library said.
    #[error("the TLS connection failed")]
    Other(#[source] Error),
    /// The connection broke during the handshake.
    #[error("the connection ended during the TLS handshake")]
    Broken(#[source] io::Error),
}

impl TlsError {
    /// The one for an error that ended a handshake.
    pub(super) fn of_handshake(error: io::Error, name: &ServerName<'_>) -> Self {
        match cause(&error) {
            Some(cause) => Self::of(cause.clone(), name),
            None => Self::Broken(error),
        }
    }

    /// The one for an error that ended a connection later, if it was an error of TLS: in TLS 1.3 an upstream refuses
    /// a client's certificate only after the handshake.
    pub(super) fn of_connection(error: &hyper::Error, name: &ServerName<'_>) -> Option<Self> {
        let source = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
        cause(source).map(|cause| Self::of(cause.clone(), name))
    }

    pub(super) fn of(error: Error, name: &ServerName<'_>) -> Self {
        match &error {
            Error::InvalidCertificate(certificate) => match certificate {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired(error),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid(error)
                }
                CertificateError::UnknownIssuer => Self::UnknownIssuer(error),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::WrongName { name: name.to_str().into_owned(), source: error }
                }
                // The verifier's own error, which has no other name here.
                CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
                    Self::Authority(error)
                }
                _ => Self::Certificate(error),
            },
            Error::AlertReceived(_) => Self::Refused(error),
            Error::InvalidMessage(_) => Self::NotTls(error),
            Error::PeerIncompatible(_) => Self::Incompatible(error),
            _ => Self::Other(error),
        }
    }
}

fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref::<Error>()
}
