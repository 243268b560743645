//! The library's client behind three functions: its seventeen type parameters end here.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use http::header::DATE;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreIdToken, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthenticationFlow, AuthorizationCode, Client, ClientId,
    ClientSecret, CsrfToken, EmptyAdditionalClaims, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IssuerUrl, JsonWebKeySet, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::callback::Code;
use super::discovery::Metadata;
use super::error::{Call, LoginError, ProviderError};
use super::excerpt::{excerpt, shown};
use super::http::Http;
use super::settings::Settings;
use crate::session::PendingLogin;

type Refusal = StandardErrorResponse<CoreErrorResponseType>;

type Library = Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    Refusal,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// What the token endpoint gave.
pub(super) struct Tokens {
    answer: TokenAnswer,
    date: Option<String>,
}

/// A token answer (OpenID Connect Core 1.0 section 3.1.3.3). Refresh tokens are not even read: none is kept.
#[derive(Deserialize, Serialize)]
struct TokenAnswer {
    #[serde(skip_serializing)]
    access_token: AccessToken,
    token_type: String,
    #[serde(skip_serializing)]
    id_token: String,
    /// What the library's trait asks for; ours is `token_type`.
    #[serde(skip, default = "bearer")]
    kind: CoreTokenType,
}

/// Our HTTP client as the library sees it, for one call.
struct TokenCall<'a> {
    http: &'a Http,
    settings: &'a Settings,
    /// What must not be repeated in a log line.
    hidden: [&'a str; 3],
    /// The time of day in the answer's Date field.
    date: Mutex<Option<String>>,
}

/// The address of the authorization endpoint with the request of this attempt.
pub(super) fn authorization_url(
    settings: &Settings,
    metadata: &Metadata,
    pending: &PendingLogin,
    scopes: Vec<String>,
    prompt: Option<&'static str>,
) -> Result<String, ProviderError> {
    let library = library(settings, metadata)?;
    let redirect = redirect(pending)?;
    let proofs = pending.attempt().proofs();
    let verifier = PkceCodeVerifier::new(proofs.verifier.to_string());
    let (state, nonce) = (pending.attempt().state(), proofs.nonce.to_string());
    let mut request = library
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .set_redirect_uri(Cow::Owned(redirect))
        // The library puts `openid` in front.
        .add_scopes(scopes.into_iter().filter(|scope| scope != "openid").map(Scope::new));
    // What was configured gives way to what the person asked for.
    let configured = settings.auth_params.iter().filter(|(name, _)| prompt.is_none() || name != "prompt");
    for (name, value) in configured {
        request = request.add_extra_param(name.as_str(), value.as_str());
    }
    if let Some(prompt) = prompt {
        request = request.add_extra_param("prompt", prompt);
    }
    Ok(request.url().0.into())
}

/// Redeems a code.
pub(super) async fn exchange(
    http: &Http,
    settings: &Settings,
    metadata: &Metadata,
    code: &Code,
    pending: &PendingLogin,
) -> Result<Tokens, LoginError> {
    let library = library(settings, metadata)?;
    let proofs = pending.attempt().proofs();
    let secret = settings.client_secret.as_ref().map_or("", |secret| secret.expose().as_str());
    let hidden = [code.expose(), proofs.verifier.as_str(), secret];
    let call = TokenCall { http, settings, hidden, date: Mutex::new(None) };
    let answer = library
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(proofs.verifier.to_string()))
        .set_redirect_uri(Cow::Owned(redirect(pending)?))
        .request_async(&call)
        .await
        .map_err(|error| refused(error, &hidden))?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(bad(format!("token_type is {}, not Bearer", shown(&answer.token_type))).into());
    }
    let date = call.date.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Tokens { answer, date })
}

impl Tokens {
    pub(super) fn id_token(&self) -> &str {
        &self.answer.id_token
    }

    pub(super) fn access_token(&self) -> &str {
        self.answer.access_token.secret()
    }

    /// The time of day that the answer's Date field tells.
    pub(super) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }
}

fn library(settings: &Settings, metadata: &Metadata) -> Result<Library, ProviderError> {
    let unusable = |what: &'static str| {
        move |_| ProviderError::BadAnswer { call: Call::Discovery, reason: format!("{what} is not a URL") }
    };
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(unusable("issuer"))?;
    let authorize =
        AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(unusable("authorization_endpoint"))?;
    let token = TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable("token_endpoint"))?;
    let kind = if metadata.wants_secret_in_body() { AuthType::RequestBody } else { AuthType::BasicAuth };
    let client = Client::new(ClientId::new(settings.client_id.clone()), issuer, JsonWebKeySet::default())
        .set_auth_uri(authorize)
        .set_token_uri(token)
        .set_auth_type(kind);
    Ok(match &settings.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().clone())),
        None => client,
    })
}

fn redirect(pending: &PendingLogin) -> Result<RedirectUrl, ProviderError> {
    RedirectUrl::new(pending.redirect_uri().to_owned())
        .map_err(|_| bad("our redirect URI is not a URL".to_owned()))
}

fn refused(error: RequestTokenError<ProviderError, Refusal>, hidden: &[&str]) -> LoginError {
    match error {
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::ServerResponse(refusal) => LoginError::TokenRefused {
            error: excerpt(refusal.error().as_ref().as_bytes(), hidden),
            description: refusal.error_description().map(|text| excerpt(text.as_bytes(), hidden)),
        },
        // The cause may quote the answer, so only the place is told.
        RequestTokenError::Parse(error, _) => {
            let place = shown(&error.path().to_string());
            bad(format!("not a token answer with access_token, token_type and id_token (at {place})")).into()
        }
        RequestTokenError::Other(reason) => bad(shown(&reason)).into(),
    }
}

fn bad(reason: String) -> ProviderError {
    ProviderError::BadAnswer { call: Call::Token, reason }
}

/// `14:07:31` of `Tue, 24 Nov 2026 14:07:31 GMT` (RFC 9110 section 5.6.7).
fn time_of_day(date: &str) -> Option<String> {
    let time = date.split(' ').find(|part| part.len() == 8 && part.split(':').count() == 3)?;
    time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':').then(|| time.to_owned())
}

// === impl TokenCall ===

impl TokenCall<'_> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ProviderError> {
        let response = self.http.send(Call::Token, request).await?;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok()).and_then(time_of_day);
        *self.date.lock().unwrap_or_else(PoisonError::into_inner) = date;
        let status = response.status();
        // The library takes 200 for success and any other answer for an error in JSON. What is neither would end as
        // a complaint about JSON, and its cause be lost.
        let is_error = || {
            let body: Option<Value> = serde_json::from_slice(response.body()).ok();
            status.is_client_error()
                && body.is_some_and(|body| body.get("error").is_some_and(Value::is_string))
        };
        if status != StatusCode::OK && !is_error() {
            let body = excerpt(response.body(), &self.hidden);
            let (provider, status) = (&self.settings.name, status.as_u16());
            tracing::warn!(%provider, status, body, "token endpoint failed");
            return Err(ProviderError::Status { call: Call::Token, status });
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for TokenCall<'_> {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

// === impl TokenAnswer ===

const fn bearer() -> CoreTokenType {
    CoreTokenType::Bearer
}

impl OAuth2TokenResponse for TokenAnswer {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &CoreTokenType {
        &self.kind
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// The library would read all standard claims before it hands a token out; we read the text ourselves, see
/// [`super::token`].
impl
    TokenResponse<
        EmptyAdditionalClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for TokenAnswer
{
    fn id_token(&self) -> Option<&CoreIdToken> {
        None
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer").finish_non_exhaustive()
    }
}
