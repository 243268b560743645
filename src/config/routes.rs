//! The `[routes.NAME]` sections.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::code::Code;
use super::fault::quote;
use super::general::PlainHttp;
use super::headers::HeaderSets;
use super::places::{Claim, Places};
use super::reader::{Field, Section};
use super::{RouteConfig, keys, options, places, rules, upstream, values, whose};
use crate::gate::{Route, RouteId};
use crate::listener;
use crate::proxy::{HostHeader, Rewriting, RouteSettings, Target};
use crate::web::{HostName, HostPattern, Origin};

/// What a route refers to.
pub(super) struct Around<'a, 'b> {
    pub(super) public_url: Option<&'b Origin>,
    pub(super) plain_http: PlainHttp,
    pub(super) login_path: &'b str,
    pub(super) providers: &'b [&'a str],
    pub(super) email_claims: &'b [&'b str],
    pub(super) sets: &'b HeaderSets<'a>,
    pub(super) listen: &'b listener::Settings,
    /// The domain that the session cookie is for; none when each host has its own.
    pub(super) cookie_domain: Option<&'b HostName>,
}

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
    let mut places = Places::default();
    let read = |(index, (name, field)): (usize, &(&'a str, Field<'a>))| {
        read_one(RouteId::new(index), name, &field.section(keys::ROUTE), around, &mut places)
    };
    let routes: Vec<Option<RouteConfig>> = named.iter().enumerate().map(read).collect();
    places.review();
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
    let options = options::read(section, around);
    let hosts = match section.field("host") {
        Some(field) => places::hosts(&field, around),
        None => around.public_url.map(|origin| vec![HostPattern::Exact(origin.host().clone())]),
    };
    let paths = section
        .field("path")
        .map_or_else(|| Some(vec!["/".to_owned()]), |field| places::paths(&field, around.login_path));
    let rewriting = options::rewriting(section, paths.as_deref(), around);
    if let (Some(hosts), Some(paths), Some(options), Some(rewriting)) = (&hosts, &paths, &options, &rewriting)
    {
        places.claim(Claim {
            section: section.clone(),
            name,
            hosts: hosts.clone(),
            paths: paths.clone(),
            methods: options.methods.clone(),
            rule: rule.as_ref().map(ToString::to_string),
            strips: !rewriting.stripped.is_empty(),
        });
    }
    if let (Some(hosts), Some(rule)) = (&hosts, &rule) {
        places::check_wildcards(section, hosts, rule, around);
        if let Some(options) = &options {
            options::check_idle(section, rule, options, hosts, around);
        }
    }
    let upstream = settings(section, rewriting, around.listen);
    let (plan, header_sets) = header_sets?;
    Some(RouteConfig {
        route: Arc::new(Route::new(id, name.to_owned(), rule?, plan, options?).accepting(providers?)),
        hosts: hosts?,
        paths: paths?,
        upstream: upstream?,
        header_sets,
    })
}

fn settings(
    section: &Section<'_>,
    rewriting: Option<Rewriting>,
    listen: &listener::Settings,
) -> Option<RouteSettings> {
    let target = upstream::target(section);
    if let Some(target) = &target {
        upstream::refuse_own(section, target, listen);
    }
    let host_header =
        section.read("host_header", HostHeader::default(), |field| host_header(field, target.as_ref()));
    let seconds = Duration::from_secs;
    let connect_timeout = section.read("connect_timeout", seconds(5), |field| values::duration(field));
    let timeout = section.read("timeout", Some(seconds(60)), |field| values::duration_or_off(field));
    let idle_timeout =
        section.read("idle_timeout", Some(seconds(15 * 60)), |field| values::duration_or_off(field));
    let max_response_head = section.read("max_response_head", 64 << 10, values::size);
    let max_in_flight = section.read("max_in_flight", 4096, values::number);
    let queue_timeout = section.read("queue_timeout", seconds(5), |field| values::any_duration(field));
    let max_body = section.field("max_body").map(|field| values::size(&field));
    Some(RouteSettings {
        target: target?,
        host_header,
        connect_timeout,
        timeout,
        idle_timeout,
        max_in_flight,
        queue_timeout,
        max_body: match max_body {
            Some(size) => Some(size?),
            None => None,
        },
        body_timeout: listen.body_timeout,
        max_response_head: usize::try_from(max_response_head).unwrap_or(usize::MAX),
        rewriting: rewriting?,
    })
}

fn host_header(field: &Field<'_>, target: Option<&Target>) -> Option<HostHeader> {
    match field.text("a text", "host_header = \"preserve\"")? {
        "preserve" => Some(HostHeader::Preserve),
        "upstream" if matches!(target, Some(Target::Unix { .. })) => {
            field.fault(
                Code::Host,
                format!("{} asks for the upstream's own host, and a Unix socket has none", field.path()),
                "write \"preserve\" or a host",
            );
            None
        }
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
