//! Counting: how often each endpoint was asked.

use crate::meter::Counter;

/// How often each endpoint was asked, refused requests included.
#[derive(Debug, Default)]
pub struct Requests {
    discovery: Counter,
    jwks: Counter,
    authorize: Counter,
    token: Counter,
    userinfo: Counter,
    logout: Counter,
}

/// The endpoints of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Discovery,
    Jwks,
    Authorize,
    Token,
    Userinfo,
    Logout,
}

impl Endpoint {
    pub(super) fn of_path(path: &str) -> Option<Self> {
        use super::discovery as at;
        Some(match path {
            at::PATH => Self::Discovery,
            at::JWKS => Self::Jwks,
            at::AUTHORIZE => Self::Authorize,
            at::TOKEN => Self::Token,
            at::USERINFO => Self::Userinfo,
            at::LOGOUT => Self::Logout,
            _ => return None,
        })
    }
}

impl Requests {
    pub(super) fn count(&self, endpoint: Endpoint) {
        match endpoint {
            Endpoint::Discovery => &self.discovery,
            Endpoint::Jwks => &self.jwks,
            Endpoint::Authorize => &self.authorize,
            Endpoint::Token => &self.token,
            Endpoint::Userinfo => &self.userinfo,
            Endpoint::Logout => &self.logout,
        }
        .increment();
    }

    /// Requests for the metadata.
    #[must_use]
    pub fn discovery(&self) -> u64 {
        self.discovery.get()
    }

    /// Requests for the keys.
    #[must_use]
    pub fn jwks(&self) -> u64 {
        self.jwks.get()
    }

    /// Requests to the authorization endpoint.
    #[must_use]
    pub fn authorize(&self) -> u64 {
        self.authorize.get()
    }

    /// Requests to the token endpoint.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token.get()
    }

    /// Requests to the userinfo endpoint.
    #[must_use]
    pub fn userinfo(&self) -> u64 {
        self.userinfo.get()
    }

    /// Requests to the end-session endpoint.
    #[must_use]
    pub fn logout(&self) -> u64 {
        self.logout.get()
    }
}
