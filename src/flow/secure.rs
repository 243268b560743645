//! Https for everybody: away from plain http, never on a connection that was made for another site, and told to
//! browsers so that they remember it.

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderValue, Response, StatusCode};

use super::answer::{self, Body};
use super::gateway::{Generation, Shared};
use super::refusal::Refusal;
use super::request;
use super::visit::{Ending, Visit};
use crate::web::forwarded::Trust;
use crate::web::{Facts, ReturnTo, Scheme};

/// What is done so that people come over https.
#[derive(Clone, Debug, Default)]
pub struct Https {
    /// What becomes of requests over plain http.
    pub plain: Plain,
    /// What browsers are told to remember (RFC 6797), as a whole field value.
    pub remember: Option<HeaderValue>,
}

/// What becomes of requests that come to us over plain http, and not from a trusted proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// They are served: TLS may well end in front of us.
    #[default]
    Served,
    /// They are sent to the same address with https.
    Redirected,
}

/// The answer to a request that must not be served where it came in; none for all others.
pub(super) fn instead(shared: &Shared, visit: &Visit) -> Option<Response<Body>> {
    let facts = visit.facts();
    match facts.arrival().tls() {
        Some(tls) if !tls.may_serve(facts.host()) => {
            let refusal =
                Refusal::Misdirected { asked: facts.host().clone(), server_name: tls.server_name().cloned() };
            Some(request::deny(shared, visit, None, &refusal))
        }
        Some(_) => None,
        None => redirected(shared, visit),
    }
}

fn redirected(shared: &Shared, visit: &Visit) -> Option<Response<Body>> {
    let (generation, facts) = (visit.generation(), visit.facts());
    let is_due = generation.https.plain == Plain::Redirected
        && generation.public_url.scheme() == Scheme::Https
        && facts.forwarded().trust() == Trust::Untrusted
        && is_served(generation, facts);
    if !is_due {
        return None;
    }
    let place = ReturnTo::path(facts.path(), facts.query());
    let location = format!("{}{}", facts.origin(), place.as_str());
    let response = answer::redirect(StatusCode::PERMANENT_REDIRECT, &location);
    Some(visit.finish(&shared.clock, response, &Ending::new("redirect")))
}

/// Whether the host is ours: no address is made of another.
fn is_served(generation: &Generation, facts: &Facts) -> bool {
    facts.host() == generation.public_url.host() || generation.routes.has_host(facts.host())
}

/// An answer that went over https, as far as we can see, tells so to browsers. What the application says about it counts
/// more.
pub(super) fn strengthened(
    generation: &Generation,
    spoken: Option<Scheme>,
    mut response: Response<Body>,
) -> Response<Body> {
    if let (Some(value), Some(Scheme::Https)) = (&generation.https.remember, spoken) {
        response.headers_mut().entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| value.clone());
    }
    response
}
