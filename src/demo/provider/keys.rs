//! Signing keys: one RSA and one P-256 key, made at start, published as a JWK set (RFC 7517).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What signs an ID token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the one that every provider has.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// The keys that sign now, and the published part of those before.
pub(super) struct KeySet {
    rsa: RsaKeyPair,
    rsa_jwk: Value,
    ec: EcdsaKeyPair,
    ec_jwk: Value,
    former: Vec<Value>,
}

impl Algorithm {
    /// The name in a header and in discovery (RFC 7518 section 3.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl KeySet {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let (n, e) = rsa_numbers(rsa.public_key().as_ref()).ok_or(Unspecified)?;
        let rsa_jwk = jwk(Algorithm::Rs256, json!({ "e": encode(e), "kty": "RSA", "n": encode(n) }));
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let (x, y) = point(ec.public_key().as_ref()).ok_or(Unspecified)?;
        let ec_jwk =
            jwk(Algorithm::Es256, json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) }));
        Ok(Self { rsa, rsa_jwk, ec, ec_jwk, former: Vec::new() })
    }

    /// Takes `fresh` into use; what signed until now stays published.
    pub(super) fn replace(&mut self, fresh: Self) {
        let old = std::mem::replace(self, fresh);
        self.former = vec![old.rsa_jwk, old.ec_jwk];
    }

    /// The published set.
    pub(super) fn jwks(&self) -> Value {
        let keys: Vec<&Value> = [&self.rsa_jwk, &self.ec_jwk].into_iter().chain(&self.former).collect();
        json!({ "keys": keys })
    }

    pub(super) fn kid(&self, algorithm: Algorithm) -> &str {
        let jwk = match algorithm {
            Algorithm::Rs256 => &self.rsa_jwk,
            Algorithm::Es256 => &self.ec_jwk,
        };
        jwk.get("kid").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Algorithm::Es256 => Ok(self.ec.sign(&random, message)?.as_ref().to_vec()),
        }
    }

    /// Whether a key that signs now made this signature.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match algorithm {
            Algorithm::Rs256 => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.rsa.public_key().as_ref())
                    .verify(message, signature)
            }
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.ec.public_key().as_ref())
                    .verify(message, signature)
            }
        }
        .is_ok()
    }

    /// The bytes of the public RSA key, which a confused verifier may take for a shared secret.
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.rsa.public_key().as_ref()
    }
}

/// A published key. `thumbed` has the required members in the order of their names, as a thumbprint wants them
/// (RFC 7638); serde_json keeps that order.
fn jwk(algorithm: Algorithm, mut thumbed: Value) -> Value {
    let kid = encode(digest(&SHA256, thumbed.to_string().as_bytes()).as_ref());
    if let Some(members) = thumbed.as_object_mut() {
        members.insert("kid".to_owned(), kid.into());
        members.insert("use".to_owned(), "sig".into());
        members.insert("alg".to_owned(), algorithm.name().into());
    }
    thumbed
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1): a DER sequence of two integers.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(0x30, der)?;
    let (n, rest) = element(0x02, sequence)?;
    let (e, _) = element(0x02, rest)?;
    Some((unsigned(n), unsigned(e)))
}

/// One DER element with this tag: its content and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes
            .iter()
            .try_fold(0_usize, |length, byte| length.checked_mul(256)?.checked_add(usize::from(*byte)))?;
        (length, rest)
    };
    rest.split_at_checked(length)
}

/// A DER integer without the zero that keeps it positive.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

/// The coordinates of an uncompressed P-256 point (SEC 1 section 2.3.3).
fn point(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let coordinates = bytes.strip_prefix(&[4])?;
    (coordinates.len() == 64).then(|| coordinates.split_at(32))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
