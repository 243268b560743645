//! The `[session]` section.

use std::time::Duration;

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::reader::{Field, Section};
use super::{secrets, values};
use crate::session::{Key, Lifetimes, SameSite, Settings};
use crate::web::{HostName, Origin, Scheme};

const HOUR: Duration = Duration::from_secs(3600);
const KEY_EXAMPLE: &str = "{ file = \"session.key\" }";
const KEY_MAKE: &str = "create it with: vestibule keygen session --out session.key";
const OLD_EXAMPLE: &str = "[{ file = \"old-session.key\" }]";
const OLD_MAKE: &str = "move the key that was in use into that file";

/// Whether sessions are needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// There is a provider, so people sign in.
    Yes,
    /// Nobody signs in.
    No,
}

/// What the section came to.
pub(super) struct Sessions {
    /// None when it has no key.
    pub(super) settings: Option<Settings>,
    /// The domain whose hosts share sessions, also when there is no key.
    pub(super) cookie_domain: Option<HostName>,
}

/// The section.
pub(super) fn read(top: &Section<'_>, needed: Needed, public_url: Option<&Origin>) -> Sessions {
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
    let same_site = section.read("same_site", SameSite::default(), |field| same_site(field, public_url));
    let cookie_domain = section.field("cookie_domain").and_then(|field| cookie_domain(&field, public_url));
    let written = match needed {
        Needed::Yes => section.required("key", format!("write key = {KEY_EXAMPLE} and {KEY_MAKE}")),
        Needed::No => section.field("key"),
    };
    let key = written.and_then(|field| key(&field, (KEY_EXAMPLE, KEY_MAKE)));
    let old_keys = match section.field("old_keys") {
        Some(field) => old_keys(&field, key.as_ref()),
        None => Some(Vec::new()),
    };
    let settings = key.zip(old_keys).map(|(key, old_keys)| Settings {
        key,
        old_keys,
        lifetimes: Lifetimes { max_age, idle },
        cookie,
        same_site,
        cookie_domain: cookie_domain.clone(),
    });
    Sessions { settings, cookie_domain }
}

fn same_site(field: &Field<'_>, public_url: Option<&Origin>) -> Option<SameSite> {
    let words = [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)];
    let read = values::choice(field, &words)?;
    if read == SameSite::None {
        if public_url.is_some_and(|origin| origin.scheme() == Scheme::Http) {
            field.fault(
                Code::SameSite,
                "session.same_site is \"none\", which browsers take over https only",
                "use an https public_url, or leave the key out",
            );
            return None;
        }
        field.warning(
            Code::SameSite,
            "session.same_site is \"none\": every site can make people's browsers send requests with their session",
            "leave it out, unless pages of other sites must embed yours or call it with the session",
        );
    }
    Some(read)
}

/// A domain that browsers let cookies be shared over, and that is not shared with strangers: as far as its form tells.
fn cookie_domain(field: &Field<'_>, public_url: Option<&Origin>) -> Option<HostName> {
    const EXAMPLE: &str = "cookie_domain = \"example.com\"";
    let text = field.text("a domain", EXAMPLE)?;
    let (wrong, help) = match HostName::parse(text) {
        Err(_) if text.starts_with('.') => {
            ("begins with a dot", "write it without: the hosts below it are meant anyway")
        }
        Ok((domain, None)) if domain.address().is_some() => {
            ("is an address", "cookies are shared by names only; leave the key out")
        }
        Ok((domain, None)) if is_public_suffix(domain.as_str()) => {
            ("belongs to everybody, so browsers refuse cookies for it", "write your own domain below it")
        }
        Ok((domain, None)) => match public_url {
            Some(origin) if !origin.host().is_within(&domain) => (
                "does not hold the host of public_url",
                "write a domain that all hosts of this gateway are in",
            ),
            _ => return Some(domain),
        },
        _ => ("is no domain", "write a name without scheme, port and pattern: example.com"),
    };
    field.fault(Code::CookieDomain, format!("session.cookie_domain {wrong}: {}", quote(text)), help);
    None
}

/// Whether a name looks like one under which anybody can register: `com`, `co.uk`. Browsers know them all; this is for
/// the operator to hear it here.
fn is_public_suffix(name: &str) -> bool {
    const SECOND: &[&str] = &["ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"];
    match name.split_once('.') {
        None => true,
        Some((second, top)) => top.len() == 2 && SECOND.contains(&second),
    }
}

/// The keys that still open. One that seals as well, or stands twice, is a rotation that did not happen.
fn old_keys(field: &Field<'_>, current: Option<&Key>) -> Option<Vec<Key>> {
    let items = field.items(&format!("old_keys = {OLD_EXAMPLE}"));
    let mut found: Vec<Key> = Vec::new();
    for item in &items {
        let Some(key) = key(item, (OLD_EXAMPLE, OLD_MAKE)) else { continue };
        let same = match current {
            Some(current) if key.is(current) => Some("session.key"),
            _ => found.iter().any(|other| key.is(other)).then_some("another of them"),
        };
        match same {
            None => found.push(key),
            Some(same) => item.fault(
                Code::OldKey,
                format!("{} is the same key as {same}", item.path()),
                "keep in old_keys what session.key was before, and make a new session.key, or remove this one",
            ),
        }
    }
    (found.len() == items.len()).then_some(found)
}

fn key(field: &Field<'_>, (example, make): (&str, &str)) -> Option<Key> {
    let text = secrets::read(field, example, make)?;
    let key = Key::parse(&text).ok();
    if key.is_none() {
        field.fault(
            Code::SessionKey,
            format!("{} is not 43 characters of base64url without padding", field.path()),
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
