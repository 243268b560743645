//! Pages: the few HTML answers of the gateway and their JSON twin. One frame, one stylesheet, no script.
//!
//! [`Pages::render`] turns a [`Page`] into a whole response: status, text, and the headers that keep a page of a
//! gateway from being framed, cached, indexed or taken for anything but text. Nothing from a request, a claim or a
//! provider becomes markup: the template engine escapes every value, `text` bounds it and [`Link`] holds every
//! target to a known form. No template marks anything as safe.

mod link;
mod page;
mod text;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

pub use link::Link;
pub use page::{Choice, Onward, Page, ProviderSignOut, RestartEnds, SignInFault, Trouble, YourSession};
use page::{Door, FormTarget};

/// The one stylesheet, also what its address is made from.
const STYLESHEET: &str = include_str!("vestibule.css");

const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                   frame-ancestors 'none'; form-action 'self'";
const CSP_FORM_MAY_LEAVE: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                                  frame-ancestors 'none'";

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// How many groups or header names "your session" writes out.
const LISTED: usize = 40;

/// Writes the pages. Made once, when the place of our own endpoints is known.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Without a slash at the end.
    login_path: String,
    /// The address of the stylesheet below `login_path`: `/static/HASH.css`.
    asset: String,
    /// The same from the root of the host.
    stylesheet: String,
    /// Its SHA-256 as browsers check it (Subresource Integrity).
    integrity: String,
}

/// What every page shows around its text.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The service, as people know it: the host.
    pub title: &'a str,
    /// The id of the request, by which the log line is found.
    pub reference: &'a str,
}

#[derive(Template)]
#[template(path = "frame.html", config = "src/pages/askama.toml")]
struct Sheet<'a> {
    page: &'a Page<'a>,
    frame: &'a Frame<'a>,
    stylesheet: &'a str,
    integrity: &'a str,
    login_path: &'a str,
}

/// The body of [`Pages::json`].
#[derive(serde::Serialize)]
struct Json<'a> {
    error: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<&'a str>,
    reference: &'a str,
}

// === impl Pages ===

impl Pages {
    /// Pages whose stylesheet and forms live below `login_path`, for example `/oauth2`.
    #[must_use]
    pub fn new(login_path: &str) -> Self {
        let login_path = login_path.trim_end_matches('/').to_owned();
        let asset = format!("/static/{}.css", fingerprint(STYLESHEET));
        let stylesheet = format!("{login_path}{asset}");
        let hash = digest::digest(&digest::SHA256, STYLESHEET.as_bytes());
        let integrity = format!("sha256-{}", STANDARD.encode(hash.as_ref()));
        Self { login_path, asset, stylesheet, integrity }
    }

    /// The path of the stylesheet on every host, `/oauth2/static/HASH.css`.
    #[must_use]
    pub fn stylesheet(&self) -> &str {
        &self.stylesheet
    }

    /// The whole answer.
    #[must_use]
    pub fn render(&self, page: &Page<'_>, frame: &Frame<'_>) -> Response<Bytes> {
        let sheet = Sheet {
            page,
            frame,
            stylesheet: &self.stylesheet,
            integrity: &self.integrity,
            login_path: &self.login_path,
        };
        // Writing into a String cannot fail; if it ever does, the status still says what matters.
        let body = sheet.render().unwrap_or_else(|_| page.heading(frame.title).into_owned());
        let mut response = answer(page.status(), "text/html; charset=utf-8", body.into());
        let headers = response.headers_mut();
        let csp = match page.form_target() {
            FormTarget::Here => CSP,
            FormTarget::MayLeave => CSP_FORM_MAY_LEAVE,
        };
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(csp));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        never_stored(headers);
        if let Some(wait) = page.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Page::MethodNotAllowed { allow, .. } = page {
            let names: Vec<&str> = allow.iter().map(http::Method::as_str).collect();
            // A method is a token, so its names always make a header value.
            if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
                headers.insert(header::ALLOW, value);
            }
        }
        response
    }

    /// The stylesheet, if `path_after_login` (`/static/HASH.css`) is its address. It may be kept for ever: a changed
    /// stylesheet has another address.
    #[must_use]
    pub fn asset(&self, path_after_login: &str) -> Option<Response<Bytes>> {
        if path_after_login.trim_start_matches('/') != self.asset.trim_start_matches('/') {
            return None;
        }
        let body = Bytes::from_static(STYLESHEET.as_bytes());
        let mut response = answer(StatusCode::OK, "text/css; charset=utf-8", body);
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
        Some(response)
    }

    /// The same refusal for a program: `{"error":"sign_in_required","message":"…","sign_in":"…","reference":"…"}`.
    /// `error` is one of our stable words, `sign_in` the address at which a person signs in.
    #[must_use]
    pub fn json(
        status: StatusCode,
        error: &str,
        message: &str,
        sign_in: Option<&str>,
        reference: &str,
    ) -> Response<Bytes> {
        // Strings always serialise.
        let mut body = serde_json::to_vec(&Json { error, message, sign_in, reference }).unwrap_or_default();
        body.push(b'\n');
        let mut response = answer(status, "application/json", body.into());
        never_stored(response.headers_mut());
        response
    }
}

// === impl Sheet ===

impl Sheet<'_> {
    /// Error pages carry their reference, the others have nothing to refer to.
    fn shows_reference(&self) -> bool {
        !self.page.status().is_success()
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn never_stored(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
}

/// 16 hexadecimal digits of SHA-256: enough to tell versions apart.
fn fingerprint(content: &str) -> String {
    let digest = digest::digest(&digest::SHA256, content.as_bytes());
    digest.as_ref().iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
