//! JSON Web Tokens as the provider writes them (RFC 7515, RFC 7519), and the hashes that go with a code.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::keys::{Algorithm, KeySet};

/// Members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// Longest token that is looked at.
const MAX_TOKEN: usize = 16 * 1024;

/// What a signature covers: header and claims, each as base64url of its JSON (RFC 7515 section 5.1).
pub(super) fn signing_input(header: &Members, claims: &Members) -> String {
    format!("{}.{}", encode_json(header), encode_json(claims))
}

/// The compact form.
pub(super) fn compact(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a token that these keys signed; its times are not looked at, as an `id_token_hint` may have ended
/// (RP-initiated logout 1.0 section 2).
pub(super) fn open(keys: &KeySet, token: &str) -> Option<Members> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = decode_json(header)?;
    let algorithm = match header.get("alg")?.as_str()? {
        "RS256" => Algorithm::Rs256,
        "ES256" => Algorithm::Es256,
        _ => return None,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !keys.verifies(algorithm, signed.as_bytes(), &signature) {
        return None;
    }
    decode_json(claims)
}

/// `at_hash`: the left half of the token's SHA-256 (Core section 3.1.3.6).
pub(super) fn half_hash(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

/// The S256 challenge of a PKCE verifier (RFC 7636 section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Whether a text has the form of a verifier or a challenge (RFC 7636 section 4.1: 43 to 128 unreserved characters).
pub(super) fn is_pkce_text(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn encode_json(members: &Members) -> String {
    // Writing a map of JSON values cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(members).unwrap_or_default())
}

fn decode_json(text: &str) -> Option<Members> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
