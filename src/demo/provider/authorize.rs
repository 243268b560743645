//! The authorization endpoint (Core section 3.1.2): check the request, then answer at once or ask the person.

use std::sync::{Arc, PoisonError};

use http::{HeaderMap, StatusCode};

use super::request::{AuthRequest, Prompt, Refused, ReplyTo, refused};
use super::session::{self, Present};
use super::settings::Client;
use super::store::{Authentication, Stage, Strength};
use super::{Core, answers, interaction, jwt, pages};
use crate::demo::answer::Answer;
use crate::demo::form::Params;

/// Answers one authorization request.
pub(super) fn answer(core: &Core, params: &Params, headers: &HeaderMap) -> Answer {
    let (client, reply) = match recipient(core, params) {
        Ok(recipient) => recipient,
        Err(message) => {
            return pages::trouble(StatusCode::BAD_REQUEST, "This sign-in cannot start", message);
        }
    };
    if let Some((error, description)) = core.faults.callback_error() {
        return answers::error(core, &reply, &error, &description);
    }
    let request = match AuthRequest::check(params, &client, reply.clone()) {
        Ok(request) => request,
        Err(error) => return answers::refusal(core, &reply, &error),
    };
    match next(core, &request, session::of(core, headers)) {
        Ok(Next::Answer(authentication)) => answers::code(core, &request, &authentication),
        Ok(Next::Ask(stage)) => interaction::begin(core, request, stage),
        Err(error) => answers::refusal(core, &reply, &error),
    }
}

/// What a checked request leads to.
enum Next {
    Answer(Authentication),
    Ask(Stage),
}

/// Client and redirect URI. Until both are known to belong together nobody is redirected anywhere
/// (RFC 6749 section 4.1.2.1): the person is told here.
fn recipient(core: &Core, params: &Params) -> Result<(Arc<Client>, ReplyTo), &'static str> {
    let client = params
        .one("client_id")
        .ok()
        .flatten()
        .and_then(|id| core.client(id))
        .ok_or("The application that sent you here is not registered (client_id).")?;
    let redirect_uri = params
        .one("redirect_uri")
        .ok()
        .flatten()
        .filter(|uri| client.redirect_uris.iter().any(|allowed| allowed == uri))
        .ok_or("The application asked to send you back to an address that is not registered for it (redirect_uri).")?
        .to_owned();
    let state = params.one("state").map_err(|_| "The application sent its state twice.")?.map(str::to_owned);
    Ok((client, ReplyTo { redirect_uri, state }))
}

fn next(core: &Core, request: &AuthRequest, present: Option<Present>) -> Result<Next, Refused> {
    let silent = request.prompts.contains(&Prompt::None);
    let authentication = present
        .map(|present| present.authentication)
        .filter(|authentication| is_enough(core, request, authentication));
    let Some(authentication) = authentication else {
        if silent {
            return Err(refused("login_required", "nobody suitable is signed in here"));
        }
        return Ok(Next::Ask(Stage::SignIn));
    };
    if request.wants_second_factor && authentication.strength < Strength::SecondFactor {
        if silent {
            return Err(refused("interaction_required", "a second factor is needed"));
        }
        return Ok(Next::Ask(interaction::second_factor(core, authentication.user)));
    }
    if interaction::must_consent(core, request, &authentication) {
        if silent {
            return Err(refused("consent_required", "the person has not allowed this yet"));
        }
        return Ok(Next::Ask(Stage::Consent(authentication)));
    }
    Ok(Next::Answer(authentication))
}

/// Whether the sign-in that is there will do, or the person has to sign in now.
fn is_enough(core: &Core, request: &AuthRequest, authentication: &Authentication) -> bool {
    let asks_anyway =
        request.prompts.contains(&Prompt::Login) || request.prompts.contains(&Prompt::SelectAccount);
    // `max_age=0` means now, as `prompt=login` does (Core section 3.1.2.1).
    let is_fresh = request
        .max_age
        .is_none_or(|max_age| !max_age.is_zero() && core.clock.now().since(authentication.at) <= max_age);
    let is_expected = request.id_token_hint.as_ref().is_none_or(|hint| {
        let keys = core.keys.read().unwrap_or_else(PoisonError::into_inner);
        jwt::open(&keys, hint)
            .and_then(|claims| Some(claims.get("sub")?.as_str()? == authentication.user.sub))
            .unwrap_or(false)
    });
    !asks_anyway && is_fresh && is_expected
}
