//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6; Core section 3.1.3): codes and refresh tokens into tokens.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;

use super::Core;
use super::id_token::{Occasion, id_token};
use super::jwt::{self, Members, is_pkce_text};
use super::request::{Scope, Scopes};
use super::settings::Client;
use super::store::{ACCESS_LIFE, Grant};
use crate::demo::answer::{self, Answer};
use crate::demo::form::{FormError, Params, Repeated};
use crate::secret::same;

/// Why no tokens are given (RFC 6749 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TokenError {
    #[error("{0}")]
    Request(&'static str),
    #[error("client authentication failed")]
    Client,
    #[error("{0}")]
    Grant(&'static str),
    #[error("the client may not ask for more than was granted")]
    Scope,
    #[error("grant_type must be authorization_code or refresh_token")]
    GrantType,
    #[error("the token could not be signed")]
    Signing,
}

/// Answers one token request.
pub(super) async fn answer(core: &Core, request: Request<Incoming>) -> Answer {
    // Credentials in an address end in logs (RFC 6749 section 2.3.1).
    let has_query = request.uri().query().is_some();
    let headers = request.headers().clone();
    let result = match Params::of_body(request, &core.clock).await {
        Ok(_) if has_query => Err(TokenError::Request("parameters belong into the body")),
        Ok(params) => tokens(core, &headers, &params),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(mut members) => {
            core.faults.bend_token_answer(&mut members);
            answer::json(StatusCode::OK, &members.into())
        }
        Err(error) => error.answer(),
    }
}

fn tokens(core: &Core, headers: &HeaderMap, params: &Params) -> Result<Members, TokenError> {
    let client = client(core, headers, params)?;
    match params.one("grant_type")? {
        Some("authorization_code") => exchange(core, &client, params),
        Some("refresh_token") => refresh(core, &client, params),
        Some(_) => Err(TokenError::GrantType),
        None => Err(TokenError::Request("grant_type is missing")),
    }
}

/// The client, authenticated by exactly one method (RFC 6749 section 2.3).
fn client(core: &Core, headers: &HeaderMap, params: &Params) -> Result<Arc<Client>, TokenError> {
    let posted_id = params.one("client_id")?;
    let posted_secret = params.one("client_secret")?;
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (id, secret) = match (lines.next(), lines.next()) {
        (Some(line), None) => {
            if posted_secret.is_some() {
                return Err(TokenError::Request("only one way to authenticate, please"));
            }
            let (id, secret) = line.to_str().ok().and_then(basic).ok_or(TokenError::Client)?;
            if posted_id.is_some_and(|posted| posted != id) {
                return Err(TokenError::Request("client_id is not the one that authenticates"));
            }
            (id, Some(secret))
        }
        (None, _) => (posted_id.ok_or(TokenError::Client)?.to_owned(), posted_secret.map(str::to_owned)),
        (Some(_), Some(_)) => return Err(TokenError::Request("Authorization is repeated")),
    };
    let client = core.client(&id).ok_or(TokenError::Client)?;
    let proven = match (&client.secret, secret) {
        (Some(expected), Some(given)) => expected.equals(given.as_bytes()),
        (None, None) => true,
        _ => false,
    };
    if proven { Ok(client) } else { Err(TokenError::Client) }
}

/// Id and secret of a Basic header, both form-encoded before (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?))
}

fn form_decode(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    let pair = format!("v={text}");
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(value.into_owned())
}

fn exchange(core: &Core, client: &Client, params: &Params) -> Result<Members, TokenError> {
    let code = params.one("code")?.ok_or(TokenError::Request("code is missing"))?;
    let redirect_uri = params.one("redirect_uri")?.ok_or(TokenError::Request("redirect_uri is missing"))?;
    let verifier = params.one("code_verifier")?;
    // Whatever is wrong below: a code is used up by its first use.
    let taken = core.store().take_code(code, &client.id, core.clock.now());
    let (code, grant) = taken.ok_or(TokenError::Grant("the code is unknown, used or too old"))?;
    if code.redirect_uri != redirect_uri {
        return Err(TokenError::Grant("redirect_uri is not the one of the authorization request"));
    }
    let verifier = verifier.ok_or(TokenError::Grant("code_verifier is missing"))?;
    if !is_pkce_text(verifier) || !same(jwt::challenge(verifier).as_bytes(), code.challenge.as_bytes()) {
        return Err(TokenError::Grant("code_verifier does not match the challenge"));
    }
    let scopes = grant.scopes.clone();
    issue(core, client, &code.grant, &grant, &scopes, Occasion::SignIn)
}

fn refresh(core: &Core, client: &Client, params: &Params) -> Result<Members, TokenError> {
    let token = params.one("refresh_token")?.ok_or(TokenError::Request("refresh_token is missing"))?;
    let narrowed = params.one("scope")?.map(Scopes::parse);
    let taken = core.store().take_refresh_token(token, &client.id, core.clock.now());
    let (id, grant) = taken.ok_or(TokenError::Grant("the refresh token is unknown, used or too old"))?;
    let scopes = narrowed.unwrap_or_else(|| grant.scopes.clone());
    if !scopes.within(&grant.scopes) {
        return Err(TokenError::Scope);
    }
    issue(core, client, &id, &grant, &scopes, Occasion::Refresh)
}

fn issue(
    core: &Core,
    client: &Client,
    grant_id: &str,
    grant: &Grant,
    scopes: &Scopes,
    occasion: Occasion,
) -> Result<Members, TokenError> {
    let now = core.clock.now();
    let access_token = core.random.text::<32>();
    let narrowed = Grant { scopes: scopes.clone(), ..grant.clone() };
    let id_token =
        id_token(core, client, &narrowed, &access_token, occasion).map_err(|_| TokenError::Signing)?;
    let mut members = Members::new();
    for (name, value) in [
        ("access_token", json!(access_token)),
        ("token_type", json!("Bearer")),
        ("expires_in", json!(ACCESS_LIFE.as_secs())),
        ("id_token", json!(id_token)),
        ("scope", json!(scopes.to_string())),
    ] {
        members.insert(name.to_owned(), value);
    }
    let mut store = core.store();
    if grant.scopes.has(Scope::OfflineAccess) {
        let refresh_token = core.random.text::<32>();
        members.insert("refresh_token".to_owned(), json!(refresh_token));
        store.add_refresh_token(refresh_token, grant_id.to_owned(), grant.scopes.clone(), now);
    }
    store.add_access_token(access_token, grant_id.to_owned(), scopes.clone(), now);
    Ok(members)
}

impl TokenError {
    fn answer(self) -> Answer {
        let (status, error) = match self {
            Self::Request(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Client => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::Grant(_) => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::Scope => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::GrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::Signing => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        };
        let body = json!({ "error": error, "error_description": self.to_string() });
        let mut answer = answer::json(status, &body);
        if self == Self::Client {
            answer::set(&mut answer, WWW_AUTHENTICATE, r#"Basic realm="demo""#);
        }
        answer
    }
}

impl From<Repeated> for TokenError {
    fn from(Repeated: Repeated) -> Self {
        Self::Request("a parameter is repeated")
    }
}

impl From<FormError> for TokenError {
    fn from(error: FormError) -> Self {
        Self::Request(match error {
            FormError::TooMany => "too many parameters",
            FormError::WrongType => "the body must be application/x-www-form-urlencoded",
            FormError::TooLarge => "the body is larger than 64 KiB",
            FormError::Incomplete => "the body did not arrive",
        })
    }
}
