//! What a provider knows from the start: its clients and its users.

use super::keys::Algorithm;
use crate::secret::Secret;

/// Who may use a provider.
#[derive(Debug, Default)]
pub struct Settings {
    /// The registered relying parties.
    pub clients: Vec<Client>,
    /// The people who can sign in, in the order of the sign-in page.
    pub users: Vec<User>,
}

/// A registered relying party (OpenID Connect Registration 1.0 section 2).
#[derive(Debug)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// What the consent page calls it.
    pub title: String,
    /// `client_secret`; none makes a public client, which has PKCE alone.
    pub secret: Option<Secret<String>>,
    /// Allowed `redirect_uri` values, compared as text.
    pub redirect_uris: Vec<String>,
    /// Allowed `post_logout_redirect_uri` values, compared as text.
    pub post_logout_redirect_uris: Vec<String>,
    /// What signs its ID tokens.
    pub id_token_alg: Algorithm,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// `preferred_username`, and what the sign-in page shows.
    pub name: String,
    /// `sub`: another text than the name, so that nobody can mistake one for the other unnoticed.
    pub sub: String,
    /// `name`.
    pub full_name: String,
    /// `email`.
    pub email: String,
    /// `groups`.
    pub groups: Vec<String>,
}

impl User {
    /// alice (staff, ops), bob (staff) and eve (no groups).
    #[must_use]
    pub fn demo() -> Vec<Self> {
        [
            ("alice", "a-1001", "Alice Adams", &["staff", "ops"][..]),
            ("bob", "b-1002", "Bob Brown", &["staff"][..]),
            ("eve", "e-1003", "Eve Evans", &[][..]),
        ]
        .into_iter()
        .map(|(name, sub, full_name, groups)| Self {
            name: name.to_owned(),
            sub: sub.to_owned(),
            full_name: full_name.to_owned(),
            email: format!("{name}@example.com"),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        })
        .collect()
    }

    /// The groups for a person to read.
    pub(super) fn groups_in_words(&self) -> String {
        match self.groups.as_slice() {
            [] => "no groups".to_owned(),
            groups => groups.join(", "),
        }
    }

    /// The letter that stands for the person.
    pub(super) fn initial(&self) -> String {
        self.name.chars().take(1).collect()
    }
}
