//! Cookies: our names, how we set and clear them, and how we find them among a stranger's.

use std::time::Duration;

use cookie::Cookie;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use memchr::memchr;

use crate::web::HostName;

/// The names and attributes of our cookies.
#[derive(Clone, Debug)]
pub struct CookieNames {
    base: String,
    prefix: &'static str,
    attributes: Attributes,
    session: String,
    round: String,
    sign_out: String,
}

/// Whether our cookies travel over TLS only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// The public URL is https: `__Host-` and Secure.
    Secure,
    /// The public URL is plain http on loopback, or explicitly insecure: no prefix, not Secure.
    Plain,
}

/// Which requests of foreign sites carry the session cookie (RFC 6265bis section 5.6.7). Every other cookie of ours is Lax:
/// the provider, a foreign site, sends the browser back with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Page loads that a foreign site leads to.
    #[default]
    Lax,
    /// None.
    Strict,
    /// All.
    None,
}

/// What our cookies have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Whether they travel over TLS only.
    pub security: Security,
    /// Of the session cookie.
    pub same_site: SameSite,
    /// The domain under which every host gets them; none means the host that set them.
    pub domain: Option<HostName>,
}

/// How many cookies of one name are looked at. A sibling domain may plant more; they cost nothing and count for nothing.
pub const MAX_CANDIDATES: usize = 4;

/// The most that one of our cookies may take, name included, in bytes. Browsers keep 4096; the head that sets the
/// session at the end of a sign-in, with its other cookies and a `Location` of 512 bytes, is below 5 kB with this.
pub const MAX_COOKIE: usize = 3500;

impl CookieNames {
    /// Names built on `base`.
    #[must_use]
    pub fn new(base: String, attributes: impl Into<Attributes>) -> Self {
        let attributes = attributes.into();
        let prefix = match (attributes.security, &attributes.domain) {
            (Security::Secure, None) => "__Host-",
            (Security::Secure, Some(_)) => "__Secure-",
            (Security::Plain, _) => "",
        };
        let name = |suffix: &str| format!("{prefix}{base}{suffix}");
        let (session, round, sign_out) = (name(""), name("-login-round"), name("-logout"));
        Self { base, prefix, attributes, session, round, sign_out }
    }

    /// The session cookie.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// What they have in common.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The host or domain that cookies belong to which `host` sets.
    #[must_use]
    pub fn place<'a>(&'a self, host: &'a HostName) -> &'a HostName {
        self.attributes.domain.as_ref().unwrap_or(host)
    }

    /// The cookie of one attempt to sign in; `tag` is 16 characters.
    #[must_use]
    pub fn pending(&self, tag: &str) -> String {
        format!("{}{}-login-{tag}", self.prefix, self.base)
    }

    /// The cookie that counts sign-ins in a row.
    #[must_use]
    pub fn round(&self) -> &str {
        &self.round
    }

    /// The cookie of a sign-out on its way.
    #[must_use]
    pub fn sign_out(&self) -> &str {
        &self.sign_out
    }

    /// The tag of a pending-login cookie of that name.
    #[must_use]
    pub fn pending_tag<'a>(&self, name: &'a str) -> Option<&'a str> {
        let tag = name.strip_prefix(self.prefix)?.strip_prefix(&self.base)?.strip_prefix("-login-")?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (tag.len() == 16 && tag.bytes().all(legal)).then_some(tag)
    }

    /// Whether a name is one of ours, with any prefix: an upstream neither reads nor sets these.
    #[must_use]
    pub fn is_ours(&self, name: &str) -> bool {
        let bare = ["__Host-", "__Secure-"].into_iter().find_map(|prefix| {
            name.get(..prefix.len())
                .filter(|start| start.eq_ignore_ascii_case(prefix))
                .and(name.get(prefix.len()..))
        });
        match bare.unwrap_or(name).strip_prefix(self.base.as_str()) {
            Some("" | "-logout") => true,
            Some(rest) => rest.starts_with("-login-"),
            None => false,
        }
    }

    /// The `Set-Cookie` value that keeps `value` under `name` for `max_age`.
    #[must_use]
    pub fn set(&self, name: &str, value: &str, max_age: Duration) -> HeaderValue {
        let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        self.build(name, value, seconds)
    }

    /// The `Set-Cookie` value that removes `name`, with the attributes it was set with.
    #[must_use]
    pub fn clear(&self, name: &str) -> HeaderValue {
        self.build(name, "", 0)
    }

    fn build(&self, name: &str, value: &str, seconds: i64) -> HeaderValue {
        let Attributes { security, same_site, domain } = &self.attributes;
        let same_site = match same_site {
            SameSite::Strict if name == self.session => cookie::SameSite::Strict,
            SameSite::None if name == self.session => cookie::SameSite::None,
            _ => cookie::SameSite::Lax,
        };
        let mut cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(*security == Security::Secure)
            .same_site(same_site)
            .max_age(cookie::time::Duration::seconds(seconds));
        if let Some(domain) = domain {
            cookie = cookie.domain(domain.as_str());
        }
        // Names are checked configuration and base64url, values are base64url: always a legal field.
        HeaderValue::from_str(&cookie.build().to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl From<Security> for Attributes {
    /// The defaults: lax, and of one host.
    fn from(security: Security) -> Self {
        Self { security, same_site: SameSite::default(), domain: None }
    }
}

/// The name-value pairs of every Cookie line, as sent (RFC 6265bis section 5.7). A pair that is no text is left out;
/// those beside it count, since browsers send all cookies in one line and scripts set what they like.
pub fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.get_all(COOKIE).into_iter().flat_map(parts).filter_map(|pair| {
        let at = memchr(b'=', pair)?;
        let (name, value) = std::str::from_utf8(pair).ok()?.split_at_checked(at)?;
        Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
    })
}

/// The parts of a Cookie line, between its semicolons.
pub fn parts(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line.as_bytes());
    std::iter::from_fn(move || {
        let line = rest?;
        let (part, after) = line.split_at_checked(memchr(b';', line).unwrap_or(line.len()))?;
        rest = after.get(1..);
        Some(part)
    })
}
