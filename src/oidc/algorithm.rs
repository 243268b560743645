//! The algorithms that may sign an ID token: public keys only.

use std::fmt;

use openidconnect::core::CoreJwsSigningAlgorithm as Library;

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037). `none` and the HMAC family are not here, whatever a provider
/// lists: who knows the client secret could make a token with the one, and anybody with the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// Why the algorithm of a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlgorithmFault {
    /// It is none of ours.
    Refused,
    /// The provider does not announce it.
    NotListed,
    /// It is not among `algorithms`.
    NotConfigured,
}

impl AlgorithmFault {
    /// In words, after "signed with NAME, which".
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Refused => "this product refuses",
            Self::NotListed => "the provider's discovery document does not list",
            Self::NotConfigured => "the provider's key algorithms does not name",
        }
    }
}

impl Algorithm {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The value of `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one with that name, exactly.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// As the library calls it.
    pub(super) const fn library(self) -> Library {
        match self {
            Self::Rs256 => Library::RsaSsaPkcs1V15Sha256,
            Self::Rs384 => Library::RsaSsaPkcs1V15Sha384,
            Self::Rs512 => Library::RsaSsaPkcs1V15Sha512,
            Self::Ps256 => Library::RsaSsaPssSha256,
            Self::Ps384 => Library::RsaSsaPssSha384,
            Self::Ps512 => Library::RsaSsaPssSha512,
            Self::Es256 => Library::EcdsaP256Sha256,
            Self::Es384 => Library::EcdsaP384Sha384,
            Self::EdDsa => Library::EdDsa,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
