//! What the admin listener is asked about: everything that runs, seen from outside.

use serde_json::{Map, Value, json};

use super::metrics;
use crate::audit::Trail;
use crate::clock::Timestamp;
use crate::flow::Gateway;
use crate::lines::Lines;
use crate::listener::{self, Endpoint};
use crate::oidc::{LastError, Provider, Standing};
use crate::telemetry::{Exposition, Surroundings};

/// What runs.
pub(super) struct Around {
    pub(super) gateway: Gateway,
    /// What the public listeners count.
    pub(super) public: listener::Meters,
    /// What the admin listener counts.
    pub(super) admin: listener::Meters,
    pub(super) endpoints: Vec<Endpoint>,
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
        let endpoints = self.endpoints.iter().map(ToString::to_string);
        let all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.to_string(),
            "listeners": endpoints.collect::<Vec<_>>(),
            "connections": self.public.connections.get(),
            "providers": providers,
            "upstreams": upstreams.collect::<Vec<_>>(),
        });
        match all {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn configuration(&self) -> Value {
        Value::Array(Vec::new())
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
