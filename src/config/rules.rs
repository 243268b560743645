//! The rule of a route: `allow`, and what its terms refer to.

use super::code::Code;
use super::fault::quote;
use super::headers::same_claim;
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::routes::Around;
use crate::authz::{Rule, Term, TermError};

const EXAMPLE: &str = "allow = [\"group:staff\"]";

/// Closed by default: a route that says nothing is a fault, neither public nor shut.
pub(super) fn read(section: &Section<'_>, around: &Around<'_, '_>) -> Option<Rule> {
    let Some(field) = section.field("allow") else {
        section.missing(
            "allow",
            Code::NoAllow,
            format!("{} says no one and nothing about who may enter", section.path()),
            "add allow = [\"signed-in\"], a group, or [\"everyone\"] if it is meant to be public",
        );
        return None;
    };
    let items = field.items(EXAMPLE);
    if items.is_empty() {
        if field.is_empty_list() {
            field.fault(
                Code::EmptyAllow,
                format!("{} is empty, so nobody may enter", field.path()),
                format!("name who may, for example: {EXAMPLE}; to close the route, remove it"),
            );
        }
        return None;
    }
    let terms: Vec<Option<Term>> = items.iter().map(|item| term(item, around)).collect();
    let terms = terms.into_iter().collect::<Option<Vec<Term>>>()?;
    if around.providers.is_empty() && terms != [Term::Everyone] {
        field.fault(
            Code::NoProvider,
            format!("{} needs people to sign in, and there is no provider", section.path()),
            "add [providers.main] with issuer, client_id and client_secret, or write allow = [\"everyone\"]",
        );
        return None;
    }
    Some(Rule::new(terms))
}

fn term(field: &Field<'_>, around: &Around<'_, '_>) -> Option<Term> {
    let text = field.text("a term", EXAMPLE)?;
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
    match &term {
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

fn bad_term(field: &Field<'_>, text: &str, error: &TermError) {
    let what = match error {
        TermError::Unknown(_) => "is no term",
        TermError::NoValue(_) => "lacks its value",
        TermError::NoEmail(_) => "is no e-mail address with exactly one @",
        TermError::NoDomain(_) => "is no domain name",
        TermError::NoClaim => "lacks the value that the claim must have",
    };
    let kind = text.split(':').next().unwrap_or_default();
    let guess = match error {
        TermError::Unknown(_) => guess(text, kind),
        _ => String::new(),
    };
    field.fault(
        Code::BadTerm,
        format!("{} {what}: {}", field.path(), quote(text)),
        format!("{guess}Terms are: {}", Term::KINDS),
    );
}

/// What somebody may have meant who wrote no term: a slip, another product's word, or a name without its kind.
fn guess(text: &str, kind: &str) -> String {
    const KINDS: [&str; 8] =
        ["everyone", "signed-in", "user", "email", "domain", "group", "provider", "claim"];
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
