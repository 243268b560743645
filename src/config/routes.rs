//! The `[routes.NAME]` sections.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::code::Code;
use super::fault::quote;
use super::general::PlainHttp;
use super::headers::HeaderSets;
use super::reader::{Field, Section};
use super::{RouteConfig, keys, rules, upstream, values, whose};
use crate::gate::{Route, RouteId, SignedOut};
use crate::proxy::{HostHeader, RouteSettings};
use crate::web::{CanonicalPath, HostName, Origin, Scheme};

/// What a route refers to.
pub(super) struct Around<'a, 'b> {
    pub(super) public_url: Option<&'b Origin>,
    pub(super) plain_http: PlainHttp,
    pub(super) login_path: &'b str,
    pub(super) providers: &'b [&'a str],
    pub(super) email_claims: &'b [&'b str],
    pub(super) sets: &'b HeaderSets<'a>,
}

/// The places that are taken, with the route that took them.
type Places<'a> = HashMap<(HostName, String), &'a str>;

const FORM: &str = "[routes.wiki]";

/// All routes, in the order of the file. None when something is wrong with one of them.
pub(super) fn read<'a>(top: &Section<'a>, around: &Around<'a, '_>) -> Option<Vec<RouteConfig>> {
    let named = top.named("routes", FORM, keys::ROUTE);
    if named.is_empty() && top.field("routes").is_none_or(|field| field.is_empty_table()) {
        top.missing(
            "routes",
            Code::Missing,
            "there is no route, so nothing would ever be served",
            format!("add {FORM} with upstream and allow"),
        );
    }
    let mut places = Places::new();
    let read = |(index, (name, field)): (usize, &(&'a str, Field<'a>))| {
        read_one(RouteId::new(index), name, &field.section(keys::ROUTE), around, &mut places)
    };
    let routes: Vec<Option<RouteConfig>> = named.iter().enumerate().map(read).collect();
    routes.into_iter().collect()
}

fn read_one<'a>(
    id: RouteId,
    name: &'a str,
    section: &Section<'a>,
    around: &Around<'a, '_>,
    places: &mut Places<'a>,
) -> Option<RouteConfig> {
    let rule = rules::read(section, around);
    let providers = whose::read(section, rule.as_ref(), around);
    let header_sets = around.sets.plan(section.field("headers").as_ref());
    let signed_out = section.read("signed_out", SignedOut::default(), |field| {
        values::choice(
            field,
            &[("auto", SignedOut::Auto), ("redirect", SignedOut::Redirect), ("401", SignedOut::Unauthorized)],
        )
    });
    let hosts = match section.field("host") {
        Some(field) => hosts(&field, around),
        None => around.public_url.map(|origin| vec![origin.host().clone()]),
    };
    let paths = section
        .field("path")
        .map_or_else(|| Some(vec!["/".to_owned()]), |field| paths(&field, around.login_path));
    if let (Some(hosts), Some(paths)) = (&hosts, &paths) {
        claim_places(section, name, hosts, paths, places);
    }
    let upstream = settings(section);
    let (plan, header_sets) = header_sets?;
    Some(RouteConfig {
        route: Arc::new(Route::new(id, name.to_owned(), rule?, plan, signed_out).accepting(providers?)),
        hosts: hosts?,
        paths: paths?,
        upstream: upstream?,
        header_sets,
    })
}

/// Each host and path leads to one route.
fn claim_places<'a>(
    section: &Section<'a>,
    name: &'a str,
    hosts: &[HostName],
    paths: &[String],
    places: &mut Places<'a>,
) {
    for host in hosts {
        for path in paths {
            let Some(other) = places.insert((host.clone(), path.clone()), name) else { continue };
            let message = if other == name {
                format!("routes.{name} names {host}{path} twice")
            } else {
                format!("routes.{name} and routes.{other} both serve {host}{path}")
            };
            let help = "give one of them another host or path, or remove it";
            match section.field("path").or_else(|| section.field("host")) {
                Some(field) => field.fault(Code::DuplicateRoute, message, help),
                None => section.fault(Code::DuplicateRoute, message, help),
            }
        }
    }
}

fn hosts(field: &Field<'_>, around: &Around<'_, '_>) -> Option<Vec<HostName>> {
    const EXAMPLE: &str = "host = \"wiki.example.com\"";
    let items = field.one_or_more(EXAMPLE);
    if field.is_empty_list() {
        field.fault(
            Code::Host,
            format!("{} names no host", field.path()),
            "leave the key out for the host of public_url",
        );
    }
    let found: Vec<Option<HostName>> = items.iter().map(|item| host(item, EXAMPLE, around)).collect();
    found.into_iter().collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
}

fn host(field: &Field<'_>, example: &str, around: &Around<'_, '_>) -> Option<HostName> {
    let text = field.text("a host name", example)?;
    let (wrong, help) = match HostName::parse(text) {
        Ok((host, None)) => {
            let exposed = around.public_url.is_some_and(|origin| origin.scheme() == Scheme::Http)
                && around.plain_http == PlainHttp::LoopbackOnly
                && !host.is_loopback();
            if exposed {
                field.fault(
                    Code::InsecureHttp,
                    format!(
                        "{} is served over plain http, as public_url says, and is not this machine",
                        field.path()
                    ),
                    "use an https public_url, or set insecure_http = true if you must",
                );
                return None;
            }
            return Some(host);
        }
        Ok((_, Some(_))) => ("has a port", "write the host alone: the port is that of public_url"),
        Err(_) if text.contains('*') => {
            ("is a pattern", "list the exact hosts: host = [\"a.example.com\", \"b.example.com\"]")
        }
        Err(_) if text.contains("//") => ("is a URL", "write the host alone: host = \"wiki.example.com\""),
        Err(_) => ("is no host name", "write a name or an address; international names as xn--..."),
    };
    field.fault(Code::Host, format!("{} {wrong}: {}", field.path(), quote(text)), help);
    None
}

fn paths(field: &Field<'_>, login_path: &str) -> Option<Vec<String>> {
    const EXAMPLE: &str = "path = \"/wiki\"";
    let items = field.one_or_more(EXAMPLE);
    if field.is_empty_list() {
        field.fault(Code::Path, format!("{} names no path", field.path()), "leave the key out for \"/\"");
    }
    let found: Vec<Option<String>> = items.iter().map(|item| path(item, EXAMPLE, login_path)).collect();
    found.into_iter().collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
}

/// A prefix in the form in which requests are judged: decoded, without dot segments, `//` or parameters.
fn path(field: &Field<'_>, example: &str, login_path: &str) -> Option<String> {
    let text = field.text("a path", example)?;
    let trimmed = match text.strip_suffix('/') {
        Some("") | None => text,
        Some(rest) => rest,
    };
    let canonical = CanonicalPath::parse(trimmed);
    let (wrong, help) = if !text.starts_with('/') {
        ("does not start with a slash", "write a prefix such as \"/wiki\"")
    } else if text.contains('%') {
        ("holds an encoded character", "write the character itself: requests are compared decoded")
    } else if text.contains(['*', '?', '#', ';', '\\']) {
        ("holds one of * ? # ; \\", "write a plain prefix: it covers everything below it")
    } else if canonical.is_ok_and(|path| path.sent() == trimmed && path.judged() == trimmed) {
        let below = trimmed.strip_prefix(login_path);
        if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Some(trimmed.to_owned());
        }
        ("is inside login.path, which cannot be shadowed", "choose another path, or move login.path")
    } else {
        ("holds . or .. or // or a control character", "write the path as it is after folding these")
    };
    field.fault(Code::Path, format!("{} {wrong}: {}", field.path(), quote(text)), help);
    None
}

fn settings(section: &Section<'_>) -> Option<RouteSettings> {
    let target = upstream::target(section);
    let host_header = section.read("host_header", HostHeader::default(), |field| host_header(field));
    let seconds = Duration::from_secs;
    let connect_timeout = section.read("connect_timeout", seconds(5), |field| values::duration(field));
    let timeout = section.read("timeout", Some(seconds(60)), |field| values::duration_or_off(field));
    let idle_timeout =
        section.read("idle_timeout", Some(seconds(15 * 60)), |field| values::duration_or_off(field));
    let max_body = section.field("max_body").map(|field| values::size(&field, 1..=1 << 40));
    Some(RouteSettings {
        target: target?,
        host_header,
        connect_timeout,
        timeout,
        idle_timeout,
        max_body: match max_body {
            Some(size) => Some(size?),
            None => None,
        },
    })
}

fn host_header(field: &Field<'_>) -> Option<HostHeader> {
    match field.text("a text", "host_header = \"preserve\"")? {
        "preserve" => Some(HostHeader::Preserve),
        "upstream" => Some(HostHeader::Upstream),
        text => {
            let literal = HostName::parse(text).ok().and_then(|_| HeaderValue::from_str(text).ok());
            if literal.is_none() {
                field.fault(
                    Code::Host,
                    format!("{} is no host: {}", field.path(), quote(text)),
                    "write \"preserve\", \"upstream\", or a host with an optional port",
                );
            }
            literal.map(HostHeader::Literal)
        }
    }
}
