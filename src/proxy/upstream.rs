//! One route's upstream: its settings, made ready for every request.

use std::cmp::Reverse;
use std::sync::Arc;

use http::HeaderValue;

use super::meters::RouteMeters;
use super::pool::{Pool, Pools};
use super::request;
use super::settings::{HostHeader, RouteSettings};
use super::turn::Turns;
use crate::clock::Clock;
use crate::web::CanonicalPath;

#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) settings: RouteSettings,
    pub(super) pool: Arc<Pool>,
    /// The Host to send; none for the one that the client sent.
    pub(super) host: Option<HeaderValue>,
    /// What lines call it.
    pub(super) name: String,
    pub(super) meters: Arc<RouteMeters>,
    pub(super) turns: Turns,
    /// The prefixes that are removed, the longest first, each with the form in which the upstream is told.
    stripped: Vec<(String, HeaderValue)>,
}

impl Upstream {
    pub(super) fn new(settings: RouteSettings, pools: &Pools, clock: &Clock) -> Self {
        let host = match &settings.host_header {
            HostHeader::Preserve => None,
            HostHeader::Upstream => settings.target.authority().map(request::value),
            HostHeader::Literal(host) => Some(host.clone()),
        };
        let name = settings.target.address();
        let told = |prefix: &String| (prefix.clone(), request::value(request::encode_path(prefix)));
        let mut stripped: Vec<(String, HeaderValue)> = settings.rewriting.stripped.iter().map(told).collect();
        stripped.sort_by_key(|(prefix, _)| Reverse(prefix.len()));
        let (pool, meters) = (pools.of(&settings.target, settings.max_response_head, clock), Arc::default());
        let turns = Turns::new(settings.max_in_flight, settings.queue_timeout);
        Self { pool, settings, host, name, meters, turns, stripped }
    }

    /// The prefix to remove, as the upstream is told, and what is left. The longest of the route's prefixes is the one that
    /// matched: had another route a longer one, the request would be that one's.
    pub(super) fn strip<'a>(&'a self, path: &'a CanonicalPath) -> Option<(&'a HeaderValue, &'a str)> {
        self.stripped.iter().find_map(|(prefix, told)| Some((told, path.sent_below(prefix)?)))
    }
}
