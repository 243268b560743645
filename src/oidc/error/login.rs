//! Why a sign-in fails.

use std::time::Duration;

use super::words::{named, refused_help, said, skew_help, spell};
use super::{Fault, ProviderError};
use crate::identity::ProviderName;
use crate::oidc::AlgorithmFault;

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
        fault.in_words()
    )]
    Algorithm {
        /// The `alg` of the token.
        found: String,
        /// Why it is refused.
        fault: AlgorithmFault,
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
    /// The person proved who they are longer ago than `max_age` allows, or nobody says when (Core section 3.1.3.7).
    #[error("auth_time of the id token is missing, or older than max_age in auth_params allows")]
    AuthTime,
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
            Self::AuthTime => "token/auth-time",
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
            | Self::AuthTime
            | Self::UserinfoSubject => Fault::Provider,
            Self::NoUser { .. }
            | Self::EmailUnverified { .. }
            | Self::ControlCharacter { .. }
            | Self::TooLong { .. } => Fault::Account,
            Self::TooManyGroups { .. } => Fault::Excess,
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
            | Self::AuthTime
            | Self::UserinfoSubject => "The answer of the sign-in service could not be verified.",
        }
        .to_owned()
    }
}
