//! The authorization request: raw parameters in, a checked request or the error of the standard out.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::jwt::is_pkce_text;
use super::settings::Client;
use crate::demo::form::{Params, Repeated};

/// Longest `state`, `nonce` or hint, in bytes.
const MAX_VALUE: usize = 2048;

/// A checked authorization request (Core section 3.1.2.1).
#[derive(Clone, Debug)]
pub(super) struct AuthRequest {
    pub(super) client_id: String,
    pub(super) reply: ReplyTo,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) prompts: BTreeSet<Prompt>,
    pub(super) max_age: Option<Duration>,
    pub(super) login_hint: Option<String>,
    pub(super) id_token_hint: Option<String>,
    pub(super) wants_second_factor: bool,
}

/// Where the answer goes: a registered address, and the state to hand back.
#[derive(Clone, Debug)]
pub(super) struct ReplyTo {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

/// A value of `prompt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

/// A scope that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    OpenId,
    Profile,
    Email,
    Groups,
    OfflineAccess,
}

/// The scopes of a request or a grant. Unknown ones are left out (Core section 3.1.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes(BTreeSet<Scope>);

/// An error for the redirect URI (RFC 6749 section 4.1.2.1, Core section 3.1.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

impl AuthRequest {
    /// Checks everything but client and redirect URI, which the caller has established: only with those an error
    /// may be sent anywhere.
    ///
    /// # Errors
    /// [`Refused`] as the standard words it.
    pub(super) fn check(params: &Params, client: &Client, reply: ReplyTo) -> Result<Self, Refused> {
        for (name, error) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
            ("registration", "registration_not_supported"),
        ] {
            if params.one(name)?.is_some() {
                return Err(refused(error, "that parameter is not supported"));
            }
        }
        match params.one("response_type")? {
            Some("code") => {}
            Some(_) => return Err(refused("unsupported_response_type", "response_type must be code")),
            None => return Err(invalid("response_type is missing")),
        }
        if params.one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(invalid("response_mode must be query"));
        }
        let scopes = Scopes::parse(params.one("scope")?.unwrap_or_default());
        if !scopes.has(Scope::OpenId) {
            return Err(refused("invalid_scope", "scope must contain openid"));
        }
        if params.one("code_challenge_method")? != Some("S256") {
            return Err(invalid("PKCE is required: code_challenge_method must be S256"));
        }
        let challenge = bounded(params, "code_challenge")?
            .filter(|challenge| challenge.len() == 43 && is_pkce_text(challenge))
            .ok_or(invalid("PKCE is required: code_challenge must be 43 characters"))?;
        let prompts = prompts(params.one("prompt")?.unwrap_or_default())?;
        let max_age = match params.one("max_age")? {
            Some(text) => Some(Duration::from_secs(
                text.parse().map_err(|_| invalid("max_age must be a number of seconds"))?,
            )),
            None => None,
        };
        let wants_second_factor =
            params.one("acr_values")?.unwrap_or_default().split(' ').any(|value| value == "mfa");
        Ok(Self {
            client_id: client.id.clone(),
            reply,
            scopes,
            nonce: bounded(params, "nonce")?,
            challenge,
            prompts,
            max_age,
            login_hint: bounded(params, "login_hint")?,
            id_token_hint: params.one("id_token_hint")?.map(str::to_owned),
            wants_second_factor,
        })
    }
}

impl ReplyTo {
    /// The address with these parameters added to whatever query it has.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
}

impl Scope {
    const ALL: [Self; 5] = [Self::OpenId, Self::Profile, Self::Email, Self::Groups, Self::OfflineAccess];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
        }
    }

    /// What a person allows with it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::OpenId => "Know that it is you",
            Self::Profile => "See your name and user name",
            Self::Email => "See your e-mail address",
            Self::Groups => "See the groups you belong to",
            Self::OfflineAccess => "Stay connected while you are away",
        }
    }
}

impl Scopes {
    pub(super) fn parse(text: &str) -> Self {
        Self(
            Scope::ALL.into_iter().filter(|scope| text.split(' ').any(|word| word == scope.name())).collect(),
        )
    }

    pub(super) fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl From<Repeated> for Refused {
    fn from(Repeated: Repeated) -> Self {
        invalid("a parameter is repeated")
    }
}

fn prompts(text: &str) -> Result<BTreeSet<Prompt>, Refused> {
    let prompts = text
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "none" => Ok(Prompt::None),
            "login" => Ok(Prompt::Login),
            "consent" => Ok(Prompt::Consent),
            "select_account" => Ok(Prompt::SelectAccount),
            _ => Err(invalid("prompt has an unknown value")),
        })
        .collect::<Result<BTreeSet<_>, _>>()?;
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(invalid("prompt none stands alone"));
    }
    Ok(prompts)
}

fn bounded(params: &Params, name: &str) -> Result<Option<String>, Refused> {
    match params.one(name)? {
        Some(value) if value.len() > MAX_VALUE => Err(invalid("a parameter is too long")),
        value => Ok(value.map(str::to_owned)),
    }
}

fn invalid(description: &'static str) -> Refused {
    refused("invalid_request", description)
}

pub(super) fn refused(error: &'static str, description: &'static str) -> Refused {
    Refused { error, description }
}
