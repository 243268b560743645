//! A provider's published keys (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, SignatureVerificationError};
use serde_json::Value;

use super::error::{Call, ProviderError};
use super::http::Http;

/// The keys of a provider that may sign.
#[derive(Debug)]
pub(super) struct Keys(Vec<CoreJsonWebKey>);

/// Why no key stands for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    /// No key fits the id and the algorithm.
    Unknown,
    /// Those that fit did not make the signature.
    Wrong,
}

/// The shortest RSA modulus, in bytes: 2048 bits.
const MIN_RSA: usize = 256;

/// How many keys are tried on one signature.
const MAX_TRIES: usize = 16;

impl Keys {
    /// Fetches the key set.
    pub(super) async fn fetch(http: &Http, url: &str) -> Result<Self, ProviderError> {
        Self::parse(&http.get_json(Call::Keys, url, None).await?)
    }

    /// Reads a key set. Keys that we do not understand, and those that are not for signatures, are skipped (RFC 7517
    /// section 5): a provider may publish any number of others beside the one in use.
    pub(super) fn parse(set: &Value) -> Result<Self, ProviderError> {
        let bad = |reason| ProviderError::BadAnswer { call: Call::Keys, reason };
        let all = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| bad("it has no list of keys".to_owned()))?;
        let keys: Vec<_> = all.iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(bad(format!("none of its {} keys can be used to check a signature", all.len())));
        }
        Ok(Self(keys))
    }

    /// How many keys there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The key that made `signature` over `message`.
    ///
    /// Each fitting key is tried, since providers publish several keys without an id, and two of one id while they
    /// change them. The type of a key and its own `alg` must fit `algorithm`, which the caller has allowed.
    pub(super) fn signer(
        &self,
        id: Option<&str>,
        algorithm: &CoreJwsSigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&CoreJsonWebKey, KeyFault> {
        let mut fault = KeyFault::Unknown;
        let named =
            |key: &&CoreJsonWebKey| id.is_none_or(|id| key.key_id().is_some_and(|own| own.as_str() == id));
        for key in self.0.iter().filter(named).take(MAX_TRIES) {
            match key.verify_signature(algorithm, message, signature) {
                Ok(()) => return Ok(key),
                Err(SignatureVerificationError::InvalidKey(_)) => {}
                Err(_) => fault = KeyFault::Wrong,
            }
        }
        Err(fault)
    }
}

fn usable(key: &Value) -> Option<CoreJsonWebKey> {
    match key.get("kty")?.as_str()? {
        "RSA" => {
            let modulus = URL_SAFE_NO_PAD.decode(key.get("n")?.as_str()?).ok()?;
            let length = modulus.iter().skip_while(|byte| **byte == 0).count();
            (length >= MIN_RSA).then_some(())?;
        }
        "EC" | "OKP" => {}
        _ => return None,
    }
    if key.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    serde_json::from_value(key.clone()).ok()
}
