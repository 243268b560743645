//! What is known of a provider from its answers: whether it is there, how fast it is, what its clock says.
//!
//! Nobody is asked for this: what is known is from the calls that sign-ins need.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http::header::DATE;
use http::{HeaderMap, Method, StatusCode};

use super::error::{Fault, ProviderError};
use crate::clock::Timestamp;
use crate::identity::ProviderName;
use crate::meter::{HttpDurations, Verb};

/// Every provider by name. They outlive a reload.
pub struct Watches {
    all: Mutex<BTreeMap<String, Arc<Watch>>>,
    told: Arc<Told>,
}

type Told = dyn Fn(&str, Change) + Send + Sync;

/// What is known of one provider.
pub struct Watch {
    name: String,
    durations: HttpDurations,
    seen: Mutex<Seen>,
    told: Arc<Told>,
}

/// What a provider's last answers said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Whether it was there when it was last asked; none when it was not asked yet.
    pub standing: Option<Standing>,
    /// When it last answered.
    pub last_answer: Option<Timestamp>,
    /// The last call that failed.
    pub last_error: Option<LastError>,
    /// By how many seconds its clock is ahead of ours, to the second.
    pub clock_skew: Option<i64>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// The stable word.
    pub code: &'static str,
    /// What went wrong, for the operator.
    pub text: String,
}

/// Whether a provider is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Up,
    /// It cannot be reached, or says itself that it is not well.
    Down,
}

/// A provider went, or came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is down, for this reason.
    Down {
        /// The stable word.
        code: &'static str,
        /// What went wrong, for the operator.
        text: String,
    },
    /// It is there again.
    Up,
}

impl Watches {
    /// Watches that tell `told` of each change once.
    pub fn new(told: impl Fn(&str, Change) + Send + Sync + 'static) -> Self {
        Self { all: Mutex::default(), told: Arc::new(told) }
    }

    /// That of the provider of this name.
    #[must_use]
    pub fn of(&self, name: &ProviderName) -> Arc<Watch> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = all.entry(name.to_string()).or_insert_with(|| {
            let (name, told) = (name.to_string(), Arc::clone(&self.told));
            Arc::new(Watch { name, durations: HttpDurations::new(), seen: Mutex::default(), told })
        });
        Arc::clone(watch)
    }
}

impl Default for Watches {
    /// Watches that tell nobody.
    fn default() -> Self {
        Self::new(|_, _| {})
    }
}

impl Watch {
    /// What is known now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// From a call to the end of its answer.
    #[must_use]
    pub const fn durations(&self) -> &HttpDurations {
        &self.durations
    }

    /// An answer came.
    pub(super) fn answered(
        &self,
        method: &Method,
        status: StatusCode,
        headers: &HeaderMap,
        took: Duration,
        now: Timestamp,
    ) {
        self.durations.record(Verb::of(method), Some(status.as_u16()), took);
        // Says itself that it cannot: for people who sign in that is the same as not being there.
        let is_unwell = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let change = {
            let mut seen = self.lock();
            seen.last_answer = Some(now);
            seen.clock_skew = date(headers).map(|date| skew(date, now)).or(seen.clock_skew);
            if is_unwell {
                let text = format!("answered with status {}", status.as_u16());
                seen.failed(LastError { at: now, code: "provider/status", text }, Standing::Down)
            } else {
                seen.turned(Standing::Up).then_some(Change::Up)
            }
        };
        self.tell(change);
    }

    /// A call failed.
    pub(super) fn failed(&self, method: &Method, error: &ProviderError, took: Duration, now: Timestamp) {
        self.durations.record(Verb::of(method), None, took);
        let last = LastError { at: now, code: error.code(), text: error.to_string() };
        let standing = match error.fault() {
            Fault::Unavailable => Standing::Down,
            // It answered, if not as it should.
            _ => Standing::Up,
        };
        let change = self.lock().failed(last, standing);
        self.tell(change);
    }

    fn tell(&self, change: Option<Change>) {
        if let Some(change) = change {
            (self.told)(&self.name, change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Records a failure; what is to be told of it.
    fn failed(&mut self, error: LastError, standing: Standing) -> Option<Change> {
        let (code, text) = (error.code, error.text.clone());
        self.last_error = Some(error);
        let turned = self.turned(standing);
        match standing {
            Standing::Down => turned.then_some(Change::Down { code, text }),
            Standing::Up => turned.then_some(Change::Up),
        }
    }

    /// Whether this is a change worth telling: the first answer of all is none.
    fn turned(&mut self, standing: Standing) -> bool {
        let before = self.standing.replace(standing);
        before.unwrap_or(Standing::Up) != standing
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("name", &self.name).field("seen", &self.seen()).finish_non_exhaustive()
    }
}

/// The time in a Date field (RFC 9110 section 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(Timestamp::from_secs(date.duration_since(UNIX_EPOCH).ok()?.as_secs()))
}

fn skew(theirs: Timestamp, ours: Timestamp) -> i64 {
    let seconds = |time: Timestamp| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    seconds(theirs).saturating_sub(seconds(ours))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use http::{HeaderMap, Method, StatusCode};

    use super::{Change, Standing, Watches};
    use crate::clock::Timestamp;
    use crate::identity::ProviderName;
    use crate::oidc::{Call, ProviderError};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn a_change_is_told_once_and_the_first_answer_is_none() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&told);
        let watches = Watches::new(move |name, change| {
            own.lock().expect("no panic").push((name.to_owned(), change == Change::Up));
        });
        let watch = watches.of(&ProviderName::new("main"));
        assert_eq!(watch.seen().standing, None);
        let answer = |status: u16| {
            let status = StatusCode::from_u16(status).expect("a status");
            watch.answered(&Method::GET, status, &HeaderMap::new(), Duration::ZERO, NOW);
        };
        let timeout = ProviderError::Timeout {
            call: Call::Token,
            host: "sso.example".to_owned(),
            limit: Duration::from_secs(5),
        };
        answer(200);
        watch.failed(&Method::POST, &timeout, Duration::ZERO, NOW);
        answer(503);
        answer(400);
        answer(200);
        answer(429);
        let told: Vec<bool> = told.lock().expect("no panic").iter().map(|(_, up)| *up).collect();
        assert_eq!(told, [false, true, false]);
        let seen = watch.seen();
        assert_eq!(seen.standing, Some(Standing::Down));
        assert_eq!(seen.last_error.map(|error| error.code), Some("provider/status"));
        assert_eq!(watches.of(&ProviderName::new("main")).seen().standing, Some(Standing::Down));
    }

    #[test]
    fn the_clock_of_a_provider_is_held_against_ours() {
        let watches = Watches::default();
        let watch = watches.of(&ProviderName::new("main"));
        let mut headers = HeaderMap::new();
        for (date, skew) in [
            ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
            ("Fri, 15 Jan 2027 07:59:00 GMT", Some(-60)),
            ("yesterday", Some(-60)),
        ] {
            headers.insert("date", date.parse().expect("a value"));
            watch.answered(&Method::GET, StatusCode::OK, &headers, Duration::ZERO, NOW);
            assert_eq!(watch.seen().clock_skew, skew, "{date}");
        }
    }
}
