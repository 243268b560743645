//! Result lines: what goes to standard output, one line an event, written off the request path.
//!
//! A request hands its line over and goes on; a thread writes. When the reader of our output stalls, the queue fills and
//! lines are dropped and counted, never the requests.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::meter::Counter;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lines {
    target: Target,
    dropped: Counter,
}

#[derive(Clone, Debug)]
enum Target {
    Writer(SyncSender<Message>),
    Kept(Arc<Mutex<Vec<String>>>),
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// Answered when every line before it is written.
    Flush(SyncSender<()>),
}

/// How many lines may wait.
const QUEUE: usize = 8192;

impl Lines {
    /// Lines to standard output.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn stdout() -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        std::thread::Builder::new().name("lines".to_owned()).spawn(move || write(&receiver))?;
        Ok(Self { target: Target::Writer(sender), dropped: Counter::default() })
    }

    /// Lines that are kept in memory, for tests.
    #[must_use]
    pub fn kept() -> Self {
        Self { target: Target::Kept(Arc::default()), dropped: Counter::default() }
    }

    /// Hands a line over. Control characters in it are replaced, so that nobody forges a line.
    pub fn write(&self, mut line: String) {
        if line.chars().any(char::is_control) {
            line = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        }
        match &self.target {
            Target::Writer(sender) => {
                if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
                    sender.try_send(Message::Line(line))
                {
                    self.dropped.increment();
                }
            }
            Target::Kept(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(line),
        }
    }

    /// Waits until what was handed over is written. For the end of the process.
    pub fn flush(&self) {
        if let Target::Writer(sender) = &self.target {
            let (done, wait) = sync_channel(1);
            if sender.send(Message::Flush(done)).is_ok() {
                let _ = wait.recv();
            }
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

fn write(receiver: &Receiver<Message>) {
    let mut out = std::io::BufWriter::with_capacity(64 * 1024, std::io::stdout());
    while let Ok(first) = receiver.recv() {
        // What has piled up goes out in one write.
        for message in std::iter::once(first).chain(receiver.try_iter()) {
            match message {
                Message::Line(line) => {
                    // Nothing can be done about a closed output but to go on serving.
                    let _ = writeln!(out, "{line}");
                }
                Message::Flush(done) => {
                    let _ = out.flush();
                    let _ = done.send(());
                }
            }
        }
        let _ = out.flush();
    }
}
