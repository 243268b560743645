//! The hosts that a route is for: one name, or every name that is exactly one label longer than another.

use std::fmt;

use super::host::{HostError, HostName};

/// A host as a route names it: `wiki.example.com`, or `*.example.com`.
///
/// The star stands for exactly one label: `a.example.com` is among them, `example.com` and `a.b.example.com` are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// That host.
    Exact(HostName),
    /// Every host with one label before this one.
    OneLabel(HostName),
}

/// Why a text is no host pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It has a port; the port of a request takes no part in matching.
    #[error("the host has a port")]
    Port,
    /// A star that is not the whole first label.
    #[error("the star is not the whole first label")]
    Star,
    /// A star before an address.
    #[error("the star stands before an address")]
    Address,
    /// A star before a single label that is not `localhost`: `*.com` would be other people's hosts.
    #[error("the star stands before a single label")]
    TooBroad,
}

impl HostPattern {
    /// Parses a host, or `*.` and a host of at least two labels (or `localhost`).
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(rest) = text.strip_prefix("*.") else {
            if text.contains('*') {
                return Err(PatternError::Star);
            }
            return Ok(Self::Exact(without_port(text)?));
        };
        if rest.contains('*') {
            return Err(PatternError::Star);
        }
        let suffix = without_port(rest)?;
        // Browsers take whatever ends in a number for an IPv4 address (WHATWG URL, section 3.5).
        let last = suffix.as_str().rsplit('.').next().unwrap_or_default();
        if suffix.address().is_some() || last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PatternError::Address);
        }
        if !suffix.as_str().contains('.') && suffix.as_str() != "localhost" {
            return Err(PatternError::TooBroad);
        }
        Ok(Self::OneLabel(suffix))
    }

    /// Whether `host` is among them.
    #[must_use]
    pub fn matches(&self, host: &HostName) -> bool {
        match self {
            Self::Exact(own) => own == host,
            Self::OneLabel(suffix) => host.parent() == Some(suffix.as_str()),
        }
    }

    /// The host, if it is one only.
    #[must_use]
    pub const fn exact(&self) -> Option<&HostName> {
        match self {
            Self::Exact(host) => Some(host),
            Self::OneLabel(_) => None,
        }
    }

    /// The host itself, or what stands behind the star.
    #[must_use]
    pub const fn name(&self) -> &HostName {
        match self {
            Self::Exact(host) | Self::OneLabel(host) => host,
        }
    }
}

fn without_port(text: &str) -> Result<HostName, PatternError> {
    match HostName::parse(text)? {
        (host, None) => Ok(host),
        (_, Some(_)) => Err(PatternError::Port),
    }
}

/// As it is written.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(f, "{host}"),
            Self::OneLabel(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HostPattern, PatternError};
    use crate::web::HostName;

    fn host(text: &str) -> HostName {
        HostName::parse(text).expect("a host").0
    }

    #[test]
    fn a_star_is_one_label_and_nothing_else() {
        let pattern = HostPattern::parse("*.Example.com.").expect("a pattern");
        assert_eq!(pattern.to_string(), "*.example.com");
        for (name, matches) in [
            ("a.example.com", true),
            ("A.EXAMPLE.com.", true),
            ("a_b-c.example.com", true),
            ("example.com", false),
            ("a.b.example.com", false),
            ("aexample.com", false),
            ("a.example.com.evil.example", false),
            ("a.example.org", false),
            ("[::1]", false),
        ] {
            assert_eq!(pattern.matches(&host(name)), matches, "{name}");
        }
        assert!(HostPattern::parse("*.localhost").expect("a pattern").matches(&host("a.localhost")));
        assert!(HostPattern::parse("a.example").expect("a host").matches(&host("a.example")));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        use PatternError as E;
        for (text, error) in [
            ("*", E::Star),
            ("*example.com", E::Star),
            ("a*.example.com", E::Star),
            ("a.*.example.com", E::Star),
            ("*.*.example.com", E::Star),
            ("*.com", E::TooBroad),
            ("*.0.0.1", E::Address),
            ("*.127.0.0.1", E::Address),
            ("*.[::1]", E::Address),
            ("*.example.com:80", E::Port),
            ("example.com:80", E::Port),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
        for text in ["*.", "*..example.com", "", "*.a b.example"] {
            assert!(matches!(HostPattern::parse(text), Err(E::Host(_))), "{text}");
        }
    }
}
