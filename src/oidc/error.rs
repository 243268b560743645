//! What can go wrong with a provider, each with a stable word, a sentence for people and a reason for the log.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::ProviderName;

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

/// Why a sign-in fails after the browser came back.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The provider could not be asked, or gave no usable answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The response names another issuer, or none where the provider promised one (RFC 9207 section 2.4).
    #[error("the response {}, expected issuer {expected}: refused as a mix-up", named(found.as_deref()))]
    ResponseIssuer {
        /// Our issuer.
        expected: String,
        /// What the response says.
        found: Option<String>,
    },
    /// The token endpoint said no (RFC 6749 section 5.2).
    #[error("the token endpoint refused: {error}{}{}", said(description.as_deref()), refused_help(error))]
    TokenRefused {
        /// The error code.
        error: String,
        /// What the provider says about it, bounded.
        description: Option<String>,
    },
    /// The ID token is not a signed JWT that we read.
    #[error("the id token is malformed: {0}")]
    Malformed(String),
    /// An algorithm that we refuse, or that the provider does not announce.
    #[error(
        "signed with {found}, which {}; in authentik choose a signing key; in Keycloak set the client's id token \
         signature algorithm to RS256 or ES256",
        if *known { "the provider's discovery document does not list" } else { "this product refuses" }
    )]
    Algorithm {
        /// The `alg` of the token.
        found: String,
        /// Whether it is one that we would accept.
        known: bool,
    },
    /// No published key has the id that the token names.
    #[error("no published key fits the id token (kid {}, {algorithm}); {published} usable keys are published", kid.as_deref().unwrap_or("absent"))]
    UnknownKey {
        /// The key id of the token.
        kid: Option<String>,
        /// Its algorithm.
        algorithm: String,
        /// How many keys we know.
        published: usize,
    },
    /// The signature is not by the key that the token names.
    #[error("the signature of the id token is wrong")]
    Signature,
    /// Another issuer.
    #[error("the id token was issued by {found}, expected {expected}")]
    Issuer {
        /// Our issuer.
        expected: String,
        /// The `iss` claim.
        found: String,
    },
    /// Not for us, or not only for us.
    #[error("the id token is for {found}, expected only {expected}; check client_id and audience mappers")]
    Audience {
        /// Our client id.
        expected: String,
        /// The `aud` claim.
        found: String,
    },
    /// Issued to another client.
    #[error("the id token was issued to client {found} (azp), expected {expected}")]
    AuthorizedParty {
        /// Our client id.
        expected: String,
        /// The `azp` claim.
        found: String,
    },
    /// A claim that must be there is absent, or has the wrong type.
    #[error("the id token has no usable {0} claim")]
    MissingClaim(&'static str),
    /// `exp` has passed.
    #[error("the id token expired {} ago{}", spell(*by), skew_help(date.as_deref()))]
    Expired {
        /// Since when.
        by: Duration,
        /// The time of day in the provider's Date field.
        date: Option<String>,
    },
    /// `iat` or `nbf` lies ahead.
    #[error(
        "the id token becomes valid in {0}; this machine is behind the provider by about that much{1}",
        spell(*by),
        skew_help(date.as_deref())
    )]
    NotYetValid {
        /// Until when.
        by: Duration,
        /// The time of day in the provider's Date field.
        date: Option<String>,
    },
    /// Not the nonce of this attempt.
    #[error("the nonce of the id token is {}", if *.0 { "another than was sent" } else { "missing" })]
    Nonce(bool),
    /// `sub` is empty, too long, or holds control characters.
    #[error("the sub claim is empty, longer than 255 bytes or has control characters")]
    Subject,
    /// The access token is not the one that the ID token speaks of (OpenID Connect Core 1.0 section 3.1.3.8).
    #[error("at_hash of the id token does not fit the access token")]
    AtHash,
    /// Userinfo is about somebody else (OpenID Connect Core 1.0 section 5.3.2).
    #[error("userinfo answered for another subject than the id token's")]
    UserinfoSubject,
    /// The claim that becomes the user is missing.
    #[error(
        "the token of provider {provider} has no {claim} (it has: {present}); set user_claim to one that it has"
    )]
    NoUser {
        /// The provider.
        provider: ProviderName,
        /// The configured claim.
        claim: String,
        /// The names of the claims that there are.
        present: String,
    },
    /// The user would be an address that nobody verified.
    #[error(
        "the address in {claim} is not verified, and user_claim names it; have the provider send email_verified: true, \
         or set email_trusted = true if it sends no flag and you trust its addresses"
    )]
    EmailUnverified {
        /// The configured claim.
        claim: String,
    },
    /// The user could not be told from another one by an upstream.
    #[error("the user in {claim} has control characters, or space at an end")]
    ControlCharacter {
        /// The configured claim.
        claim: String,
    },
    /// The user is too long.
    #[error("the user in {claim} is longer than {limit} bytes")]
    TooLong {
        /// The configured claim.
        claim: String,
        /// The limit.
        limit: usize,
    },
    /// More groups than a session can hold. Not cut short: a rule that refuses a group must see it.
    #[error(
        "{count} groups ({bytes} bytes) are to be kept; use a header set without {{groups}}, so that only the groups in rules are"
    )]
    TooManyGroups {
        /// How many.
        count: usize,
        /// Their size.
        bytes: usize,
    },
}

// === impl ProviderError ===

impl ProviderError {
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
            Fault::Client | Fault::Provider | Fault::Account => {
                "The sign-in service gave an answer that cannot be used."
            }
        }
        .to_owned()
    }
}

// === impl LoginError ===

impl LoginError {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.code(),
            Self::ResponseIssuer { .. } => "login/response-issuer",
            Self::TokenRefused { .. } => "token/refused",
            Self::Malformed(_) => "token/malformed",
            Self::Algorithm { .. } => "token/algorithm",
            Self::UnknownKey { .. } => "token/unknown-key",
            Self::Signature => "token/signature",
            Self::Issuer { .. } => "token/issuer",
            Self::Audience { .. } => "token/audience",
            Self::AuthorizedParty { .. } => "token/authorized-party",
            Self::MissingClaim(_) => "token/missing-claim",
            Self::Expired { .. } => "token/expired",
            Self::NotYetValid { .. } => "token/not-yet-valid",
            Self::Nonce(_) => "token/nonce",
            Self::Subject => "token/subject",
            Self::AtHash => "token/at-hash",
            Self::UserinfoSubject => "userinfo/subject",
            Self::NoUser { .. } => "identity/no-user",
            Self::EmailUnverified { .. } => "identity/email-unverified",
            Self::ControlCharacter { .. } => "identity/control-character",
            Self::TooLong { .. } => "identity/too-long",
            Self::TooManyGroups { .. } => "identity/too-many-groups",
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Provider(error) => error.fault(),
            Self::ResponseIssuer { .. } => Fault::Client,
            Self::TokenRefused { .. }
            | Self::Malformed(_)
            | Self::Algorithm { .. }
            | Self::UnknownKey { .. }
            | Self::Signature
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::AuthorizedParty { .. }
            | Self::MissingClaim(_)
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Nonce(_)
            | Self::Subject
            | Self::AtHash
            | Self::UserinfoSubject => Fault::Provider,
            Self::NoUser { .. }
            | Self::EmailUnverified { .. }
            | Self::ControlCharacter { .. }
            | Self::TooLong { .. }
            | Self::TooManyGroups { .. } => Fault::Account,
        }
    }

    /// One sentence for the person in front of the browser: what happened, nothing of how.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Provider(error) => return error.public(),
            Self::ResponseIssuer { .. } => "This answer is not from the sign-in service that was asked.",
            Self::TokenRefused { .. } => "The sign-in service did not complete the sign-in.",
            Self::Expired { .. } | Self::NotYetValid { .. } => {
                "The clocks of this server and of the sign-in service do not agree."
            }
            Self::NoUser { .. } => {
                "Your account at the sign-in service has no user name that can be used here."
            }
            Self::EmailUnverified { .. } => "Your e-mail address is not verified at the sign-in service.",
            Self::ControlCharacter { .. } | Self::TooLong { .. } => {
                "Your user name at the sign-in service cannot be used here."
            }
            Self::TooManyGroups { .. } => "Your account is in more groups than can be handled here.",
            Self::Malformed(_)
            | Self::Algorithm { .. }
            | Self::UnknownKey { .. }
            | Self::Signature
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::AuthorizedParty { .. }
            | Self::MissingClaim(_)
            | Self::Nonce(_)
            | Self::Subject
            | Self::AtHash
            | Self::UserinfoSubject => "The answer of the sign-in service could not be verified.",
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

/// An error with its causes. Clients of the network say "client error" and keep the cause to themselves.
fn chain(error: &Arc<dyn Error + Send + Sync>) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn slash(configured: &str, found: &str) -> &'static str {
    match (configured.strip_suffix('/'), found.strip_suffix('/')) {
        (None, Some(found)) if found == configured => ", with the slash",
        (Some(configured), None) if found == configured => ", without the slash",
        _ => "",
    }
}

fn named(found: Option<&str>) -> String {
    found.map_or_else(|| "names no issuer".to_owned(), |found| format!("names issuer {found}"))
}

fn said(description: Option<&str>) -> String {
    description.map_or_else(String::new, |description| format!(" ({description})"))
}

fn refused_help(error: &str) -> &'static str {
    match error {
        "invalid_client" | "unauthorized_client" => "; check client_id and client_secret",
        "invalid_grant" => "; the code was used, too old, or the registered redirect URI differs",
        _ => "",
    }
}

fn skew_help(date: Option<&str>) -> String {
    let date = date.map_or_else(String::new, |date| format!(" (its Date header says {date} UTC)"));
    format!("{date}; fix the clock (chronyc tracking), or raise clock_skew if you must")
}

/// `4 min 12 s`.
fn spell(duration: Duration) -> String {
    let secs = duration.as_secs();
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes} min {secs} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
