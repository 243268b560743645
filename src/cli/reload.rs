//! While `serve` runs: reads the configuration again when one of its files changes, or when SIGHUP asks for it.

use std::convert::Infallible;
use std::path::PathBuf;

use super::ConfigArgs;
use crate::app::{App, Reload};
use crate::clock::Clock;
use crate::config::{self, Content, Faults, Loaded, Outside, Sources};
use crate::lifecycle::{Hangup, Notifier, Watch, settled};

/// What is read again, and when.
pub(super) struct Reloader {
    path: PathBuf,
    outside: Outside,
    hangup: Hangup,
    watch: Option<Watch>,
    files: Vec<PathBuf>,
    /// What stood in the files of the configuration in force.
    in_force: Content,
    /// What stood in the files when they were last read.
    last: Content,
}

/// Why the configuration is read again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Somebody asked.
    Asked,
    /// One of its files changed.
    Changed,
}

/// A set of files can change while it is read; this often it is tried to have all of them under watch before they are read.
const TRIES: usize = 4;

impl Reloader {
    /// What to read again after this first reading.
    pub(super) fn new(arguments: &ConfigArgs, sources: &Sources, hangup: Hangup) -> Self {
        let content = sources.content();
        Self {
            path: arguments.path(),
            outside: arguments.outside(),
            hangup,
            watch: None,
            files: sources.files().to_vec(),
            in_force: content.clone(),
            last: content,
        }
    }

    /// Reloads `app` whenever there is cause to. Never returns.
    pub(super) async fn run(mut self, app: &App, notifier: &Notifier, clock: &Clock) -> Infallible {
        // What changed between the first reading and the watch was not seen.
        self.act(Cause::Changed, app, notifier);
        loop {
            let cause = tokio::select! {
                () = self.hangup.next() => Cause::Asked,
                () = changed(self.watch.as_ref()) => Cause::Changed,
            };
            let cause = match cause {
                Cause::Asked => Cause::Asked,
                Cause::Changed => tokio::select! {
                    () = self.hangup.next() => Cause::Asked,
                    () = settled(clock, async || changed(self.watch.as_ref()).await) => Cause::Changed,
                },
            };
            // Reading and building take milliseconds, but of disks and networks that is not certain.
            tokio::task::block_in_place(|| self.act(cause, app, notifier));
        }
    }

    fn act(&mut self, cause: Cause, app: &App, notifier: &Notifier) {
        let (sources, loaded) = self.read();
        let content = sources.content();
        let last = std::mem::replace(&mut self.last, content.clone());
        if cause == Cause::Changed && content == last {
            return;
        }
        if cause == Cause::Changed && content == self.in_force {
            app.confirm_config();
            return;
        }
        notifier.reloading();
        let status = match app.reload(loaded) {
            Reload::Taken => {
                self.in_force = content;
                "serving"
            }
            Reload::Refused => "serving; the new configuration was refused (see the log)",
        };
        notifier.ready(status);
    }

    /// Reads the configuration with every file of it under watch, so that no change goes unseen.
    fn read(&mut self) -> (Sources, Result<Loaded, Faults>) {
        let mut tries = 0;
        loop {
            // Also for files that stay the same: the links on the way to them may lead elsewhere now.
            self.watch();
            let read = config::read(&self.path, &self.outside);
            tries += 1;
            if read.0.files() == self.files || tries == TRIES {
                return read;
            }
            self.files = read.0.files().to_vec();
        }
    }

    fn watch(&mut self) {
        match Watch::new(&self.files) {
            Ok(watch) => {
                for file in watch.unseen() {
                    let file = file.display();
                    tracing::warn!(%file, "changes of this file are not seen, since its folder cannot be read; SIGHUP reads it again");
                }
                self.watch = Some(watch);
            }
            Err(error) => {
                tracing::warn!(%error, "files cannot be watched; SIGHUP reads the configuration again");
                self.watch = None;
            }
        }
    }
}

async fn changed(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
