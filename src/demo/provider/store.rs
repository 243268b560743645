//! What the provider remembers: sign-ins, questions under way, codes, tokens, consents. In memory, all of it bounded.

use std::sync::Arc;
use std::time::Duration;

use super::expiring::Expiring;
use super::request::{AuthRequest, Scopes};
use super::settings::User;
use crate::clock::Timestamp;

/// How long a sign-in at the provider lasts.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// How long a person may take to answer a page.
pub(super) const INTERACTION_LIFE: Duration = Duration::from_secs(600);
/// How long a code can be exchanged (RFC 6749 section 4.1.2 allows ten minutes at most).
pub(super) const CODE_LIFE: Duration = Duration::from_secs(60);
/// How long a used code is remembered, to notice its second use.
const CODE_MEMORY: Duration = Duration::from_secs(600);
/// How long an access token opens userinfo.
pub(super) const ACCESS_LIFE: Duration = Duration::from_secs(600);
/// How long what a person granted can be refreshed.
const GRANT_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How strong a sign-in was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Password,
    SecondFactor,
}

/// A sign-in that happened.
#[derive(Clone, Debug)]
pub(super) struct Authentication {
    pub(super) user: Arc<User>,
    /// `sid`: stays while the same person signs in again in the same browser.
    pub(super) sid: String,
    pub(super) at: Timestamp,
    pub(super) strength: Strength,
}

/// A question to a person, on the way from an authorization request to its answer.
#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub(super) request: AuthRequest,
    pub(super) stage: Stage,
    /// What the cookie of this interaction holds: which browser was asked.
    pub(super) browser: String,
    /// What its forms carry: that the answer comes from our page.
    pub(super) csrf: String,
}

/// Which page comes next.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    SignIn,
    SecondFactor { user: Arc<User>, code: String },
    Consent(Authentication),
}

/// What a person granted to a client: the root of its tokens.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) authentication: Authentication,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) grant: String,
    pub(super) expires: Timestamp,
    pub(super) used: bool,
}

/// A token that refers to a grant.
#[derive(Clone, Debug)]
struct Token {
    grant: String,
    used: bool,
    /// What it opens: what was granted, or less.
    scopes: Scopes,
}

/// A sign-out that waits for its confirmation.
#[derive(Clone, Debug)]
pub(super) struct Logout {
    /// The session cookie of the browser that was asked.
    pub(super) session: String,
    /// Where to go afterwards, already checked.
    pub(super) return_to: Option<String>,
}

/// The memory of a provider. A removed grant makes all its tokens void.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) sessions: Expiring<Authentication>,
    pub(super) interactions: Expiring<Interaction>,
    pub(super) logouts: Expiring<Logout>,
    codes: Expiring<Code>,
    grants: Expiring<Grant>,
    access_tokens: Expiring<Token>,
    refresh_tokens: Expiring<Token>,
    consents: Expiring<()>,
}

impl Strength {
    /// `acr`.
    pub(super) fn acr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::SecondFactor => "mfa",
        }
    }

    /// `amr` (RFC 8176).
    pub(super) fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::SecondFactor => &["pwd", "otp", "mfa"],
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            sessions: Expiring::new(1024),
            interactions: Expiring::new(1024),
            logouts: Expiring::new(256),
            codes: Expiring::new(4096),
            grants: Expiring::new(4096),
            access_tokens: Expiring::new(8192),
            refresh_tokens: Expiring::new(8192),
            consents: Expiring::new(1024),
        }
    }
}

impl Store {
    /// Records a grant and the code that stands for it.
    pub(super) fn add_code(&mut self, name: String, code: Code, grant: Grant, now: Timestamp) {
        self.grants.insert(code.grant.clone(), grant, now.plus(GRANT_LIFE));
        self.codes.insert(name, code, now.plus(CODE_MEMORY));
    }

    /// Uses up the code of this client and yields what it stood for. A second use takes back everything that the
    /// first one gave (RFC 6749 section 4.1.2).
    pub(super) fn take_code(&mut self, name: &str, client_id: &str, now: Timestamp) -> Option<(Code, Grant)> {
        let code = self.codes.get_mut(name, now).filter(|code| code.client_id == client_id)?;
        let found = code.clone();
        code.used = true;
        if found.used {
            self.grants.remove(&found.grant);
            return None;
        }
        let grant = self.grants.get(&found.grant, now).cloned()?;
        (now < found.expires).then_some((found, grant))
    }

    pub(super) fn add_access_token(&mut self, name: String, grant: String, scopes: Scopes, now: Timestamp) {
        let token = Token { grant, used: false, scopes };
        self.access_tokens.insert(name, token, now.plus(ACCESS_LIFE));
    }

    pub(super) fn add_refresh_token(&mut self, name: String, grant: String, scopes: Scopes, now: Timestamp) {
        let token = Token { grant, used: false, scopes };
        self.refresh_tokens.insert(name, token, now.plus(GRANT_LIFE));
    }

    /// What an access token stands for.
    pub(super) fn granted_to(&self, access_token: &str, now: Timestamp) -> Option<Grant> {
        let token = self.access_tokens.get(access_token, now)?;
        let grant = self.grants.get(&token.grant, now)?;
        Some(Grant { scopes: token.scopes.clone(), ..grant.clone() })
    }

    /// Uses up a refresh token of this client. A second use means that it was stolen, by whoever came first or
    /// second: the whole family ends (RFC 9700 section 4.14.2).
    pub(super) fn take_refresh_token(
        &mut self,
        name: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Option<(String, Grant)> {
        let token = self.refresh_tokens.get_mut(name, now)?;
        let grant = self.grants.get(&token.grant, now).filter(|grant| grant.client_id == client_id)?.clone();
        if token.used {
            self.grants.remove(&token.grant);
            return None;
        }
        token.used = true;
        Some((token.grant.clone(), grant))
    }

    /// Notes that a person allowed a client these scopes; kept while the provider runs.
    pub(super) fn consent(&mut self, user: &str, client_id: &str, scopes: &Scopes) {
        let forever = Timestamp::from_millis(u64::MAX);
        self.consents.insert(consent_key(user, client_id, scopes), (), forever);
    }

    pub(super) fn has_consent(&self, user: &str, client_id: &str, scopes: &Scopes, now: Timestamp) -> bool {
        self.consents.get(&consent_key(user, client_id, scopes), now).is_some()
    }

    /// Ends every sign-in and every token of a user.
    pub(super) fn revoke_user(&mut self, name: &str) {
        self.sessions.retain(|session| session.user.name != name);
        self.grants.retain(|grant| grant.authentication.user.name != name);
    }
}

/// Names hold no space: scopes are tokens, user names and client ids are the operator's own.
fn consent_key(user: &str, client_id: &str, scopes: &Scopes) -> String {
    format!("{user} {client_id} {scopes}")
}
