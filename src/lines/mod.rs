//! Result lines: one line an event, written off the request path, to standard output or to a file.
//!
//! A request hands its line over and goes on; a thread writes. When whoever takes our output stalls, the queue fills and
//! lines are dropped and counted, never the requests: a full disk must not close every application behind us.

mod file;
mod harmless;
pub mod json;
mod queue;
pub mod text;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use file::LogFile;
pub use harmless::{harmless, is_harmful};

use queue::{Output, Queue};

use crate::clock::Clock;
use crate::meter::Counter;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lines {
    sink: Arc<Sink>,
    class: Class,
}

/// Where lines end, and how many did not.
#[derive(Debug)]
struct Sink {
    target: Target,
    lost: Lost,
}

#[derive(Debug)]
enum Target {
    Writer(Arc<Queue>),
    Kept(Mutex<Vec<String>>),
}

/// What lines are about. The two may share an output; what is lost of them is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Access,
    Audit,
}

/// Lines that were handed over and never written. Clones count into the same words.
#[derive(Clone, Debug, Default)]
struct Lost {
    access: Counter,
    audit: Counter,
}

impl Lines {
    /// Lines to standard output.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn stdout() -> std::io::Result<Self> {
        Self::start(Output::Stdout, Class::Access)
    }

    /// Audit lines to a file, which is made (mode 0640) if it is not there, only ever appended to, and opened again when
    /// somebody moved or removed it.
    ///
    /// # Errors
    /// When it cannot be opened, is no regular file, or the operating system gives no thread.
    pub fn file(path: &Path, clock: Clock) -> std::io::Result<Self> {
        Self::start(Output::File(Box::new(LogFile::open(path, clock)?)), Class::Audit)
    }

    /// Lines that are kept in memory, for tests.
    #[must_use]
    pub fn kept() -> Self {
        Self::to(Target::Kept(Mutex::default()), Class::Access, Lost::default())
    }

    fn start(output: Output, class: Class) -> std::io::Result<Self> {
        let (queue, lost) = (Arc::new(Queue::default()), Lost::default());
        let (own, counts) = (Arc::clone(&queue), lost.clone());
        std::thread::Builder::new().name("lines".to_owned()).spawn(move || own.run(output, &counts))?;
        Ok(Self::to(Target::Writer(queue), class, lost))
    }

    fn to(target: Target, class: Class, lost: Lost) -> Self {
        Self { sink: Arc::new(Sink { target, lost }), class }
    }

    /// The same output for audit lines: in one order with the others, and counted apart when they are lost.
    #[must_use]
    pub fn for_audit(&self) -> Self {
        Self { sink: Arc::clone(&self.sink), class: Class::Audit }
    }

    /// Hands a line over; false if there was no room for it. Characters in it that move a terminal's cursor, end lines
    /// or turn the direction of writing are replaced, so that nobody forges a line.
    pub fn write(&self, line: String) -> bool {
        let line = harmless(line);
        let taken = match &self.sink.target {
            Target::Writer(queue) => queue.put(&line, self.class),
            Target::Kept(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                true
            }
        };
        if !taken {
            self.sink.lost.add(self.class, 1);
        }
        taken
    }

    /// Waits until what was handed over is written, for a second at most. For the end of the process.
    pub fn flush(&self) {
        if let Target::Writer(queue) = &self.sink.target {
            queue.flush();
        }
    }

    /// The lines kept so far, for tests.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        match &self.sink.target {
            Target::Writer(_) => Vec::new(),
            Target::Kept(lines) => std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// How many lines of this kind were lost, because nobody took them or they could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        match self.class {
            Class::Access => self.sink.lost.access.get(),
            Class::Audit => self.sink.lost.audit.get(),
        }
    }
}

impl Lost {
    fn add(&self, class: Class, lines: u64) {
        match class {
            Class::Access => self.access.add(lines),
            Class::Audit => self.audit.add(lines),
        }
    }
}

#[cfg(test)]
mod tests;
