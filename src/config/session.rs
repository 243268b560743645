//! The `[session]` and `[login]` sections.

use std::time::Duration;

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::reader::{Field, Section};
use super::{secrets, values};
use crate::flow::{self, Chooser};
use crate::session::{Key, Lifetimes, Settings};

const HOUR: Duration = Duration::from_secs(3600);
const KEY_EXAMPLE: &str = "{ file = \"session.key\" }";
const KEY_MAKE: &str = "create it with: vestibule keygen session --out session.key";

/// Whether sessions are needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// There is a provider, so people sign in.
    Yes,
    /// Nobody signs in.
    No,
}

/// The section; none when it has no key.
pub(super) fn read(top: &Section<'_>, needed: Needed) -> Option<Settings> {
    let section = top.section("session", keys::SESSION);
    let max_age = section.read("max_age", 12 * HOUR, |field| values::duration(field));
    let idle = section.read("idle", Some(2 * HOUR), |field| {
        let idle = values::duration_or_off(field)?;
        if idle.is_some_and(|idle| idle > max_age) {
            field.warning(
                Code::Idle,
                "session.idle is longer than session.max_age, so it never applies",
                "write a shorter one, or \"0\" to say that there is no idle limit",
            );
        }
        Some(idle)
    });
    let cookie = section.read("cookie", "vestibule".to_owned(), |field| cookie(field));
    let written = match needed {
        Needed::Yes => section.required("key", format!("write key = {KEY_EXAMPLE} and {KEY_MAKE}")),
        Needed::No => section.field("key"),
    };
    let key = written.and_then(|field| key(&field))?;
    Some(Settings { key, lifetimes: Lifetimes { max_age, idle }, cookie })
}

fn key(field: &Field<'_>) -> Option<Key> {
    let text = secrets::read(field, KEY_EXAMPLE, KEY_MAKE)?;
    let key = Key::parse(&text).ok();
    if key.is_none() {
        field.fault(
            Code::SessionKey,
            "session.key is not 43 characters of base64url without padding",
            "make one with: vestibule keygen session",
        );
    }
    key
}

/// A cookie name is a token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2). Its prefix is ours to choose.
fn cookie(field: &Field<'_>) -> Option<String> {
    let name = field.text("a text", "cookie = \"vestibule\"")?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    let (wrong, help) = if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        (
            "begins with a prefix that is not yours to write",
            "write the name alone; we put the prefix before it",
        )
    } else if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
        ("is no cookie name", "write up to 64 letters, digits, - and _")
    } else {
        return Some(name.to_owned());
    };
    field.fault(Code::CookieName, format!("session.cookie is {}, which {wrong}", quote(name)), help);
    None
}

/// The `[login]` section.
pub(super) fn read_login(top: &Section<'_>) -> flow::Settings {
    let section = top.section("login", keys::LOGIN);
    flow::Settings {
        path: section.read("path", "/oauth2".to_owned(), |field| login_path(field)),
        timeout: section.read("timeout", HOUR / 4, |field| values::duration(field)),
        chooser: section.read("chooser", Chooser::default(), |field| {
            values::choice(field, &[("auto", Chooser::Auto), ("always", Chooser::Always)])
        }),
    }
}

/// Plain segments only: the path is part of redirect URIs, which providers compare byte by byte.
fn login_path(field: &Field<'_>) -> Option<String> {
    let text = field.text("a path", "path = \"/oauth2\"")?;
    let path = text.strip_suffix('/').unwrap_or(text);
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(legal)
    };
    let plain = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
    if !plain || path.len() > 128 {
        field.fault(
            Code::LoginPath,
            format!("login.path is {}, which is no plain path", quote(text)),
            "write a slash and a name of letters, digits, - and _, for example \"/oauth2\"",
        );
        return None;
    }
    Some(path.to_owned())
}
