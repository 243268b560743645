//! The host of a request, in the one form in which it is compared.

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;

/// A host name or address: lower-case, without port and without a trailing dot; an IPv6 address in brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// Why the text of a Host field (or of an authority) is refused. Answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("the host is missing")]
    Missing,
    /// Not `uri-host [ ":" port ]` (RFC 9110 section 7.2).
    #[error("the host is not a host name with an optional port")]
    Malformed,
}

impl HostName {
    /// Parses `host[:port]`, as a Host field or an authority without userinfo holds it.
    ///
    /// # Errors
    /// [`HostError`] for whatever is not exactly that: userinfo, a path, spaces, a port that is no number.
    pub fn parse(text: &str) -> Result<(Self, Option<u16>), HostError> {
        if text.is_empty() {
            return Err(HostError::Missing);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or(HostError::Malformed)?;
                let address: std::net::Ipv6Addr = address.parse().map_err(|_| HostError::Malformed)?;
                let port = match after {
                    "" => None,
                    _ => Some(after.strip_prefix(':').ok_or(HostError::Malformed)?),
                };
                (format!("[{address}]"), port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Self::name(host)?, Some(port)),
                None => (Self::name(text)?, None),
            },
        };
        // RFC 3986 section 3.2.3 allows an empty port; it means the default one.
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| HostError::Malformed)?)
            }
            Some(_) => return Err(HostError::Malformed),
        };
        Ok((Self(host), port))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this names the machine itself: `localhost`, `*.localhost`, `127.0.0.0/8`, `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0 == "localhost"
            || self.0.ends_with(".localhost")
            || self.address().is_some_and(|ip| ip.is_loopback())
    }

    /// The name without its first label; none for an address and for a single label.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        let (_, parent) = self.0.split_once('.')?;
        self.address().is_none().then_some(parent)
    }

    /// Whether this is `domain`, or a name below it.
    #[must_use]
    pub fn is_within(&self, domain: &Self) -> bool {
        self.0.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            && self.address().is_none()
    }

    /// The address, if the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    fn name(text: &str) -> Result<String, HostError> {
        // "example.com." and "example.com" are one name to DNS, so they are one here.
        let name = text.strip_suffix('.').unwrap_or(text);
        // No label is empty: a dot stands neither first nor last nor behind another.
        let mut last = b'.';
        let is_legal = name.bytes().all(|byte| {
            let is_legal =
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && last != b'.');
            last = byte;
            is_legal
        });
        if !is_legal || last == b'.' || name.len() > 253 {
            return Err(HostError::Malformed);
        }
        Ok(name.to_ascii_lowercase())
    }
}

/// Tables of hosts are searched by text: equality and hash are those of the text.
impl Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{HostError, HostName};

    #[test]
    fn a_host_has_one_form_whatever_its_case_port_or_final_dot() {
        for text in [
            "Wiki.Example.COM",
            "wiki.example.com:8443",
            "wiki.example.com.",
            "wiki.example.com.:443",
            "wiki.example.com:",
        ] {
            assert_eq!(HostName::parse(text).expect(text).0.as_str(), "wiki.example.com");
        }
        assert_eq!(HostName::parse("[0:0::1]:80").expect("v6").0.as_str(), "[::1]");
    }

    #[test]
    fn a_domain_holds_itself_and_the_names_below_it() {
        let host = |text: &str| HostName::parse(text).expect(text).0;
        let domain = host("example.com");
        for (inside, text) in [
            (true, "example.com"),
            (true, "a.example.com"),
            (true, "a.b.EXAMPLE.com"),
            (false, "badexample.com"),
            (false, "example.com.evil.example"),
            (false, "com"),
        ] {
            assert_eq!(host(text).is_within(&domain), inside, "{text}");
        }
        assert!(!host("10.0.0.1").is_within(&host("0.1")), "an address is below nothing");
    }

    #[test]
    fn what_is_not_host_and_port_is_refused() {
        for text in [
            "a@b",
            "a/b",
            "a b",
            "a:b",
            "a:80:80",
            "a:-1",
            "a:+80",
            "a:65536",
            "a:000080",
            "[::1",
            "[::1]x",
            "[a]",
            "a,b",
            "a\\b",
            "a?b",
            "a#b",
            "a%41",
            ".",
            "a..b",
            ".a",
            "caf\u{e9}",
        ] {
            assert_eq!(HostName::parse(text), Err(HostError::Malformed), "{text}");
        }
        assert_eq!(HostName::parse(""), Err(HostError::Missing));
    }
}
