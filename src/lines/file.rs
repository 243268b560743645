//! A file that lines are appended to, and that others may rotate.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::queue::put;
use crate::clock::Clock;
use crate::manual;

/// The file, followed by its name.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Device and inode: the file of that name is still this one.
    id: (u64, u64),
    /// Whether the last line in it lacks its end, because the disk was full in the middle of it.
    torn: bool,
    clock: Clock,
    /// When a fault was last told.
    told: Option<Instant>,
}

/// The owner writes, a group may read (that of a log collector), nobody else: the lines say who does what.
const MODE: u32 = 0o640;

/// A fault that lasts is told this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

impl LogFile {
    /// Opens, or makes, the file at `path`.
    pub(super) fn open(path: &Path, clock: Clock) -> io::Result<Self> {
        let (file, id) = open(path)?;
        Ok(Self { path: path.to_owned(), file, id, torn: false, clock, told: None })
    }

    /// Appends whole lines; how many bytes of them got out.
    pub(super) fn write(&mut self, text: &str) -> usize {
        if let Err(error) = self.follow() {
            self.tell(&error);
            return 0;
        }
        if self.torn {
            // What follows a torn line is a line of its own.
            if let (_, Some(error)) = put(&mut self.file, b"\n") {
                self.tell(&error);
                return 0;
            }
            self.torn = false;
        }
        let (written, error) = put(&mut self.file, text.as_bytes());
        if let Some(error) = error {
            self.torn =
                text.as_bytes().get(..written).is_some_and(|part| part.last().is_some_and(|b| *b != b'\n'));
            self.tell(&error);
        }
        written
    }

    /// Opens the file again if another one, or none, has its name by now: it was rotated. One that was moved and cannot
    /// be opened again is still good; one that was removed is not.
    fn follow(&mut self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|now| id(&now) == self.id) {
            return Ok(());
        }
        match open(&self.path) {
            Ok((file, id)) => {
                (self.file, self.id, self.torn) = (file, id, false);
                Ok(())
            }
            Err(error) if self.file.metadata().is_ok_and(|old| old.nlink() > 0) => {
                self.tell(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, error: &io::Error) {
        let now = self.clock.instant();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY) {
            self.told = Some(now);
            let path = self.path.display();
            tracing::error!(
                code = "audit/write",
                url = manual::url("audit/write"),
                "the audit file {path} cannot be written: {error}; requests go on"
            );
        }
    }
}

fn open(path: &Path) -> io::Result<(File, (u64, u64))> {
    // Looked at before it is opened: opening a pipe would wait for its reader.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let id = id(&file.metadata()?);
    Ok((file, id))
}

fn id(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
impl LogFile {
    /// Around a file that [`open`] would not take.
    pub(super) fn around(path: &Path, clock: Clock) -> Self {
        let file = OpenOptions::new().append(true).open(path).expect("a file");
        let id = id(&file.metadata().expect("its data"));
        Self { path: path.to_owned(), file, id, torn: false, clock, told: None }
    }
}
