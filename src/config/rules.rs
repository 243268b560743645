//! The rule of a route: `allow`, `require`, `deny`, and what their terms refer to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::code::Code;
use super::fault::quote;
use super::headers::same_claim;
use super::ineffective::{self, Lists};
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::routes::Around;
use crate::authz::{List, Rule, Term, TermError};

/// A term and where it stands.
pub(super) struct Written<'a> {
    pub(super) field: Field<'a>,
    pub(super) term: Term,
}

/// Closed by default: a route that says nothing is a fault, neither public nor shut.
pub(super) fn read(section: &Section<'_>, around: &Around<'_, '_>) -> Option<Rule> {
    let allow = allow(section, around);
    let optional = |list: List| match section.field(list.as_str()) {
        Some(field) => terms(&field, list, around),
        None => Some(Vec::new()),
    };
    let (require, deny) = (optional(List::Require), optional(List::Deny));
    let (allow, require, deny) = (allow?, require?, deny?);
    ineffective::check(&Lists { allow: &allow, require: &require, deny: &deny });
    let rule = Rule::new(plain(&allow)).requiring(plain(&require)).denying(plain(&deny));
    let about_people = |list| rule.terms(list).any(Term::is_about_people);
    let list = [List::Allow, List::Require, List::Deny].into_iter().find(|list| about_people(*list));
    if let Some(list) = list.filter(|_| around.providers.is_empty()) {
        let field = section.field(list.as_str())?;
        let help = match list {
            List::Allow => {
                "add [providers.main] with issuer, client_id and client_secret, or write allow = [\"everyone\"]"
            }
            List::Require | List::Deny => {
                "add [providers.main] with issuer, client_id and client_secret, or keep only network: terms here"
            }
        };
        let message = format!("{} needs people to sign in, and there is no provider", section.path());
        field.fault(Code::NoProvider, message, help);
        return None;
    }
    Some(rule)
}

/// The terms of `allow`, of which there must be one.
fn allow<'a>(section: &Section<'a>, around: &Around<'_, '_>) -> Option<Vec<Written<'a>>> {
    let example = example(List::Allow);
    let Some(field) = section.field("allow") else {
        section.missing(
            "allow",
            Code::NoAllow,
            format!("{} says no one and nothing about who may enter", section.path()),
            "add allow = [\"signed-in\"], a group, or [\"everyone\"] if it is meant to be public",
        );
        return None;
    };
    if field.is_empty_list() {
        field.fault(
            Code::EmptyAllow,
            format!("{} is empty, so nobody may enter", field.path()),
            format!("name who may, for example: {example}; to close the route, remove it"),
        );
        return None;
    }
    terms(&field, List::Allow, around).filter(|terms| !terms.is_empty())
}

const fn example(list: List) -> &'static str {
    match list {
        List::Allow => "allow = [\"group:staff\"]",
        List::Require => "require = [\"network:10.0.0.0/8\"]",
        List::Deny => "deny = [\"group:guests\"]",
    }
}

fn plain(terms: &[Written<'_>]) -> Vec<Term> {
    terms.iter().map(|written| written.term.clone()).collect()
}

fn terms<'a>(field: &Field<'a>, list: List, around: &Around<'_, '_>) -> Option<Vec<Written<'a>>> {
    let items = field.items(example(list));
    if items.is_empty() && !field.is_empty_list() {
        return None;
    }
    let terms: Vec<Option<Written<'a>>> = items
        .into_iter()
        .map(|field| {
            let term = term(&field, list, around)?;
            Some(Written { field, term })
        })
        .collect();
    terms.into_iter().collect()
}

fn term(field: &Field<'_>, list: List, around: &Around<'_, '_>) -> Option<Term> {
    let text = field.text("a term", example(list))?;
    if has_outer_space(text) {
        field.fault(
            Code::BadTerm,
            format!("{} holds white space around a part: {}", field.path(), quote(text)),
            format!("write it without. Terms are: {}", Term::KINDS),
        );
        return None;
    }
    let term = match text.parse::<Term>() {
        Ok(term) if !text.chars().any(char::is_control) => term,
        Ok(_) => {
            field.fault(
                Code::BadTerm,
                format!("{} holds a control character", field.path()),
                format!("Terms are: {}", Term::KINDS),
            );
            return None;
        }
        Err(error) => {
            bad_term(field, text, &error);
            return None;
        }
    };
    if let Some((wrong, help)) = misplaced(list, &term) {
        field.fault(Code::TermPlace, format!("{} is {}, which {wrong}", field.path(), quote(text)), help);
        return None;
    }
    match &term {
        Term::Network(_) if around.listen.has_unknown_clients() => {
            field.fault(
                Code::UnixClient,
                format!("{} asks for a network, and clients of the Unix socket in listen.http have no address", field.path()),
                "add \"unix\" to listen.trusted_proxies if a proxy stands in front that names them, else remove the term",
            );
            None
        }
        Term::Provider(name)
            if !around.providers.is_empty() && !around.providers.contains(&name.as_str()) =>
        {
            let guess = nearest(name, around.providers.iter().copied());
            let guess = guess.map(|near| format!("did you mean provider:{near}? ")).unwrap_or_default();
            field.fault(
                Code::ProviderTerm,
                format!("{} names {}, which is no provider", field.path(), quote(name)),
                format!("{guess}Providers here: {}", around.providers.join(", ")),
            );
            None
        }
        Term::Claim { path, .. } if around.email_claims.iter().any(|email| same_claim(email, path)) => {
            field.warning(
                Code::RawEmail,
                format!("{} compares the e-mail address whether it is verified or not", field.path()),
                "write email:ADDRESS or domain:NAME, which match verified addresses only",
            );
            Some(term)
        }
        _ => Some(term),
    }
}

/// What is wrong with a term in this list, whatever stands beside it, and the remedy.
const fn misplaced(list: List, term: &Term) -> Option<(&'static str, &'static str)> {
    Some(match (list, term) {
        (List::Allow, Term::Network(_)) => (
            "says where somebody is and not who",
            "put it into require; allow = [\"everyone\"] then lets in whoever comes from there",
        ),
        (List::Require, Term::Everyone) => ("holds for everybody, so it requires nothing", "remove it"),
        (List::Require, Term::SignedIn) => (
            "allow says already",
            "remove it, and write allow = [\"signed-in\"] if whoever signs in may enter",
        ),
        (List::Deny, Term::Everyone | Term::SignedIn) => {
            ("leaves nobody who may enter", "name those who may not; to close the route, remove it")
        }
        _ => return None,
    })
}

fn bad_term(field: &Field<'_>, text: &str, error: &TermError) {
    let what = match error {
        TermError::Unknown(_) => "is no term",
        TermError::NoValue(_) => "lacks its value",
        TermError::NoEmail(_) => "is no e-mail address with exactly one @",
        TermError::NoDomain(_) => "is no domain name",
        TermError::NoClaim => "lacks the value that the claim must have",
        TermError::NoNetwork(_) => "is no address and no network",
        TermError::HostBits(_) => "names one host and a network at once",
        TermError::MappedNetwork(_) => "is an IPv4 network in IPv6 form, which no client is in",
    };
    let kind = text.split(':').next().unwrap_or_default();
    let guess = match error {
        TermError::Unknown(_) => guess(text, kind),
        TermError::HostBits(network) => format!(
            "write network:{} for the network, network:{} for the host. ",
            network.trunc(),
            network.addr()
        ),
        TermError::MappedNetwork(network) => unmapped(network),
        _ => String::new(),
    };
    field.fault(
        Code::BadTerm,
        format!("{} {what}: {}", field.path(), quote(text)),
        format!("{guess}Terms are: {}", Term::KINDS),
    );
}

/// The same network as clients are compared with it.
fn unmapped(network: &IpNet) -> String {
    let IpNet::V6(mapped) = network else { return String::new() };
    let address = mapped.addr().to_ipv4_mapped().map(IpAddr::from);
    let network =
        address.and_then(|address| IpNet::new(address, mapped.prefix_len().saturating_sub(96)).ok());
    network.map(|network| format!("write network:{network}. ")).unwrap_or_default()
}

/// What somebody may have meant who wrote no term: a slip, another product's word, or a name without its kind.
fn guess(text: &str, kind: &str) -> String {
    const KINDS: [&str; 9] =
        ["everyone", "signed-in", "user", "email", "domain", "group", "provider", "claim", "network"];
    // Elsewhere these mean whoever signs in as often as whoever comes: the difference has to be said.
    const ANYBODY: [&str; 6] = ["*", "all", "any", "anyone", "anybody", "public"];
    const SIGNED_IN: [&str; 4] = ["authenticated", "logged-in", "valid-user", "users"];
    let lower = text.to_ascii_lowercase();
    if ANYBODY.contains(&lower.as_str()) {
        return "did you mean signed-in, or everyone (without a sign-in)? ".to_owned();
    }
    if SIGNED_IN.contains(&lower.as_str()) {
        return "did you mean signed-in? ".to_owned();
    }
    match nearest(kind, KINDS).filter(|near| *near != kind) {
        Some(near) => format!("did you mean {near}? "),
        None if text == kind && !text.is_empty() => {
            format!("a group is written {}. ", quote(&format!("group:{text}")))
        }
        None => String::new(),
    }
}

/// Whether a part of the text begins or ends with white space, so that it would match nobody. A value may hold the
/// separators: only the first of each counts.
fn has_outer_space(text: &str) -> bool {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    let (name, value) = match kind {
        "claim" => value.split_once('=').unwrap_or((value, "")),
        _ => ("", value),
    };
    [kind, name, value].iter().any(|part| part.trim() != *part)
}
