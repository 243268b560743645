//! How the switches bend what the provider was about to say.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::{Fault, Faults};
use crate::clock::Timestamp;
use crate::demo::provider::jwt::{Members, half_hash};

/// A host that is not loopback (RFC 5737 keeps its address for examples).
const FAR_AWAY: &str = "http://192.0.2.1";

impl Faults {
    /// The metadata.
    pub(in crate::demo::provider) fn bend_discovery(&self, metadata: &mut Members) {
        for fault in self.now() {
            match fault {
                Fault::DiscoveryWrongIssuer => set(metadata, "issuer", "http://localhost:1"),
                Fault::DiscoveryHttpEndpoints => {
                    for name in [
                        "authorization_endpoint",
                        "token_endpoint",
                        "userinfo_endpoint",
                        "jwks_uri",
                        "end_session_endpoint",
                    ] {
                        set(metadata, name, format!("{FAR_AWAY}/{name}"));
                    }
                }
                Fault::Discovery(name, Value::Null) => drop_member(metadata, &name),
                Fault::Discovery(name, value) => set(metadata, &name, value),
                Fault::NoEndSession => drop_member(metadata, "end_session_endpoint"),
                Fault::NoGroupsScope => {
                    if let Some(Value::Array(scopes)) = metadata.get_mut("scopes_supported") {
                        scopes.retain(|scope| scope != "groups");
                    }
                }
                _ => {}
            }
        }
    }

    /// What the ID token and userinfo both say about a person.
    pub(in crate::demo::provider) fn bend_person(&self, claims: &mut Members) {
        for fault in self.now() {
            match fault {
                Fault::NoUser => drop_member(claims, "preferred_username"),
                Fault::ControlCharsInUser => {
                    set(claims, "preferred_username", "alice\nX-Forwarded-User: root");
                }
                Fault::EmailUnverified => set(claims, "email_verified", false),
                Fault::ManyGroups(count) => {
                    if let Some(Value::Array(groups)) = claims.get_mut("groups") {
                        groups.extend((0..count).map(|n| json!(format!("department-{n:05}"))));
                    }
                }
                Fault::Claim(name, value) => set(claims, &name, value),
                _ => {}
            }
        }
    }

    /// The ID token's own claims.
    pub(in crate::demo::provider) fn bend_id_token(&self, claims: &mut Members, now: Timestamp) {
        let now = now.as_secs();
        for fault in self.now() {
            match fault {
                Fault::IdTokenWrongIss => set(claims, "iss", "http://localhost:1"),
                Fault::IdTokenIssWithSlash => {
                    let iss = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
                    set(claims, "iss", format!("{iss}/"));
                }
                Fault::IdTokenWrongAud => set(claims, "aud", "somebody-else"),
                Fault::IdTokenExtraAud => {
                    let client = claims.get("aud").cloned().unwrap_or_default();
                    set(claims, "azp", client.clone());
                    set(claims, "aud", json!([client, "somebody-else"]));
                }
                Fault::IdTokenWrongAzp => set(claims, "azp", "somebody-else"),
                Fault::IdTokenExpired => set(claims, "exp", now.saturating_sub(600)),
                Fault::IdTokenNoExp => drop_member(claims, "exp"),
                Fault::IdTokenIssuedInFuture => set(claims, "iat", now + 3600),
                Fault::IdTokenNotYetValid => set(claims, "nbf", now + 3600),
                Fault::IdTokenNoNonce => drop_member(claims, "nonce"),
                Fault::IdTokenWrongNonce => set(claims, "nonce", "another"),
                Fault::IdTokenNoSub => drop_member(claims, "sub"),
                Fault::IdTokenWrongAtHash => set(claims, "at_hash", half_hash("another token")),
                Fault::OldAuthTime => set(claims, "auth_time", now.saturating_sub(86_400)),
                Fault::NoAuthTime => drop_member(claims, "auth_time"),
                Fault::WrongAcr => set(claims, "acr", "pwd"),
                Fault::NoSid => drop_member(claims, "sid"),
                _ => {}
            }
        }
    }

    /// The ID token's header.
    pub(in crate::demo::provider) fn bend_header(&self, header: &mut Members) {
        for fault in self.now() {
            match fault {
                Fault::AlgNone => set(header, "alg", "none"),
                Fault::AlgHs256 => set(header, "alg", "HS256"),
                Fault::UnknownKid => set(header, "kid", "unknown"),
                Fault::NoKid => drop_member(header, "kid"),
                Fault::CriticalHeader => {
                    set(header, "crit", json!(["example"]));
                    set(header, "example", true);
                }
                _ => {}
            }
        }
    }

    /// The ID token's signature over `message`.
    pub(in crate::demo::provider) fn bend_signature(
        &self,
        signature: &mut Vec<u8>,
        message: &[u8],
        public_key: &[u8],
    ) {
        for fault in self.now() {
            match fault {
                Fault::BadSignature => {
                    if let Some(last) = signature.last_mut() {
                        *last ^= 1;
                    }
                }
                Fault::AlgNone => signature.clear(),
                Fault::AlgHs256 => {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, public_key);
                    *signature = hmac::sign(&key, message).as_ref().to_vec();
                }
                _ => {}
            }
        }
    }

    /// The token endpoint's answer.
    pub(in crate::demo::provider) fn bend_token_answer(&self, answer: &mut Members) {
        for fault in self.now() {
            match fault {
                Fault::TokenNoIdToken => drop_member(answer, "id_token"),
                Fault::TokenType(name) => set(answer, "token_type", name),
                _ => {}
            }
        }
    }

    /// Userinfo's answer.
    pub(in crate::demo::provider) fn bend_userinfo(&self, claims: &mut Members) {
        if self.is_on(&Fault::UserinfoWrongSub) {
            set(claims, "sub", "somebody-else");
        }
    }
}

fn set(members: &mut Members, name: &str, value: impl Into<Value>) {
    members.insert(name.to_owned(), value.into());
}

fn drop_member(members: &mut Members, name: &str) {
    members.remove(name);
}
