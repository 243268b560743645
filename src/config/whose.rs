//! Whose sessions count on a route: its `providers`, and the terms that name one.

use figment::value::Value;

use super::code::Code;
use super::fault::quote;
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::routes::Around;
use crate::authz::{Rule, Term};
use crate::identity::ProviderName;

const EXAMPLE: &str = "providers = [\"main\"]";

/// The providers of a route. `alice` of one provider need not be `alice` of another: where there are several, a route
/// that tells people apart has to say whose.
pub(super) fn read(
    section: &Section<'_>,
    rule: Option<&Rule>,
    around: &Around<'_, '_>,
) -> Option<Vec<ProviderName>> {
    let Some(field) = section.field("providers") else {
        let everyone = rule.is_none_or(|rule| !rule.is_about_people());
        return match around.providers {
            [only] => Some(vec![ProviderName::new(only)]),
            several if several.is_empty() || everyone => Some(Vec::new()),
            several => {
                section.missing(
                    "providers",
                    Code::Whose,
                    format!("{} does not say whose people it is for, and there are {} providers", section.path(), several.len()),
                    format!(
                        "add providers = [\"{}\"], or the several whose people are meant: one alice is not the other. \
                         Providers here: {}",
                        several.first().copied().unwrap_or_default(),
                        several.join(", ")
                    ),
                );
                None
            }
        };
    };
    let mut found: Vec<ProviderName> = Vec::new();
    for item in field.items(EXAMPLE) {
        let name = item.text("the name of a provider", EXAMPLE)?;
        if !around.providers.contains(&name) {
            unknown(&item, name, around);
            return None;
        }
        let name = ProviderName::new(name);
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if field.is_empty_list() {
        field.fault(
            Code::Whose,
            format!("{} names no provider", field.path()),
            "name one, or leave the key out",
        );
    }
    refuse_strange_terms(section, &found, around);
    (!found.is_empty()).then_some(found)
}

fn unknown(item: &Field<'_>, name: &str, around: &Around<'_, '_>) {
    let help = if around.providers.is_empty() {
        "there is none here: add [providers.main], or leave the key out".to_owned()
    } else {
        let guess = nearest(name, around.providers.iter().copied());
        let guess = guess.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        format!("{guess}Providers here: {}", around.providers.join(", "))
    };
    item.fault(
        Code::UnknownProvider,
        format!("{} is {}, which is no provider", item.path(), quote(name)),
        help,
    );
}

/// A `provider:` term of a provider whose sessions do not count on the route can never match.
fn refuse_strange_terms(section: &Section<'_>, found: &[ProviderName], around: &Around<'_, '_>) {
    for key in ["allow", "require", "deny"] {
        let list = section.field(key).filter(|field| matches!(field.value(), Value::Array(..)));
        for item in list.iter().flat_map(|field| field.items(EXAMPLE)) {
            let Value::String(_, text) = item.value() else { continue };
            let Ok(Term::Provider(name)) = text.parse::<Term>() else { continue };
            let is_known = around.providers.contains(&name.as_str());
            if is_known && !found.iter().any(|own| own.as_str() == name) {
                item.fault(
                    Code::NeverMatches,
                    format!(
                        "{} is {}, and sessions of that provider do not count here",
                        item.path(),
                        quote(text)
                    ),
                    format!("add \"{name}\" to {}.providers, or remove the term", section.path()),
                );
            }
        }
    }
}
