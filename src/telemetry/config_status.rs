//! How the configuration stands: what is in force since when, and what became of the last attempt to change it.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Timestamp;

/// The state of the configuration, for whoever shows it. Cheap to clone; every clone shows the same.
#[derive(Clone, Debug)]
pub struct ConfigStatus(Arc<ArcSwap<ConfigState>>);

/// One state of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigState {
    /// The short hash of what is in force, in hex: of every key that holds, secrets not among them.
    pub hash: String,
    /// When what is in force was put in force.
    pub loaded_at: Timestamp,
    /// When the configuration was last read without a fault
    /// (`vestibule_config_last_reload_success_timestamp_seconds`).
    pub last_success: Timestamp,
    /// Why the last attempt was refused; none when it was taken (`vestibule_config_last_reload_successful`).
    pub refused: Option<Refused>,
    /// The keys whose new values hold only after a restart, by their paths.
    pub needs_restart: Vec<String>,
    /// Every key that holds, as `check --print --json` shows them. Secrets are their references.
    pub effective: Arc<serde_json::Value>,
}

/// A configuration that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// How many errors it has.
    pub errors: usize,
    /// Its faults as `check` shows them.
    pub text: String,
}

impl ConfigStatus {
    /// A status that shows this state.
    #[must_use]
    pub fn new(state: ConfigState) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(state)))
    }

    /// The present state.
    #[must_use]
    pub fn get(&self) -> Arc<ConfigState> {
        self.0.load_full()
    }

    /// Shows another state from now on.
    pub fn set(&self, state: ConfigState) {
        self.0.store(Arc::new(state));
    }
}

impl ConfigState {
    /// The state after a start.
    #[must_use]
    pub const fn started(hash: String, effective: Arc<serde_json::Value>, now: Timestamp) -> Self {
        Self { hash, loaded_at: now, last_success: now, refused: None, needs_restart: Vec::new(), effective }
    }
}
