//! The pages of a sign-in: choose who you are, second factor, consent. One interaction is one question to one browser.

use std::fmt::Write as _;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use hyper::Request;
use hyper::body::Incoming;

use super::request::{AuthRequest, Prompt, refused};
use super::session;
use super::settings::User;
use super::store::{Authentication, INTERACTION_LIFE, Interaction, Stage, Strength};
use super::{Core, answers, pages};
use crate::demo::answer::{self, Answer};
use crate::demo::form::Params;
use crate::secret::same;

/// Sends the browser to a page of its own, with a cookie that only this page gets.
pub(super) fn begin(core: &Core, request: AuthRequest, stage: Stage) -> Answer {
    let id = core.random.text::<24>();
    let interaction =
        Interaction { request, stage, browser: core.random.text::<24>(), csrf: core.random.text::<24>() };
    let mut answer = answer::redirect(&place(&id));
    answer::add_cookie(&mut answer, &session::question_cookie(&id, &interaction.browser));
    let expires = core.clock.now().plus(INTERACTION_LIFE);
    core.store().interactions.insert(id, interaction, expires);
    answer
}

/// The page that comes next (GET).
pub(super) fn show(core: &Core, id: &str, headers: &HeaderMap) -> Answer {
    match look_up(core, id, headers) {
        Some(interaction) => page(core, id, &interaction, pages::Retry::No),
        None => over(),
    }
}

/// The answer of the person (POST).
pub(super) async fn submit(core: &Core, id: &str, request: Request<Incoming>) -> Answer {
    let headers = request.headers().clone();
    if !is_own_form(core, &headers) {
        return foreign();
    }
    let params = match Params::of_body(request, &core.clock).await {
        Ok(params) => params,
        Err(error) => return error.answer(),
    };
    let Some(interaction) = look_up(core, id, &headers) else {
        return over();
    };
    let csrf = params.lax("csrf").unwrap_or_default();
    if !same(csrf.as_bytes(), interaction.csrf.as_bytes()) {
        return foreign();
    }
    if params.lax("answer") == Some("deny") {
        let denied = refused("access_denied", "the person said no");
        let answer = answers::refusal(core, &interaction.request.reply, &denied);
        return finished(core, id, answer);
    }
    match interaction.stage.clone() {
        Stage::SignIn => {
            let Some(user) = params.lax("user").and_then(|name| core.user(name)) else {
                return page(core, id, &interaction, pages::Retry::No);
            };
            let more = interaction.request.wants_second_factor || params.lax("factor") == Some("second");
            if more {
                move_on(core, id, second_factor(core, user), None)
            } else {
                signed_in(core, id, &headers, &interaction, user, Strength::Password)
            }
        }
        Stage::SecondFactor { user, code } => {
            let typed = params.lax("code").unwrap_or_default().trim();
            if same(typed.as_bytes(), code.as_bytes()) {
                signed_in(core, id, &headers, &interaction, user, Strength::SecondFactor)
            } else {
                page(core, id, &interaction, pages::Retry::Yes)
            }
        }
        Stage::Consent(authentication) => {
            if params.lax("answer") != Some("allow") {
                return page(core, id, &interaction, pages::Retry::No);
            }
            let AuthRequest { client_id, scopes, .. } = &interaction.request;
            core.store().consent(&authentication.user.name, client_id, scopes);
            let answer = answers::code(core, &interaction.request, &authentication);
            finished(core, id, answer)
        }
    }
}

/// The stage that asks for a second factor: a fresh code of six digits.
pub(super) fn second_factor(core: &Core, user: Arc<User>) -> Stage {
    let mut code = String::new();
    for byte in core.random.bytes::<6>() {
        // A printed code guards nothing; that some digits come a little more often does not matter.
        let _ = write!(code, "{}", byte % 10);
    }
    Stage::SecondFactor { user, code }
}

/// Whether the consent page is due: asked once for the same person, client and scopes, or whenever the client wishes.
pub(super) fn must_consent(core: &Core, request: &AuthRequest, authentication: &Authentication) -> bool {
    let user = &authentication.user.name;
    request.prompts.contains(&Prompt::Consent)
        || !core.store().has_consent(user, &request.client_id, &request.scopes, core.clock.now())
}

/// The person proved who they are: sign them in, then ask for consent or be done.
fn signed_in(
    core: &Core,
    id: &str,
    headers: &HeaderMap,
    interaction: &Interaction,
    user: Arc<User>,
    strength: Strength,
) -> Answer {
    let (authentication, cookie) = session::begin(core, headers, user, strength);
    if must_consent(core, &interaction.request, &authentication) {
        return move_on(core, id, Stage::Consent(authentication), Some(&cookie));
    }
    let answer = answers::code(core, &interaction.request, &authentication);
    let mut answer = finished(core, id, answer);
    answer::add_cookie(&mut answer, &cookie);
    answer
}

fn move_on(core: &Core, id: &str, stage: Stage, cookie: Option<&str>) -> Answer {
    let now = core.clock.now();
    match core.store().interactions.get_mut(id, now) {
        Some(interaction) => interaction.stage = stage,
        None => return over(),
    }
    let mut answer = answer::redirect(&place(id));
    if let Some(cookie) = cookie {
        answer::add_cookie(&mut answer, cookie);
    }
    answer
}

/// Ends the interaction: a second press on the same button finds nothing.
fn finished(core: &Core, id: &str, mut answer: Answer) -> Answer {
    if core.store().interactions.remove(id).is_none() {
        return over();
    }
    answer::add_cookie(&mut answer, &session::end_question_cookie(id));
    answer
}

fn page(core: &Core, id: &str, interaction: &Interaction, retry: pages::Retry) -> Answer {
    let client = core.client(&interaction.request.client_id);
    let title = client.as_ref().map_or("An application", |client| &client.title);
    let place = pages::Place { action: &place(id), csrf: &interaction.csrf, client: title };
    match &interaction.stage {
        Stage::SignIn => pages::sign_in(place, &core.users, interaction.request.login_hint.as_deref()),
        Stage::SecondFactor { user, code } => pages::second_factor(place, user, code, retry),
        Stage::Consent(authentication) => {
            pages::consent(place, &authentication.user, &interaction.request.scopes)
        }
    }
}

/// A copy of the interaction, if this browser is the one that was asked.
fn look_up(core: &Core, id: &str, headers: &HeaderMap) -> Option<Interaction> {
    let now = core.clock.now();
    let store = core.store();
    store
        .interactions
        .get(id, now)
        .filter(|interaction| session::was_asked(headers, id, &interaction.browser))
        .cloned()
}

/// Whether a form was sent by a page of ours, as far as the browser says.
pub(super) fn is_own_form(core: &Core, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let port = core.issuer.rsplit(':').next().unwrap_or_default();
            ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| origin == format!("http://{host}:{port}"))
        }
        // Not a browser of this decade; the secrets in form and cookie still hold.
        (None, None) => true,
    }
}

fn place(id: &str) -> String {
    format!("/interaction/{id}")
}

fn over() -> Answer {
    pages::trouble(
        StatusCode::BAD_REQUEST,
        "This page is over",
        "It was answered already, took longer than ten minutes, or belongs to another browser. Go back to the \
         application and start again.",
    )
}

pub(super) fn foreign() -> Answer {
    pages::trouble(
        StatusCode::FORBIDDEN,
        "That was not our form",
        "The answer came from another page. Go back to the application and start again.",
    )
}
