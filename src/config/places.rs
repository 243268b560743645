//! The places of a route: `host`, `path` and `methods`, and that no two routes hold the same one.

use std::collections::HashMap;

use http::Method;

use super::code::Code;
use super::fault::quote;
use super::general::PlainHttp;
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::routes::Around;
use crate::authz::Rule;
use crate::gate::Methods;
use crate::web::{CanonicalPath, HostName, HostPattern, PatternError, Scheme};

/// The places that are taken, with the routes that took them.
#[derive(Default)]
pub(super) struct Places<'a> {
    claims: Vec<Claim<'a>>,
    /// By host and path the claims, as their numbers.
    taken: HashMap<(HostPattern, String), Vec<usize>>,
}

/// The places of one route.
pub(super) struct Claim<'a> {
    pub(super) section: Section<'a>,
    pub(super) name: &'a str,
    pub(super) hosts: Vec<HostPattern>,
    pub(super) paths: Vec<String>,
    pub(super) methods: Methods,
    /// The rule in words; none when it was refused.
    pub(super) rule: Option<String>,
    /// Whether the path that matched is removed.
    pub(super) strips: bool,
}

/// The methods of the IANA registry, and two that are in use without it. A closed list, since a mistyped method would
/// never match, and the request that was meant would be taken by nobody.
const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

const HOST_EXAMPLE: &str = "host = \"wiki.example.com\"";

impl<'a> Places<'a> {
    /// Takes the places of a route. Each host, path and method leads to one route.
    pub(super) fn claim(&mut self, claim: Claim<'a>) {
        let number = self.claims.len();
        self.claims.push(claim);
        let Some(claim) = self.claims.last() else { return };
        for host in &claim.hosts {
            for path in &claim.paths {
                let place = self.taken.entry((host.clone(), path.clone())).or_default();
                let others = place.iter().filter_map(|other| self.claims.get(*other));
                for other in others {
                    let Some(common) = claim.methods.common(&other.methods) else { continue };
                    let limited = claim.methods.is_limited() || other.methods.is_limited();
                    let which = if limited { format!("{common} ") } else { String::new() };
                    claim.report(other, &format!("{which}{host}{path}"));
                    break;
                }
                place.push(number);
            }
        }
    }

    /// Reports paths that change nothing, and routes of a pattern that do not hold where they seem to.
    pub(super) fn review(&self) {
        for (number, claim) in self.claims.iter().enumerate() {
            let alone = [number];
            let is_alone = |holders: Option<&[usize]>| holders == Some(&alone[..]);
            for path in claim.paths.iter().filter(|path| *path != "/" && !claim.strips) {
                let covered = |host: &HostPattern| {
                    is_alone(self.holders(host, path)) && is_alone(self.above(host, path))
                };
                if claim.hosts.iter().all(covered)
                    && let Some(field) = claim.section.field("path")
                {
                    field.warning(
                        Code::IdlePath,
                        format!("routes.{} names {path}, which another of its paths covers", claim.name),
                        "a path covers everything below it: remove the longer one",
                    );
                }
            }
            self.report_shadows(claim, number);
        }
    }

    /// An exact host has only its own paths: a guard that is written for a pattern does not hold there.
    fn report_shadows(&self, claim: &Claim<'_>, number: usize) {
        let mut exact: Vec<&HostPattern> = self.taken.keys().map(|(host, _)| host).collect();
        exact.retain(|host| host.exact().is_some());
        exact.sort_unstable();
        exact.dedup();
        for pattern in claim.hosts.iter().filter(|host| host.exact().is_none()) {
            for host in exact.iter().filter(|host| pattern.matches(host.name())) {
                for path in claim.paths.iter().filter(|path| *path != "/") {
                    if self.holders(host, path).is_some() {
                        // Somebody thought of that place.
                        continue;
                    }
                    let others: Vec<_> = self.above(host, path).into_iter().flatten().copied().collect();
                    if others.contains(&number) {
                        continue;
                    }
                    let differs = |other: &&Claim<'_>| other.rule != claim.rule;
                    let others = others.into_iter().filter_map(|other| self.claims.get(other));
                    let Some(other) = others.into_iter().find(differs) else { continue };
                    let message = format!(
                        "routes.{} does not hold for {path} on {host}, though {pattern} covers it: routes.{} does",
                        claim.name, other.name
                    );
                    let help = format!(
                        "an exact host has its own paths only: add \"{host}\" to routes.{}.host",
                        claim.name
                    );
                    if let Some(field) = claim.section.field("host") {
                        field.warning(Code::ShadowedRoute, message, help);
                    }
                }
            }
        }
    }

    /// The claims of exactly that place.
    fn holders(&self, host: &HostPattern, path: &str) -> Option<&[usize]> {
        self.taken.get(&(host.clone(), path.to_owned())).map(Vec::as_slice)
    }

    /// The claims of the nearest place above a path.
    fn above(&self, host: &HostPattern, path: &str) -> Option<&[usize]> {
        let borders = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        let mut shorter: Vec<&str> = borders.filter_map(|at| path.get(..at)).collect();
        shorter.insert(0, "/");
        shorter.into_iter().rev().find_map(|path| self.holders(host, path))
    }
}

impl Claim<'_> {
    fn report(&self, holder: &Claim<'_>, place: &str) {
        let message = if holder.name == self.name {
            format!("routes.{} names {place} twice", self.name)
        } else {
            format!("routes.{} and routes.{} both serve {place}", self.name, holder.name)
        };
        let help = "give one of them another host, path or methods (GET brings HEAD along), or remove it";
        let field = ["path", "host", "methods"].into_iter().find_map(|key| self.section.field(key));
        match field {
            Some(field) => field.fault(Code::DuplicateRoute, message, help),
            None => self.section.fault(Code::DuplicateRoute, message, help),
        }
    }
}

/// A redirect URI is registered for each host, and a pattern has no end of them: one cookie for all of them is needed
/// where people sign in.
pub(super) fn check_wildcards(
    section: &Section<'_>,
    hosts: &[HostPattern],
    rule: &Rule,
    around: &Around<'_, '_>,
) {
    let pattern = hosts.iter().find(|host| host.exact().is_none());
    let (Some(pattern), None, false) = (pattern, around.cookie_domain, rule.is_public()) else { return };
    let message =
        format!("{} asks people to sign in on {pattern}, each host with a cookie of its own", section.path());
    let help = format!(
        "set session.cookie_domain = \"{}\" to share one, list the exact hosts, or write allow = [\"everyone\"]",
        pattern.name()
    );
    match section.field("host") {
        Some(field) => field.fault(Code::WildcardHost, message, help),
        None => section.fault(Code::WildcardHost, message, help),
    }
}

pub(super) fn hosts(field: &Field<'_>, around: &Around<'_, '_>) -> Option<Vec<HostPattern>> {
    let items = field.one_or_more(HOST_EXAMPLE);
    if field.is_empty_list() {
        field.fault(
            Code::Host,
            format!("{} names no host", field.path()),
            "leave the key out for the host of public_url",
        );
    }
    let found: Vec<Option<HostPattern>> = items.iter().map(|item| host(item, around)).collect();
    found.into_iter().collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
}

fn host(field: &Field<'_>, around: &Around<'_, '_>) -> Option<HostPattern> {
    let text = field.text("a host name", HOST_EXAMPLE)?;
    let (wrong, help) = match HostPattern::parse(text) {
        Ok(host) if is_exposed(host.name(), around) => {
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
        Ok(host) => {
            if let Some(domain) = around.cookie_domain.filter(|domain| !host.name().is_within(domain)) {
                field.fault(
                    Code::CookieDomain,
                    format!("{} is not in session.cookie_domain ({domain}): {host}", field.path()),
                    "give it another gateway, a domain that holds all hosts, or no cookie_domain at all",
                );
                return None;
            }
            return Some(host);
        }
        Err(PatternError::Port) => ("has a port", "write the host alone: the port is that of public_url"),
        Err(PatternError::Star | PatternError::Address) => {
            ("is no pattern", "a star stands for one whole label in front of a name: \"*.example.com\"")
        }
        Err(PatternError::TooBroad) => {
            ("covers hosts of other people", "name your own domain: \"*.example.com\"")
        }
        Err(PatternError::Host(_)) if text.contains("//") => {
            ("is a URL", "write the host alone: host = \"wiki.example.com\"")
        }
        Err(PatternError::Host(_)) => {
            ("is no host name", "write a name or an address; international names as xn--...")
        }
    };
    field.fault(Code::Host, format!("{} {wrong}: {}", field.path(), quote(text)), help);
    None
}

fn is_exposed(host: &HostName, around: &Around<'_, '_>) -> bool {
    around.public_url.is_some_and(|origin| origin.scheme() == Scheme::Http)
        && around.plain_http == PlainHttp::LoopbackOnly
        && !host.is_loopback()
}

pub(super) fn paths(field: &Field<'_>, login_path: &str) -> Option<Vec<String>> {
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

pub(super) fn methods(field: &Field<'_>) -> Option<Methods> {
    const EXAMPLE: &str = "methods = [\"GET\", \"POST\"]";
    let items = field.items(EXAMPLE);
    if field.is_empty_list() {
        field.fault(
            Code::Method,
            format!("{} is empty, so the route takes no request", field.path()),
            "leave the key out for all methods",
        );
    }
    let mut found: Vec<Method> = Vec::new();
    let mut is_whole = true;
    for item in &items {
        match method(item, EXAMPLE) {
            Some(method) if found.contains(&method) => {
                item.warning(Code::Method, format!("{} stands there twice", item.path()), "keep one of them");
            }
            Some(method) => found.push(method),
            None => is_whole = false,
        }
    }
    (is_whole && !found.is_empty()).then(|| Methods::of(found))
}

fn method(field: &Field<'_>, example: &str) -> Option<Method> {
    let text = field.text("a method", example)?;
    if METHODS.contains(&text) {
        return Method::from_bytes(text.as_bytes()).ok();
    }
    let upper = text.to_ascii_uppercase();
    let (wrong, help) = if matches!(upper.as_str(), "CONNECT" | "TRACE") {
        ("is never served", "remove it".to_owned())
    } else {
        let same = METHODS.contains(&upper.as_str()).then_some(upper.as_str());
        let guess = same.or_else(|| nearest(&upper, METHODS.iter().copied()));
        let guess = guess.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        (
            "is no method",
            format!("{guess}Methods are upper-case words such as GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        )
    };
    field.fault(Code::Method, format!("{} {wrong}: {}", field.path(), quote(text)), help);
    None
}
