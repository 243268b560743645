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
        Term::Claim { path, .. } if around.email_claim.is_some_and(|email| same_claim(email, path)) => {
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
    let known = ["everyone", "signed-in", "user", "email", "domain", "group", "provider", "claim"];
    let guess = match error {
        TermError::Unknown(_) => nearest(kind, known).filter(|near| *near != kind),
        _ => None,
    };
    let guess = guess.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
    field.fault(
        Code::BadTerm,
        format!("{} {what}: {}", field.path(), quote(text)),
        format!("{guess}Terms are: {}", Term::KINDS),
    );
}
