//! The authorization response: a code or an error, sent to the client by the browser.

use super::Core;
use super::faults::Fault;
use super::request::{AuthRequest, Refused, ReplyTo};
use super::store::{Authentication, CODE_LIFE, Code, Grant};
use crate::demo::answer::{self, Answer};

/// Sends a fresh code (RFC 6749 section 4.1.2).
pub(super) fn code(core: &Core, request: &AuthRequest, authentication: &Authentication) -> Answer {
    let name = core.random.text::<32>();
    let now = core.clock.now();
    let grant = Grant {
        client_id: request.client_id.clone(),
        scopes: request.scopes.clone(),
        nonce: request.nonce.clone(),
        authentication: authentication.clone(),
    };
    let code = Code {
        client_id: request.client_id.clone(),
        redirect_uri: request.reply.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        grant: core.random.text::<16>(),
        expires: now.plus(CODE_LIFE),
        used: false,
    };
    core.store().add_code(name.clone(), code, grant, now);
    send(core, &request.reply, &[("code", &name)])
}

/// Sends an error (Core section 3.1.2.6).
pub(super) fn refusal(core: &Core, reply: &ReplyTo, refused: &Refused) -> Answer {
    error(core, reply, refused.error, refused.description)
}

/// Sends an error in any words.
pub(super) fn error(core: &Core, reply: &ReplyTo, error: &str, description: &str) -> Answer {
    send(core, reply, &[("error", error), ("error_description", description)])
}

/// Adds `iss` to every response, errors included (RFC 9207 section 2).
fn send(core: &Core, reply: &ReplyTo, parameters: &[(&str, &str)]) -> Answer {
    let mut parameters = parameters.to_vec();
    let mut reply = reply.clone();
    if core.faults.is_on(&Fault::ResponseWrongState) {
        reply.state = Some("another".to_owned());
    }
    if core.faults.is_on(&Fault::ResponseWrongIss) {
        parameters.push(("iss", "http://localhost:1"));
    } else if !core.faults.is_on(&Fault::ResponseNoIss) {
        parameters.push(("iss", &core.issuer));
    }
    answer::redirect(&reply.with(&parameters))
}
