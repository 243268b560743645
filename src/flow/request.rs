//! A request for an upstream: route, session, decision, and then on or back.

use std::time::Duration;

use http::header::{CACHE_CONTROL, REFERER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::answer::Body;
use super::gateway::Shared;
use super::refusal::Refusal;
use super::session::{self, Absence, Presented};
use super::visit::{Ending, Visit};
use super::{choice, denial, hops, login, own};
use crate::audit::EventName;
use crate::authz::Refused;
use crate::gate::{Decision, Denial, Pass, Visitor, decide};
use crate::lease::Lease;
use crate::telemetry::Answered;

/// Answers a request that is for none of our own endpoints.
pub(super) async fn answer(
    shared: &Shared,
    visit: Box<Visit>,
    request: Box<Request<Incoming>>,
) -> Response<Body> {
    let generation = visit.generation();
    let facts = visit.facts();
    let route = match denial::route(generation, facts) {
        Ok(route) => route,
        Err(refusal) => return deny(shared, &visit, None, &refusal),
    };
    visit.enter(route);
    let presented = session::present(shared, &visit, request.headers());
    if let Err(absence) = presented {
        visit.lacks_a_session(absence.word());
    }
    let visitor = presented.as_ref().ok().map(|presented| Visitor {
        session: presented.session(),
        freshness: presented.opened().freshness(),
        head: presented.opened().head(route),
    });
    match decide(facts, route, visitor) {
        Decision::Pass(pass) => forward(shared, &visit, pass, presented.as_ref(), request).await,
        Decision::Login => {
            let start = generation.routes.start(facts.host(), facts.path());
            let to = login::recorded(&visit, start);
            // With a session that stands, only one that is stale leads here.
            let absence = presented.err().unwrap_or(Absence::Stale);
            visit.lacks_a_session(absence.word());
            let absence = Some(absence);
            Box::pin(choice::sign_in_first(shared, &visit, request.headers(), absence, &to, Some(route)))
                .await
        }
        Decision::Deny(denial) => {
            let session = presented.as_ref().ok().map(Presented::session);
            let refusal = denial::refusal(generation, route, session, denial);
            let rule = match denial {
                Denial::Refused(Refused::Denied(entry) | Refused::Missing(entry)) => visit.term(entry),
                _ => route.rule().text(),
            };
            let at = At { rule, presented: presented.as_ref().ok() };
            let mut response = deny(shared, &visit, Some(at), &refusal);
            settle_round(&visit, presented.as_ref().ok(), &mut response);
            response
        }
    }
}

/// The term, or the rule, that refuses a request, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    rule: &'a str,
    presented: Option<&'a Presented>,
}

/// Refuses, with an audit event.
pub(super) fn deny(shared: &Shared, visit: &Visit, at: Option<At<'_>>, refusal: &Refusal) -> Response<Body> {
    let mut event = visit.event(EventName::AccessDenied);
    let mut ending = Ending::new("deny");
    let outline = refusal.outline();
    event.reason = Some(outline.word);
    event.detail = visit.detail(&outline).map(str::to_owned);
    if let Some(At { rule, presented }) = at {
        event.rule = Some(rule);
        event.who = presented.and_then(|presented| visit.who(presented.session()));
        ending.who.clone_from(&event.who);
    }
    visit.record(&event);
    visit.refuse(&shared.clock, refusal, ending)
}

/// Hands a request on, and its answer back.
async fn forward(
    shared: &Shared,
    visit: &Visit,
    pass: Pass<'_>,
    presented: Result<&Presented, &Absence>,
    mut request: Box<Request<Incoming>>,
) -> Response<Body> {
    let generation = visit.generation();
    let facts = visit.facts();
    let route = pass.route();
    let session = pass.session();
    let who = session.and_then(|session| visit.who(session));
    let mut event = visit.event(EventName::AccessAllowed);
    event.rule = Some(visit.term(pass.by()));
    event.who.clone_from(&who);
    visit.record(&event);
    let mut ending = Ending {
        decision: if session.is_some() { "allow" } else { "public" },
        reason: Some(visit.term(pass.by())),
        upstream: generation.proxy.upstream(route.id()),
        answered: None,
        who,
    };
    let lease = || match session {
        Some(session) => shared.revocations.lease(session.id(), session.ends(generation.lifetimes)),
        None => Lease::endless(),
    };
    let ends_round = presented.is_ok_and(Presented::ends_round);
    hide_own_referer(visit, request.headers_mut());
    let is_protected = !route.rule().is_open();
    visit.expect(&ending);
    if hops::count_down(facts.method(), request.headers_mut()) {
        return visit.finish(&shared.clock, hops::options(&route.options().methods), &ending);
    }
    let claimed = |names: &[String]| {
        let mut event = visit.event(EventName::IdentityHeaderStripped);
        event.who.clone_from(&ending.who);
        event.headers = names;
        visit.record(&event);
    };
    let answer = generation.proxy.forward(pass, lease, claimed, visit.started(), *request).await;
    // Nothing was waited for before.
    let took = shared.clock.instant().saturating_duration_since(visit.started());
    let status = answer.as_ref().ok().map(Response::status);
    generation.proxy.answered(route.id(), facts.method(), status, took);
    ending.answered = Some(Answered {
        status: status.map(|status| status.as_u16()),
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    match answer {
        Ok(response) => {
            let mut response = response.map(Body::upstream);
            guard_caches(response.headers_mut(), is_protected);
            if let (Some(session), Ok(presented)) = (session, presented) {
                // Signed out while the answer was under way: a new seal would undo the clearing, and look like a stolen one.
                let is_over = shared.revocations.contains(session.id());
                let is_due = presented.is_due(generation, visit.now()) && !is_over;
                if is_due && !is_shared(response.headers()) {
                    let touched = session.touched(visit.now());
                    if let Some(sealed) = session::seal(generation, shared, facts.host(), &touched) {
                        let cookie = session::cookie(generation, &touched, &sealed, visit.now());
                        set_cookie(response.headers_mut(), cookie);
                    }
                }
                if ends_round && !is_shared(response.headers()) {
                    set_cookie(response.headers_mut(), generation.cookies.clear(generation.cookies.round()));
                }
            }
            visit.finish(&shared.clock, response, &ending)
        }
        Err(error) => {
            let retry = own::target(facts);
            visit.refuse(&shared.clock, &Refusal::Upstream { error, retry }, ending)
        }
    }
}

/// A session that reached a decision ends the row of sign-ins that led nowhere.
fn settle_round(visit: &Visit, presented: Option<&Presented>, response: &mut Response<Body>) {
    if presented.is_some_and(Presented::ends_round) {
        let cookies = &visit.generation().cookies;
        set_cookie(response.headers_mut(), cookies.clear(cookies.round()));
    }
}

/// The address of an endpoint of ours may hold a code or a state: an upstream gets no more of it than the origin.
fn hide_own_referer(visit: &Visit, headers: &mut HeaderMap) {
    let Some(referer) = headers.get(REFERER).and_then(|referer| referer.to_str().ok()) else { return };
    let own = visit.facts().origin().to_string();
    let path = referer.strip_prefix(&own);
    if path.is_some_and(|path| path.starts_with(visit.generation().login.path.as_str()))
        && let Ok(origin) = HeaderValue::from_str(&format!("{own}/"))
    {
        headers.insert(REFERER, origin);
    }
}

/// Adds a cookie of ours; the answer is then for this person only.
fn set_cookie(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(SET_COOKIE, cookie);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

/// Where the upstream says nothing, what a session was needed for is private.
fn guard_caches(headers: &mut HeaderMap, is_protected: bool) {
    if is_protected && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// Whether the upstream gave the answer to shared caches: a cookie of ours must not be kept there.
fn is_shared(headers: &HeaderMap) -> bool {
    headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .map(|directive| directive.trim().to_ascii_lowercase())
            .any(|directive| directive == "public" || directive.starts_with("s-maxage"))
    })
}

/// How long the count of sign-ins in a row is kept.
pub(super) const ROUND: Duration = Duration::from_secs(120);
