//! Routes: host and path to rule and header set. The most exact host wins, in it the longest path.

use std::collections::HashMap;
use std::sync::Arc;

use crate::authz::Rule;
use crate::identity::{HeaderPlan, IdentityHead, ProviderName};
use crate::web::path::EncodedSlash;
use crate::web::{CanonicalPath, HostName};

/// A configured route, as the gate sees it.
#[derive(Debug)]
pub struct Route {
    id: RouteId,
    name: String,
    rule: Rule,
    plan: HeaderPlan,
    anonymous: IdentityHead,
    signed_out: SignedOut,
    providers: Vec<ProviderName>,
}

/// The number of a route in its configuration, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(usize);

/// What a visitor without a session gets where one is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedOut {
    /// Page loads are sent to sign in, everything else gets 401.
    #[default]
    Auto,
    /// Also GET and HEAD requests that say nothing about themselves are sent to sign in.
    Redirect,
    /// Nothing is ever redirected.
    Unauthorized,
}

/// All routes by host and path.
#[derive(Debug, Default)]
pub struct RouteTable {
    hosts: HashMap<HostName, Paths>,
}

/// What [`RouteTable::find`] found.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// A route.
    Route(&'a Arc<Route>),
    /// No route has that host.
    UnknownHost,
    /// The host is ours, but no route has that path.
    UnknownPath,
    /// The path names one route to us, and would name another to an application that decodes it further.
    Doubtful,
}

#[derive(Debug, Default)]
struct Paths {
    by_path: HashMap<String, Arc<Route>>,
    /// The most segments that any path has, so that a deep request path costs no more than that many look-ups.
    depth: usize,
}

impl Route {
    /// A route from its checked parts.
    #[must_use]
    pub fn new(id: RouteId, name: String, rule: Rule, plan: HeaderPlan, signed_out: SignedOut) -> Self {
        let anonymous = plan.render(None);
        Self { id, name, rule, plan, anonymous, signed_out, providers: Vec::new() }
    }

    /// The same route, on which sessions of these providers count. Unless they are named, no session does.
    #[must_use]
    pub fn accepting(mut self, providers: Vec<ProviderName>) -> Self {
        self.providers = providers;
        self
    }

    /// The providers whose sessions count here.
    #[must_use]
    pub fn providers(&self) -> &[ProviderName] {
        &self.providers
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> RouteId {
        self.id
    }

    /// Its name, which logs and metrics show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who may enter.
    #[must_use]
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Which identity headers it sends.
    #[must_use]
    pub const fn plan(&self) -> &HeaderPlan {
        &self.plan
    }

    /// The headers it sends for nobody.
    #[must_use]
    pub const fn anonymous(&self) -> &IdentityHead {
        &self.anonymous
    }

    /// What a visitor without a session gets.
    #[must_use]
    pub const fn signed_out(&self) -> SignedOut {
        self.signed_out
    }
}

impl RouteId {
    /// The route with that number.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl RouteTable {
    /// Adds a route under a host and a path prefix (`/` or `/a/b`, no slash at the end). False when that place is
    /// taken.
    pub fn insert(&mut self, host: &HostName, path: &str, route: &Arc<Route>) -> bool {
        let paths = self.hosts.entry(host.clone()).or_default();
        let key = path.trim_end_matches('/').to_owned();
        paths.depth = paths.depth.max(key.matches('/').count());
        paths.by_path.insert(key, Arc::clone(route)).is_none()
    }

    /// Whether any route has that host.
    #[must_use]
    pub fn has_host(&self, host: &HostName) -> bool {
        self.hosts.contains_key(host)
    }

    /// The routes of a host, in no order.
    pub fn routes(&self, host: &HostName) -> impl Iterator<Item = &Arc<Route>> {
        self.hosts.get(host).into_iter().flat_map(|paths| paths.by_path.values())
    }

    /// The hosts of all routes.
    pub fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.hosts.keys()
    }

    /// The path under which the route of this path begins, for a browser that is sent back to its start.
    #[must_use]
    pub fn start(&self, host: &HostName, path: &CanonicalPath) -> &str {
        let found = self.hosts.get(host).and_then(|paths| paths.find(path.judged()));
        found.map(|(start, _)| start).filter(|start| !start.is_empty()).unwrap_or("/")
    }

    /// The route for a request.
    #[must_use]
    pub fn find(&self, host: &HostName, path: &CanonicalPath) -> Found<'_> {
        let Some(paths) = self.hosts.get(host) else {
            return Found::UnknownHost;
        };
        let Some((_, route)) = paths.find(path.judged()) else {
            return Found::UnknownPath;
        };
        // An application that decodes more often than once must not see a path that another rule guards.
        let elsewhere = |reading: &String| paths.find(reading).is_none_or(|(_, other)| other.id != route.id);
        if path.encoded_slash() == EncodedSlash::Present || path.readings().iter().any(elsewhere) {
            return Found::Doubtful;
        }
        Found::Route(route)
    }
}

impl Paths {
    /// Longest prefix first, on segment borders.
    fn find(&self, path: &str) -> Option<(&str, &Arc<Route>)> {
        let borders = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let borders: Vec<usize> = borders.take(self.depth).collect();
        let prefixes = borders.into_iter().rev().filter_map(|end| path.get(..end)).chain([""]);
        prefixes
            .map(|prefix| prefix.trim_end_matches('/'))
            .find_map(|prefix| self.by_path.get_key_value(prefix))
            .map(|(key, route)| (key.as_str(), route))
    }
}

#[cfg(test)]
mod tests;
