//! What providers said about themselves. It outlives a reload: a provider that stays the same is not asked anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls_pki_types::CertificateDer;

use super::cached::Cached;
use super::discovery::Metadata;
use super::jwks::Keys;
use super::settings::{Settings, Transport};
use crate::clock::Clock;

/// The memory of all providers, by what decides their answers.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<Source, Weak<Said>>>);

/// What one provider said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) metadata: Cached<Metadata>,
    pub(super) keys: Cached<Keys>,
}

/// Who was asked, and who was believed to be them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    issuer: String,
    extra_roots: Vec<CertificateDer<'static>>,
    transport: Transport,
}

impl Known {
    /// What the provider of these settings said, for as long as anybody holds it.
    pub(super) fn of(&self, settings: &Settings, clock: &Clock) -> Arc<Said> {
        let source = Source {
            issuer: settings.issuer.clone(),
            extra_roots: settings.extra_roots.clone(),
            transport: settings.transport,
        };
        // A panic elsewhere leaves the map whole: it is changed in one step.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, said| said.strong_count() > 0);
        if let Some(said) = known.get(&source).and_then(Weak::upgrade) {
            return said;
        }
        let said = Arc::new(Said { metadata: Cached::new(clock.clone()), keys: Cached::new(clock.clone()) });
        known.insert(source, Arc::downgrade(&said));
        said
    }
}
