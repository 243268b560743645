//! Things by a name of the operator's: routes, providers, upstreams. They outlive a reload, so that no count goes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things by name, made at the first call.
#[derive(Debug)]
pub struct Named<T>(Mutex<BTreeMap<Box<str>, Arc<T>>>);

impl<T: Default> Named<T> {
    /// The one of that name. To be kept by whoever records into it: this waits its turn.
    pub fn of(&self, name: &str) -> Arc<T> {
        let mut all = self.lock();
        if let Some(one) = all.get(name) {
            return Arc::clone(one);
        }
        Arc::clone(all.entry(name.into()).or_default())
    }
}

impl<T> Named<T> {
    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Arc<T>)> {
        self.lock().iter().map(|(name, one)| (name.to_string(), Arc::clone(one))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<T>>> {
        // A panic elsewhere leaves the map whole: it is changed in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
