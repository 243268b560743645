//! What kind of request this is, as far as the answer to a missing session depends on it.
//!
//! Only the page load of a person is redirected to sign in; a redirect answered to a script, an image or an API
//! client helps nobody and starts attempts that nobody finishes. A browser's Fetch Metadata are believed first, since it
//! sets those fields itself and no script can; where there are none, `Accept` and `X-Requested-With` have the word.
//! `docs/challenge.md` has the same as a table, and a test holds the two together.

use http::header::{
    ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, CONTENT_TYPE, HeaderName, ORIGIN, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A page load in a tab of a browser, by GET or HEAD.
    Navigation,
    /// A GET or HEAD that says nothing about itself: no Fetch Metadata, no upgrade, no wish for HTML.
    Unmarked,
    /// A form sent by a page, by any method but GET and HEAD.
    Form,
    /// A page load inside of a page: iframe, frame, embed, object.
    Frame,
    /// Loaded ahead of a click that may never come: prefetch, prerender, preview.
    Prefetch,
    /// A script's own request: fetch, XMLHttpRequest, beacon.
    Fetch,
    /// A part of a page: script, style, image, font, media, worker.
    Resource,
    /// The manifest of a web application.
    Manifest,
    /// The script of a service worker.
    ServiceWorker,
    /// A stream of server-sent events.
    EventStream,
    /// A handshake for WebSocket (RFC 6455 section 4.1).
    WebSocket,
    /// A wish for another protocol, or a handshake for WebSocket that is none in form.
    Upgrade,
    /// A CORS preflight. It never carries cookies.
    Preflight,
    /// A gRPC call.
    Grpc,
    /// A gRPC-Web call.
    GrpcWeb,
    /// A request by another method than GET and HEAD that says nothing more: an API client.
    Call,
}

/// What those fields say that stand in no other protocol's way, read in one pass over the head: by name each would be
/// a look-up, for every request.
#[derive(Default)]
struct Said<'a> {
    /// That the load is ahead of a click that may never come.
    is_ahead: bool,
    is_service_worker: bool,
    /// `Sec-Fetch-Mode`
    mode: Option<&'a str>,
    /// `Sec-Fetch-Dest`
    dest: Option<&'a str>,
    has_site: bool,
    /// `X-Requested-With`
    is_scripted: bool,
}

impl RequestKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Navigation,
        Self::Unmarked,
        Self::Form,
        Self::Frame,
        Self::Prefetch,
        Self::Fetch,
        Self::Resource,
        Self::Manifest,
        Self::ServiceWorker,
        Self::EventStream,
        Self::WebSocket,
        Self::Upgrade,
        Self::Preflight,
        Self::Grpc,
        Self::GrpcWeb,
        Self::Call,
    ];

    /// Its name in documentation and tests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Unmarked => "unmarked",
            Self::Form => "form",
            Self::Frame => "frame",
            Self::Prefetch => "prefetch",
            Self::Fetch => "fetch",
            Self::Resource => "resource",
            Self::Manifest => "manifest",
            Self::ServiceWorker => "service-worker",
            Self::EventStream => "event-stream",
            Self::WebSocket => "websocket",
            Self::Upgrade => "upgrade",
            Self::Preflight => "preflight",
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Call => "call",
        }
    }

    /// Tells the kind from method and header fields.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        if headers.contains_key(UPGRADE) {
            return if is_websocket(method, headers) { Self::WebSocket } else { Self::Upgrade };
        }
        if method == Method::POST
            && let Some(kind) = grpc(headers)
        {
            return kind;
        }
        let is_preflight = method == Method::OPTIONS && headers.contains_key(ORIGIN);
        if is_preflight && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return Self::Preflight;
        }
        let loads = matches!(*method, Method::GET | Method::HEAD);
        let said = Said::of(headers);
        if loads && said.is_ahead {
            return Self::Prefetch;
        }
        if loads && said.is_service_worker {
            return Self::ServiceWorker;
        }
        if loads && accepts(headers, &["text/event-stream"]) {
            return Self::EventStream;
        }
        let kind = said.by_metadata().unwrap_or_else(|| said.by_accept(headers));
        match kind {
            Self::Navigation if !loads => Self::Form,
            Self::Unmarked if !loads => Self::Call,
            kind => kind,
        }
    }
}

impl<'a> Said<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                // Today's browsers, and what those before them sent.
                "sec-purpose" | "purpose" | "x-purpose" | "x-moz" => said.is_ahead |= is_ahead(value),
                "service-worker" => said.is_service_worker = true,
                "sec-fetch-mode" => said.mode = only(said.mode, value),
                "sec-fetch-dest" => said.dest = only(said.dest, value),
                "sec-fetch-site" => said.has_site = true,
                "x-requested-with" => said.is_scripted = true,
                _ => {}
            }
        }
        said
    }

    /// What the Fetch Metadata say (W3C Fetch Metadata Request Headers, and the destinations of the Fetch standard). None
    /// where there are none: old browsers, programs, and every browser on plain http, but for loopback.
    fn by_metadata(&self) -> Option<RequestKind> {
        Some(match (self.mode, self.dest) {
            (_, Some("iframe" | "frame" | "embed" | "object" | "fencedframe"))
            | (Some("nested-navigate"), _) => RequestKind::Frame,
            // The first browsers with Fetch Metadata had no destination.
            (Some("navigate"), Some("document") | None) => RequestKind::Navigation,
            (_, Some("manifest")) => RequestKind::Manifest,
            (_, Some("serviceworker")) => RequestKind::ServiceWorker,
            (_, Some("empty")) | (Some(_), None) => RequestKind::Fetch,
            (_, Some(_)) => RequestKind::Resource,
            (None, None) if self.has_site => RequestKind::Fetch,
            (None, None) => return None,
        })
    }

    fn by_accept(&self, headers: &HeaderMap) -> RequestKind {
        // Web views put the name of their application here, page loads included; those have Fetch Metadata.
        if self.is_scripted {
            RequestKind::Fetch
        } else if accepts(headers, &["text/html", "application/xhtml+xml"]) {
            RequestKind::Navigation
        } else {
            RequestKind::Unmarked
        }
    }
}

/// Whether this is a WebSocket handshake in form: GET, with `Connection: upgrade` and `Upgrade: websocket`.
#[must_use]
pub fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket")
}

/// `application/grpc`, with a message format after `+` or parameters after `;` (gRPC over HTTP/2, "Requests").
fn grpc(headers: &HeaderMap) -> Option<RequestKind> {
    let line = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = line.split(['+', ';']).next()?.trim();
    if media.eq_ignore_ascii_case("application/grpc") {
        Some(RequestKind::Grpc)
    } else if media.eq_ignore_ascii_case("application/grpc-web")
        || media.eq_ignore_ascii_case("application/grpc-web-text")
    {
        Some(RequestKind::GrpcWeb)
    } else {
        None
    }
}

fn is_ahead(value: &HeaderValue) -> bool {
    let line = value.to_str().unwrap_or_default().to_ascii_lowercase();
    ["prefetch", "prerender", "preview"].into_iter().any(|word| line.contains(word))
}

/// The value of a field that stands once. Several, or one that is no text, count as a value that nobody knows.
fn only<'a>(before: Option<&'a str>, value: &'a HeaderValue) -> Option<&'a str> {
    if before.is_some() { Some("?") } else { Some(value.to_str().unwrap_or("?").trim()) }
}

/// Whether the list field `name`, over all its lines, has the member `token` (in any case).
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    members(headers, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// Whether `Accept` names one of these media types, and not in order to refuse it (RFC 9110 section 12.4.2).
fn accepts(headers: &HeaderMap, wanted: &[&str]) -> bool {
    members(headers, &ACCEPT).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut weights =
            parts.filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        wanted.iter().any(|wanted| media.eq_ignore_ascii_case(wanted))
            && !weights.any(|weight| weight.parse() == Ok(0.0))
    })
}

fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::to_str);
    lines.filter_map(Result::ok).flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests;
