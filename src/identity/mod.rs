//! Identity: what we vouch for towards rules and upstreams, as distinct from claims, which a provider made.

mod claim;
mod plan;
mod presets;
mod reserved;
mod template;
mod wanted;

use std::fmt;
use std::sync::Arc;

pub use claim::{Claim, lookup};
pub use plan::{HeaderPlan, HeaderSource, IdentityHead};
pub use presets::{Preset, preset};
pub use reserved::{Reserved, fold};
pub use template::{Part, Template, TemplateError};
pub use wanted::{Fingerprint, Wanted};

/// The name of a configured provider: `[a-z][a-z0-9_]*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Arc<str>);

/// A person (or machine) whose sign-in was verified.
///
/// Made only from a verified sign-in and from an opened session, see `Identity::vouch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Vouched);

/// What an [`Identity`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The provider that the person signed in with.
    pub provider: ProviderName,
    /// Its issuer identifier.
    pub issuer: Arc<str>,
    /// The `sub` claim: stable and unique within the issuer.
    pub subject: String,
    /// The name by which rules and upstreams know the person. Never empty, no control characters.
    pub user: String,
    /// The e-mail address, if verified (or trusted by configuration).
    pub email: Option<String>,
    /// The display name. People choose it themselves.
    pub name: Option<String>,
    /// The groups that a rule or a header asks for.
    pub groups: Vec<String>,
    /// The further claims that a rule or a header asks for.
    pub claims: Vec<Claim>,
}

impl ProviderName {
    /// The provider called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Identity {
    /// Vouches for a person. The layering test holds the callers of this to a list: the verification of a sign-in and
    /// the opening of a session.
    #[must_use]
    pub(crate) const fn vouch(vouched: Vouched) -> Self {
        Self(vouched)
    }

    /// The provider that the person signed in with.
    #[must_use]
    pub const fn provider(&self) -> &ProviderName {
        &self.0.provider
    }

    /// The provider's issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The `sub` claim.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The name by which rules and upstreams know the person.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The verified e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The display name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The groups that were kept.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.0.groups
    }

    /// The further claims that were kept.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.0.claims
    }

    /// The kept claim at `path` (a top-level name, or a JSON pointer).
    #[must_use]
    pub fn claim(&self, path: &str) -> Option<&Claim> {
        self.0.claims.iter().find(|claim| claim.path() == path)
    }
}

#[cfg(test)]
mod tests;
