//! Routes: host, path and method to rule and header set. The most exact host wins, in it the longest path, there the
//! method.
//!
//! A host that some route names exactly has that route's paths only: what they do not cover is not served by a pattern
//! that the host also matches. In the same way a method that no route at the longest path takes is not looked for at a
//! shorter one. So what is written about a place is all that holds there.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use super::methods::Methods;
use crate::authz::Rule;
use crate::identity::{HeaderPlan, IdentityHead, ProviderName};
use crate::web::path::EncodedSlash;
use crate::web::{CanonicalPath, HostName, HostPattern, Origin};

/// A configured route, as the gate sees it.
#[derive(Debug)]
pub struct Route {
    id: RouteId,
    name: String,
    rule: Rule,
    plan: HeaderPlan,
    anonymous: IdentityHead,
    options: Options,
    providers: Vec<ProviderName>,
}

/// What a route may say besides who enters and what is told about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a visitor without a session gets where one is needed.
    pub signed_out: SignedOut,
    /// The methods it takes.
    pub methods: Methods,
    /// Further origins whose pages count as its own.
    pub origins: Vec<Origin>,
    /// What becomes of unsafe requests from pages of other sites.
    pub cross_site: CrossSite,
    /// What becomes of paths with an encoded slash.
    pub encoded_slashes: EncodedSlashes,
    /// Whether a refusal may say whom the page is for.
    pub naming: RuleNaming,
}

/// What becomes of unsafe requests (other than GET, HEAD, OPTIONS) from pages of other sites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossSite {
    /// They pass as any others; the application protects its forms itself.
    #[default]
    Allow,
    /// They are refused.
    Refuse,
}

/// What becomes of paths with an encoded slash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlashes {
    /// They are refused: servers differ about where their segments end.
    #[default]
    Refuse,
    /// They pass, each within its segment, unless read as a plain one it would lead to another route.
    Pass,
}

/// Whether a refusal may say whom the page is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleNaming {
    /// It names the terms.
    #[default]
    Shown,
    /// It does not; the log still does.
    Hidden,
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

/// All routes by host, path and method.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<HostName, Paths>,
    /// By what stands behind the star.
    one_label: HashMap<HostName, Paths>,
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
    /// Routes have that path, but none takes that method. These are taken there.
    OtherMethods(Vec<Method>),
    /// The path names one route to us, and would name another to an application that decodes it further, or that compares
    /// paths in any case.
    Doubtful,
}

#[derive(Debug, Default)]
struct Paths {
    /// The routes at each path; no two of them take the same method.
    by_path: HashMap<String, Vec<Arc<Route>>>,
    /// The paths by their form in lower case.
    by_lower: HashMap<String, Vec<String>>,
    /// Whether any path has another form in lower case.
    is_cased: bool,
    /// The most segments that any path has, so that a deep request path costs no more than that many look-ups.
    depth: usize,
}

impl Route {
    /// A route from its checked parts.
    #[must_use]
    pub fn new(id: RouteId, name: String, rule: Rule, plan: HeaderPlan, options: Options) -> Self {
        let anonymous = plan.render(None);
        Self { id, name, rule, plan, anonymous, options, providers: Vec::new() }
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

    /// What else was said about it.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
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
    /// Adds a route under a host and a path prefix (`/` or `/a/b`, no slash at the end). When a route there takes one of
    /// its methods, it is not added, and that route is given back.
    ///
    /// # Errors
    /// The route that holds the place.
    pub fn insert(&mut self, host: &HostPattern, path: &str, route: &Arc<Route>) -> Result<(), Arc<Route>> {
        let hosts = match host {
            HostPattern::Exact(_) => &mut self.exact,
            HostPattern::OneLabel(_) => &mut self.one_label,
        };
        let paths = hosts.entry(host.name().clone()).or_default();
        let key = path.trim_end_matches('/').to_owned();
        paths.depth = paths.depth.max(key.matches('/').count());
        let lower = lower(&key);
        paths.is_cased |= lower != key;
        let twins = paths.by_lower.entry(lower).or_default();
        if !twins.contains(&key) {
            twins.push(key.clone());
        }
        let place = paths.by_path.entry(key).or_default();
        let methods = &route.options.methods;
        if let Some(other) = place.iter().find(|other| other.options.methods.common(methods).is_some()) {
            return Err(Arc::clone(other));
        }
        place.push(Arc::clone(route));
        Ok(())
    }

    /// Whether any route has that host.
    #[must_use]
    pub fn has_host(&self, host: &HostName) -> bool {
        self.paths(host).is_some()
    }

    /// Whether any route names that host exactly, and not by a pattern only.
    #[must_use]
    pub fn names_host(&self, host: &HostName) -> bool {
        self.exact.contains_key(host)
    }

    /// The routes that serve a host, in no order.
    pub fn routes(&self, host: &HostName) -> impl Iterator<Item = &Arc<Route>> {
        self.paths(host).into_iter().flat_map(|paths| paths.by_path.values().flatten())
    }

    /// The path under which the route of this path begins, for a browser that is sent back to its start.
    #[must_use]
    pub fn start(&self, host: &HostName, path: &CanonicalPath) -> &str {
        let found = self.paths(host).and_then(|paths| paths.find(path.judged()));
        found.map(|(start, _)| start).filter(|start| !start.is_empty()).unwrap_or("/")
    }

    /// The route for a request.
    #[must_use]
    pub fn find(&self, host: &HostName, path: &CanonicalPath, method: &Method) -> Found<'_> {
        let Some(paths) = self.paths(host) else {
            return Found::UnknownHost;
        };
        let Some((_, place)) = paths.find(path.judged()) else {
            return Found::UnknownPath;
        };
        let Some(route) = taking(place, method) else {
            return Found::OtherMethods(taken(place));
        };
        // An application that decodes more often than once, or compares in any case, must not see a path that another
        // rule guards.
        let elsewhere = |reading: &String| paths.leads_elsewhere(reading, route, method);
        let refuses_slash = path.encoded_slash() == EncodedSlash::Present
            && route.options.encoded_slashes == EncodedSlashes::Refuse;
        if refuses_slash
            || path.readings().iter().any(elsewhere)
            || paths.differs_by_case(path.judged(), route, method)
        {
            return Found::Doubtful;
        }
        Found::Route(route)
    }

    /// The paths of the most exact entry that has the host.
    fn paths(&self, host: &HostName) -> Option<&Paths> {
        self.exact.get(host).or_else(|| self.one_label.get(host.parent()?))
    }
}

impl Paths {
    fn find(&self, path: &str) -> Option<(&str, &[Arc<Route>])> {
        let place = self.longest(path, &self.by_path)?;
        Some((place.0, place.1.as_slice()))
    }

    /// Whether a path is another route's, as it is or in another case.
    fn leads_elsewhere(&self, path: &str, route: &Route, method: &Method) -> bool {
        let other = self.find(path).and_then(|(_, place)| taking(place, method));
        other.is_none_or(|other| other.id != route.id) || self.differs_by_case(path, route, method)
    }

    /// Whether a path is another route's to an application that compares in any case. Not where the path that leads to
    /// `route` has a twin that differs in its case only: whoever wrote both knows of the difference.
    fn differs_by_case(&self, path: &str, route: &Route, method: &Method) -> bool {
        if !self.is_cased && path.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
            return false;
        }
        let lower = lower(path);
        let found = self.find(path).map(|(key, _)| key);
        let Some((_, twins)) = self.longest(&lower, &self.by_lower) else { return true };
        let is_other = |twin: &String| {
            let place = self.by_path.get(twin).map(Vec::as_slice).unwrap_or_default();
            taking(place, method).is_none_or(|other| other.id != route.id)
        };
        !twins.iter().any(|twin| Some(twin.as_str()) == found) && twins.iter().any(is_other)
    }

    /// The entry of the longest prefix, on segment borders.
    fn longest<'a, T>(&self, path: &str, places: &'a HashMap<String, T>) -> Option<(&'a str, &'a T)> {
        let borders = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let borders: Vec<usize> = borders.take(self.depth).collect();
        let prefixes = borders.into_iter().rev().filter_map(|end| path.get(..end)).chain([""]);
        prefixes
            .map(|prefix| prefix.trim_end_matches('/'))
            .find_map(|prefix| places.get_key_value(prefix))
            .map(|(key, place)| (key.as_str(), place))
    }
}

/// The path in lower case, letter by letter: what stands beside a letter changes nothing.
fn lower(path: &str) -> String {
    path.chars().flat_map(char::to_lowercase).collect()
}

/// The route that takes the method; there is one at most.
fn taking<'a>(place: &'a [Arc<Route>], method: &Method) -> Option<&'a Arc<Route>> {
    place.iter().find(|route| route.options.methods.takes(method))
}

/// The methods that any route at a place takes, for an Allow field.
fn taken(place: &[Arc<Route>]) -> Vec<Method> {
    place.iter().flat_map(|route| route.options.methods.listed()).cloned().collect()
}

#[cfg(test)]
mod tests;
