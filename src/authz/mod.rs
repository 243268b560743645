//! Rules: who may enter.
//!
//! A rule is three lists of terms. A term of `deny` refuses, and wins; every term of `require` must hold; any one term of
//! `allow` admits. There is no negation and no order within a list: what a rule means is read off its terms one by
//! one, and `explain` shows each of them.
//!
//! What can be told without a session is told without one: a network that is denied, or is not the one required, refuses
//! at once, since no sign-in could help. A term about a person needs a session, also one of `deny`: whoever could
//! evade it by not signing in would.

mod relation;
mod term;

use std::fmt;
use std::net::IpAddr;

pub use term::{Term, TermError};

use crate::identity::{Identity, Wanted};
use crate::web::Facts;

/// Who may enter a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    deny: Vec<Entry>,
    require: Vec<Entry>,
    allow: Vec<Entry>,
    /// The terms of `allow` as written: every line about a refusal shows them.
    text: String,
}

/// A term of a rule with its texts: every line about a decision shows one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    term: Term,
    text: String,
    nameless: String,
}

/// The lists of a rule, in the order in which they are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Any one refuses, and wins.
    Deny,
    /// All must hold.
    Require,
    /// Any one admits.
    Allow,
}

/// What a term comes to for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It is about a person, and nobody is signed in.
    NeedsSession,
}

/// What a rule says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Let in, by this term of `allow`.
    Admitted(&'a Entry),
    /// Nobody is signed in, and that is what is missing.
    SignInNeeded,
    /// Refused. Without a session only by a term that no sign-in could change.
    Refused(Refused<'a>),
}

/// Why a rule refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<'a> {
    /// This term of `deny` holds.
    Denied(&'a Entry),
    /// This term of `require` does not hold.
    Missing(&'a Entry),
    /// No term of `allow` holds.
    NotAllowed,
}

impl List {
    /// The key in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Require => "require",
            Self::Allow => "allow",
        }
    }
}

impl Rule {
    /// A rule that admits by any of these terms. Without any it admits nobody.
    #[must_use]
    pub fn new(allow: Vec<Term>) -> Self {
        let text = join(allow.iter());
        Self { allow: entries(allow), text, ..Self::default() }
    }

    /// The same rule, with terms that must hold as well.
    #[must_use]
    pub fn requiring(self, require: Vec<Term>) -> Self {
        Self { require: entries(require), ..self }
    }

    /// The same rule, with terms that refuse.
    #[must_use]
    pub fn denying(self, deny: Vec<Term>) -> Self {
        Self { deny: entries(deny), ..self }
    }

    /// The terms of a list.
    pub fn terms(&self, list: List) -> impl Iterator<Item = &Term> {
        self.entries(list).iter().map(|entry| &entry.term)
    }

    /// The terms that admit, as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nobody needs to sign in to pass.
    #[must_use]
    pub fn is_public(&self) -> bool {
        let about_people = |list| self.terms(list).any(Term::is_about_people);
        self.terms(List::Allow).any(|term| *term == Term::Everyone)
            && !about_people(List::Require)
            && !about_people(List::Deny)
    }

    /// Whether any term is about people.
    #[must_use]
    pub fn is_about_people(&self) -> bool {
        [List::Deny, List::Require, List::Allow]
            .into_iter()
            .any(|list| self.terms(list).any(Term::is_about_people))
    }

    /// Whether every request passes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_public() && self.require.is_empty() && self.deny.is_empty()
    }

    /// What each term comes to, in the order in which they are judged. [`Self::evaluate`] goes by nothing else.
    pub fn judge_each<'a>(
        &'a self,
        identity: Option<&'a Identity>,
        facts: &'a Facts,
    ) -> impl Iterator<Item = (List, &'a Entry, Outcome)> {
        let client = client(facts);
        [List::Deny, List::Require, List::Allow].into_iter().flat_map(move |list| {
            let judge = move |entry: &'a Entry| (list, entry, entry.judge(list, identity, client));
            self.entries(list).iter().map(judge)
        })
    }

    /// Judges. Pure: the same person with the same request always gets the same verdict.
    #[must_use]
    pub fn evaluate<'a>(&'a self, identity: Option<&'a Identity>, facts: &'a Facts) -> Verdict<'a> {
        let mut unknown = false;
        for (list, entry, outcome) in self.judge_each(identity, facts) {
            match (list, outcome) {
                (List::Deny, Outcome::Holds) => return Verdict::Refused(Refused::Denied(entry)),
                (List::Require, Outcome::Fails) => return Verdict::Refused(Refused::Missing(entry)),
                (List::Deny | List::Require, Outcome::NeedsSession) => unknown = true,
                (List::Allow, Outcome::Holds) if !unknown => return Verdict::Admitted(entry),
                _ => {}
            }
        }
        if identity.is_none() { Verdict::SignInNeeded } else { Verdict::Refused(Refused::NotAllowed) }
    }

    /// What the terms of `allow` look at and this person has nothing of, in words for the operator. A provider that sends
    /// no groups, or an address that it does not call verified, refuses everybody alike, and nothing else shows it.
    #[must_use]
    pub fn lacking(&self, identity: &Identity) -> Option<String> {
        let mut lacking: Vec<_> = self.terms(List::Allow).filter_map(|term| term.lacking(identity)).collect();
        lacking.sort_unstable();
        lacking.dedup();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }

    /// Adds to `wanted` what the terms need of the claims.
    pub fn want(&self, wanted: &mut Wanted) {
        for entry in self.deny.iter().chain(&self.require).chain(&self.allow) {
            match &entry.term {
                Term::Group(name) => wanted.group(name),
                Term::Claim { path, .. } => wanted.claim(path),
                Term::Everyone
                | Term::SignedIn
                | Term::User(_)
                | Term::Email(_)
                | Term::Domain(_)
                | Term::Provider(_)
                | Term::Network(_) => {}
            }
        }
    }

    const fn entries(&self, list: List) -> &Vec<Entry> {
        match list {
            List::Deny => &self.deny,
            List::Require => &self.require,
            List::Allow => &self.allow,
        }
    }
}

impl Entry {
    fn new(term: Term) -> Self {
        Self { text: term.to_string(), nameless: term.without_names(), term }
    }

    /// The term.
    #[must_use]
    pub const fn term(&self) -> &Term {
        &self.term
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

    /// What the term looks at, in words for the operator, if this person has nothing of the kind.
    #[must_use]
    pub fn lacking(&self, identity: &Identity) -> Option<String> {
        self.term.lacking(identity).map(Into::into)
    }

    fn judge(&self, list: List, identity: Option<&Identity>, client: Option<IpAddr>) -> Outcome {
        let holds = match (&self.term, client, identity) {
            (Term::Network(network), Some(client), _) => network.contains(&client),
            // Nobody knows where the client is: a network that is denied may be its own, one that is required may not.
            (Term::Network(_), None, _) => list == List::Deny,
            (Term::Everyone, ..) => true,
            (_, _, None) => return Outcome::NeedsSession,
            (term, _, Some(identity)) if list == List::Deny => term.may_mean(identity),
            (term, _, Some(identity)) => term.is_of(identity),
        };
        if holds { Outcome::Holds } else { Outcome::Fails }
    }
}

/// The client's address, as the trusted chain has it; never what a stranger says of itself.
fn client(facts: &Facts) -> Option<IpAddr> {
    facts.forwarded().client().ip()
}

fn entries(terms: Vec<Term>) -> Vec<Entry> {
    terms.into_iter().map(Entry::new).collect()
}

fn join<'a>(terms: impl Iterator<Item = &'a Term>) -> String {
    terms.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// All terms, as written: `group:staff; require network:10.0.0.0/8; deny user:mallory`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for list in [List::Require, List::Deny] {
            if !self.entries(list).is_empty() {
                write!(f, "; {} {}", list.as_str(), join(self.terms(list)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
