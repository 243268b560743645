//! Denials: what the words of the route table and of the gate come to as refusals. Whoever answers a request asks here,
//! and so does whoever explains one.

use std::sync::Arc;

use super::gateway::Generation;
use super::refusal::{NotAllowed, Refusal};
use crate::authz::{List, Refused, Term};
use crate::gate::{Denial, Found, Route, RuleNaming};
use crate::oidc::Provider;
use crate::session::Session;
use crate::web::Facts;

/// The route that a request is for.
pub(super) fn route<'g>(generation: &'g Generation, facts: &Facts) -> Result<&'g Arc<Route>, Refusal> {
    match generation.routes.find(facts.host(), facts.path(), facts.method()) {
        Found::Route(route) => Ok(route),
        Found::UnknownHost => Err(Refusal::UnknownHost(facts.host().clone())),
        Found::UnknownPath => Err(Refusal::NotFound),
        Found::OtherMethods(methods) => Err(Refusal::MethodNotAllowed(methods)),
        Found::Doubtful => {
            let reason = "the path holds an encoded slash, or names another route when it is decoded further, or not at all, or read in another case";
            Err(Refusal::BadPath(reason.to_owned()))
        }
    }
}

/// What the gate's denial says, and to whom.
pub(super) fn refusal(
    generation: &Generation,
    route: &Route,
    session: Option<&Session>,
    denial: Denial<'_>,
) -> Refusal {
    match denial {
        Denial::SignInNeeded => Refusal::SignInNeeded,
        Denial::Refused(why) => refused(generation, route, why, session),
        Denial::WrongProvider => wrong_provider(generation, route, session),
        Denial::ForeignOrigin => Refusal::ForeignForm { go_on: "/".to_owned() },
        Denial::ForeignWebSocket => Refusal::ForeignWebSocket,
    }
}

/// What a refusal by the rule says, and to whom.
fn refused(generation: &Generation, route: &Route, why: Refused<'_>, session: Option<&Session>) -> Refusal {
    let word = match why {
        Refused::Denied(_) => "denied",
        Refused::Missing(_) => "requirement_missed",
        Refused::NotAllowed => "not_allowed",
    };
    let names = route.options().naming == RuleNaming::Shown;
    let by_place = match why {
        Refused::Denied(entry) | Refused::Missing(entry) => !entry.term().is_about_people(),
        Refused::NotAllowed => false,
    };
    let Some(identity) = session.map(Session::identity).filter(|_| !by_place) else {
        return Refusal::Barred { word, by_place: by_place && names };
    };
    let needs = match why {
        // Whom a page is not for is nobody's business.
        Refused::Denied(_) => Vec::new(),
        _ if !names => Vec::new(),
        Refused::Missing(entry) => vec![entry.term().in_words()],
        Refused::NotAllowed => route.rule().terms(List::Allow).map(Term::in_words).collect(),
    };
    let lacking = match why {
        Refused::Denied(_) => None,
        Refused::Missing(entry) => entry.lacking(identity),
        Refused::NotAllowed => route.rule().lacking(identity),
    };
    let (user, provider) = (identity.user().to_owned(), provider_of(generation, session));
    Refusal::NotAllowed(Box::new(NotAllowed { word, user, provider, needs, lacking }))
}

fn wrong_provider(generation: &Generation, route: &Route, session: Option<&Session>) -> Refusal {
    let user = session.map(|session| session.identity().user().to_owned());
    let accepted = generation.providers.among(route.providers()).into_iter().map(Arc::clone);
    Refusal::WrongProvider {
        user: user.unwrap_or_default(),
        provider: provider_of(generation, session),
        accepted: accepted.collect(),
    }
}

/// The provider that a session came from.
fn provider_of(generation: &Generation, session: Option<&Session>) -> Option<Arc<Provider>> {
    generation.providers.of(session?).cloned()
}
