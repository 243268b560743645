//! The body of a session cookie: compact, versioned, and only what is wanted.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::{Deserialize, Serialize};

use super::{Session, SessionId};
use crate::clock::Timestamp;
use crate::identity::{Claim, Fingerprint, Identity, ProviderName, Vouched};

/// A provider as sessions are bound to it. A session opens only while the provider of that name still has the same
/// issuer and client.
#[derive(Clone, Debug)]
pub struct Issuer {
    name: ProviderName,
    issuer: Arc<str>,
    binding: [u8; 16],
}

/// Why the body of a session is refused, though its seal was ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Written by another version of this program.
    #[error("the session was written in another format")]
    Format,
    /// The provider is gone, or its issuer or client id has changed.
    #[error("the session's provider is no longer configured")]
    Provider,
}

/// The format of [`Body`]. Postcard is positional: any change of a field needs a new number here.
const VERSION: u8 = 1;

/// Group lists above this many bytes are compressed.
const COMPRESS_ABOVE: usize = 1024;

/// What a compressed group list may expand to.
const MAX_GROUPS: usize = 256 * 1024;

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    id: [u8; 16],
    /// Seconds since the epoch.
    started: u64,
    /// Seconds from `started` to the last activity on record.
    active: u64,
    /// Seconds since the epoch.
    authenticated: Option<u64>,
    #[serde(borrow)]
    provider: Cow<'a, str>,
    binding: [u8; 16],
    #[serde(borrow)]
    subject: Cow<'a, str>,
    /// None when it is the subject.
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    groups: Groups,
    claims: Vec<(String, Vec<String>)>,
    kept: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
enum Groups {
    Plain(Vec<String>),
    /// DEFLATE over the postcard form of the list. Apart from everything else, and only our own choice of groups, so
    /// that no length tells one claim by another.
    Packed(Vec<u8>),
}

// === impl Issuer ===

impl Issuer {
    /// The provider `name` with its issuer identifier and our client id there.
    #[must_use]
    pub fn new(name: ProviderName, issuer: &str, client_id: &str) -> Self {
        let mut binding = [0; 16];
        let text = format!("{}:{issuer}{client_id}", issuer.len());
        for (to, from) in binding.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
            *to = *from;
        }
        Self { name, issuer: issuer.into(), binding }
    }

    /// The provider's name.
    #[must_use]
    pub const fn name(&self) -> &ProviderName {
        &self.name
    }

    /// What a body holds of issuer and client id.
    pub(super) const fn binding(&self) -> [u8; 16] {
        self.binding
    }

    /// Its issuer identifier.
    #[must_use]
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }
}

// === impl Session: its body ===

impl Session {
    /// The session as bytes to be sealed.
    #[must_use]
    pub fn to_bytes(&self, issuer: &Issuer) -> Vec<u8> {
        let identity = &self.identity;
        let user = (identity.user() != identity.subject()).then(|| Cow::Borrowed(identity.user()));
        let body = Body {
            id: self.id.bytes(),
            started: self.started.as_secs(),
            active: self.active.since(self.started).as_secs(),
            authenticated: self.authenticated.map(Timestamp::as_secs),
            provider: Cow::Borrowed(issuer.name.as_str()),
            binding: issuer.binding,
            subject: Cow::Borrowed(identity.subject()),
            user,
            email: identity.email().map(Cow::Borrowed),
            name: identity.name().map(Cow::Borrowed),
            groups: Groups::pack(identity.groups()),
            claims: identity
                .claims()
                .iter()
                .map(|claim| (claim.path().to_owned(), claim.values().to_vec()))
                .collect(),
            kept: self.kept.items().to_vec(),
        };
        // Serialising plain data into a vector cannot fail; an empty body would open as nothing.
        postcard::to_extend(&body, vec![VERSION]).unwrap_or_default()
    }

    /// The session from its opened bytes, if one of `issuers` still is the provider it came from.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn from_bytes<'a>(
        bytes: &[u8],
        issuers: impl IntoIterator<Item = &'a Issuer>,
    ) -> Result<Self, BodyError> {
        let (version, rest) = bytes.split_first().ok_or(BodyError::Format)?;
        if *version != VERSION {
            return Err(BodyError::Format);
        }
        let body: Body<'_> = postcard::from_bytes(rest).map_err(|_| BodyError::Format)?;
        let issuer = issuers
            .into_iter()
            .find(|issuer| issuer.name.as_str() == body.provider && issuer.binding == body.binding)
            .ok_or(BodyError::Provider)?;
        let user = body.user.unwrap_or_else(|| body.subject.clone()).into_owned();
        let started = Timestamp::from_secs(body.started);
        Ok(Self {
            id: SessionId::new(body.id),
            short: SessionId::new(body.id).short(),
            identity: Identity::vouch(Vouched {
                provider: issuer.name.clone(),
                issuer: Arc::clone(&issuer.issuer),
                subject: body.subject.into_owned(),
                user,
                email: body.email.map(Cow::into_owned),
                name: body.name.map(Cow::into_owned),
                groups: body.groups.unpack()?,
                claims: body.claims.into_iter().map(|(path, values)| Claim::new(path, values)).collect(),
            }),
            kept: Fingerprint::from_items(body.kept),
            started,
            active: started.plus(std::time::Duration::from_secs(body.active)),
            authenticated: body.authenticated.map(Timestamp::from_secs),
        })
    }
}

impl Groups {
    fn pack(groups: &[String]) -> Self {
        let size: usize = groups.iter().map(|group| group.len() + 1).sum();
        if size > COMPRESS_ABOVE
            && let Ok(plain) = postcard::to_allocvec(groups)
        {
            return Self::Packed(compress_to_vec(&plain, 6));
        }
        Self::Plain(groups.to_vec())
    }

    fn unpack(self) -> Result<Vec<String>, BodyError> {
        match self {
            Self::Plain(groups) => Ok(groups),
            Self::Packed(packed) => {
                let plain =
                    decompress_to_vec_with_limit(&packed, MAX_GROUPS).map_err(|_| BodyError::Format)?;
                postcard::from_bytes(&plain).map_err(|_| BodyError::Format)
            }
        }
    }
}
