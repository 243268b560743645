//! What kind of request this is, as far as the answer to a missing session depends on it.
//!
//! Only the page load of a person is redirected to sign in; a redirect answered to a script, an image or an API
//! client helps nobody and starts attempts that nobody finishes. The order of evidence follows the Fetch Metadata
//! specification first, since a browser sets those fields and a script cannot, and `Accept` after it.

use http::header::{ACCEPT, UPGRADE};
use http::{HeaderMap, Method};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A page load in a tab of a browser, by GET or HEAD.
    Navigation,
    /// A GET or HEAD that says nothing about itself: no Fetch Metadata, no upgrade, no wish for HTML.
    Unmarked,
    /// An upgrade to WebSocket (RFC 6455 section 4.1).
    WebSocket,
    /// Everything else: scripts, images, frames, form posts, API clients.
    Other,
}

impl RequestKind {
    /// Tells the kind from method and header fields.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim());
        if headers.contains_key(UPGRADE) {
            return if is_websocket(method, headers) { Self::WebSocket } else { Self::Other };
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Self::Other;
        }
        // Loaded ahead of a click that may never come: a sign-in must not start for it.
        let ahead = [text("sec-purpose"), text("purpose"), text("x-moz")].into_iter().flatten();
        let ahead = ahead.into_iter().any(|value| value.to_ascii_lowercase().contains("prefetch"));
        if ahead || text("service-worker").is_some() || text("x-requested-with").is_some() {
            return Self::Other;
        }
        match (text("sec-fetch-mode"), text("sec-fetch-dest")) {
            (Some("navigate"), Some("document") | None) => Self::Navigation,
            (Some(_), _) | (None, Some(_)) => Self::Other,
            (None, None) if text("sec-fetch-site").is_some() => Self::Other,
            (None, None) if wants_html(headers) => Self::Navigation,
            (None, None) => Self::Unmarked,
        }
    }
}

/// Whether this is a WebSocket handshake in form: GET, with `Connection: upgrade` and `Upgrade: websocket`.
#[must_use]
pub fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET
        && lists(headers, http::header::CONNECTION.as_str(), "upgrade")
        && lists(headers, UPGRADE.as_str(), "websocket")
}

/// Whether the list field `name`, over all its lines, has the member `token` (in any case).
fn lists(headers: &HeaderMap, name: &str, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|member| member.trim().eq_ignore_ascii_case(token))
}

fn wants_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let media = range.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("text/html") || media.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::RequestKind::{self, Navigation, Other, Unmarked, WebSocket};

    fn kind(method: &Method, fields: &[(&str, &str)]) -> RequestKind {
        let fields = fields.iter().map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
        RequestKind::of(method, &fields.collect::<HeaderMap>())
    }

    #[test]
    fn only_a_page_load_in_a_tab_is_a_navigation() {
        for (expected, fields) in [
            (Navigation, &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")][..]),
            (Navigation, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]),
            (Other, &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("accept", "text/html")]),
            (Other, &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "text/html")]),
            (Other, &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]),
            (Other, &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")]),
            (
                Other,
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                    ("sec-purpose", "prefetch;prerender"),
                ],
            ),
            (Unmarked, &[("accept", "*/*")]),
            (Unmarked, &[]),
        ] {
            assert_eq!(kind(&Method::GET, fields), expected, "{fields:?}");
            assert_eq!(kind(&Method::POST, fields), Other, "POST {fields:?}");
        }
    }

    #[test]
    fn an_upgrade_is_never_a_navigation() {
        let html = ("accept", "text/html");
        assert_eq!(
            kind(&Method::GET, &[("upgrade", "websocket"), ("connection", "keep-alive, Upgrade"), html]),
            WebSocket
        );
        assert_eq!(kind(&Method::GET, &[("upgrade", "h2c"), ("connection", "upgrade"), html]), Other);
        assert_eq!(kind(&Method::GET, &[("upgrade", "websocket"), html]), Other);
        assert_eq!(kind(&Method::POST, &[("upgrade", "websocket"), ("connection", "upgrade")]), Other);
    }
}
