//! What the gateway counts: requests by route, decisions, sign-ins and sign-outs by provider.
//!
//! By name, and outliving a reload: a route that stays keeps its counts. No name here is one that a client can choose.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::audit::{Event, EventName};
use crate::identity::ProviderName;
use crate::meter::{
    BYTES, ByVerb, Counter, GaugeGuard, Histogram, HttpDurations, Named, PATIENCE, Verb, Words,
};

/// What is counted over all configurations of this process.
#[derive(Debug)]
pub struct Meters {
    /// Requests under way: from their heads to the ends of their answers. Tunnels are none.
    pub active: ByVerb,
    /// Routes by name.
    pub routes: Named<RouteMeters>,
    /// Requests that no route was found for, refused ones too.
    pub unrouted: RouteMeters,
    /// Requests for our own endpoints.
    pub own: RouteMeters,
    /// Providers by name. The empty name is for answers that cannot be told whose they are.
    pub providers: Named<ProviderMeters>,
    /// The sizes of session cookies that were set, their names included.
    pub session_cookie: Histogram,
}

/// What is counted for a route.
#[derive(Debug)]
pub struct RouteMeters {
    /// From a request's head to the end of its answer.
    pub durations: HttpDurations,
    /// Decisions with their reasons.
    pub decisions: Words,
    /// Requests that were let in and could not be handed on, or not answered, by the stable word.
    pub failures: Words,
}

/// What is counted for a provider.
#[derive(Debug)]
pub struct ProviderMeters {
    /// Sign-ins that ended, with the reason of a failure.
    pub sign_ins: Words,
    /// From the redirect to the provider to the session.
    pub sign_in_duration: Histogram,
    /// Sessions that ended, by how.
    pub sign_outs: Words,
    /// Cookies that came after somebody had ended their session, once for each address.
    pub revoked: Counter,
}

/// The meters of one configuration.
#[derive(Clone, Debug)]
pub struct Metered {
    all: Arc<Meters>,
    /// By the number of the route.
    routes: Arc<[(String, Arc<RouteMeters>)]>,
}

/// One request under way, as numbers.
#[derive(Debug)]
pub(super) struct Tally {
    verb: Verb,
    _active: Option<GaugeGuard>,
    all: Arc<Meters>,
    place: Place,
}

/// Where a request counts.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Unrouted,
    Own,
    Route(Arc<RouteMeters>),
}

/// The decisions and reasons that a route shows from the start: those of the gate. Those that most requests get come first.
const AT_ROUTES: &[(&str, &str)] = &[
    ("allow", ""),
    ("public", ""),
    ("sign_in", "session/no-cookie"),
    ("sign_in", "session/unreadable"),
    ("sign_in", "session/ambiguous"),
    ("sign_in", "session/stale"),
    ("sign_in", "session/idle"),
    ("sign_in", "session/over"),
    ("sign_in", "session/ended"),
    ("deny", "sign_in_required"),
    ("deny", "not_allowed"),
    ("deny", "denied"),
    ("deny", "requirement_missed"),
    ("deny", "wrong_provider"),
    ("deny", "foreign_origin"),
    ("deny", "login/rate"),
    ("deny", "login/loop"),
];

/// The same for requests without a route.
const AT_THE_DOOR: &[(&str, &str)] = &[
    ("redirect", ""),
    ("deny", "unknown_host"),
    ("deny", "misdirected_request"),
    ("deny", "not_found"),
    ("deny", "method_not_allowed"),
    ("deny", "bad_path"),
    ("error", "bad_host"),
    ("error", "bad_path"),
    ("error", "head_too_large"),
    ("error", "method_not_allowed"),
];

/// The same for our own endpoints.
const AT_OWN: &[(&str, &str)] = &[("sign_in", ""), ("deny", "login/stale-state"), ("deny", "login/rate")];

impl RouteMeters {
    fn showing(decisions: &[(&'static str, &'static str)]) -> Self {
        let (durations, decisions) = (HttpDurations::new(), Words::new(decisions));
        Self { durations, decisions, failures: Words::new(&[]) }
    }
}

impl Default for RouteMeters {
    fn default() -> Self {
        Self::showing(AT_ROUTES)
    }
}

impl Default for ProviderMeters {
    fn default() -> Self {
        Self {
            sign_ins: Words::new(&[("success", ""), ("failure", "login/access-denied")]),
            sign_in_duration: Histogram::new(&PATIENCE),
            sign_outs: Words::new(&[("user", ""), ("expired", "")]),
            revoked: Counter::default(),
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            active: ByVerb::default(),
            routes: Named::default(),
            unrouted: RouteMeters::showing(AT_THE_DOOR),
            own: RouteMeters::showing(AT_OWN),
            providers: Named::default(),
            session_cookie: Histogram::new(&BYTES),
        }
    }
}

impl Meters {
    /// The meters of a configuration whose routes have these names, in the order of their numbers.
    #[must_use]
    pub fn metered<'a>(
        self: &Arc<Self>,
        routes: impl IntoIterator<Item = &'a str>,
        providers: impl IntoIterator<Item = &'a str>,
    ) -> Metered {
        let routes = routes.into_iter().map(|name| (name.to_owned(), self.routes.of(name))).collect();
        for name in providers {
            self.providers.of(name);
        }
        Metered { all: Arc::clone(self), routes }
    }

    /// Counts what an event tells of sign-ins and sessions.
    pub(super) fn note(&self, event: &Event<'_>) {
        let provider = || self.providers.of(event.provider.unwrap_or_default());
        match event.name {
            EventName::SignInSucceeded => provider().sign_ins.count("success", ""),
            EventName::SignInFailed => provider().sign_ins.count("failure", event.reason.unwrap_or_default()),
            EventName::SignOut => provider().sign_outs.count("user", ""),
            EventName::SessionEnded => provider().sign_outs.count("expired", ""),
            EventName::SessionRevoked => provider().revoked.increment(),
            _ => {}
        }
    }
}

impl Metered {
    /// What is counted over all configurations.
    #[must_use]
    pub fn all(&self) -> &Arc<Meters> {
        &self.all
    }

    /// The routes of this configuration, by name.
    #[must_use]
    pub fn routes(&self) -> &[(String, Arc<RouteMeters>)] {
        &self.routes
    }

    /// Somebody signed in, so long after they were sent to the provider.
    pub(super) fn signed_in(&self, provider: &ProviderName, took: Duration) {
        self.all.providers.of(provider.as_str()).sign_in_duration.record_duration(took);
    }

    /// Where requests of the route of that number count.
    pub(super) fn place(&self, route: usize) -> Place {
        self.routes.get(route).map_or(Place::Unrouted, |(_, meters)| Place::Route(Arc::clone(meters)))
    }

    /// Begins the count of a request.
    pub(super) fn begin(&self, method: &Method) -> Tally {
        let verb = Verb::of(method);
        let active = self.all.active.hold(verb);
        Tally { verb, _active: active, all: Arc::clone(&self.all), place: Place::Unrouted }
    }
}

impl Tally {
    /// Says where the request counts.
    pub(super) fn at(&mut self, place: Place) {
        self.place = place;
    }

    /// Counts the decision about the request. Once it is let in, `reason` is what went wrong afterwards.
    pub(super) fn decided(&self, decision: &'static str, reason: Option<&'static str>) {
        let meters = self.meters();
        match (decision, reason) {
            ("allow" | "public", reason) => {
                meters.decisions.count(decision, "");
                if let Some(reason) = reason {
                    meters.failures.count(reason, "");
                }
            }
            // Our own endpoints decide nothing unless they refuse.
            ("own", _) => {}
            (_, reason) => meters.decisions.count(decision, reason.unwrap_or_default()),
        }
    }

    /// Counts an answer that broke off for this reason.
    pub(super) fn broke(&self, reason: &'static str) {
        self.meters().failures.count(reason, "");
    }

    /// Ends the count.
    pub(super) fn end(self, status: u16, duration: Duration) {
        self.meters().durations.record(self.verb, Some(status), duration);
    }

    fn meters(&self) -> &RouteMeters {
        match &self.place {
            Place::Unrouted => &self.all.unrouted,
            Place::Own => &self.all.own,
            Place::Route(meters) => meters,
        }
    }
}
