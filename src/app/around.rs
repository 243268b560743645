//! What the admin listener is asked about: everything that runs, seen from outside.

use serde_json::{Map, Value, json};

use super::metrics;
use crate::audit::{Event, EventName, Trail};
use crate::clock::{Clock, Timestamp};
use crate::flow::Gateway;
use crate::lines::Lines;
use crate::listener::{self, Endpoint, InForce};
use crate::oidc::{Change, LastError, Provider, Standing, Watches};
use crate::telemetry::{ConfigStatus, Exposition, Surroundings};

/// What runs.
pub(super) struct Around {
    pub(super) gateway: Gateway,
    /// On what terms the public listeners take connections.
    pub(super) terms: InForce,
    /// What the public listeners count.
    pub(super) public: listener::Meters,
    /// What the admin listener counts.
    pub(super) admin: listener::Meters,
    pub(super) endpoints: Vec<Endpoint>,
    /// How the configuration stands.
    pub(super) status: ConfigStatus,
    pub(super) trail: Trail,
    pub(super) lines: Lines,
    pub(super) started: Timestamp,
}

impl Surroundings for Around {
    fn metrics(&self, page: &mut Exposition) {
        metrics::write(self, page);
    }

    fn details(&self) -> Map<String, Value> {
        let generation = self.gateway.generation();
        let providers: Vec<Value> =
            generation.providers.all().iter().map(|provider| told(provider)).collect();
        let targets = generation.proxy.pools().targets();
        let upstreams = targets.iter().map(|(address, idle, meters)| {
            json!({ "address": address, "connections": meters.connections.get(), "idle": idle })
        });
        let certificates = self.terms.expiries();
        let certificates = certificates
            .iter()
            .map(|expiry| json!({ "name": expiry.name, "until": expiry.until.to_string() }));
        let endpoints = self.endpoints.iter().map(ToString::to_string);
        let config = self.status.get();
        let all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.to_string(),
            "configuration": {
                "hash": config.hash,
                "loaded": config.loaded_at.to_string(),
                "read": config.last_success.to_string(),
                "needs_restart": config.needs_restart,
                "refused": config.refused.as_ref().map(|refused| json!({
                    "time": refused.at.to_string(),
                    "errors": refused.errors,
                    "text": refused.text,
                })),
            },
            "listeners": endpoints.collect::<Vec<_>>(),
            "connections": self.public.connections.get(),
            "providers": providers,
            "upstreams": upstreams.collect::<Vec<_>>(),
            "certificates": certificates.collect::<Vec<_>>(),
        });
        match all {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn configuration(&self) -> Value {
        let config = self.status.get();
        json!({ "hash": config.hash, "loaded": config.loaded_at.to_string(), "values": &*config.effective })
    }
}

/// What is known of a provider.
fn told(provider: &Provider) -> Value {
    let seen = provider.watch().seen();
    let error = |LastError { at, code, text }: LastError| json!({ "time": at.to_string(), "code": code, "text": text });
    json!({
        "name": provider.name().as_str(),
        "address": provider.address(),
        "standing": match seen.standing {
            None => "not asked yet",
            Some(Standing::Up) => "up",
            Some(Standing::Down) => "down",
        },
        "last_answer": seen.last_answer.map(|time| time.to_string()),
        "last_error": seen.last_error.map(error),
        "clock_skew_seconds": seen.clock_skew,
        "keys_age_seconds": provider.keys_age().map(|age| age.as_secs()),
    })
}

/// Watches of providers whose comings and goings are events.
pub(super) fn watches(trail: &Trail, clock: &Clock) -> Watches {
    let (trail, clock) = (trail.clone(), clock.clone());
    Watches::new(move |name, change| {
        let mut event = match change {
            Change::Up => Event::new(EventName::ProviderUp, clock.now()),
            Change::Down { code, text } => {
                let mut event = Event::new(EventName::ProviderDown, clock.now());
                (event.reason, event.detail) = (Some(code), Some(text));
                event
            }
        };
        event.provider = Some(name);
        trail.record(&event);
    })
}
