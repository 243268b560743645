//! Signing out: here, then at the provider, then back on a page that says what became of it.

use std::time::Duration;

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::answer::{self, Body};
use super::gateway::{Generation, Shared};
use super::refusal::Refusal;
use super::settings::{AfterSignOut, SignOut};
use super::visit::{Ending, Visit};
use super::{login, own};
use crate::audit::EventName;
use crate::pages::{Link, Page, ProviderSignOut};
use crate::session::{MAX_CANDIDATES, Purpose, SignOutMarker, pairs};
use crate::web::ReturnTo;

/// How long a sign-out waits for what it must know of the provider.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long that form may take to arrive.
const FORM_LIMIT: Duration = Duration::from_secs(10);

/// The form that signs out holds one short field.
const MAX_FORM: usize = 8 * 1024;

/// The page that asks before signing out.
pub(super) fn confirm(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let presented = own::presented(shared, visit, headers);
    let rd = own::parameter(visit.facts().query(), "rd").and_then(|rd| login::legal_return(visit, &rd));
    let action = format!("{}/sign_out", visit.generation().login.path);
    let page = Page::ConfirmSignOut {
        user: presented.as_ref().map(|presented| presented.session().identity().user()),
        action: Link::here(&action),
        rd: rd.as_ref().map(ReturnTo::as_str),
        stay: Link::START,
    };
    own::page(shared, visit, &page)
}

/// Ends the session here, then sends the browser to end the one at the provider.
pub(super) async fn sign_out(shared: &Shared, visit: &Visit, request: Request<Incoming>) -> Response<Body> {
    let generation = visit.generation();
    let path = &generation.login.path;
    if !visit.facts().source().is_own(visit.facts().origin()) {
        let go_on = format!("{path}/sign_out");
        return own::refuse(shared, visit, &Refusal::ForeignForm { go_on });
    }
    let (parts, body) = request.into_parts();
    let rd = match own::parameter(visit.facts().query(), "rd") {
        Some(rd) => Some(rd),
        // Whoever never ends the form must not hold the connection, nor the sign-out.
        None => shared.clock.timeout(FORM_LIMIT, form_field(&parts.headers, body)).await.ok().flatten(),
    };
    let rd = rd.and_then(|rd| login::legal_return(visit, &rd));
    let presented = own::presented(shared, visit, &parts.headers);
    let signed_out = format!("{path}/signed_out");
    let after = || after(visit).unwrap_or_else(|| signed_out.clone());
    let mut location = rd.as_ref().map_or_else(after, |rd| rd.as_str().to_owned());
    let mut cookies = vec![
        generation.cookies.clear(generation.cookies.session()),
        generation.cookies.clear(generation.cookies.round()),
    ];
    if let Some(presented) = &presented {
        let session = presented.session();
        shared.revocations.revoke(session.id(), session.ends(generation.lifetimes), visit.now());
        let mut event = visit.event(EventName::SignOut);
        event.who = visit.who(session);
        event.provider = Some(session.identity().provider().as_str());
        visit.record(&event);
        if generation.login.sign_out == SignOut::Provider
            && let Some(provider) = generation.providers.of(session)
        {
            let marker = SignOutMarker {
                state: shared.random.text::<16>(),
                return_to: rd.as_ref().map(|rd| login::for_landing(visit, rd).as_str().to_owned()),
                started: visit.now().as_secs(),
            };
            let back_to = format!("{}{signed_out}", generation.landing(visit.facts().origin()));
            // A person who signs out must not wait for a provider that hangs: here they are signed out already.
            let url = provider.end_session_url(&back_to, &marker.state, session.identity().user());
            if let Ok(Some(url)) = shared.clock.timeout(PATIENCE, url).await {
                location = url;
                cookies.push(remember(shared, visit, &marker));
            }
        }
    }
    let mut response = answer::redirect(StatusCode::SEE_OTHER, &location);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    visit.finish(&shared.clock, response, &Ending::new("own"))
}

/// The end of a sign-out. Never signs in again by itself.
pub(super) fn signed_out(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let generation = visit.generation();
    let marker = marker(generation, visit, headers);
    let state = own::parameter(visit.facts().query(), "state");
    let provider = match (&marker, state) {
        (Some(marker), Some(state)) if crate::secret::same(marker.state.as_bytes(), state.as_bytes()) => {
            let to = marker.return_to.as_deref().and_then(|to| login::legal_return(visit, to));
            if let Some(to) = to.map(|to| to.as_str().to_owned()).or_else(|| after(visit)) {
                let mut response = answer::redirect(StatusCode::SEE_OTHER, &to);
                forget(generation, &mut response);
                return visit.finish(&shared.clock, response, &Ending::new("own"));
            }
            ProviderSignOut::Ended
        }
        _ if generation.login.sign_out == SignOut::Local => ProviderSignOut::Local,
        // The provider did not send the browser back as it was asked to, or has no sign-out of its own.
        _ => ProviderSignOut::MayRemain(generation.providers.title()),
    };
    let page = Page::SignedOut { provider, sign_in: Link::here("/") };
    let mut response = own::page(shared, visit, &page);
    if marker.is_some() {
        forget(generation, &mut response);
    }
    response
}

/// Where a sign-out leads that named no place of its own; none means our page.
fn after(visit: &Visit) -> Option<String> {
    let (generation, asked) = (visit.generation(), visit.facts().origin());
    let landing = generation.landing(asked);
    match generation.login.after_sign_out.as_ref()? {
        AfterSignOut::Path(to) if landing != asked => Some(format!("{landing}{to}")),
        AfterSignOut::Path(to) | AfterSignOut::Url(to) => Some(to.clone()),
    }
}

fn remember(shared: &Shared, visit: &Visit, marker: &SignOutMarker) -> HeaderValue {
    let generation = visit.generation();
    let name = generation.cookies.sign_out();
    let binding = generation.bound(name, visit.facts().host());
    let sealed = generation.keyring.seal(Purpose::SignOut, binding, &marker.to_bytes(), &shared.random);
    generation.cookies.set(name, &sealed, generation.login.timeout)
}

fn marker(generation: &Generation, visit: &Visit, headers: &HeaderMap) -> Option<SignOutMarker> {
    let name = generation.cookies.sign_out();
    let binding = generation.bound(name, visit.facts().host());
    let values = pairs(headers).filter(|(own, _)| *own == name).take(MAX_CANDIDATES);
    let mut markers = values
        .filter_map(|(_, value)| generation.keyring.open(Purpose::SignOut, binding, value))
        .filter_map(|bytes| SignOutMarker::from_bytes(&bytes));
    markers.find(|marker| {
        let started = crate::clock::Timestamp::from_secs(marker.started);
        visit.now() < started.plus(generation.login.timeout)
    })
}

fn forget(generation: &Generation, response: &mut Response<Body>) {
    response.headers_mut().append(SET_COOKIE, generation.cookies.clear(generation.cookies.sign_out()));
}

/// The field `rd` of a form. A form that is too large or none at all has none; the sign-out goes on.
async fn form_field(headers: &HeaderMap, body: Incoming) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let bytes = Limited::new(body, MAX_FORM).collect().await.ok()?.to_bytes();
    own::parameter(std::str::from_utf8(&bytes).ok(), "rd")
}
