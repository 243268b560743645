//! A provider: one OpenID Provider with our registration there, as the flow uses it.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::callback::Code;
use super::claims::Claims;
use super::client;
use super::discovery::Metadata;
use super::error::{Call, LoginError, ProviderError, SetupError};
use super::excerpt::shown;
use super::http::Http;
use super::jwks::Keys;
use super::known::{Known, Said};
use super::mapping;
use super::settings::{Settings, Userinfo};
use super::token::Unverified;
use super::userinfo;
use super::verify::{Expected, Signed, Verified};
use super::watch::Watch;
use crate::clock::{Clock, Timestamp};
use crate::identity::{Fingerprint, Identity, ProviderName, Wanted};
use crate::session::{Issuer, PendingLogin};

/// One configured provider. What it said about itself is remembered beyond it.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    binding: Issuer,
    address: String,
    http: Http,
    clock: Clock,
    said: Arc<Said>,
}

/// Which account the person wants to sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Whichever the provider knows them by.
    Any,
    /// Another than the one that they are signed in with.
    Other,
}

/// A completed sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub identity: Identity,
    /// Which claims were kept.
    pub kept: Fingerprint,
    /// When the person last proved who they are, if the provider says so. Never later than now.
    pub authenticated: Option<Timestamp>,
}

impl Provider {
    /// A provider. Nothing is fetched before its first use.
    ///
    /// # Errors
    /// [`SetupError`] when the issuer is no URL, or a certificate of `ca` cannot be used.
    pub fn new(settings: Settings, clock: Clock, known: &Known) -> Result<Self, SetupError> {
        let issuer =
            Url::parse(&settings.issuer).map_err(|error| SetupError::Issuer(settings.name.clone(), error))?;
        let port = issuer.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            address: format!("{}{port}", issuer.host_str().unwrap_or_default()),
            binding: Issuer::new(settings.name.clone(), &settings.issuer, &settings.client_id),
            http: Http::new(&settings, clock.clone())?,
            said: known.of(&settings, &clock),
            clock,
            settings,
        })
    }

    /// The same, of whose answers `watch` is told.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<Watch>) -> Self {
        self.http.watch = watch;
        self
    }

    /// What is known of it from its answers.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.http.watch
    }

    /// Host and port of its issuer.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How long ago its keys were fetched; none when they were not needed yet.
    #[must_use]
    pub fn keys_age(&self) -> Option<Duration> {
        self.said.keys.age()
    }

    /// The configured name.
    #[must_use]
    pub const fn name(&self) -> &ProviderName {
        self.binding.name()
    }

    /// What people read.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.settings.title
    }

    /// What sessions are bound to.
    #[must_use]
    pub const fn binding(&self) -> &Issuer {
        &self.binding
    }

    /// Where to send the browser for this attempt.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider's metadata is not to be had.
    pub async fn authorization_url(
        &self,
        pending: &PendingLogin,
        account: Account,
        wanted: &Wanted,
    ) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let prompt = match account {
            Account::Any => None,
            Account::Other if metadata.offers_prompt("select_account") => Some("select_account"),
            Account::Other => Some("login"),
        };
        client::authorization_url(&self.settings, &metadata, pending, self.scopes(&metadata, wanted), prompt)
    }

    /// Checks the `iss` of an authorization response, be it a code or an error (RFC 9207 section 2.4). Before the
    /// code is redeemed.
    ///
    /// # Errors
    /// [`LoginError::ResponseIssuer`] when it is another issuer's, or absent though the provider announces it;
    /// [`LoginError::Provider`] when it is absent and whether it is announced cannot be found out.
    pub async fn check_response_issuer(&self, issuer: Option<&str>) -> Result<(), LoginError> {
        let fine = match issuer {
            Some(issuer) => issuer == self.settings.issuer,
            None => !self.metadata().await?.promises_issuer(),
        };
        if fine {
            return Ok(());
        }
        let expected = self.settings.issuer.clone();
        Err(LoginError::ResponseIssuer { expected, found: issuer.map(shown) })
    }

    /// Redeems the code of `pending`, verifies what comes back, and makes an identity of it.
    ///
    /// To be run in a task of its own: a code can be redeemed once, whether or not the browser waits.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn redeem(
        &self,
        code: &Code,
        pending: &PendingLogin,
        wanted: &Wanted,
    ) -> Result<SignedIn, LoginError> {
        let metadata = self.metadata().await?;
        let tokens = client::exchange(&self.http, &self.settings, &metadata, code, pending).await?;
        let token = Unverified::parse(
            tokens.id_token(),
            self.settings.algorithms.as_deref(),
            metadata.signing_algorithms(),
        )?;
        let verified = self.signed(&metadata, &token).await?.check(&Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &pending.attempt().proofs().nonce,
            access_token: tokens.access_token(),
            authenticated_after: self
                .settings
                .max_age()
                .map(|max_age| pending.started().minus(max_age + self.settings.clock_skew)),
            now: self.clock.now(),
            skew: self.settings.clock_skew,
            date: tokens.date(),
        })?;
        let userinfo = self.userinfo(&metadata, tokens.access_token(), &verified, wanted).await?;
        let claims = Claims::new(verified.claims(), userinfo.as_ref());
        let mapped = mapping::map(&self.settings, wanted, &claims)?;
        let authenticated = verified.authenticated();
        let identity = verified.vouch(&self.binding, mapped);
        Ok(SignedIn { identity, kept: wanted.fingerprint(), authenticated })
    }

    /// Where to send the browser to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0). None when
    /// the provider has no such endpoint, or cannot be asked.
    ///
    /// `back_to` is our registered address, `state` comes back with the browser, `hint` tells the provider who.
    pub async fn end_session_url(&self, back_to: &str, state: &str, hint: &str) -> Option<String> {
        let metadata = self.metadata().await.ok()?;
        let mut url = Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back_to)
            .append_pair("logout_hint", hint)
            .append_pair("state", state);
        Some(url.into())
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        self.said.metadata.get(|| Metadata::fetch(&self.http, &self.settings)).await
    }

    /// The token, signed by one of the provider's keys. When none of those that we know fits, it may have new ones.
    async fn signed(&self, metadata: &Metadata, token: &Unverified<'_>) -> Result<Signed, LoginError> {
        let fetch = || Keys::fetch(&self.http, &metadata.jwks_uri);
        let known = self.said.keys.get(fetch).await?;
        match token.signed_by(&known) {
            Err(error @ (LoginError::UnknownKey { .. } | LoginError::Signature)) => {
                match self.said.keys.renew(&known, fetch).await {
                    Some(renewed) => token.signed_by(&renewed),
                    None => Err(error),
                }
            }
            result => result,
        }
    }

    async fn userinfo(
        &self,
        metadata: &Metadata,
        access_token: &str,
        verified: &Verified,
        wanted: &Wanted,
    ) -> Result<Option<serde_json::Value>, LoginError> {
        let claims = Claims::new(verified.claims(), None);
        let asked = match self.settings.userinfo {
            Userinfo::Never => false,
            Userinfo::Always => true,
            Userinfo::Auto => mapping::lacks(&self.settings, wanted, &claims),
        };
        match (&metadata.userinfo_endpoint, asked) {
            (Some(url), true) => {
                userinfo::fetch(&self.http, url, access_token, verified.subject()).await.map(Some)
            }
            (None, true) if self.settings.userinfo == Userinfo::Always => {
                let reason = "discovery lists none, but userinfo = \"always\"".to_owned();
                Err(ProviderError::BadAnswer { call: Call::Userinfo, reason }.into())
            }
            (None, true) | (_, false) => Ok(None),
        }
    }

    fn scopes(&self, metadata: &Metadata, wanted: &Wanted) -> Vec<String> {
        if let Some(scopes) = &self.settings.scopes {
            return scopes.clone();
        }
        let groups = (wanted.wants_groups() && metadata.offers_scope("groups")).then_some("groups");
        ["profile", "email"].into_iter().chain(groups).map(str::to_owned).collect()
    }
}
