//! Sources: the files that a configuration was read from, and whether what stood in them has changed.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

/// The files that a configuration was read from, its own first: they are watched, and when one changes, it is read again.
pub struct Sources {
    files: Vec<PathBuf>,
    /// Over every path and every byte, secrets too. So it is never shown.
    content: Context,
}

/// What stood in all files, for comparing.
#[derive(Clone, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Default for Sources {
    fn default() -> Self {
        Self { files: Vec::new(), content: Context::new(&SHA256) }
    }
}

impl Sources {
    /// The files as they were named, in the order of reading. Some may not exist.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What stood in them.
    #[must_use]
    pub fn content(&self) -> Content {
        let digest = self.content.clone().finish();
        let mut content = [0; 32];
        for (to, from) in content.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Content(content)
    }

    /// A file is about to be read.
    pub(super) fn look_at(&mut self, path: &Path) {
        self.add(path.as_os_str().as_bytes());
        if !self.files.iter().any(|known| known == path) {
            self.files.push(path.to_owned());
        }
    }

    /// What stood in that file. Not called when it could not be read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.add(bytes);
    }

    /// Each part behind its length, so that no two of them run together.
    fn add(&mut self, part: &[u8]) {
        self.content.update(&(part.len() as u64).to_be_bytes());
        self.content.update(part);
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("files", &self.files).finish_non_exhaustive()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(...)")
    }
}
