//! The provider's own cookies: who is signed in here, and which browser a question was put to.

use http::HeaderMap;
use http::header::COOKIE;

use super::Core;
use super::settings::User;
use super::store::{Authentication, INTERACTION_LIFE, SESSION_LIFE, Strength};
use crate::secret::same;
use std::sync::Arc;

/// Holds a session of the provider.
const SESSION_COOKIE: &str = "demo_op";
/// Start of the names of the cookies of questions under way.
const QUESTION_COOKIE: &str = "demo_op_q_";

/// A session and the cookie value that names it.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub(super) id: String,
    pub(super) authentication: Authentication,
}

/// Who is signed in, in the browser that sent these headers.
pub(super) fn of(core: &Core, headers: &HeaderMap) -> Option<Present> {
    let now = core.clock.now();
    let store = core.store();
    cookies(headers, SESSION_COOKIE).find_map(|id| {
        let authentication = store.sessions.get(id, now)?.clone();
        Some(Present { id: id.to_owned(), authentication })
    })
}

/// Signs a person in: what happened, and the cookie to set. The former session of this browser ends; the `sid` stays
/// if it was the same person's. The name of the session is always new, so that nobody can have planted it.
pub(super) fn begin(
    core: &Core,
    headers: &HeaderMap,
    user: Arc<User>,
    strength: Strength,
) -> (Authentication, String) {
    let former = of(core, headers);
    let sid = former
        .as_ref()
        .filter(|former| former.authentication.user.name == user.name)
        .map_or_else(|| core.random.text::<16>(), |former| former.authentication.sid.clone());
    let now = core.clock.now();
    let authentication = Authentication { user, sid, at: now, strength };
    let id = core.random.text::<32>();
    let cookie =
        format!("{SESSION_COOKIE}={id}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", SESSION_LIFE.as_secs());
    let mut store = core.store();
    if let Some(former) = former {
        store.sessions.remove(&former.id);
    }
    store.sessions.insert(id, authentication.clone(), now.plus(SESSION_LIFE));
    (authentication, cookie)
}

/// The cookie that removes the session's.
pub(super) fn end_cookie() -> String {
    format!("{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// The cookie of one question. Each has its own name and path, so that many tabs do not disturb each other.
pub(super) fn question_cookie(interaction: &str, browser: &str) -> String {
    format!(
        "{}={browser}; Path=/interaction/{interaction}; Max-Age={}; HttpOnly; SameSite=Lax",
        question_name(interaction),
        INTERACTION_LIFE.as_secs()
    )
}

/// The cookie that removes the one of a question.
pub(super) fn end_question_cookie(interaction: &str) -> String {
    format!(
        "{}=; Path=/interaction/{interaction}; Max-Age=0; HttpOnly; SameSite=Lax",
        question_name(interaction)
    )
}

/// Whether the question was put to the browser that sent these headers.
pub(super) fn was_asked(headers: &HeaderMap, interaction: &str, browser: &str) -> bool {
    cookies(headers, &question_name(interaction)).any(|value| same(value.as_bytes(), browser.as_bytes()))
}

fn question_name(interaction: &str) -> String {
    let start: String = interaction.chars().take(12).collect();
    format!("{QUESTION_COOKIE}{start}")
}

/// The values of all cookies of this name.
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}
