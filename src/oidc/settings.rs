//! The `[providers.NAME]` section, checked.

use std::time::Duration;

use rustls_pki_types::CertificateDer;

use super::algorithm::Algorithm;
use crate::identity::ProviderName;
use crate::secret::Secret;

/// One OpenID Provider and our registration there.
#[derive(Debug)]
pub struct Settings {
    /// The table's name.
    pub name: ProviderName,
    /// The issuer identifier, compared byte by byte. An https URL, or http where that is allowed.
    pub issuer: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret; none makes us a public client, with PKCE only.
    pub client_secret: Option<Secret<String>>,
    /// What people read: `title`, or the issuer's host.
    pub title: String,
    /// What to ask for; none means openid, profile, email, and groups where wanted and offered.
    pub scopes: Option<Vec<String>>,
    /// The claim that becomes the user: a top-level name or a JSON pointer.
    pub user_claim: String,
    /// The claim with the e-mail address.
    pub email_claim: String,
    /// Whether an address without a verified flag counts as verified.
    pub email_trust: EmailTrust,
    /// The claims that list groups: arrays, single strings, or objects whose keys are the groups.
    pub groups_claims: Vec<String>,
    /// When userinfo is asked.
    pub userinfo: Userinfo,
    /// What may sign ID tokens; none means those of ours that the provider lists.
    pub algorithms: Option<Vec<Algorithm>>,
    /// Further parameters of the authorization request.
    pub auth_params: Vec<(String, String)>,
    /// Further root certificates for calls to this provider.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The limit of each call.
    pub timeout: Duration,
    /// Tolerance for `exp`, `iat` and `nbf`.
    pub clock_skew: Duration,
    /// Whether plain http is accepted for hosts that are not loopback.
    pub transport: Transport,
}

impl Settings {
    /// The `max_age` that `auth_params` ask for (OpenID Connect Core 1.0 section 3.1.2.1).
    pub(super) fn max_age(&self) -> Option<Duration> {
        let (_, seconds) = self.auth_params.iter().find(|(name, _)| name == "max_age")?;
        seconds.parse().ok().map(Duration::from_secs)
    }
}

/// Whether an address without a verified flag counts as verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailTrust {
    /// Only with `email_verified: true`.
    #[default]
    VerifiedOnly,
    /// Also without the flag. A flag that says false still counts.
    Unflagged,
}

/// When userinfo is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Userinfo {
    /// When a needed claim is missing in the ID token.
    #[default]
    Auto,
    /// At each sign-in.
    Always,
    /// Never.
    Never,
}

/// What the provider's URLs may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// https, or plain http on loopback.
    #[default]
    Secure,
    /// Also plain http elsewhere, because the operator said so.
    InsecureHttp,
}
