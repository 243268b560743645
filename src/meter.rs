//! Counting: numbers that many tasks add to and one reader shows.
//!
//! Each folder owns a struct of these, `app` hands them out, `telemetry` renders them. No name of a series lives here: a
//! counter is one atomic word. Nothing waits and nothing is allocated while a number is recorded (a table of durations
//! makes each of its histograms when it is first needed), and no key of any table is a text that a client can choose.

mod histogram;
mod http;
mod named;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub use histogram::{BYTES, Histogram, PATIENCE, Reading, SECONDS, Scale};
pub use http::{ByVerb, HttpDurations, Verb};
pub use named::Named;
pub use words::Words;

/// A number that only grows. Clones count into the same word.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that goes up and down. Clones move the same word.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

/// Holds a [`Gauge`] one higher for as long as it lives.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Moves the gauge up by one until the guard is dropped.
    #[must_use]
    pub fn hold(&self) -> GaugeGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        GaugeGuard(self.clone())
    }

    /// The present value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
