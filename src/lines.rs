//! Result lines: what goes to standard output, one line an event, written off the request path.
//!
//! A request hands its line over and goes on; a thread writes. When the reader of our output stalls, the queue fills and
//! lines are dropped and counted, never the requests.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::meter::Counter;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lines {
    target: Target,
    dropped: Counter,
}

#[derive(Clone, Debug)]
enum Target {
    Writer(Arc<Queue>),
    Kept(Arc<Mutex<Vec<String>>>),
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when the first line has come, or somebody waits for the last to be out.
    work: Condvar,
    /// Told when everything is out.
    done: Condvar,
}

/// Lines that are not written yet.
#[derive(Debug, Default)]
struct Waiting {
    /// Each with its line end.
    text: String,
    /// Whether somebody waits for everything to be out.
    flushing: bool,
}

/// How many bytes may wait.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How long the end of the process waits for the last lines to be out.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// How long the first line waits for company. Under load this makes one wake-up and one write of many lines, where each
/// line would otherwise wake the thread.
const GATHER: Duration = Duration::from_millis(2);

impl Lines {
    /// Lines to standard output.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn stdout() -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let own = Arc::clone(&queue);
        std::thread::Builder::new().name("lines".to_owned()).spawn(move || own.write())?;
        Ok(Self { target: Target::Writer(queue), dropped: Counter::default() })
    }

    /// Lines that are kept in memory, for tests.
    #[must_use]
    pub fn kept() -> Self {
        Self { target: Target::Kept(Arc::default()), dropped: Counter::default() }
    }

    /// Hands a line over. Control characters in it are replaced, so that nobody forges a line.
    pub fn write(&self, mut line: String) {
        if may_hold_control(&line) {
            line = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        }
        match &self.target {
            Target::Writer(queue) => {
                let mut waiting = queue.lock();
                if waiting.text.len() + line.len() >= MAX_WAITING {
                    self.dropped.increment();
                    return;
                }
                let first = waiting.text.is_empty();
                waiting.text.push_str(&line);
                waiting.text.push('\n');
                drop(waiting);
                if first {
                    queue.work.notify_one();
                }
            }
            Target::Kept(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(line),
        }
    }

    /// Waits until what was handed over is written, for a second at most. For the end of the process.
    pub fn flush(&self) {
        if let Target::Writer(queue) = &self.target {
            let mut waiting = queue.lock();
            waiting.flushing = true;
            queue.work.notify_one();
            // A reader that takes nothing must not keep the process alive.
            let waited = queue.done.wait_timeout_while(waiting, LAST_WAIT, |waiting| waiting.flushing);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The lines kept so far, for tests.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        match &self.target {
            Target::Writer(_) => Vec::new(),
            Target::Kept(lines) => std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// How many lines were dropped since nobody read them.
    #[must_use]
    pub const fn dropped(&self) -> &Counter {
        &self.dropped
    }
}

/// Whether a control character may be in it. Looks at bytes, all of them, so that the compiler can take many at once; 0xC2
/// begins the characters U+0080 to U+00BF.
fn may_hold_control(line: &str) -> bool {
    line.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == 0x7f) | (byte == 0xc2))
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writing thread. Swaps its own buffer for the one that fills, so that neither is allocated anew.
    fn write(&self) {
        let mut out = std::io::stdout();
        let mut text = String::new();
        loop {
            let mut waiting = self.lock();
            while waiting.text.is_empty() {
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
            std::mem::swap(&mut waiting.text, &mut text);
            drop(waiting);
            // Nothing can be done about a closed output but to go on serving.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            text.clear();
        }
    }
}
