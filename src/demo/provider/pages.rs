//! The provider's pages. No script, no password, and on each the word that this is not for production.

use std::sync::Arc;

use askama::Template;
use http::StatusCode;

use super::request::Scopes;
use super::session::Present;
use super::settings::User;
use crate::demo::answer::{self, Answer};
use crate::demo::html::{Look, document, render};

/// Where a form goes and what it carries.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    /// What the client calls itself.
    pub(super) client: &'a str,
}

/// Whether the person typed something wrong just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    No,
    Yes,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<header><strong>Demo provider</strong></header>
<main>
<h1>{{ heading }}</h1>
{{ body|safe }}
</main>
<footer>Built-in demo provider: loopback only, not for production.</footer>"#
)]
struct Frame<'a> {
    heading: &'a str,
    body: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p><strong>{{ place.client }}</strong> wants to know who you are. There is no password: pick a person.</p>
{% for user in users %}
<section class="card" aria-labelledby="user-{{ loop.index }}">
<div class="person"><span class="face" aria-hidden="true">{{ user.initial() }}</span>
<div><h2 id="user-{{ loop.index }}">{{ user.name }}</h2>
<p class="quiet">{{ user.groups_in_words() }}{% if hint == Some(user.name.as_str()) || hint == Some(user.email.as_str()) %} · <strong>suggested by the application</strong>{% endif %}</p></div></div>
<form method="post" action="{{ place.action }}">
<input type="hidden" name="csrf" value="{{ place.csrf }}">
<input type="hidden" name="user" value="{{ user.name }}">
<div class="actions">
<button type="submit" class="main" name="factor" value="first"{% if hint == Some(user.name.as_str()) %} autofocus{% endif %}>Sign in as {{ user.name }}</button>
<button type="submit" name="factor" value="second" aria-label="with second factor, as {{ user.name }}">with second factor</button>
</div>
</form>
</section>
{% endfor %}
<form method="post" action="{{ place.action }}">
<input type="hidden" name="csrf" value="{{ place.csrf }}">
<div class="actions"><button type="submit" name="answer" value="deny">Cancel</button></div>
</form>"#
)]
struct SignIn<'a> {
    place: Place<'a>,
    users: &'a [Arc<User>],
    hint: Option<&'a str>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>A real provider would send this code to the phone of <strong>{{ user.name }}</strong>. This one just shows it:</p>
<p class="code" id="shown-code">{{ code }}</p>
<form method="post" action="{{ place.action }}">
<input type="hidden" name="csrf" value="{{ place.csrf }}">
<label for="code">Code of six digits</label>
{% if wrong %}<p class="bad" id="code-wrong" role="alert">That was not the code. Type the six digits shown above.</p>
{% endif %}<input type="text" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required{% if wrong %} aria-invalid="true" aria-describedby="code-wrong"{% endif %}>
<div class="actions"><button type="submit" class="main" name="answer" value="continue">Continue</button></div>
</form>
<form method="post" action="{{ place.action }}">
<input type="hidden" name="csrf" value="{{ place.csrf }}">
<div class="actions"><button type="submit" name="answer" value="deny">Cancel</button></div>
</form>"#
)]
struct SecondFactor<'a> {
    place: Place<'a>,
    user: &'a User,
    code: &'a str,
    wrong: bool,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>You are <strong>{{ user.name }}</strong>. <strong>{{ place.client }}</strong> asks to:</p>
<div class="card"><ul class="plain">
{% for scope in scopes.iter() %}<li>{{ scope.words() }} <span class="quiet">({{ scope.name() }})</span></li>
{% endfor %}</ul></div>
<form method="post" action="{{ place.action }}">
<input type="hidden" name="csrf" value="{{ place.csrf }}">
<div class="actions">
<button type="submit" class="main" name="answer" value="allow">Allow</button>
<button type="submit" name="answer" value="deny">Deny</button>
</div>
</form>
<p class="quiet">Asked once while the demo runs.</p>"#
)]
struct Consent<'a> {
    place: Place<'a>,
    user: &'a User,
    scopes: &'a Scopes,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>You are signed in here as <strong>{{ user.name }}</strong>.</p>
{% if let Some(hint) = other %}<p class="note">The application asked to sign out “{{ hint }}”.</p>
{% endif %}<form method="post" action="{{ action }}">
<input type="hidden" name="csrf" value="{{ question }}">
<div class="actions">
<button type="submit" class="main" name="answer" value="sign_out">Sign out</button>
<button type="submit" name="answer" value="stay">Stay signed in</button>
</div>
</form>"#
)]
struct ConfirmSignOut<'a> {
    action: &'a str,
    question: &'a str,
    user: &'a User,
    other: Option<&'a str>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(user) = user %}<p>You are signed in here as <strong>{{ user.name }}</strong>, {{ user.groups_in_words() }}.</p>
<p><a href="/logout">Sign out of the demo provider</a></p>
{% else %}<p>Nobody is signed in here in this browser.</p>
{% endif %}<p>This is a small OpenID Provider for trying out Vestibule. Applications send people here to sign in.</p>
<p><a href="/.well-known/openid-configuration">Metadata</a> · <a href="/jwks.json">Keys</a></p>"#
)]
struct Home<'a> {
    user: Option<&'a User>,
}

#[derive(Template)]
#[template(ext = "html", source = "<p>{{ message }}</p>")]
struct Message<'a> {
    message: &'a str,
}

/// Choose who you are.
pub(super) fn sign_in(place: Place<'_>, users: &[Arc<User>], hint: Option<&str>) -> Answer {
    frame(StatusCode::OK, "Sign in to the demo", &render(&SignIn { place, users, hint }))
}

/// Type the code that is shown.
pub(super) fn second_factor(place: Place<'_>, user: &User, code: &str, retry: Retry) -> Answer {
    let body = SecondFactor { place, user, code, wrong: retry == Retry::Yes };
    frame(StatusCode::OK, "Second factor", &render(&body))
}

/// Allow or deny what the client asks for.
pub(super) fn consent(place: Place<'_>, user: &User, scopes: &Scopes) -> Answer {
    let body = Consent { place, user, scopes };
    frame(StatusCode::OK, "Do you allow this?", &render(&body))
}

/// Sign out of the provider, or not.
pub(super) fn confirm_sign_out(action: &str, question: &str, user: &User, hint: Option<&str>) -> Answer {
    let body = ConfirmSignOut {
        action,
        question,
        user,
        other: hint.filter(|hint| *hint != user.name && *hint != user.sub && *hint != user.email),
    };
    frame(StatusCode::OK, "Sign out of the demo provider?", &render(&body))
}

/// The provider's session is over.
pub(super) fn signed_out() -> Answer {
    trouble(
        StatusCode::OK,
        "You are signed out",
        "The demo provider has forgotten this browser. Applications may still have sessions of their own.",
    )
}

/// What the provider is, for whoever opens its address.
pub(super) fn home(present: Option<&Present>) -> Answer {
    let user = present.map(|present| &*present.authentication.user);
    frame(StatusCode::OK, "The demo provider", &render(&Home { user }))
}

/// A heading and a sentence.
pub(super) fn trouble(status: StatusCode, heading: &str, message: &str) -> Answer {
    frame(status, heading, &render(&Message { message }))
}

fn frame(status: StatusCode, heading: &str, body: &str) -> Answer {
    let body = render(&Frame { heading, body });
    answer::page(status, &document(Look::Provider, heading, &body))
}
