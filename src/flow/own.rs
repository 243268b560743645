//! Our own endpoints, under `login.path` on every host that we serve. A route cannot shadow them.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use super::answer::{self, Body};
use super::gateway::{Generation, Shared};
use super::refusal::Refusal;
use super::session::{self, Presented};
use super::visit::{Ending, Visit};
use super::{choice, login, logout};
use crate::audit::EventName;
use crate::clock::Timestamp;
use crate::pages::{Frame, Link, Page, YourSession};
use crate::session::pairs;
use crate::web::{Facts, RequestKind, ReturnTo};

/// The path, after `login.path`, that clears the cookies of this host.
pub(super) const CLEAR_COOKIES: &str = "/clear_cookies";

/// The prefix, after `login.path`, of the stylesheet.
pub(super) const STATIC: &str = "/static/";

/// Whether a request is for us.
pub(super) fn is_own(generation: &Generation, facts: &Facts) -> bool {
    endpoint(generation, facts).is_some()
}

/// What follows `login.path`.
fn endpoint<'a>(generation: &Generation, facts: &'a Facts) -> Option<&'a str> {
    let rest = facts.path().judged().strip_prefix(generation.login.path.as_str())?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Answers a request for one of our own endpoints.
pub(super) async fn answer(shared: &Shared, visit: Box<Visit>, request: Request<Incoming>) -> Response<Body> {
    let generation = visit.generation().clone();
    let path = endpoint(&generation, visit.facts()).unwrap_or_default().to_owned();
    let method = visit.facts().method().clone();
    let page_load = matches!(method, Method::GET | Method::HEAD);
    if let Some(asset) = generation.pages.asset(&path).filter(|_| page_load) {
        return visit.finish(&shared.clock, answer::own(asset), &Ending::new("own"));
    }
    let landing = generation.landing(visit.facts().origin());
    let lands = landing.host() == visit.facts().host();
    let takes_answers = lands && *landing == generation.public_url;
    if !takes_answers && !generation.routes.has_host(visit.facts().host()) {
        return refuse(shared, &visit, &Refusal::UnknownHost(visit.facts().host().clone()));
    }
    let headers = request.headers();
    let signs_in = generation.signs_in_at(visit.facts().host());
    match path.as_str() {
        // Where hosts share their cookies, one of them takes all answers of providers.
        "/callback" if !lands => refuse(shared, &visit, &Refusal::NotFound),
        named if !lands && named.starts_with("/callback/") => refuse(shared, &visit, &Refusal::NotFound),
        "/start" if signs_in && page_load => choice::start(shared, &visit, headers).await,
        "/sign_in" if signs_in && page_load => choice::sign_in(shared, &visit, headers).await,
        "/callback" if signs_in && method == Method::GET => login::finish(shared, &visit, headers).await,
        named if login::is_named_callback(&generation, named) => match method {
            Method::GET => login::finish(shared, &visit, headers).await,
            _ => method_not_allowed(shared, &visit, &[Method::GET]),
        },
        "/sign_out" if signs_in && page_load => logout::confirm(shared, &visit, headers),
        "/sign_out" if signs_in && method == Method::POST => logout::sign_out(shared, &visit, request).await,
        "/signed_out" if signs_in && page_load => logout::signed_out(shared, &visit, headers),
        "" | "/" if signs_in && page_load => your_session(shared, &visit, headers).await,
        "/userinfo" if signs_in && page_load => userinfo(shared, &visit, headers),
        CLEAR_COOKIES if method == Method::POST => clear_cookies(shared, &visit, headers),
        "/sign_out" if signs_in => {
            method_not_allowed(shared, &visit, &[Method::GET, Method::HEAD, Method::POST])
        }
        CLEAR_COOKIES => method_not_allowed(shared, &visit, &[Method::POST]),
        "/callback" if signs_in => method_not_allowed(shared, &visit, &[Method::GET]),
        "/start" | "/sign_in" | "/signed_out" | "/userinfo" | "" | "/" if signs_in => {
            method_not_allowed(shared, &visit, &[Method::GET, Method::HEAD])
        }
        _ => refuse(shared, &visit, &Refusal::NotFound),
    }
}

/// Refuses a request for an own endpoint, with an audit event.
pub(super) fn refuse(shared: &Shared, visit: &Visit, refusal: &Refusal) -> Response<Body> {
    let mut event = visit.event(EventName::AccessDenied);
    let outline = refusal.outline();
    event.reason = Some(outline.word);
    event.detail = visit.detail(&outline).map(str::to_owned);
    visit.record(&event);
    visit.refuse(&shared.clock, refusal, Ending::new("deny"))
}

fn method_not_allowed(shared: &Shared, visit: &Visit, allow: &[Method]) -> Response<Body> {
    refuse(shared, visit, &Refusal::MethodNotAllowed(allow.to_vec()))
}

/// A page of ours as an answer to this visit.
pub(super) fn page(shared: &Shared, visit: &Visit, page: &Page<'_>) -> Response<Body> {
    let frame = Frame { title: visit.facts().host().as_str(), reference: visit.facts().id().as_str() };
    let response = answer::own(visit.generation().pages.render(page, &frame));
    visit.finish(&shared.clock, response, &Ending::new("own"))
}

/// The session of a request, if one stands.
pub(super) fn presented(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Option<Presented> {
    session::present(shared, visit, headers).ok()
}

async fn your_session(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let generation = visit.generation();
    let presented = session::present(shared, visit, headers);
    let presented = match presented {
        Ok(presented) => presented,
        Err(absence) if visit.facts().kind() == RequestKind::Navigation => {
            let to = login::recorded_own(visit);
            return choice::sign_in_first(shared, visit, headers, Some(absence), &to, None).await;
        }
        Err(_) => return refuse(shared, visit, &Refusal::SignInNeeded),
    };
    let session = presented.session();
    let identity = session.identity();
    let host_routes = generation.routes.routes(visit.facts().host());
    let mut names: Vec<String> =
        host_routes.flat_map(|route| route.plan().names()).map(ToString::to_string).collect();
    names.sort_unstable();
    names.dedup();
    let sign_out = format!("{}/sign_out", generation.login.path);
    let shown = Page::YourSession(YourSession {
        user: identity.user(),
        name: identity.name(),
        email: identity.email(),
        groups: identity.groups(),
        provider_title: generation.providers.title_of(session),
        signed_in_at: session.started(),
        ends_at: session.ends(generation.lifetimes),
        idle_until: session.idle_until(generation.lifetimes),
        now: visit.now(),
        header_names: &names,
        sign_out: Link::here(&sign_out),
        home: Link::START,
    });
    page(shared, visit, &shown)
}

fn userinfo(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    struct Info<'a> {
        user: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<&'a str>,
        groups: &'a [String],
        #[serde(rename = "preferredUsername")]
        preferred_username: &'a str,
        provider: &'a str,
        since: String,
        until: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        idle_until: Option<String>,
    }
    let Some(presented) = presented(shared, visit, headers) else {
        return refuse(shared, visit, &Refusal::SignInNeeded);
    };
    let (session, lifetimes) = (presented.session(), visit.generation().lifetimes);
    let identity = session.identity();
    let info = Info {
        user: identity.user(),
        email: identity.email(),
        groups: identity.groups(),
        preferred_username: identity.user(),
        provider: identity.provider().as_str(),
        since: session.started().to_string(),
        until: session.ends(lifetimes).to_string(),
        idle_until: session.idle_until(lifetimes).as_ref().map(Timestamp::to_string),
    };
    let body = serde_json::to_vec(&info).unwrap_or_default();
    let mut response = Response::new(Body::own(body.into()));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    visit.finish(&shared.clock, response, &Ending::new("own"))
}

/// Expires every cookie that the browser sends to this host: the way out when they have grown too large.
fn clear_cookies(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    if !visit.facts().source().is_own(visit.facts().origin()) {
        return refuse(shared, visit, &Refusal::ForeignForm { go_on: "/".to_owned() });
    }
    let mut response = answer::redirect(StatusCode::SEE_OTHER, "/");
    let mut names: Vec<&str> = pairs(headers).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let domain = &visit.generation().cookies.attributes().domain;
    let domain = domain.as_ref().map(|domain| format!("; Domain={domain}"));
    for name in names {
        // Browsers refuse to clear a prefixed cookie without the attributes that the prefix demands.
        let secure = if name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("__Secure-"))
            || name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("__Host-"))
        {
            "; Secure"
        } else {
            ""
        };
        let own = (!name.starts_with("__Host-")).then_some(domain.as_deref()).flatten();
        for domain in std::iter::once("").chain(own) {
            let clear = format!("{name}=; Path=/; Max-Age=0{secure}{domain}");
            if let Ok(clear) = HeaderValue::from_bytes(clear.as_bytes()) {
                response.headers_mut().append(SET_COOKIE, clear);
            }
        }
    }
    debug_assert!(response.headers().contains_key(LOCATION));
    visit.finish(&shared.clock, response, &Ending::new("own"))
}

/// The path and query of a request, as a link to the same place.
pub(super) fn target(facts: &Facts) -> String {
    ReturnTo::path(facts.path(), facts.query()).as_str().to_owned()
}

/// The value of a query parameter, decoded; nothing when it is absent or stands twice.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(query?.as_bytes()).filter(|(own, _)| own == name);
    let first = values.next()?;
    if values.next().is_some() { None } else { Some(first.1.into_owned()) }
}
