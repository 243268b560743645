//! The trail: where events go, in which form, and that it tells its own gaps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Event, EventName};
use crate::clock::Timestamp;
use crate::lines::Lines;
use crate::manual;

/// Where events go, and in which form. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail {
    /// None when nobody wants them.
    lines: Option<Lines>,
    form: Form,
    gaps: Arc<Gaps>,
}

/// The form of an event's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// Readable text.
    Text,
    /// Readable text, but only of what no access line tells: for people who watch both in one terminal.
    Brief,
}

/// Lost lines, and what was said of them.
#[derive(Debug, Default)]
struct Gaps {
    /// How many of the lost lines the trail has told.
    told: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    /// When the trail told.
    told: Option<Timestamp>,
    /// When the program's log told.
    logged: Option<Timestamp>,
}

/// An output that stalls again and again is told of this often, in the trail and in the log.
const TELL_EVERY: Duration = Duration::from_secs(1);
const LOG_EVERY: Duration = Duration::from_secs(60);

impl Trail {
    /// Events in `form` to `lines`.
    #[must_use]
    pub fn new(lines: &Lines, form: Form) -> Self {
        Self { lines: Some(lines.for_audit()), form, gaps: Arc::default() }
    }

    /// A trail that keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { lines: None, form: Form::Json, gaps: Arc::default() }
    }

    /// Records an event.
    pub fn record(&self, event: &Event<'_>) {
        debug_assert!(
            event.reason.is_none_or(|word| super::REASONS.contains(&word) || word.starts_with("config/")),
            "{event:?}"
        );
        let Some(lines) = &self.lines else { return };
        let line = match self.form {
            Form::Json => event.json(),
            Form::Brief if event.name.is_told_elsewhere() => return,
            Form::Text | Form::Brief => event.text(),
        };
        let taken = lines.write(line);
        let lost = lines.dropped();
        if lost != self.gaps.told.load(Ordering::Relaxed) {
            self.tell(lines, lost, taken, event.time);
        }
    }

    /// How many events were lost (`vestibule_audit_dropped_total`).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lines.as_ref().map_or(0, Lines::dropped)
    }

    /// Waits until what was recorded is written, for a second at most.
    pub fn flush(&self) {
        if let Some(lines) = &self.lines {
            lines.flush();
        }
    }

    /// Tells that `lost` events were lost so far: at once in the log, and in the trail when it takes lines again.
    #[cold]
    fn tell(&self, lines: &Lines, lost: u64, taken: bool, now: Timestamp) {
        let is_due = |last: Option<Timestamp>, every| last.is_none_or(|last| now.since(last) >= every);
        // Whoever holds this tells it already.
        let Ok(mut last) = self.gaps.last.try_lock() else { return };
        if is_due(last.logged, LOG_EVERY) {
            last.logged = Some(now);
            tracing::error!(
                code = "audit/dropped",
                url = manual::url("audit/dropped"),
                dropped = lost,
                "audit events are lost: whoever takes them is too slow, or they cannot be written; requests go on"
            );
        }
        if taken && is_due(last.told, TELL_EVERY) {
            // The whole count: should this line be lost as well, the next one makes up for it.
            let mut event = Event::new(EventName::AuditDropped, now);
            event.dropped = Some(lost);
            let line = if self.form == Form::Json { event.json() } else { event.text() };
            if lines.write(line) {
                last.told = Some(now);
                self.gaps.told.store(lost, Ordering::Relaxed);
            }
        }
    }
}
