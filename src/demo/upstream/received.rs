//! The head of a request as the sample upstream tells about it.

use http::header::{ACCEPT, AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::heads::{Changes, HeadLog};

/// A request without its body.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// What the gateway did to the head; none if the request came past it.
    pub(super) changes: Option<Changes>,
}

/// What the client would like to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Html,
    Json,
}

impl Received {
    pub(super) fn of<B>(request: &Request<B>, heads: &HeadLog) -> Self {
        let changes = request
            .headers()
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .and_then(|id| heads.changes(id));
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            changes,
        }
    }

    /// HTML for whoever names it, as browsers do; JSON for programs.
    pub(super) fn wanted(&self) -> Wanted {
        let accept = self.headers.get_all(ACCEPT);
        let quality = |wanted: &str| {
            accept
                .iter()
                .filter_map(|line| line.to_str().ok())
                .flat_map(|line| line.split(','))
                .filter_map(|range| quality_of(range, wanted))
                .max()
        };
        match (quality("text/html"), quality("application/json")) {
            (Some(html), Some(json)) if html >= json => Wanted::Html,
            (Some(html), None) if html > 0 => Wanted::Html,
            _ => Wanted::Json,
        }
    }

    /// A header of the gateway's as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(value_text)
    }

    /// Name and value of every line, in order, fit to be shown.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, String)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), shown(name, value)))
    }
}

/// The quality of one media range in thousandths, if it names `wanted` (RFC 9110 section 12.5.1).
fn quality_of(range: &str, wanted: &str) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    Some(match weight {
        None => 1000,
        Some("0" | "0." | "0.0" | "0.00" | "0.000") => 0,
        Some(text) => match text.split_once('.') {
            None => 1000,
            Some(("0", digits)) => format!("{digits:0<3}").get(..3)?.parse().ok()?,
            Some(_) => 1000,
        },
    })
}

/// A value for a page or an echo. Secrets of the browser are named and not shown: a script of the upstream's origin
/// could read them here although the cookie is `HttpOnly`.
pub(super) fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if name == COOKIE {
        return value_text(value)
            .split(';')
            .map(|pair| format!("{}=…", pair.split('=').next().unwrap_or_default().trim()))
            .collect::<Vec<_>>()
            .join("; ");
    }
    if name == AUTHORIZATION || name == PROXY_AUTHORIZATION {
        let text = value_text(value);
        return format!("{} …", text.split(' ').next().unwrap_or_default());
    }
    value_text(value)
}

/// Header values are bytes; ours are UTF-8.
fn value_text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
