//! Ineffective: what stands in a rule and decides nothing, and rules that let nobody in.
//!
//! Somebody wrote the term for a reason, and mostly another one than it has: `["everyone", "group:staff"]` was meant to
//! ask for both. So what opens more, or closes more, than it seems to is a fault; what is merely said twice, a warning.

use super::code::Code;
use super::rules::Written;
use crate::authz::Term;

/// The terms of a rule, as written.
pub(super) struct Lists<'a, 'b> {
    pub(super) allow: &'b [Written<'a>],
    pub(super) require: &'b [Written<'a>],
    pub(super) deny: &'b [Written<'a>],
}

/// What is wrong with a term.
struct Finding {
    severity: Severity,
    code: Code,
    message: String,
    help: String,
}

enum Severity {
    Fault,
    Warning,
}

impl Finding {
    fn fault(code: Code, message: String, help: impl Into<String>) -> Self {
        Self { severity: Severity::Fault, code, message, help: help.into() }
    }

    fn warning(message: String, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code: Code::IdleTerm, message, help: help.into() }
    }
}

/// Reports what is idle, at most one thing about each term.
pub(super) fn check(lists: &Lists<'_, '_>) {
    type Find = fn(&Lists<'_, '_>, usize) -> Option<Finding>;
    let all: [(&[Written<'_>], Find); 3] = [
        (lists.allow, |lists, at| lists.in_allow(at)),
        (lists.require, |lists, at| lists.in_require(at)),
        (lists.deny, |lists, at| lists.in_deny(at)),
    ];
    for (list, find) in all {
        for (at, written) in list.iter().enumerate() {
            let Some(Finding { severity, code, message, help }) = find(lists, at) else { continue };
            let message = format!("{} is {}, {message}", written.field.path(), written.term);
            match severity {
                Severity::Fault => written.field.fault(code, message, help),
                Severity::Warning => written.field.warning(code, message, help),
            }
        }
    }
}

impl Lists<'_, '_> {
    fn in_allow(&self, at: usize) -> Option<Finding> {
        let own = &self.allow.get(at)?.term;
        if let Some(deny) = self.deny.iter().find(|deny| own.implies(&deny.term)) {
            return Some(Finding::fault(
                Code::IdleTerm,
                format!("and deny refuses whoever is by {}", deny.term),
                "remove one of the two: deny wins",
            ));
        }
        if let Some(require) = self.require.iter().find(|require| own.excludes(&require.term)) {
            return Some(Finding::fault(
                Code::IdleTerm,
                format!("and nobody is that and {}, which require asks for", require.term),
                "remove one of the two: all of require must hold as well",
            ));
        }
        if let Some(wider) = covering(self.allow, at) {
            let message = format!("which decides nothing beside {wider}");
            return Some(match wider {
                Term::Everyone | Term::SignedIn => Finding::fault(
                    Code::IdleTerm,
                    message,
                    format!(
                        "any one term of allow admits: remove {wider} to let in only these, or remove this term"
                    ),
                ),
                _ => Finding::warning(message, "remove it, or move it to require if both must hold"),
            });
        }
        let asks = |list: &[Written<'_>]| list.iter().any(|other| other.term.is_about_people());
        (*own == Term::Everyone && (asks(self.require) || asks(self.deny))).then(|| {
            Finding::warning(
                "but people have to sign in for the terms of require or deny".to_owned(),
                "write allow = [\"signed-in\"], which is what it comes to",
            )
        })
    }

    fn in_require(&self, at: usize) -> Option<Finding> {
        let own = &self.require.get(at)?.term;
        if let Some(other) = self.require.iter().take(at).find(|other| own.excludes(&other.term)) {
            return Some(Finding::fault(
                Code::NobodyEnters,
                format!("and nobody is that and {}", other.term),
                "all of require must hold: keep one of them; alternatives are written in allow, or as routes of their own",
            ));
        }
        if let Some(deny) = self.deny.iter().find(|deny| own.implies(&deny.term)) {
            return Some(Finding::fault(
                Code::NobodyEnters,
                format!("and deny refuses whoever is by {}", deny.term),
                "remove one of the two: deny wins",
            ));
        }
        let narrower = self.require.iter().enumerate().find(|(other, term)| {
            *other != at && term.term.implies(own) && (!own.implies(&term.term) || *other < at)
        });
        if let Some((_, narrower)) = narrower {
            let message = format!("which holds wherever {} does", narrower.term);
            return Some(Finding::warning(message, "remove it"));
        }
        if self.allow.iter().all(|allow| allow.term.implies(own)) {
            let message = "which holds for whomever allow admits".to_owned();
            return Some(Finding::warning(message, "remove it"));
        }
        is_whole_family(own).then(|| {
            Finding::warning("which every client of its kind is in".to_owned(), "name a smaller network")
        })
    }

    fn in_deny(&self, at: usize) -> Option<Finding> {
        let own = &self.deny.get(at)?.term;
        if let Some(wider) = covering(self.deny, at) {
            let message = format!("which decides nothing beside {wider}");
            return Some(Finding::warning(message, "remove it"));
        }
        let nobody = |other: &Written<'_>| own.excludes(&other.term);
        if self.allow.iter().all(nobody) || self.require.iter().any(nobody) {
            let message = "and nobody is that whom allow and require let in".to_owned();
            return Some(Finding::warning(message, "remove it"));
        }
        is_whole_family(own).then(|| {
            Finding::warning("which every client of its kind is in".to_owned(), "name a smaller network")
        })
    }
}

/// A term of the list that covers the one at this place. Of two that say the same, the later one is covered.
fn covering<'b>(list: &'b [Written<'_>], at: usize) -> Option<&'b Term> {
    let own = &list.get(at)?.term;
    let covers = |(other, term): &(usize, &Written<'_>)| {
        *other != at && own.implies(&term.term) && (!term.term.implies(own) || *other < at)
    };
    list.iter().enumerate().find(covers).map(|(_, term)| &term.term)
}

fn is_whole_family(term: &Term) -> bool {
    matches!(term, Term::Network(network) if network.prefix_len() == 0)
}
