//! The shape of an ID token: a JWS in compact form (RFC 7515), before anything in it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::{Algorithm, AlgorithmFault};
use super::error::LoginError;
use super::excerpt::shown;
use super::jwks::{KeyFault, Keys};
use super::verify::Signed;

/// A token whose signature nobody has checked. Its claims cannot be read.
pub(super) struct Unverified<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// What is signed: header and payload as they stand in the token.
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// The header's members that matter. Addresses of keys and keys in it (`jku`, `x5u`, `jwk`, `x5c`) do not.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<Value>,
    crit: Option<Value>,
}

/// The longest token, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

impl<'a> Unverified<'a> {
    /// Takes a token apart and settles its algorithm: one that is configured; where none is, one of ours that the
    /// provider lists, if it lists any.
    pub(super) fn parse(
        text: &'a str,
        configured: Option<&[Algorithm]>,
        listed: &[String],
    ) -> Result<Self, LoginError> {
        let malformed = |reason: &str| LoginError::Malformed(reason.to_owned());
        if text.len() > MAX_TOKEN {
            return Err(malformed("longer than 64 KiB"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            return Err(malformed(match parts.len() {
                5 => "encrypted, which is not supported; switch id token encryption off",
                _ => "not three parts",
            }));
        };
        let header = decode(header).ok_or_else(|| malformed("its header is not base64url"))?;
        // The typed form also refuses a member that stands twice.
        let header: Header = serde_json::from_slice(&header)
            .map_err(|_| malformed("its header is not a JSON object with alg"))?;
        let refuse = |fault| LoginError::Algorithm { found: shown(&header.alg), fault };
        let algorithm = Algorithm::parse(&header.alg).ok_or_else(|| refuse(AlgorithmFault::Refused))?;
        match configured {
            Some(configured) if !configured.contains(&algorithm) => {
                return Err(refuse(AlgorithmFault::NotConfigured));
            }
            None if !listed.is_empty() && !listed.contains(&header.alg) => {
                return Err(refuse(AlgorithmFault::NotListed));
            }
            _ => {}
        }
        // Extensions that the issuer calls critical: we know none (RFC 7515 section 4.1.11).
        if header.crit.is_some() {
            return Err(malformed("its header has crit"));
        }
        if header.cty.is_some() {
            return Err(malformed("its header has cty: it is nested"));
        }
        // Other kinds of token (`at+jwt`, `logout+jwt`) must not pass for this one (RFC 8725 section 3.11).
        let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
        if typ.is_some_and(|typ| typ.strip_prefix("application/").unwrap_or(&typ) != "jwt") {
            return Err(malformed("its header says that it is no id token (typ)"));
        }
        let signature = decode(signature).ok_or_else(|| malformed("its signature is not base64url"))?;
        // Header and payload, with the dot between them.
        let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
        Ok(Self { algorithm, key_id: header.kid, signed, payload, signature })
    }

    /// The token, if one of `keys` signed it.
    pub(super) fn signed_by(&self, keys: &Keys) -> Result<Signed, LoginError> {
        let key = keys
            .signer(
                self.key_id.as_deref(),
                &self.algorithm.library(),
                self.signed.as_bytes(),
                &self.signature,
            )
            .map_err(|fault| match fault {
                KeyFault::Wrong => LoginError::Signature,
                KeyFault::Unknown => LoginError::UnknownKey {
                    kid: self.key_id.as_deref().map(shown),
                    algorithm: self.algorithm.name().to_owned(),
                    published: keys.len(),
                },
            })?;
        let payload = decode(self.payload)
            .ok_or_else(|| LoginError::Malformed("its payload is not base64url".to_owned()))?;
        Signed::new(&payload, key, &self.algorithm.library())
    }
}

/// Strict: no padding, no spaces, no stray bits.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
