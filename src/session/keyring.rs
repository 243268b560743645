//! Keyring: sealing what a browser keeps for us, and opening it again.
//!
//! A seal is AES-256-GCM under a key of its own: 24 random bytes and the purpose's subkey give, by HKDF-SHA256 (RFC 5869),
//! that key and a 32-byte commitment. So random nonces never meet a birthday bound, and a seal opens under exactly
//! one key of the ring. Version, purpose, cookie name and host are associated data: a seal made for one use is
//! nothing for another.
//!
//! ```text
//! version 1 | key id 4 | salt 24 | commitment 32 | ciphertext and tag        as unpadded base64url
//! ```

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::secret::{Secret, same};

/// What a seal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A session.
    Session,
    /// One attempt to sign in.
    PendingLogin,
    /// The count of sign-ins in a row that led nowhere.
    LoginRound,
    /// A sign-out that is on its way through the provider.
    SignOut,
}

/// Where a seal is kept: its cookie's name, and the host (or domain) of that cookie.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The name of the cookie, whole.
    pub cookie: &'a str,
    /// The host that the cookie belongs to.
    pub host: &'a str,
}

/// Which key of a ring made a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedBy {
    /// The one that seals now.
    Current,
    /// One that only opens: whoever holds the seal gets a new one at the next chance.
    Old,
}

/// A session key: 32 random bytes.
#[derive(Debug)]
pub struct Key(Secret<[u8; 32]>);

/// Why a text is no session key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session key is 43 characters of base64url, as `vestibule keygen session` prints them")]
pub struct KeyError;

/// The keys of a running gateway.
#[derive(Debug)]
pub struct Keyring {
    current: RingKey,
    old: Vec<RingKey>,
}

#[derive(Debug)]
struct RingKey {
    id: [u8; 4],
    /// One subkey for each purpose, in the order of [`Purpose`].
    subkeys: [Secret<[u8; 32]>; 4],
    /// The subkey under which people are named in logs.
    names: Secret<[u8; 32]>,
}

const VERSION: u8 = 1;
const SALT: usize = 24;
const COMMITMENT: usize = 32;
const HEAD: usize = 1 + 4 + SALT + COMMITMENT;
const TAG: usize = 16;

/// Longer texts are not looked at: no cookie of ours is.
const MAX_SEALED: usize = 4096;

// === impl Key ===

impl Key {
    /// Reads a key from its text form.
    ///
    /// # Errors
    /// [`KeyError`] for anything but 43 characters of unpadded base64url.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError)?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// Whether this is the same key as `other`.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        same(self.0.expose(), other.0.expose())
    }

    /// A new key that nobody else will ever know.
    #[must_use]
    pub fn fresh(random: &Random) -> Self {
        Self(Secret::new(random.bytes()))
    }

    /// A new key in its text form.
    #[must_use]
    pub fn generate(random: &Random) -> Zeroizing<String> {
        Zeroizing::new(random.text::<32>())
    }
}

// === impl Keyring ===

impl Keyring {
    /// A ring whose `current` key seals and whose `old` keys still open.
    #[must_use]
    pub fn new(current: &Key, old: &[Key]) -> Self {
        Self { current: RingKey::new(current), old: old.iter().map(RingKey::new).collect() }
    }

    /// Whether `other` seals with the same key.
    #[must_use]
    pub fn seals_like(&self, other: &Self) -> bool {
        let ([own, ..], [theirs, ..]) = (&self.current.subkeys, &other.current.subkeys);
        own.equals(theirs.expose())
    }

    /// Seals `plain`.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, binding: Binding<'_>, plain: &[u8], random: &Random) -> String {
        let salt: [u8; SALT] = random.bytes();
        let (key, commitment) = self.current.derive(purpose, &salt);
        let aad = associated(purpose, binding);
        let payload = Payload { msg: plain, aad: &aad };
        // The key is used once, so the nonce may be fixed. GCM fails only past 64 GiB.
        let sealed = Aes256Gcm::new((&*key).into()).encrypt(&Nonce::default(), payload).unwrap_or_default();
        let mut out = Vec::with_capacity(HEAD + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&self.current.id);
        out.extend_from_slice(&salt);
        out.extend_from_slice(&commitment);
        out.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Which key made a seal that [`Self::open`] opened, by the key id that it names.
    #[must_use]
    pub fn sealed_by(&self, sealed: &str) -> SealedBy {
        // Eight characters are six bytes: the version and the whole key id.
        let head = sealed.get(..8).and_then(|head| URL_SAFE_NO_PAD.decode(head).ok());
        match head.as_deref().and_then(|head| head.get(1..5)) {
            Some(id) if id == self.current.id => SealedBy::Current,
            _ => SealedBy::Old,
        }
    }

    /// Opens what [`Self::seal`] made for the same purpose and binding. Nothing for everything else.
    #[must_use]
    pub fn open(&self, purpose: Purpose, binding: Binding<'_>, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (head, body) = bytes.split_at_checked(HEAD)?;
        let (version, rest) = head.split_first()?;
        let (id, rest) = rest.split_at_checked(4)?;
        let (salt, commitment) = rest.split_at_checked(SALT)?;
        if *version != VERSION || body.len() < TAG {
            return None;
        }
        let ring = std::iter::once(&self.current).chain(&self.old);
        for candidate in ring.filter(|candidate| candidate.id == id) {
            let (key, own) = candidate.derive(purpose, salt);
            if same(&own, commitment) {
                let aad = associated(purpose, binding);
                let payload = Payload { msg: body, aad: &aad };
                return Aes256Gcm::new((&*key).into())
                    .decrypt(&Nonce::default(), payload)
                    .ok()
                    .map(Zeroizing::new);
            }
        }
        None
    }
}

impl Keyring {
    /// A stable pseudonym for a name in logs: a keyed hash, 16 characters.
    #[must_use]
    pub fn pseudonym(&self, name: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.current.names.expose());
        let tag = hmac::sign(&key, name.as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref()).chars().take(16).collect()
    }
}

impl RingKey {
    fn new(key: &Key) -> Self {
        let subkey = |label: &str| {
            let mut out = [0; 32];
            expand(&[], key.0.expose(), label.as_bytes(), &mut out);
            Secret::new(out)
        };
        let mut id = [0; 4];
        expand(&[], key.0.expose(), b"vestibule key id", &mut id);
        let subkeys = [
            subkey("vestibule session"),
            subkey("vestibule pending login"),
            subkey("vestibule login round"),
            subkey("vestibule sign out"),
        ];
        Self { id, subkeys, names: subkey("vestibule names in logs") }
    }

    /// The key and the commitment for one seal.
    fn derive(&self, purpose: Purpose, salt: &[u8]) -> (Zeroizing<[u8; 32]>, [u8; COMMITMENT]) {
        let [session, pending, round, sign_out] = &self.subkeys;
        let subkey = match purpose {
            Purpose::Session => session,
            Purpose::PendingLogin => pending,
            Purpose::LoginRound => round,
            Purpose::SignOut => sign_out,
        };
        let mut both = Zeroizing::new([0; 32 + COMMITMENT]);
        expand(salt, subkey.expose(), b"vestibule seal 1", both.as_mut_slice());
        let (mut key, mut commitment) = (Zeroizing::new([0; 32]), [0; COMMITMENT]);
        let (first, second) = both.split_at(32);
        key.copy_from_slice(first);
        commitment.copy_from_slice(second);
        (key, commitment)
    }
}

/// HKDF-SHA256 into `out`, which is at most 64 bytes everywhere in this file.
pub(super) fn expand(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let filled = extracted.expand(&info, Length(out.len())).and_then(|okm| okm.fill(out));
    debug_assert!(filled.is_ok(), "HKDF gives up to 8,160 bytes");
    if filled.is_err() {
        // Never leave a key that somebody could guess; what it seals cannot be opened, which fails closed.
        let fallback = digest(&SHA256, secret);
        for (to, from) in out.iter_mut().zip(fallback.as_ref().iter().cycle()) {
            *to = *from;
        }
    }
}

/// Each part behind its length, so that no two bindings run together.
fn associated(purpose: Purpose, binding: Binding<'_>) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Session => b"session",
        Purpose::PendingLogin => b"pending login",
        Purpose::LoginRound => b"login round",
        Purpose::SignOut => b"sign out",
    };
    let parts = [purpose, binding.cookie.as_bytes(), binding.host.as_bytes()];
    let mut out = Vec::with_capacity(128);
    out.push(VERSION);
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
