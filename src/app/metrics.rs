//! Every metric of this process: its name, its help, and where its numbers are. One counter, one line.
//!
//! Operators write alerts on these names, so none changes and none goes; `docs/metrics.md` has a row for each, and a test
//! compares the two. A label's value is a name of the configuration, an address of an upstream or provider in it, or a word of
//! the program: never something that a client can choose.

use std::collections::BTreeMap;

use super::around::Around;
use crate::clock::Timestamp;
use crate::flow::{Generation, RouteMeters};
use crate::listener::{self, Expiry};
use crate::oidc::Standing;
use crate::telemetry::Exposition;

/// Writes them all.
pub(super) fn write(around: &Around, page: &mut Exposition) {
    let generation = around.gateway.generation();
    build(around, page);
    requests(&generation, page);
    upstreams(&generation, page);
    people(&generation, page);
    providers(&generation, page);
    connections(around, page);
    tls(around, page);
    records(around, page);
}

fn build(around: &Around, page: &mut Exposition) {
    let commit = option_env!("VESTIBULE_COMMIT").unwrap_or("unknown");
    page.info("vestibule_build_info", "The program that runs.")
        .add(&[("version", env!("CARGO_PKG_VERSION")), ("commit", commit)], 1);
    let config = around.status.get();
    page.info(
        "vestibule_config_info",
        "The configuration in force: a short hash of every value but secrets.",
    )
    .add(&[("hash", &config.hash)], 1);
    page.gauge(
        "vestibule_config_last_reload_successful",
        "Whether the last configuration that was read was taken.",
    )
    .is(u8::from(config.refused.is_none()));
    page.gauge(
        "vestibule_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read without a fault, in seconds since 1970.",
    )
    .is(config.last_success.as_secs());
}

fn requests(generation: &Generation, page: &mut Exposition) {
    let meters = generation.meters.all();
    let places: Vec<(&str, &RouteMeters)> = [("", &meters.unrouted), ("(own)", &meters.own)]
        .into_iter()
        .chain(generation.meters.routes().iter().map(|(name, meters)| (name.as_str(), &**meters)))
        .collect();
    let mut family = page.histogram(
        "http_server_request_duration_seconds",
        "From a request's head to the end of its answer, by route; (own) for our own endpoints, empty where there is no route.",
    );
    for (route, meters) in &places {
        for (verb, status, reading) in meters.durations.read() {
            let status = status.map(|status| status.to_string()).unwrap_or_default();
            let labels = [
                ("http_route", *route),
                ("http_request_method", verb.as_str()),
                ("http_response_status_code", &status),
            ];
            family.read(&labels, &reading);
        }
    }
    let mut family = page.gauge("http_server_active_requests", "Requests under way, tunnels not among them.");
    for (verb, count) in meters.active.read() {
        family.add(&[("http_request_method", verb.as_str())], count);
    }
    let mut family =
        page.counter("vestibule_decisions_total", "Requests by what was decided about them, and why.");
    for (route, meters) in &places {
        for (decision, reason, count) in meters.decisions.read() {
            family.add(&[("route", route), ("decision", decision), ("reason", reason)], count);
        }
    }
    let mut family = page.counter(
        "vestibule_request_failures_total",
        "Requests that were let in and could not be handed on, not be answered, or whose answer broke off.",
    );
    for (route, meters) in &places {
        for (reason, _, count) in meters.failures.read() {
            family.add(&[("route", route), ("reason", reason)], count);
        }
    }
}

fn upstreams(generation: &Generation, page: &mut Exposition) {
    let (proxy, pools) = (generation.proxy.meters(), generation.proxy.pools());
    let targets = pools.targets();
    let mut family = page.histogram(
        "http_client_request_duration_seconds",
        "From handing a request on to the head of its answer (upstreams), or to its end (providers); without a status where none came.",
    );
    let upstreams = targets.iter().map(|(name, _, meters)| (name.as_str(), &meters.durations));
    let watched = generation.providers.all().iter();
    let providers = watched.map(|provider| (provider.address(), provider.watch().durations()));
    for (address, durations) in upstreams.chain(providers) {
        for (verb, status, reading) in durations.read() {
            let status = status.map(|status| status.to_string()).unwrap_or_default();
            let labels = [
                ("server_address", address),
                ("http_request_method", verb.as_str()),
                ("http_response_status_code", &status),
            ];
            family.read(&labels, &reading);
        }
    }
    let mut family = page.gauge("vestibule_upstream_connections", "Connections to upstreams that are open.");
    for (upstream, idle, meters) in &targets {
        let idle = i64::try_from(*idle).unwrap_or(i64::MAX);
        let active = meters.connections.get().saturating_sub(idle).max(0);
        family.add(&[("upstream", upstream), ("state", "active")], active);
        family.add(&[("upstream", upstream), ("state", "idle")], idle);
    }
    let mut family = page.counter("vestibule_upstream_connects_total", "Attempts to connect to upstreams.");
    for (upstream, _, meters) in &targets {
        family.add(&[("upstream", upstream), ("result", "success")], meters.connects.get());
        family.add(&[("upstream", upstream), ("result", "failure")], meters.connect_failures.get());
    }
    page.gauge("vestibule_upstream_streams", "Requests that are on HTTP/2 connections to upstreams.")
        .is(proxy.streams.get());
    let routes = generation.meters.routes().iter();
    let routes: Vec<_> = routes.map(|(name, _)| (name.as_str(), proxy.routes.of(name))).collect();
    let mut family = page.gauge("vestibule_tunnels", "WebSocket tunnels that are open.");
    for (route, meters) in &routes {
        family.add(&[("route", route)], meters.tunnels.get());
    }
    let mut family =
        page.gauge("vestibule_waiting_requests", "Requests that wait for their turn at the upstream.");
    for (route, meters) in &routes {
        family.add(&[("route", route)], meters.waiting.get());
    }
    let mut family = page.counter(
        "vestibule_headers_stripped_total",
        "Header names that clients sent and that were removed: those that say who somebody is, those with an underscore.",
    );
    for (route, meters) in &routes {
        family.add(&[("route", route), ("kind", "identity")], meters.claimed_names.get());
        family.add(&[("route", route), ("kind", "underscore")], meters.underscore_names.get());
    }
    let counted = [
        (
            "vestibule_upstream_retries_total",
            "Requests that were sent a second time, because a kept connection turned out dead.",
            &proxy.retries,
        ),
        (
            "vestibule_upstream_busy_total",
            "Requests whose upstream had too many others to answer: over max_in_flight, or over what its HTTP/2 connections take.",
            &proxy.busy,
        ),
        (
            "vestibule_answers_truncated_total",
            "Answers of upstreams that broke off before their end.",
            &proxy.truncated,
        ),
        (
            "vestibule_streams_ended_total",
            "Streams and tunnels that were cut because their session ended.",
            &proxy.ended_by_lease,
        ),
    ];
    for (name, help, counter) in counted {
        page.counter(name, help).is(counter.get());
    }
}

fn people(generation: &Generation, page: &mut Exposition) {
    let meters = generation.meters.all();
    let providers = meters.providers.all();
    let mut family =
        page.counter("vestibule_sign_ins_total", "Sign-ins that ended, and why without a session.");
    for (provider, meters) in &providers {
        for (result, reason, count) in meters.sign_ins.read() {
            family.add(&[("provider", provider), ("result", result), ("reason", reason)], count);
        }
    }
    let mut family = page.histogram(
        "vestibule_sign_in_duration_seconds",
        "From the redirect to the provider to the session: how long people take.",
    );
    for (provider, meters) in providers.iter().filter(|(name, _)| !name.is_empty()) {
        family.read(&[("provider", provider)], &meters.sign_in_duration.read());
    }
    let mut family =
        page.counter("vestibule_sign_outs_total", "Sessions that ended: by their users, or by their age.");
    for (provider, meters) in providers.iter().filter(|(name, _)| !name.is_empty()) {
        for (kind, _, count) in meters.sign_outs.read() {
            family.add(&[("provider", provider), ("kind", kind)], count);
        }
    }
    let mut family = page.counter(
        "vestibule_revoked_cookies_total",
        "Cookies of sessions that came after somebody had ended them, once for each client address.",
    );
    for (provider, meters) in providers.iter().filter(|(name, _)| !name.is_empty()) {
        family.add(&[("provider", provider)], meters.revoked.get());
    }
    page.histogram(
        "vestibule_session_cookie_bytes",
        "Session cookies that were set; a browser keeps 4096 bytes.",
    )
    .read(&[], &meters.session_cookie.read());
}

fn providers(generation: &Generation, page: &mut Exposition) {
    let providers = generation.providers.all();
    let seen: Vec<_> = providers.iter().map(|one| (one.name().as_str(), one.watch().seen())).collect();
    let mut family = page.gauge(
        "vestibule_provider_up",
        "Whether the provider answered when it was last asked. Absent until it was.",
    );
    for (name, seen) in &seen {
        if let Some(standing) = seen.standing {
            family.add(&[("provider", name)], u8::from(standing == Standing::Up));
        }
    }
    let mut family = page.gauge(
        "vestibule_provider_clock_skew_seconds",
        "By how much the provider's clock is ahead of ours, from its last answer with a date.",
    );
    for (name, seen) in &seen {
        if let Some(skew) = seen.clock_skew {
            family.add(&[("provider", name)], skew);
        }
    }
    let mut family = page.gauge(
        "vestibule_provider_keys_age_seconds",
        "How long ago the provider's keys were fetched. Absent until they were needed.",
    );
    for provider in providers {
        if let Some(age) = provider.keys_age() {
            family.add(&[("provider", provider.name().as_str())], age.as_secs());
        }
    }
}

/// What the two listeners count: the public one, and the one that this page is on.
fn connections(around: &Around, page: &mut Exposition) {
    let listeners = [("public", &around.public), ("admin", &around.admin)];
    let mut family = page.gauge("vestibule_connections", "Connections that are open, tunnels too.");
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.connections.get());
    }
    let mut family = page.counter("vestibule_accepted_connections_total", "Connections that were accepted.");
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.accepted.get());
    }
    let mut family =
        page.counter("vestibule_accept_errors_total", "Times that accepting a connection failed.");
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.accept_errors.get());
    }
    let mut family = page.counter(
        "vestibule_cut_connections_total",
        "Connections that were cut when the time to end was over.",
    );
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.cut.get());
    }
    let mut family = page.counter(
        "vestibule_malformed_requests_total",
        "Requests, or connections, that were refused because of their form, before anything was decided.",
    );
    for (listener, meters) in listeners {
        for (class, count) in malformed(meters) {
            family.add(&[("listener", listener), ("class", class)], count);
        }
    }
    let mut family = page
        .counter("vestibule_limits_total", "Times that a connection, or a request on it, reached a limit.");
    for (listener, meters) in listeners {
        for (limit, count) in limits(meters) {
            family.add(&[("listener", listener), ("limit", limit)], count);
        }
    }
    page.counter("vestibule_rate_limited_total", "What was refused because one client asked too often.")
        .add(&[("what", "sign_in")], around.gateway.shared().sign_ins_refused());
    let mut family = page.counter("vestibule_h2_requests_total", "Requests that came over HTTP/2.");
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.streams.get());
    }
    let mut family = page.counter(
        "vestibule_h2_requests_abandoned_total",
        "Requests over HTTP/2 that their client took back before there was an answer.",
    );
    for (listener, meters) in listeners {
        family.add(&[("listener", listener)], meters.abandoned_streams.get());
    }
}

/// TLS at the public listeners. The admin listener has none.
fn tls(around: &Around, page: &mut Exposition) {
    let meters = &around.public.handshakes;
    let full = meters.complete.get().saturating_sub(meters.resumed.get());
    let mut family =
        page.counter("vestibule_tls_handshakes_total", "TLS handshakes with clients, by how they ended.");
    for (outcome, count) in [
        ("full", full),
        ("resumed", meters.resumed.get()),
        ("not_tls", meters.not_tls.get()),
        ("incompatible", meters.incompatible.get()),
        ("client_certificate", meters.client_certificates.get()),
        ("refused", meters.refused.get()),
        ("malformed", meters.malformed.get()),
        ("broken", meters.broken.get()),
        ("timeout", meters.timeouts.get()),
        ("no_certificate", meters.no_certificate.get()),
    ] {
        family.add(&[("result", outcome)], count);
    }
    // Two of one name are one series, of which the sooner end counts.
    let mut ends = BTreeMap::new();
    for Expiry { name, until } in around.terms.expiries() {
        ends.entry(name).and_modify(|end: &mut Timestamp| *end = until.min(*end)).or_insert(until);
    }
    let mut family = page.gauge(
        "vestibule_certificate_expiry_timestamp_seconds",
        "When a certificate of listen.tls ends, by its first name.",
    );
    for (name, until) in &ends {
        family.add(&[("name", name)], until.as_secs());
    }
}

/// The classes of malformed requests. A new counter is a line here.
fn malformed(meters: &listener::Meters) -> Vec<(&'static str, u64)> {
    let mut classes = meters.malformed.all().to_vec();
    classes.extend([
        ("proxy_header", meters.proxy_headers_refused.get()),
        ("h2_request", meters.malformed_streams.get()),
        ("h2_connection", meters.broken_connections.get()),
    ]);
    classes
}

/// The limits that a connection can reach. A new counter is a line here.
fn limits(meters: &listener::Meters) -> Vec<(&'static str, u64)> {
    vec![
        ("head_timeout", meters.head_timeouts.get()),
        ("head_size", meters.heads_too_large.get()),
        ("write_stall", meters.write_stalls.get() + meters.stalled_streams.get()),
        ("max_connections_per_peer", meters.crowded_out.get()),
        ("max_requests", meters.worn_out.get()),
        ("h2_flood", meters.flooded_connections.get()),
    ]
}

fn records(around: &Around, page: &mut Exposition) {
    page.counter("vestibule_audit_dropped_total", "Audit events that were lost. Must be zero.")
        .is(around.trail.dropped());
    page.counter("vestibule_access_lines_dropped_total", "Access lines that were lost.")
        .is(around.lines.dropped());
}
