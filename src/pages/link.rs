//! Where a link or a form of a page leads: a place on this host, or a whole http(s) address; never a script.

#[cfg(test)]
mod tests;

use std::fmt;

/// The target of a link or a form. Escaping alone does not make a target safe (`javascript:`, `//other.host`),
/// so that the form is checked here and what does not have it becomes the start page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a>(&'a str);

impl<'a> Link<'a> {
    /// The start page of the host.
    pub const START: Self = Self("/");

    /// A path on the host that the page is served from, with its query. Anything else (a relative reference, a
    /// network-path reference as in RFC 3986 4.2, a scheme, white space that a browser would skip) is
    /// [`Link::START`].
    #[must_use]
    pub fn here(path: &'a str) -> Self {
        let local = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\");
        if local && is_plain(path) { Self(path) } else { Self::START }
    }

    /// A whole `http` or `https` address, for our other hosts; the caller has it from the configuration.
    /// Anything else is [`Link::START`].
    #[must_use]
    pub fn site(address: &'a str) -> Self {
        let web = address.starts_with("https://") || address.starts_with("http://");
        if web && is_plain(address) { Self(address) } else { Self::START }
    }
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Browsers drop tabs and line breaks from an address before they read it (WHATWG URL, "basic URL parser"), which
/// turns `/\t/host` into `//host`.
fn is_plain(address: &str) -> bool {
    !address.chars().any(|c| c.is_control() || c.is_whitespace())
}
