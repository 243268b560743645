//! Onward: pages that lead on by themselves, for sessions whose cookie is `SameSite=Strict`.
//!
//! A browser keeps such a cookie back from every page load that a foreign site began, redirects included. The way back
//! from the provider is one of these, and so is every link in a mail. A page of ours that loads the next one makes that
//! a load of our own.

use http::header::REFERER;
use http::{HeaderMap, Response, StatusCode};

use super::answer::{self, Body};
use super::gateway::Shared;
use super::visit::{Ending, Visit};
use crate::pages::{Frame, Link, Onward, Page};
use crate::session::{SameSite, pairs};
use crate::web::source::FetchSite;
use crate::web::{RequestKind, ReturnTo};

/// From the end of a sign-in to where the person wanted to go.
pub(super) fn arrive(visit: &Visit, to: &ReturnTo) -> Response<Body> {
    if is_strict(visit) {
        page(visit, &Page::Onward { to: link(to), reason: Onward::SignedIn })
    } else {
        answer::redirect(StatusCode::FOUND, to.as_str())
    }
}

/// A page load that a foreign site began, and that carries no session: the browser may have kept the cookie back. It is
/// told to load the same address once more, by itself.
///
/// Once: what it then sends says that it comes from here, by `Sec-Fetch-Site`, and by `Referer` should that say
/// otherwise. A browser that sends neither is sent to sign in at once, which costs a detour and ends at the same place.
pub(super) fn once_more(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Option<Response<Body>> {
    let facts = visit.facts();
    let is_foreign = facts.source().site() == Some(FetchSite::CrossSite);
    if !is_strict(visit) || !is_foreign || facts.kind() != RequestKind::Navigation {
        return None;
    }
    let name = visit.generation().cookies.session();
    let has_cookie = pairs(headers).any(|(own, _)| own == name);
    let own = format!("{}/", facts.origin());
    let is_second =
        headers.get(REFERER).is_some_and(|referer| referer.as_bytes().starts_with(own.as_bytes()));
    if has_cookie || is_second {
        return None;
    }
    let same = ReturnTo::path(facts.path(), facts.query());
    let response = page(visit, &Page::Onward { to: link(&same), reason: Onward::FromElsewhere });
    Some(visit.finish(&shared.clock, response, &Ending::new("sign_in")))
}

/// A place as a link of a page.
pub(super) fn link(to: &ReturnTo) -> Link<'_> {
    if to.as_str().starts_with('/') { Link::here(to.as_str()) } else { Link::site(to.as_str()) }
}

fn is_strict(visit: &Visit) -> bool {
    visit.generation().cookies.attributes().same_site == SameSite::Strict
}

fn page(visit: &Visit, page: &Page<'_>) -> Response<Body> {
    let frame = Frame { title: visit.facts().host().as_str(), reference: visit.facts().id().as_str() };
    answer::own(visit.generation().pages.render(page, &frame))
}
