//! Which provider: the page on which a person chooses one, and the ways that need no choice.

use std::borrow::Cow;

use http::{HeaderMap, Method, Response, StatusCode};

use super::answer::{self, Body};
use super::gateway::Shared;
use super::links::{sign_in_link, start_link};
use super::login::{self, Account};
use super::refusal::Refusal;
use super::session::{self, Absence};
use super::settings::Chooser;
use super::visit::{Ending, Visit};
use super::{onward, own};
use crate::audit::EventName;
use crate::gate::{Found, Route};
use crate::identity::ProviderName;
use crate::pages::{Choice, Link, Page};
use crate::web::{CanonicalPath, RequestKind, ReturnTo};

/// What a page load asks `/start` or `/sign_in` for.
struct Asked {
    to: ReturnTo,
    account: Account,
}

/// `/start`: sends a page load to the provider that it names, or to the only one that counts where it ends.
pub(super) async fn start(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let Some(Asked { to, account }) = asked(visit) else {
        return own::refuse(shared, visit, &Refusal::SignInNeeded);
    };
    let generation = visit.generation();
    let provider = match own::parameter(visit.facts().query(), "provider") {
        Some(name) => {
            let Some(provider) = generation.providers.get(&name) else {
                let start_again = sign_in_link(&generation.login.path, to.as_str(), None);
                return own::refuse(shared, visit, &Refusal::UnknownProvider { start_again });
            };
            provider
        }
        None => match generation.providers.among(&accepted(visit, &to))[..] {
            [only] => only,
            _ => return to_chooser(shared, visit, &to, account, &Ending::new("sign_in")),
        },
    };
    let absence = session::present(shared, visit, headers).err();
    login::start(shared, visit, headers, provider, absence, &to, account).await
}

/// `/sign_in`: shows the chooser, if there is something to choose.
pub(super) async fn sign_in(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let generation = visit.generation();
    let Some(Asked { to, account }) = asked(visit) else {
        return own::refuse(shared, visit, &Refusal::SignInNeeded);
    };
    if !generation.providers.are_several() && generation.login.chooser == Chooser::Auto {
        return start(shared, visit, headers).await;
    }
    if let Some(page) = onward::once_more(shared, visit, headers) {
        return page;
    }
    let place = shown(&to);
    let names = accepted(visit, &to);
    let presented = session::present(shared, visit, headers);
    let standing = presented.as_ref().ok().filter(|presented| presented.is_fresh());
    if let Some(presented) = standing
        && account == Account::Any
        && (names.is_empty() || names.contains(presented.session().identity().provider()))
    {
        let switch = start_link(&generation.login.path, to.as_str(), Some("switch=1"));
        let shown = Page::AlreadySignedIn {
            user: presented.session().identity().user(),
            provider_title: generation.providers.title_of(presented.session()),
            return_to: place.as_deref(),
            go_on: onward::link(&to),
            switch_account: Link::here(&switch),
        };
        return own::page(shared, visit, &shown);
    }
    let choices = generation.providers.among(&names);
    // Whoever is signed in with another provider gives that session up: by a press of their own only.
    if let [only] = choices[..]
        && generation.login.chooser == Chooser::Auto
        && (standing.is_none() || account == Account::Other)
    {
        return login::start(shared, visit, headers, only, presented.err(), &to, account).await;
    }
    let last = session::last_provider(generation, visit.facts().host(), headers);
    let switch = if account == Account::Other { "&switch=1" } else { "" };
    let mut entries: Vec<(&str, bool, String)> = choices
        .iter()
        .map(|provider| {
            let more = format!("provider={}{switch}", provider.name());
            let start = start_link(&generation.login.path, to.as_str(), Some(&more));
            (provider.title(), last.as_ref() == Some(provider.name()), start)
        })
        .collect();
    entries.sort_by_key(|(_, is_last, _)| !is_last);
    let choices: Vec<Choice<'_>> = entries
        .iter()
        .map(|(title, last_used, start)| Choice { title, last_used: *last_used, start: Link::here(start) })
        .collect();
    own::page(shared, visit, &Page::Chooser { return_to: place.as_deref(), choices: &choices })
}

/// Sends a page load that needs a sign-in to the one provider that counts there, or to the chooser. The chooser has an
/// address of its own, which survives a reload and the back button.
pub(super) async fn sign_in_first(
    shared: &Shared,
    visit: &Visit,
    headers: &HeaderMap,
    absence: Option<Absence>,
    to: &ReturnTo,
    route: Option<&Route>,
) -> Response<Body> {
    if let Some(page) = onward::once_more(shared, visit, headers) {
        return page;
    }
    let generation = visit.generation();
    let names = route.map(Route::providers).unwrap_or_default();
    match (&generation.providers.among(names)[..], generation.login.chooser) {
        ([], _) => own::refuse(shared, visit, &Refusal::NotFound),
        ([only], Chooser::Auto) => {
            login::start(shared, visit, headers, only, absence, to, Account::Any).await
        }
        _ => {
            let mut event = visit.event(EventName::AccessDenied);
            event.reason = Some("sign_in_required");
            visit.record(&event);
            to_chooser(shared, visit, to, Account::Any, &Ending::new("sign_in"))
        }
    }
}

fn to_chooser(
    shared: &Shared,
    visit: &Visit,
    to: &ReturnTo,
    account: Account,
    ending: &Ending<'_>,
) -> Response<Body> {
    let more = (account == Account::Other).then_some("switch=1");
    let chooser = sign_in_link(&visit.generation().login.path, to.as_str(), more);
    visit.finish(&shared.clock, answer::redirect(StatusCode::FOUND, &chooser), ending)
}

/// What a page load asks for; nothing for any other request.
fn asked(visit: &Visit) -> Option<Asked> {
    if visit.facts().kind() != RequestKind::Navigation {
        return None;
    }
    let query = visit.facts().query();
    let to = login::return_to(visit, own::parameter(query, "rd").as_deref());
    let account = match own::parameter(query, "switch").as_deref() {
        Some("1") => Account::Other,
        _ => Account::Any,
    };
    Some(Asked { to, account })
}

/// The providers that count where a sign-in ends. None means all of them: the place is one of ours, or open to
/// everyone.
fn accepted(visit: &Visit, to: &ReturnTo) -> Vec<ProviderName> {
    let host = to.host().unwrap_or_else(|| visit.facts().host().clone());
    let Ok(path) = CanonicalPath::parse(to.path_only()) else { return Vec::new() };
    match visit.generation().routes.find(&host, &path, &Method::GET) {
        Found::Route(route) => route.providers().to_vec(),
        _ => Vec::new(),
    }
}

/// The place that a person is told about: a path, after its host where that is another one; nothing for the start page.
fn shown(to: &ReturnTo) -> Option<Cow<'_, str>> {
    match (to.host(), to.path_only()) {
        (None, "/") => None,
        (None, path) => Some(Cow::Borrowed(path)),
        (Some(host), "/") => Some(Cow::Owned(host.to_string())),
        (Some(host), path) => Some(Cow::Owned(format!("{host}{path}"))),
    }
}
