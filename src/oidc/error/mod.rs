//! What can go wrong with a provider, each with a stable word, a sentence for people and a reason for the log.

mod login;
mod words;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::login::LoginError;
use self::words::{chain, slash};
use crate::identity::ProviderName;
use crate::manual;

/// Why a provider cannot be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The issuer is no URL.
    #[error("providers.{0}: the issuer is not a URL")]
    Issuer(ProviderName, #[source] url::ParseError),
    /// A certificate of `ca` is not usable as a root, or TLS cannot be set up.
    #[error("providers.{0}: a root certificate cannot be used")]
    Tls(ProviderName, #[source] rustls::Error),
}

/// Which call to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The discovery document.
    Discovery,
    /// The key set.
    Keys,
    /// The token endpoint.
    Token,
    /// The userinfo endpoint.
    Userinfo,
}

/// Whose fault a failed sign-in is. `flow` maps it to a status (decision 44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request: 400.
    Client,
    /// The provider's answer, or our registration there: 502.
    Provider,
    /// The provider is down or too slow; a later attempt may succeed: 503.
    Unavailable,
    /// The person's account lacks something that we need: 502, with a page about the account.
    Account,
    /// The person's account holds more than we take: 403, as for a session that is too large.
    Excess,
}

/// Why a provider's metadata, keys or answers are not to be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// No connection, no TLS, or an answer that broke off.
    #[error("{call} of {host}: {}; existing sessions go on, new sign-ins fail", chain(source))]
    Unreachable {
        /// The call.
        call: Call,
        /// Host and port.
        host: String,
        /// What the network said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No complete answer within `timeout`.
    #[error(
        "{call} of {host}: no complete answer within {}; raise providers.*.timeout if it is always so slow",
        humantime::format_duration(*limit)
    )]
    Timeout {
        /// The call.
        call: Call,
        /// Host and port.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// More bytes than we read.
    #[error("{call}: the answer is larger than {} KiB", limit / 1024)]
    TooLarge {
        /// The call.
        call: Call,
        /// The limit in bytes.
        limit: usize,
    },
    /// A redirect, which is never followed: it would carry codes and credentials along.
    #[error("{call}: answered with a redirect ({status}), which is not followed; name the final address")]
    Redirect {
        /// The call.
        call: Call,
        /// The status.
        status: u16,
    },
    /// A status that is no success.
    #[error("{call}: answered with status {status}")]
    Status {
        /// The call.
        call: Call,
        /// The status.
        status: u16,
    },
    /// A URL that is not https, nor loopback, nor allowed by configuration.
    #[error("{what} is not https: {url}; plain http is for loopback hosts, or insecure_http = true")]
    Insecure {
        /// The member of the metadata.
        what: &'static str,
        /// The URL.
        url: String,
    },
    /// Not what the specification says the answer is.
    #[error("{call}: {reason}")]
    BadAnswer {
        /// The call.
        call: Call,
        /// What is wrong with it.
        reason: String,
    },
    /// The metadata names another issuer (OpenID Connect Discovery 1.0 section 4.3).
    #[error(
        "you wrote {configured}, the server calls itself {found}; copy the second form exactly{}",
        slash(configured, found)
    )]
    IssuerMismatch {
        /// What the configuration says.
        configured: String,
        /// What the provider says.
        found: String,
    },
}

// === impl ProviderError ===

impl ProviderError {
    /// Tells the log, where the provider of that name is asked.
    pub(super) fn log(&self, provider: &ProviderName) {
        tracing::warn!(%provider, code = self.code(), url = manual::url(self.code()), "{self}");
    }

    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "provider/unreachable",
            Self::Timeout { .. } => "provider/timeout",
            Self::TooLarge { .. } => "provider/too-large",
            Self::Redirect { .. } => "provider/redirect",
            Self::Status { .. } => "provider/status",
            Self::Insecure { .. } => "provider/insecure",
            Self::BadAnswer { .. } => "provider/bad-answer",
            Self::IssuerMismatch { .. } => "provider/issuer-mismatch",
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Status { status: 429 | 500.., .. } => {
                Fault::Unavailable
            }
            Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::Status { .. }
            | Self::Insecure { .. }
            | Self::BadAnswer { .. }
            | Self::IssuerMismatch { .. } => Fault::Provider,
        }
    }

    /// One sentence for the person in front of the browser.
    #[must_use]
    pub fn public(&self) -> String {
        match self.fault() {
            Fault::Unavailable => "The sign-in service does not answer right now.",
            Fault::Client | Fault::Provider | Fault::Account | Fault::Excess => {
                "The sign-in service gave an answer that cannot be used."
            }
        }
        .to_owned()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discovery => "discovery document",
            Self::Keys => "key set",
            Self::Token => "token endpoint",
            Self::Userinfo => "userinfo endpoint",
        })
    }
}
