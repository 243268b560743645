//! Reloading: another configuration is built whole, and then put in the place of the one in force, or refused whole.

use std::sync::{MutexGuard, PoisonError};

use super::{App, generation, shown, terms};
use crate::audit::{Event, EventName};
use crate::config::{Config, Effective, Fault, Faults, Loaded, changed, needs_restart};
use crate::lines::text::with_causes;
use crate::listener::Drain;
use crate::manual;
use crate::telemetry::{ConfigState, Refused};

/// What became of a new configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It is in force.
    Taken,
    /// The old one stays in force.
    Refused,
}

/// What a new configuration is compared with.
#[derive(Debug)]
pub(super) struct Running {
    /// What held at the start, of which some holds until the end.
    pub(super) started: Vec<Effective>,
    /// What holds now.
    pub(super) effective: Vec<Effective>,
    pub(super) sealing: Sealing,
    pub(super) drain: Drain,
}

/// Whether people sign in, so that something is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealing {
    Yes,
    No,
}

/// The code of a refusal.
const REFUSED: &str = "config/reload";

/// So many keys are named where a text says what changed.
const MAX_NAMED: usize = 12;

impl Sealing {
    pub(super) const fn of(config: &Config) -> Self {
        if config.providers.is_empty() { Self::No } else { Self::Yes }
    }
}

impl App {
    /// Puts a configuration in force, or says why the old one stays. Requests that have begun end with the old one,
    /// streams and tunnels go on.
    pub fn reload(&self, loaded: Result<Loaded, Faults>) -> Reload {
        let mut running = self.running();
        let Loaded { config, warnings, effective, hash } = match loaded {
            Ok(loaded) => loaded,
            Err(faults) => {
                // Warnings are told when it is in force.
                let errors: Vec<&Fault> = faults.list().iter().filter(|fault| fault.is_error()).collect();
                let lines: Vec<String> = errors.iter().map(|fault| in_one_line(fault)).collect();
                let code = errors.first().map(|fault| fault.code.as_str());
                return self.refuse(errors.len(), code, &lines, faults.to_string());
            }
        };
        let drain = config.listen.drain;
        let (routes, sealing) = (config.routes.len(), Sealing::of(&config));
        let terms = terms(&config.listen, &self.resumption, &self.parts.clock);
        let built = generation(config, &self.parts, &self.trail, self.format, self.gateway.shared());
        let (new, terms) = match built.and_then(|new| Ok((new, terms?))) {
            Ok(both) => both,
            Err(error) => {
                let text = with_causes(&error);
                return self.refuse(1, None, std::slice::from_ref(&text), text.clone());
            }
        };
        let before = self.gateway.generation();
        let is_new_key = (running.sealing, sealing) == (Sealing::Yes, Sealing::Yes)
            && !new.keyring.seals_like(&before.keyring);
        drop(before);
        self.gateway.swap(new);
        self.terms.replace(terms);

        for warning in &warnings {
            tracing::warn!("{}", in_one_line(warning));
        }
        let named = named(&changed(&running.effective, &effective));
        tracing::info!(hash, changed = named, "new configuration in force");
        let needs_restart = needs_restart(&running.started, &effective);
        if !needs_restart.is_empty() {
            tracing::warn!(
                keys = needs_restart.join(", "),
                "some of the new configuration needs a restart; the rest of it is in force"
            );
        }
        let now = self.parts.clock.now();
        let mut event = Event::new(EventName::ConfigReloaded, now);
        let routes = if routes == 1 { "1 route".to_owned() } else { format!("{routes} routes") };
        event.detail = Some(format!("hash {hash}, {routes}, changed: {named}"));
        self.trail.record(&event);
        if is_new_key {
            self.trail.record(&Event::new(EventName::KeyRotated, now));
        }
        self.status.set(ConfigState { needs_restart, ..ConfigState::started(hash, shown(&effective), now) });
        running.effective = effective;
        running.sealing = sealing;
        running.drain = drain;
        Reload::Taken
    }

    /// Says that what was read again is what is in force: whatever was refused in between is gone.
    pub fn confirm_config(&self) {
        let _running = self.running();
        let state = self.status.get();
        if state.refused.is_some() {
            tracing::info!(hash = state.hash, "the configuration is again the one in force");
        }
        let last_success = self.parts.clock.now();
        self.status.set(ConfigState { refused: None, last_success, ..ConfigState::clone(&state) });
    }

    fn refuse(&self, errors: usize, code: Option<&'static str>, lines: &[String], text: String) -> Reload {
        let faults = if errors == 1 { "1 fault".to_owned() } else { format!("{errors} faults") };
        let url = manual::url(REFUSED);
        tracing::error!(
            code = REFUSED,
            url,
            "new configuration refused, the old one stays in force: {faults}"
        );
        for line in lines {
            tracing::error!("{line}");
        }
        let at = self.parts.clock.now();
        let mut event = Event::new(EventName::ConfigRefused, at);
        event.reason = Some(code.unwrap_or(REFUSED));
        event.detail = lines.first().cloned();
        self.trail.record(&event);
        let state = self.status.get();
        let refused = Some(Refused { at, errors, text });
        self.status.set(ConfigState { refused, ..ConfigState::clone(&state) });
        Reload::Refused
    }

    /// One reload at a time.
    pub(super) fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_one_line(fault: &Fault) -> String {
    fault.to_string().replace("\n    ", "; ")
}

/// The keys for people to read, or what else it is that can have changed.
fn named(keys: &[String]) -> String {
    match keys {
        [] => "no key, but something in a file or in the way it is written".to_owned(),
        _ if keys.len() > MAX_NAMED => {
            let first = keys.get(..MAX_NAMED).unwrap_or_default();
            format!("{} and {} more", first.join(", "), keys.len() - MAX_NAMED)
        }
        _ => keys.join(", "),
    }
}
