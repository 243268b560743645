//! Sign-out started by a client (RP-initiated logout 1.0): the person confirms, the provider's own session ends.

use std::sync::PoisonError;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use hyper::Request;
use hyper::body::Incoming;

use super::request::ReplyTo;
use super::store::Logout;
use super::{Core, interaction, jwt, pages, session};
use crate::demo::answer::{self, Answer};
use crate::demo::form::Params;
use crate::secret::same;

/// Where the confirmation is sent.
pub(super) const CONFIRM: &str = "/logout/confirm";
/// How long a person may take to confirm.
const QUESTION_LIFE: Duration = Duration::from_secs(600);

/// Checks the request and asks the person (GET or POST, section 2). Without a session there is nothing to ask.
pub(super) fn ask(core: &Core, params: &Params, headers: &HeaderMap) -> Answer {
    let return_to = match return_address(core, params) {
        Ok(return_to) => return_to,
        Err(message) => {
            return pages::trouble(StatusCode::BAD_REQUEST, "This sign-out cannot go on", message);
        }
    };
    let Some(present) = session::of(core, headers) else {
        return done(return_to.as_deref());
    };
    let question = core.random.text::<24>();
    let expires = core.clock.now().plus(QUESTION_LIFE);
    let logout = Logout { session: present.id, return_to };
    core.store().logouts.insert(question.clone(), logout, expires);
    pages::confirm_sign_out(CONFIRM, &question, &present.authentication.user, params.lax("logout_hint"))
}

/// The person's answer (POST).
pub(super) async fn confirm(core: &Core, request: Request<Incoming>) -> Answer {
    let headers = request.headers().clone();
    if !interaction::is_own_form(core, &headers) {
        return interaction::foreign();
    }
    let params = match Params::of_body(request, &core.clock).await {
        Ok(params) => params,
        Err(error) => return error.answer(),
    };
    let now = core.clock.now();
    let question = params.lax("csrf").unwrap_or_default();
    let present = session::of(core, &headers);
    let mut store = core.store();
    let logout = store.logouts.get(question, now).cloned();
    // The question is good in the browser that it was put to, and while that browser's session is the same.
    let logout = logout.filter(|logout| {
        present.as_ref().is_some_and(|present| same(present.id.as_bytes(), logout.session.as_bytes()))
    });
    let Some(logout) = logout else {
        return interaction::foreign();
    };
    store.logouts.remove(question);
    if params.lax("answer") != Some("sign_out") {
        return pages::trouble(
            StatusCode::OK,
            "You are still signed in",
            "Nothing was changed at the demo provider.",
        );
    }
    store.sessions.remove(&logout.session);
    drop(store);
    let mut answer = done(logout.return_to.as_deref());
    answer::add_cookie(&mut answer, &session::end_cookie());
    answer
}

fn done(return_to: Option<&str>) -> Answer {
    match return_to {
        Some(to) => answer::redirect(to),
        None => pages::signed_out(),
    }
}

/// Where to go afterwards, state included: only to an address registered for the client that is named by
/// `client_id` or by `id_token_hint`.
fn return_address(core: &Core, params: &Params) -> Result<Option<String>, &'static str> {
    let repeated = |_| "A parameter of the sign-out was sent twice.";
    let hinted = match params.one("id_token_hint").map_err(repeated)? {
        Some(hint) => {
            let keys = core.keys.read().unwrap_or_else(PoisonError::into_inner);
            let claims = jwt::open(&keys, hint);
            let client = claims.as_ref().and_then(|claims| claims.get("aud")?.as_str());
            Some(
                client
                    .ok_or("The application sent an ID token that is not from here (id_token_hint).")?
                    .to_owned(),
            )
        }
        None => None,
    };
    let named = params.one("client_id").map_err(repeated)?.map(str::to_owned);
    if let (Some(hinted), Some(named)) = (&hinted, &named)
        && hinted != named
    {
        return Err("The application named two different clients (client_id, id_token_hint).");
    }
    let Some(uri) = params.one("post_logout_redirect_uri").map_err(repeated)? else {
        return Ok(None);
    };
    let client = named
        .or(hinted)
        .and_then(|id| core.client(&id))
        .ok_or("The application that sent you here is not registered (client_id).")?;
    if !client.post_logout_redirect_uris.iter().any(|allowed| allowed == uri) {
        return Err("The application asked to send you back to an address that is not registered for it \
             (post_logout_redirect_uri).");
    }
    let state = params.one("state").map_err(repeated)?;
    Ok(Some(match state {
        Some(state) => ReplyTo { redirect_uri: uri.to_owned(), state: Some(state.to_owned()) }.with(&[]),
        None => uri.to_owned(),
    }))
}
