//! Rules: who may enter.
//!
//! A rule is a list of terms, any one of which admits. There is no negation and no order: what a rule means is read off
//! its terms one by one, and `explain` shows each of them.

mod term;

use std::fmt;

pub use term::{Term, TermError};

use crate::identity::{Identity, Wanted};

/// Who may enter a route: any one term admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    allow: Vec<Entry>,
    /// The terms as written: every line about a refusal shows them.
    text: String,
}

/// A term of a rule with its texts: every line about a decision shows one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    term: Term,
    text: String,
    nameless: String,
}

/// What a rule says about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Let in, by this term.
    Admitted(&'a Entry),
    /// Nobody is signed in, and that is what is missing.
    SignInNeeded,
    /// Signed in, and no term matches.
    Refused,
}

impl Rule {
    /// A rule of these terms. Without any it admits nobody.
    #[must_use]
    pub fn new(allow: Vec<Term>) -> Self {
        let text = allow.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Self { allow: allow.into_iter().map(Entry::new).collect(), text }
    }

    /// The terms that admit.
    pub fn allow(&self) -> impl Iterator<Item = &Term> {
        self.allow.iter().map(|entry| &entry.term)
    }

    /// The terms, as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether everybody may enter, signed in or not.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.allow().any(|term| *term == Term::Everyone)
    }

    /// Judges. Pure: the same person always gets the same verdict.
    #[must_use]
    pub fn evaluate(&self, identity: Option<&Identity>) -> Verdict<'_> {
        match (self.allow.iter().find(|entry| entry.term.admits(identity)), identity) {
            (Some(entry), _) => Verdict::Admitted(entry),
            (None, None) => Verdict::SignInNeeded,
            (None, Some(_)) => Verdict::Refused,
        }
    }

    /// What the terms look at and this person has nothing of, in words for the operator. A provider that sends no
    /// groups, or an address that it does not call verified, refuses everybody alike, and nothing else shows it.
    #[must_use]
    pub fn lacking(&self, identity: &Identity) -> Option<String> {
        let mut lacking: Vec<_> = self.allow().filter_map(|term| term.lacking(identity)).collect();
        lacking.sort_unstable();
        lacking.dedup();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }

    /// Adds to `wanted` what the terms need of the claims.
    pub fn want(&self, wanted: &mut Wanted) {
        for term in self.allow() {
            match term {
                Term::Group(name) => wanted.group(name),
                Term::Claim { path, .. } => wanted.claim(path),
                Term::Everyone
                | Term::SignedIn
                | Term::User(_)
                | Term::Email(_)
                | Term::Domain(_)
                | Term::Provider(_) => {}
            }
        }
    }
}

impl Entry {
    fn new(term: Term) -> Self {
        Self { text: term.to_string(), nameless: term.without_names(), term }
    }

    /// The term as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The term for a log that names nobody.
    #[must_use]
    pub fn nameless(&self) -> &str {
        &self.nameless
    }
}

/// The terms, as written.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
