//! Source: which site a request says it comes from.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName};

use super::origin::Origin;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What `Origin` (RFC 6454 section 7) and `Sec-Fetch-Site` say. A browser sets both, and no script can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    origin: SaidOrigin,
    site: Option<FetchSite>,
}

/// The Origin field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SaidOrigin {
    /// None was sent.
    #[default]
    Absent,
    /// `null`, or nothing that is an origin, or several.
    Opaque,
    /// An origin.
    Origin(Origin),
}

/// The `Sec-Fetch-Site` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchSite {
    /// A page of the same origin.
    SameOrigin,
    /// A page of another host of the same site.
    SameSite,
    /// A foreign page.
    CrossSite,
    /// The person: an address typed, a bookmark.
    None,
    /// A value that this program does not know.
    Other,
}

impl Source {
    /// Reads the fields.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(ORIGIN).into_iter();
        let origin = match (lines.next(), lines.next()) {
            (None, _) => SaidOrigin::Absent,
            (Some(line), None) => {
                line.to_str().ok().and_then(Origin::parse).map_or(SaidOrigin::Opaque, SaidOrigin::Origin)
            }
            (Some(_), Some(_)) => SaidOrigin::Opaque,
        };
        let site = headers.get(&SEC_FETCH_SITE).map(|value| match value.as_bytes() {
            b"same-origin" => FetchSite::SameOrigin,
            b"same-site" => FetchSite::SameSite,
            b"cross-site" => FetchSite::CrossSite,
            b"none" => FetchSite::None,
            _ => FetchSite::Other,
        });
        Self { origin, site }
    }

    /// The Origin field.
    #[must_use]
    pub const fn origin(&self) -> &SaidOrigin {
        &self.origin
    }

    /// The `Sec-Fetch-Site` field.
    #[must_use]
    pub const fn site(&self) -> Option<FetchSite> {
        self.site
    }

    /// Whether the request comes from a page of `own`, or from the person. Without any evidence it does not.
    #[must_use]
    pub fn is_own(&self, own: &Origin) -> bool {
        match (self.site, &self.origin) {
            (Some(FetchSite::SameOrigin | FetchSite::None), _) => true,
            (Some(_), _) | (None, SaidOrigin::Absent | SaidOrigin::Opaque) => false,
            (None, SaidOrigin::Origin(origin)) => origin == own,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::Source;
    use crate::web::Origin;

    #[test]
    fn only_our_own_pages_and_the_person_count_as_own() {
        let own = Origin::parse("https://wiki.example:8443").expect("an origin");
        for (is_own, fields) in [
            (true, &[("sec-fetch-site", "same-origin")][..]),
            (true, &[("sec-fetch-site", "none")]),
            (true, &[("origin", "https://wiki.example:8443")]),
            (false, &[("sec-fetch-site", "same-site"), ("origin", "https://wiki.example:8443")]),
            (false, &[("sec-fetch-site", "cross-site")]),
            (false, &[("sec-fetch-site", "new-value")]),
            (false, &[("origin", "https://wiki.example")]),
            (false, &[("origin", "null")]),
            (false, &[("origin", "https://wiki.example:8443"), ("origin", "https://wiki.example:8443")]),
            (false, &[]),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(Source::read(&headers).is_own(&own), is_own, "{fields:?}");
        }
    }
}
