//! Terms: the words of a rule.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::identity::Identity;

/// One condition. Written `everyone`, `signed-in`, or `KIND:VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// No sign-in needed.
    Everyone,
    /// Anybody who signed in.
    SignedIn,
    /// The user of that name, exactly.
    User(String),
    /// The verified e-mail address, its domain in any case.
    Email(String),
    /// Verified e-mail addresses of exactly that domain.
    Domain(String),
    /// Members of that group, exactly.
    Group(String),
    /// People who signed in with that provider.
    Provider(String),
    /// A claim (top-level name or JSON pointer) that is, or contains, the value.
    Claim {
        /// Where the claim is.
        path: String,
        /// What it must be or contain.
        value: String,
    },
    /// Clients in that network. It says where somebody is and not who, so it is never enough to admit.
    Network(IpNet),
}

/// Why the text of a term is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// No such kind of term.
    #[error("{0:?} is no term")]
    Unknown(String),
    /// A kind without its value.
    #[error("{0}: needs a value")]
    NoValue(&'static str),
    /// Not an e-mail address with exactly one `@`.
    #[error("{0:?} is no e-mail address")]
    NoEmail(String),
    /// Not a domain name.
    #[error("{0:?} is no domain")]
    NoDomain(String),
    /// `claim:` without `=`.
    #[error("a claim term is written claim:NAME=VALUE")]
    NoClaim,
    /// Neither an address nor a network.
    #[error("{0:?} is no network")]
    NoNetwork(String),
    /// An address with bits beyond its prefix length, which names one host and a network at once: the network, the host.
    #[error("{0} names one host and a network at once")]
    HostBits(IpNet),
    /// An IPv4 network in IPv6 form: clients are compared in the IPv4 one.
    #[error("{0} is an IPv4 network in IPv6 form")]
    MappedNetwork(IpNet),
}

impl Term {
    /// The kinds of terms, for messages.
    pub const KINDS: &'static str = "everyone, signed-in, user:NAME, email:ADDRESS, domain:NAME, group:NAME, provider:NAME, claim:NAME=VALUE, network:CIDR";

    /// Whether this term is about a person, so that it needs a session to be judged.
    #[must_use]
    pub const fn is_about_people(&self) -> bool {
        !matches!(self, Self::Everyone | Self::Network(_))
    }

    /// Whether this term is true of the person. One that is about no person is not.
    #[must_use]
    pub(super) fn is_of(&self, identity: &Identity) -> bool {
        match self {
            Self::Everyone | Self::SignedIn => true,
            Self::User(name) => identity.user() == name,
            Self::Email(address) => {
                identity.email().and_then(split_address).is_some_and(|(local, domain)| {
                    split_address(address)
                        .is_some_and(|own| own.0 == local && own.1.eq_ignore_ascii_case(domain))
                })
            }
            Self::Domain(name) => identity
                .email()
                .and_then(split_address)
                .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(name)),
            Self::Group(name) => identity.groups().iter().any(|group| group == name),
            Self::Provider(name) => identity.provider().as_str() == name,
            Self::Claim { path, value } => {
                identity.claim(path).is_some_and(|claim| claim.values().iter().any(|own| own == value))
            }
            Self::Network(_) => false,
        }
    }

    /// Whether this term may mean that person: what it takes to be refused by it. Most mail servers deliver an address
    /// in any case, so whoever is kept out under one must not come in under another.
    #[must_use]
    pub(super) fn may_mean(&self, identity: &Identity) -> bool {
        match self {
            Self::Email(address) => identity.email().is_some_and(|own| own.eq_ignore_ascii_case(address)),
            _ => self.is_of(identity),
        }
    }

    /// What this term looks at, in words for the operator, if the person has nothing of the kind at all.
    #[must_use]
    pub(super) fn lacking(&self, identity: &Identity) -> Option<Cow<'static, str>> {
        match self {
            Self::Email(_) | Self::Domain(_) if identity.email().is_none() => Some(Cow::Borrowed(
                "no verified e-mail address came with the sign-in (email_claim, email_trusted)",
            )),
            Self::Group(_) if identity.groups().is_empty() => Some(Cow::Borrowed(
                "no group that a rule or header names came with the sign-in (groups_claim, scopes)",
            )),
            Self::Claim { path, .. } if identity.claim(path).is_none() => {
                Some(Cow::Owned(format!("no usable claim {path} came with the sign-in (scopes)")))
            }
            _ => None,
        }
    }

    /// The term for a log that names nobody: the kind alone where the value would tell who came in.
    #[must_use]
    pub fn without_names(&self) -> String {
        match self {
            Self::User(_) => "user".to_owned(),
            Self::Email(_) => "email".to_owned(),
            Self::Claim { path, .. } => format!("claim:{path}"),
            _ => self.to_string(),
        }
    }

    /// The term in words, for the page that tells a person what is needed.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Everyone => "everyone".to_owned(),
            Self::SignedIn => "everyone who signs in".to_owned(),
            Self::User(name) => format!("user {name}"),
            Self::Email(address) => format!("e-mail address {address}"),
            Self::Domain(name) => format!("e-mail addresses at {name}"),
            Self::Group(name) => format!("group {name}"),
            Self::Provider(name) => format!("accounts of {name}"),
            Self::Claim { path, value } => format!("claim {path} = {value}"),
            Self::Network(network) => format!("network {network}"),
        }
    }
}

impl FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        match text {
            "everyone" => return Ok(Self::Everyone),
            "signed-in" => return Ok(Self::SignedIn),
            _ => {}
        }
        let unknown = || TermError::Unknown(text.to_owned());
        let (kind, value) = text.split_once(':').ok_or_else(unknown)?;
        let named = |kind: &'static str| match value {
            "" => Err(TermError::NoValue(kind)),
            value => Ok(value.to_owned()),
        };
        match kind {
            "user" => named("user").map(Self::User),
            "group" => named("group").map(Self::Group),
            "provider" => named("provider").map(Self::Provider),
            "email" => {
                let address = named("email")?;
                if split_address(&address).is_none() {
                    return Err(TermError::NoEmail(address));
                }
                Ok(Self::Email(address))
            }
            "domain" => {
                let domain = named("domain")?;
                if domain.contains(['@', '*', ' ', '/']) || domain.starts_with('.') {
                    return Err(TermError::NoDomain(domain));
                }
                Ok(Self::Domain(domain))
            }
            "claim" => match named("claim")?.split_once('=') {
                Some((path, value)) if !path.is_empty() && !value.is_empty() => {
                    Ok(Self::Claim { path: path.to_owned(), value: value.to_owned() })
                }
                _ => Err(TermError::NoClaim),
            },
            "network" => network(&named("network")?).map(Self::Network),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::SignedIn => f.write_str("signed-in"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Domain(name) => write!(f, "domain:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Claim { path, value } => write!(f, "claim:{path}={value}"),
            Self::Network(network) => write!(f, "network:{network}"),
        }
    }
}

/// A network, or one address. Clients are compared with an IPv4-mapped address in its IPv4 form.
fn network(text: &str) -> Result<IpNet, TermError> {
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network = parsed.ok_or_else(|| TermError::NoNetwork(text.to_owned()))?;
    if network.trunc() != network {
        return Err(TermError::HostBits(network));
    }
    match network {
        IpNet::V6(mapped) if mapped.prefix_len() >= 96 && mapped.addr().to_ipv4_mapped().is_some() => {
            Err(TermError::MappedNetwork(network))
        }
        network => Ok(network),
    }
}

/// Splits an address at its only `@`. One with several is no address: which part is the domain would be a guess.
pub(super) fn split_address(address: &str) -> Option<(&str, &str)> {
    let (local, domain) = address.split_once('@')?;
    let plain = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    (plain && !address.chars().any(|character| character.is_whitespace() || character.is_control()))
        .then_some((local, domain))
}
