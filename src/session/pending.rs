//! Pending logins: what we must remember about an attempt to sign in while the browser is at the provider.
//!
//! Each attempt has a cookie of its own, so that tabs do not overwrite each other; the `state` that comes back says
//! which one to open.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Issuer;
use super::keyring::expand;
use crate::clock::Timestamp;
use crate::identity::ProviderName;
use crate::random::Random;
use crate::secret::same;

/// One attempt to sign in, under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingLogin {
    attempt: Attempt,
    provider: ProviderName,
    binding: [u8; 16],
    redirect_uri: String,
    return_to: String,
    started: Timestamp,
}

/// The random part of an attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    state: [u8; 16],
    secret: Zeroizing<[u8; 32]>,
}

/// What an attempt proves itself with: derived from its one secret.
pub struct Proofs {
    /// The `nonce` that the ID token must repeat.
    pub nonce: Zeroizing<String>,
    /// The PKCE code verifier (RFC 7636): 43 characters.
    pub verifier: Zeroizing<String>,
}

/// A sign-out that is on its way through the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOutMarker {
    /// The `state` that must come back.
    pub state: String,
    /// Where to go then.
    pub return_to: Option<String>,
    /// When it began, in seconds since the epoch.
    pub started: u64,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    version: u8,
    state: [u8; 16],
    secret: [u8; 32],
    provider: &'a str,
    /// Issuer and client id.
    binding: [u8; 16],
    redirect_uri: &'a str,
    return_to: &'a str,
    /// Milliseconds since the epoch: several tabs start within one second.
    started: u64,
}

const VERSION: u8 = 1;

impl PendingLogin {
    /// A fresh attempt with `issuer`, which sends the browser back to `redirect_uri`; from there it goes on to
    /// `return_to`.
    #[must_use]
    pub fn begin(
        issuer: &Issuer,
        redirect_uri: String,
        return_to: String,
        random: &Random,
        now: Timestamp,
    ) -> Self {
        let attempt = Attempt { state: random.bytes(), secret: Zeroizing::new(random.bytes()) };
        let (provider, binding) = (issuer.name().clone(), issuer.binding());
        Self { attempt, provider, binding, redirect_uri, return_to, started: now }
    }

    /// The random part.
    #[must_use]
    pub const fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Whether `issuer` is the provider that was asked, with the same issuer identifier and client id as then: a code
    /// goes to nobody else.
    #[must_use]
    pub fn is_with(&self, issuer: &Issuer) -> bool {
        self.provider == *issuer.name() && self.binding == issuer.binding()
    }

    /// The redirect URI that was sent along.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Where the person wanted to go. To be parsed again: what is allowed may have changed.
    #[must_use]
    pub fn return_to(&self) -> &str {
        &self.return_to
    }

    /// When the attempt began.
    #[must_use]
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// Whether `life` has passed since it began.
    #[must_use]
    pub fn is_over(&self, life: Duration, now: Timestamp) -> bool {
        now >= self.started.plus(life)
    }

    /// The attempt as bytes to be sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let body = Body {
            version: VERSION,
            state: self.attempt.state,
            secret: *self.attempt.secret,
            provider: self.provider.as_str(),
            binding: self.binding,
            redirect_uri: &self.redirect_uri,
            return_to: &self.return_to,
            started: self.started.as_millis(),
        };
        Zeroizing::new(postcard::to_allocvec(&body).unwrap_or_default())
    }

    /// The attempt from its opened bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let body: Body<'_> =
            postcard::from_bytes(bytes).ok().filter(|body: &Body<'_>| body.version == VERSION)?;
        Some(Self {
            attempt: Attempt { state: body.state, secret: Zeroizing::new(body.secret) },
            provider: ProviderName::new(body.provider),
            binding: body.binding,
            redirect_uri: body.redirect_uri.to_owned(),
            return_to: body.return_to.to_owned(),
            started: Timestamp::from_millis(body.started),
        })
    }
}

impl Attempt {
    /// The `state` parameter: 22 characters.
    #[must_use]
    pub fn state(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.state)
    }

    /// Whether `state` is this attempt's, in constant time.
    #[must_use]
    pub fn has_state(&self, state: &str) -> bool {
        same(self.state().as_bytes(), state.as_bytes())
    }

    /// The nonce and the code verifier.
    #[must_use]
    pub fn proofs(&self) -> Proofs {
        let derive = |label: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            expand(&self.state, self.secret.as_slice(), label, out.as_mut_slice());
            Zeroizing::new(URL_SAFE_NO_PAD.encode(out.as_slice()))
        };
        Proofs { nonce: derive(b"vestibule nonce"), verifier: derive(b"vestibule verifier") }
    }

    /// The tag in the name of the cookie that holds the attempt of `state`: 16 characters.
    #[must_use]
    pub fn tag(state: &str) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, state.as_bytes()).as_ref()).chars().take(16).collect()
    }
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt(…)")
    }
}

impl SignOutMarker {
    /// The marker as bytes to be sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The marker from its opened bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
