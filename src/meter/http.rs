//! Durations of HTTP exchanges by method and status, both from closed lists.

use std::sync::OnceLock;
use std::time::Duration;

use http::Method;

use super::histogram::{Histogram, Reading, SECONDS};
use super::{Gauge, GaugeGuard};

/// A method as a label: one of those that are known, or `_OTHER` (OpenTelemetry semantic conventions for HTTP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb(usize);

/// A table of histograms by method and status. Each is made when it is first needed.
#[derive(Debug)]
pub struct HttpDurations(Box<[OnceLock<Box<Histogram>>]>);

/// A gauge for each method.
#[derive(Debug, Default)]
pub struct ByVerb([Gauge; VERBS.len()]);

const VERBS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "_OTHER"];

/// The registered statuses (IANA), and 499 for clients that did not wait. Any other counts as the first of its class, as
/// RFC 9110 section 15 has recipients take it: some applications let their clients choose it.
const STATUSES: [u16; 65] = [
    100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305,
    307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421,
    422, 423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
    306, 418,
];

impl Verb {
    /// The label of this method.
    #[must_use]
    pub fn of(method: &Method) -> Self {
        let known = VERBS.iter().position(|verb| *verb == method.as_str());
        Self(known.unwrap_or(VERBS.len() - 1))
    }

    /// `GET`
    #[must_use]
    pub fn as_str(self) -> &'static str {
        VERBS.get(self.0).copied().unwrap_or("_OTHER")
    }
}

impl HttpDurations {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(VERBS.len() * (STATUSES.len() + 1)).collect())
    }

    /// Records an exchange; `status` is none when there was no answer.
    pub fn record(&self, verb: Verb, status: Option<u16>, duration: Duration) {
        let slot = self.0.get(verb.0 * (STATUSES.len() + 1) + status.map_or(0, place));
        if let Some(slot) = slot {
            slot.get_or_init(|| Box::new(Histogram::new(&SECONDS))).record_duration(duration);
        }
    }

    /// Every combination that was met.
    pub fn read(&self) -> impl Iterator<Item = (Verb, Option<u16>, Reading)> {
        self.0.iter().enumerate().filter_map(|(index, slot)| {
            let status = (index % (STATUSES.len() + 1)).checked_sub(1);
            let status = status.and_then(|place| STATUSES.get(place).copied());
            Some((Verb(index / (STATUSES.len() + 1)), status, slot.get()?.read()))
        })
    }
}

impl Default for HttpDurations {
    fn default() -> Self {
        Self::new()
    }
}

impl ByVerb {
    /// Moves the gauge of this method up by one until the guard is dropped.
    #[must_use]
    pub fn hold(&self, verb: Verb) -> Option<GaugeGuard> {
        self.0.get(verb.0).map(Gauge::hold)
    }

    /// Each method with its gauge.
    pub fn read(&self) -> impl Iterator<Item = (Verb, i64)> {
        self.0.iter().enumerate().map(|(index, gauge)| (Verb(index), gauge.get()))
    }
}

/// The place of a status in a row of the table, from one; zero is for none.
fn place(status: u16) -> usize {
    let find = |status| STATUSES.iter().position(|known| *known == status);
    let known = find(status).or_else(|| find(status / 100 * 100));
    known.map_or(0, |place| place + 1)
}
