//! The providers of a configuration: found by their name, by a session or an attempt that is theirs, or by what a route
//! accepts.

use std::sync::Arc;

use crate::identity::ProviderName;
use crate::oidc::Provider;
use crate::session::{Issuer, PendingLogin, Session};

/// Every provider, in the order of the file.
#[derive(Debug, Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// These providers, whose names differ.
    #[must_use]
    pub fn new(providers: Vec<Provider>) -> Self {
        Self(providers.into_iter().map(Arc::new).collect())
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Arc<Provider>] {
        &self.0
    }

    /// Whether nobody can sign in.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a choice, so that names have to be told.
    pub(super) const fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The one of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.name().as_str() == name)
    }

    /// The one that a session came from.
    pub(super) fn of(&self, session: &Session) -> Option<&Arc<Provider>> {
        self.get(session.identity().provider().as_str())
    }

    /// The one that an attempt is with, if it still has the same issuer identifier and client id.
    pub(super) fn asked_by(&self, pending: &PendingLogin) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| pending.is_with(provider.binding()))
    }

    /// What sessions are bound to.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.0.iter().map(|provider| provider.binding())
    }

    /// Those that are named; all of them where none is.
    pub(super) fn among(&self, names: &[ProviderName]) -> Vec<&Arc<Provider>> {
        self.0.iter().filter(|provider| names.is_empty() || names.contains(provider.name())).collect()
    }

    /// What people read of the provider of a session.
    pub(super) fn title_of(&self, session: &Session) -> &str {
        self.of(session).map(|provider| provider.title()).unwrap_or_default()
    }

    /// What people read of the provider where it is not known which: at the end of a sign-out.
    pub(super) fn title(&self) -> &str {
        match self.0.as_slice() {
            [only] => only.title(),
            _ => "your sign-in provider",
        }
    }

    /// Where the answers of a provider arrive, after `login.path`. Each of several has an address of its own, so that
    /// none can pass off its answer for another's (RFC 9700 section 4.4.2.2).
    pub(super) fn callback(&self, provider: &Provider) -> String {
        if self.are_several() { format!("/callback/{}", provider.name()) } else { "/callback".to_owned() }
    }
}
