//! Mapping: from what a provider said to what we vouch for.

use serde_json::Value;

use super::claims::{Claims, EmailStanding, canonical};
use super::error::LoginError;
use super::settings::Settings;
use crate::identity::{Claim, Wanted};

/// What is kept of a person's claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) user: String,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) claims: Vec<Claim>,
}

/// The longest user and the longest name, in bytes.
const MAX_USER: usize = 256;

/// The longest address, in bytes (RFC 5321 section 4.5.3.1.3, less the brackets).
const MAX_EMAIL: usize = 254;

/// The most groups that are kept.
const MAX_GROUPS: usize = 5000;

/// The most bytes of all groups together.
const MAX_GROUP_BYTES: usize = 64 * 1024;

/// Maps the claims. Only what `wanted` asks for is kept.
pub(super) fn map(settings: &Settings, wanted: &Wanted, claims: &Claims<'_>) -> Result<Mapped, LoginError> {
    Ok(Mapped {
        user: user(settings, claims)?,
        email: email(settings, claims),
        name: claims
            .find("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty() && name.len() <= MAX_USER && !has_control(name))
            .map(str::to_owned),
        groups: groups(settings, wanted, claims)?,
        claims: wanted.claims().filter_map(|path| claims.text(path)).collect(),
    })
}

/// Whether the ID token leaves open something that userinfo may know.
pub(super) fn lacks(settings: &Settings, wanted: &Wanted, claims: &Claims<'_>) -> bool {
    let no_email = || {
        claims
            .email(&settings.email_claim, settings.email_trust)
            .is_none_or(|email| email.standing == EmailStanding::Doubtful)
    };
    let no_groups =
        || wanted.wants_groups() && settings.groups_claims.iter().all(|path| claims.find(path).is_none());
    claims.find(&settings.user_claim).is_none()
        || no_email()
        || no_groups()
        || wanted.claims().any(|path| claims.find(path).is_none())
}

fn user(settings: &Settings, claims: &Claims<'_>) -> Result<String, LoginError> {
    let path = settings.user_claim.as_str();
    let claim = || path.to_owned();
    let user = claims.find(path).and_then(Value::as_str).filter(|user| !user.trim().is_empty());
    let Some(user) = user else {
        let (provider, present) = (settings.name.clone(), claims.names());
        return Err(LoginError::NoUser { provider, claim: claim(), present });
    };
    if user.len() > MAX_USER {
        return Err(LoginError::TooLong { claim: claim(), limit: MAX_USER });
    }
    // A header field loses the space at its ends: " alice" would arrive as alice.
    if has_control(user) || user.trim() != user {
        return Err(LoginError::ControlCharacter { claim: claim() });
    }
    let named = canonical(path);
    if named == canonical(&settings.email_claim) || named == "email" {
        let email = claims.email(path, settings.email_trust);
        if email.is_none_or(|email| email.standing == EmailStanding::Doubtful) {
            return Err(LoginError::EmailUnverified { claim: claim() });
        }
    }
    Ok(user.to_owned())
}

fn email(settings: &Settings, claims: &Claims<'_>) -> Option<String> {
    claims
        .email(&settings.email_claim, settings.email_trust)
        .filter(|email| email.standing == EmailStanding::Reliable)
        .map(|email| email.address)
        .filter(|address| !address.is_empty() && address.len() <= MAX_EMAIL)
        .filter(|address| !address.chars().any(|c| c.is_control() || c.is_whitespace()))
        .map(str::to_owned)
}

fn groups(settings: &Settings, wanted: &Wanted, claims: &Claims<'_>) -> Result<Vec<String>, LoginError> {
    let mut groups: Vec<String> = Vec::new();
    for value in settings.groups_claims.iter().filter_map(|path| claims.find(path)) {
        let names: Vec<&str> = match value {
            Value::String(name) => vec![name],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::Object(members) => members.keys().map(String::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        };
        // As for users: a name that would arrive as another one is no group.
        let clean = |name: &&str| !name.is_empty() && !has_control(name) && name.trim() == *name;
        groups.extend(
            names.into_iter().filter(clean).filter(|name| wanted.keeps_group(name)).map(str::to_owned),
        );
    }
    let mut seen = std::collections::HashSet::new();
    groups.retain(|name| seen.insert(name.clone()));
    let bytes = groups.iter().map(String::len).sum();
    if groups.len() > MAX_GROUPS || bytes > MAX_GROUP_BYTES {
        return Err(LoginError::TooManyGroups { count: groups.len(), bytes });
    }
    Ok(groups)
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
