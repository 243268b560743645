//! Userinfo (OpenID Connect Core 1.0 section 5.3): further claims, asked for with the access token.

use serde_json::Value;

use super::error::{Call, LoginError, ProviderError};
use super::http::Http;

/// Asks for the claims of `subject`. An answer about anybody else is refused: access tokens can be swapped.
pub(super) async fn fetch(
    http: &Http,
    url: &str,
    access_token: &str,
    subject: &str,
) -> Result<Value, LoginError> {
    let claims = http.get_json(Call::Userinfo, url, Some(access_token)).await?;
    if !claims.is_object() {
        let reason = "not a JSON object".to_owned();
        return Err(ProviderError::BadAnswer { call: Call::Userinfo, reason }.into());
    }
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(LoginError::UserinfoSubject);
    }
    Ok(claims)
}
