//! What a provider said about a person: the ID token's claims, and those of userinfo behind them.

use serde_json::Value;

use super::excerpt::shown;
use super::settings::EmailTrust;
use crate::identity::{Claim, lookup};

/// Claims of one person from up to two sources. The first one that has a claim decides.
pub(super) struct Claims<'a> {
    token: &'a Value,
    userinfo: Option<&'a Value>,
}

/// An address, and whether it may be relied on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Email<'a> {
    pub(super) address: &'a str,
    pub(super) standing: EmailStanding,
}

/// Whether an address may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmailStanding {
    /// The provider verified it, or configuration says that its addresses are to be trusted.
    Reliable,
    /// Neither.
    Doubtful,
}

/// How many claim names a message lists.
const MAX_NAMES: usize = 30;

impl<'a> Claims<'a> {
    pub(super) const fn new(token: &'a Value, userinfo: Option<&'a Value>) -> Self {
        Self { token, userinfo }
    }

    /// The claim at `path`; null counts as absent.
    pub(super) fn find(&self, path: &str) -> Option<&'a Value> {
        self.sources().find_map(|source| present(source, path))
    }

    /// The claim at `path` in the form in which rules and headers use it.
    pub(super) fn text(&self, path: &str) -> Option<Claim> {
        let source = self.sources().find(|source| present(source, path).is_some())?;
        Claim::find(source, path)
    }

    /// The address at `path`.
    ///
    /// `email_verified` speaks of the `email` that stands beside it: one from userinfo says nothing about another
    /// address in the ID token, nor one for `email` about a claim of another name with another address.
    pub(super) fn email(&self, path: &str, trust: EmailTrust) -> Option<Email<'a>> {
        let address = self.find(path)?.as_str()?;
        let flags: Vec<bool> = self
            .sources()
            .filter(|source| present(source, path).is_some_and(|found| found == address))
            .filter_map(|source| {
                let flag = flag(present(source, "email_verified")?);
                let is_about_it = present(source, "email").is_none_or(|email| email == address);
                // A flag that says no counts in any case.
                (is_about_it || !flag).then_some(flag)
            })
            .collect();
        let reliable = match flags.as_slice() {
            [] => trust == EmailTrust::Unflagged,
            flags => flags.iter().all(|flag| *flag),
        };
        let standing = if reliable { EmailStanding::Reliable } else { EmailStanding::Doubtful };
        Some(Email { address, standing })
    }

    /// The names of the top-level claims, for a message.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<_> =
            self.sources().filter_map(Value::as_object).flat_map(|claims| claims.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let more = if names.len() > MAX_NAMES { ", ..." } else { "" };
        let listed: Vec<_> = names.into_iter().take(MAX_NAMES).map(|name| shown(name)).collect();
        format!("{}{more}", listed.join(", "))
    }

    fn sources(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        [Some(self.token), self.userinfo].into_iter().flatten()
    }
}

/// A path in one form: `/email` and `email` name the same claim.
pub(super) fn canonical(path: &str) -> String {
    match path.strip_prefix('/') {
        Some(name) if !name.contains('/') => name.replace("~1", "/").replace("~0", "~"),
        _ => path.to_owned(),
    }
}

fn present<'a>(source: &'a Value, path: &str) -> Option<&'a Value> {
    lookup(source, path).filter(|value| !value.is_null())
}

/// Some providers send the flag as text. Anything that is not clearly true is false.
fn flag(value: &Value) -> bool {
    *value == true || *value == "true"
}
