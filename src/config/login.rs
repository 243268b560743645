//! The `[login]` section.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use super::code::Code;
use super::fault::quote;
use super::reader::{Field, Section};
use super::{keys, values};
use crate::flow::{AfterSignOut, Chooser, ReturnHost, Settings, SignOut};
use crate::web::{CanonicalPath, HostName, Origin, ReturnTo, Scheme};

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Sign-ins a minute and client address: a large office behind one address, and no more than a core seals in a blink.
const RATE: NonZeroU32 = NonZeroU32::new(600).unwrap();

/// The section.
pub(super) fn read(top: &Section<'_>) -> Settings {
    let section = top.section("login", keys::LOGIN);
    let path = section.read("path", "/oauth2".to_owned(), |field| path(field));
    Settings {
        timeout: section.read("timeout", QUARTER, |field| values::duration(field)),
        chooser: section.read("chooser", Chooser::default(), |field| {
            values::choice(field, &[("auto", Chooser::Auto), ("always", Chooser::Always)])
        }),
        return_to: section.read("return_to", Vec::new(), |field| return_to(field)),
        sign_out: section.read("sign_out", SignOut::default(), |field| {
            values::choice(field, &[("provider", SignOut::Provider), ("local", SignOut::Local)])
        }),
        after_sign_out: section.read("after_sign_out", None, |field| after_sign_out(field, &path).map(Some)),
        rate: section.read("rate", Some(RATE), |field| {
            let rate = values::number(field)?;
            Some(u32::try_from(rate).ok().and_then(NonZeroU32::new))
        }),
        path,
    }
}

/// Plain segments only: the path is part of redirect URIs, which providers compare byte by byte.
fn path(field: &Field<'_>) -> Option<String> {
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

fn return_to(field: &Field<'_>) -> Option<Vec<ReturnHost>> {
    const EXAMPLE: &str = "return_to = [\"files.example.com\"]";
    let read = |item: &Field<'_>| {
        let text = item.text("a host name", EXAMPLE)?;
        if let Ok((host, port)) = HostName::parse(text) {
            return Some(ReturnHost { host, port });
        }
        let (wrong, help) = if text.contains('*') {
            ("is a pattern", "list the exact hosts: whoever controls one of them can be a way to phish")
        } else if text.contains("//") {
            (
                "is a URL",
                "write the host alone, with a port if it is not that of https: files.example.com:8443",
            )
        } else {
            ("is no host name", "write a name or an address; international names as xn--...")
        };
        item.fault(Code::Host, format!("{} {wrong}: {}", item.path(), quote(text)), help);
        None
    };
    let found: Vec<Option<ReturnHost>> = field.items(EXAMPLE).iter().map(read).collect();
    found.into_iter().collect()
}

/// A path of ours that does not sign in again at once, or a page anywhere.
fn after_sign_out(field: &Field<'_>, login_path: &str) -> Option<AfterSignOut> {
    let text = field.text("a path or a URL", "after_sign_out = \"/goodbye\"")?;
    // The text is not shown: a URL may hold a password.
    let fault = |wrong: &str, help: &str| {
        field.fault(Code::AfterSignOut, format!("login.after_sign_out {wrong}"), help);
        None
    };
    if text.starts_with('/') && !text.starts_with("//") {
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\\".contains(&byte));
        let Some(path) = CanonicalPath::parse(path).ok().filter(|_| visible) else {
            return fault("is no plain path", "write it as browsers send it, for example \"/goodbye\"");
        };
        let to = ReturnTo::path(&path, query);
        if to.is_under(login_path) {
            return fault(
                "is an endpoint of ours",
                "leave the key out for the page that says what became of the sign-out, or name another one",
            );
        }
        return Some(AfterSignOut::Path(to.as_str().to_owned()));
    }
    let url = Url::parse(text).ok().filter(|url| {
        url.username().is_empty()
            && url.password().is_none()
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let origin = url.as_ref().and_then(|url| {
        let scheme = Scheme::parse(url.scheme())?;
        Some(Origin::new(scheme, HostName::parse(url.host_str()?).ok()?.0, url.port()))
    });
    match (url, origin) {
        (Some(url), Some(origin)) if origin.scheme() == Scheme::Https || origin.host().is_loopback() => {
            Some(AfterSignOut::Url(url.into()))
        }
        (Some(_), Some(_)) => fault("is plain http on another machine", "write https://"),
        _ => fault("is neither a path nor a URL", "write \"/goodbye\" or \"https://www.example.com/\""),
    }
}
