//! The queue between requests and the thread that writes.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::LogFile;
use super::{Class, Lost};

/// Where the thread writes to.
#[derive(Debug)]
pub(super) enum Output {
    Stdout,
    File(Box<LogFile>),
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when the first line has come, or somebody waits for the last to be out.
    work: Condvar,
    /// Told when everything is out.
    done: Condvar,
}

/// Lines that are not written yet.
#[derive(Debug, Default)]
struct Waiting {
    batch: Batch,
    /// Whether somebody waits for everything to be out.
    flushing: bool,
}

#[derive(Debug, Default)]
struct Batch {
    /// Each line with its line end.
    text: String,
    /// Where in `text` the audit lines end.
    audit: Vec<usize>,
}

/// How many bytes may wait.
pub(super) const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How long the end of the process waits for the last lines to be out.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// How long the first line waits for company. Under load this makes one wake-up and one write of many lines, where each
/// line would otherwise wake the thread.
const GATHER: Duration = Duration::from_millis(2);

impl Queue {
    /// Takes a line; false if there is no room.
    pub(super) fn put(&self, line: &str, class: Class) -> bool {
        let mut waiting = self.lock();
        let batch = &mut waiting.batch;
        if batch.text.len() + line.len() >= MAX_WAITING {
            return false;
        }
        let first = batch.text.is_empty();
        batch.text.push_str(line);
        batch.text.push('\n');
        if class == Class::Audit {
            batch.audit.push(batch.text.len());
        }
        drop(waiting);
        if first {
            self.work.notify_one();
        }
        true
    }

    pub(super) fn flush(&self) {
        let mut waiting = self.lock();
        waiting.flushing = true;
        self.work.notify_one();
        // A reader that takes nothing must not keep the process alive.
        let waited = self.done.wait_timeout_while(waiting, LAST_WAIT, |waiting| waiting.flushing);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// The writing thread. Swaps its own batch for the one that fills, so that neither is allocated anew.
    pub(super) fn run(&self, mut output: Output, lost: &Lost) {
        let mut batch = Batch::default();
        loop {
            let mut waiting = self.lock();
            while waiting.batch.text.is_empty() {
                if waiting.flushing {
                    waiting.flushing = false;
                    self.done.notify_all();
                }
                waiting = self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if !waiting.flushing {
                let waited = self.work.wait_timeout_while(waiting, GATHER, |waiting| !waiting.flushing);
                waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            std::mem::swap(&mut waiting.batch, &mut batch);
            drop(waiting);
            let written = output.write(&batch.text);
            // Nothing more can be done about an output that takes nothing than to count, and to go on serving.
            batch.count_lost(written, lost);
            batch.text.clear();
            batch.audit.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// Counts the lines that end behind the first `written` bytes.
    fn count_lost(&self, written: usize, lost: &Lost) {
        let Some(rest) = self.text.as_bytes().get(written..).filter(|rest| !rest.is_empty()) else { return };
        let all = rest.iter().filter(|byte| **byte == b'\n').count() as u64;
        let audit = self.audit.iter().filter(|end| **end > written).count() as u64;
        lost.add(Class::Audit, audit);
        lost.add(Class::Access, all.saturating_sub(audit));
    }
}

impl Output {
    /// Writes whole lines; how many bytes of them got out.
    fn write(&mut self, text: &str) -> usize {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                let (written, _) = put(&mut out, text.as_bytes());
                // The lines end in a line end, up to which standard output holds nothing back.
                let _ = out.flush();
                written
            }
            Self::File(file) => file.write(text),
        }
    }
}

/// Writes all of `bytes`, or as much as goes out before an error.
pub(super) fn put(out: &mut impl Write, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}
