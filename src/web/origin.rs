//! Origins, and where a browser may be sent back to.

use std::fmt;

use url::Url;

use super::host::HostName;
use super::path::CanonicalPath;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// Scheme, host and port (RFC 6454). Shown without a default port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: HostName,
    port: u16,
}

/// Where a browser goes after signing in or out: a path of ours, or a URL on an origin that is allowed.
///
/// Made only by [`ReturnTo::parse`] and [`ReturnTo::path`], so that a redirect to it is never an open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl Scheme {
    /// The scheme's name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme of that name, in any case (RFC 3986 section 3.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else if text.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else {
            None
        }
    }
}

impl Origin {
    /// An origin from its parts; no port means the scheme's default.
    #[must_use]
    pub fn new(scheme: Scheme, host: HostName, port: Option<u16>) -> Self {
        Self { scheme, host, port: port.unwrap_or(scheme.default_port()) }
    }

    /// Parses `scheme://host[:port]`, as an Origin field or a configured URL holds it. One trailing slash is fine,
    /// any other path, a query, a fragment or userinfo is not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        let (host, port) = HostName::parse(rest.strip_suffix('/').unwrap_or(rest)).ok()?;
        Some(Self::new(scheme, host, port))
    }

    /// The origin of the same scheme and port on another host.
    #[must_use]
    pub fn with_host(&self, host: &HostName) -> Self {
        self.of_host(host.clone())
    }

    /// The same for a host that is given away.
    pub(super) const fn of_host(&self, host: HostName) -> Self {
        Self { scheme: self.scheme, host, port: self.port }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &HostName {
        &self.host
    }

    /// The port, also when it is the default one.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn of(url: &Url) -> Option<Self> {
        let scheme = Scheme::parse(url.scheme())?;
        let (host, _) = HostName::parse(url.host_str()?).ok()?;
        Some(Self::new(scheme, host, url.port()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl ReturnTo ===

impl ReturnTo {
    /// The longest text that is looked at, in bytes.
    pub const MAX: usize = 2048;

    /// The start page.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Parses what a stranger wrote, relative to `own`. A WHATWG URL parser decides what it means, since that is what
    /// the browser will do with it; `allowed` says which other origins are ours.
    ///
    /// None for whatever is not, after parsing, a clean path on `own` or on an allowed origin.
    #[must_use]
    pub fn parse(text: &str, own: &Origin, allowed: impl Fn(&Origin) -> bool) -> Option<Self> {
        // URL parsers drop or translate these, each in its own way; no address we hand out needs one. A backslash is a
        // slash to browsers up to the query, and there it is itself: they send it as it is (`?path=C:\dir`).
        let clean = |character: char| !character.is_control() && !character.is_whitespace();
        let place = text.split('?').next().unwrap_or_default();
        if text.len() > Self::MAX || !text.chars().all(clean) || place.contains('\\') {
            return None;
        }
        let relative = text.starts_with('/') && !text.starts_with("//");
        if !relative && !text.starts_with("http://") && !text.starts_with("https://") {
            return None;
        }
        let url = Url::parse(&own.to_string()).ok()?.join(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let origin = Origin::of(&url)?;
        // Folding may uncover a leading `//` ("/.//evil.example"): only the canonical path is ever used.
        let path = CanonicalPath::parse(url.path()).ok()?;
        let path = Self::path(&path, url.query());
        if origin == *own {
            Some(path)
        } else if allowed(&origin) {
            Some(Self(format!("{origin}{}", path.0)))
        } else {
            None
        }
    }

    /// A path of ours with its query.
    #[must_use]
    pub fn path(path: &CanonicalPath, query: Option<&str>) -> Self {
        Self(match query {
            Some(query) => format!("{}?{query}", path.sent()),
            None => path.sent().to_owned(),
        })
    }

    /// The text of a Location field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, where it is another one than that which was asked.
    #[must_use]
    pub fn host(&self) -> Option<HostName> {
        let (_, rest) = self.0.split_once("://").filter(|_| !self.0.starts_with('/'))?;
        HostName::parse(rest.split('/').next()?).ok().map(|(host, _)| host)
    }

    /// The path without host and query.
    #[must_use]
    pub fn path_only(&self) -> &str {
        let place = self.0.split('?').next().unwrap_or_default();
        if place.starts_with('/') {
            return place;
        }
        let rest = place.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    /// The path with its query, without host.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        let from = if self.0.starts_with('/') {
            Some(0)
        } else {
            self.0.find("://").and_then(|at| self.0.get(at + 3..)?.find('/').map(|path| at + 3 + path))
        };
        from.and_then(|from| self.0.get(from..)).unwrap_or("/")
    }

    /// Another path in the same place, be that the host that was asked or a named one.
    #[must_use]
    pub fn with_path(&self, path: &CanonicalPath) -> Self {
        let place = self.0.strip_suffix(self.path_and_query()).unwrap_or_default();
        Self(format!("{place}{}", path.sent()))
    }

    /// The same for a browser that is on another host: with `origin` before it, unless it names one.
    #[must_use]
    pub fn on(&self, origin: &Origin) -> Self {
        if self.0.starts_with('/') { Self(format!("{origin}{}", self.0)) } else { self.clone() }
    }

    /// Whether the path, as routes would judge it, is under `prefix` (on a segment border), on whichever host.
    #[must_use]
    pub fn is_under(&self, prefix: &str) -> bool {
        let path = CanonicalPath::parse(self.path_only());
        let rest = path.as_ref().ok().and_then(|path| path.judged().strip_prefix(prefix));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests;
