//! What a provider says about itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;

use super::error::{Call, ProviderError};
use super::excerpt::shown;
use super::http::{Http, check_url};
use super::settings::Settings;

/// The members of the discovery document that we use. Whatever else is in it cannot make it fail.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    scopes_supported: Option<Vec<String>>,
    prompt_values_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Metadata {
    /// Fetches the document and checks it against what is configured.
    pub(super) async fn fetch(http: &Http, settings: &Settings) -> Result<Self, ProviderError> {
        let issuer = settings.issuer.as_str();
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let url = format!("{base}/.well-known/openid-configuration");
        let document = http.get_json(Call::Discovery, &url, None).await?;
        let bad = |reason| ProviderError::BadAnswer { call: Call::Discovery, reason };
        let found = document
            .get("issuer")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| bad("it has no issuer".to_owned()))?;
        // Byte by byte, before anything else of it is believed: `https://op` and `https://op/` are two issuers.
        if found != issuer {
            let error = ProviderError::IssuerMismatch { configured: issuer.to_owned(), found: shown(found) };
            error.log(&settings.name);
            return Err(error);
        }
        let metadata: Self =
            serde_json::from_value(document).map_err(|error| bad(shown(&error.to_string())))?;
        let required = [
            ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
            ("token_endpoint", Some(&metadata.token_endpoint)),
            ("jwks_uri", Some(&metadata.jwks_uri)),
            ("userinfo_endpoint", metadata.userinfo_endpoint.as_ref()),
            ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
        ];
        for (what, url) in required {
            if let Some(url) = url {
                check_url(settings.transport, what, url)?;
            }
        }
        if !lists(metadata.code_challenge_methods_supported.as_deref(), "S256").unwrap_or(true) {
            tracing::warn!(provider = %settings.name, "discovery does not list S256 for PKCE; it is sent all the same");
        }
        tracing::info!(provider = %settings.name, issuer, "discovery document read");
        Ok(metadata)
    }

    /// Whether the provider lists this scope.
    pub(super) fn offers_scope(&self, scope: &str) -> bool {
        lists(self.scopes_supported.as_deref(), scope).unwrap_or(false)
    }

    /// Whether the provider lists this value of `prompt`.
    pub(super) fn offers_prompt(&self, prompt: &str) -> bool {
        lists(self.prompt_values_supported.as_deref(), prompt).unwrap_or(false)
    }

    /// Whether our secret goes into the body of the token request. Only where the provider wants it there: the default
    /// is the Authorization field (section 3 of Discovery).
    pub(super) fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let lists = |method| lists(methods, method).unwrap_or(false);
        lists("client_secret_post") && !lists("client_secret_basic")
    }

    /// The algorithms that it signs ID tokens with; empty when it does not say.
    pub(super) fn signing_algorithms(&self) -> &[String] {
        self.id_token_signing_alg_values_supported.as_deref().unwrap_or_default()
    }

    /// Whether each of its responses names it (RFC 9207 section 3).
    pub(super) fn promises_issuer(&self) -> bool {
        self.authorization_response_iss_parameter_supported.unwrap_or(false)
    }
}

fn lists(values: Option<&[String]>, value: &str) -> Option<bool> {
    values.map(|values| values.iter().any(|listed| listed == value))
}
