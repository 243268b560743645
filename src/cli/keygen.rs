//! `vestibule keygen`: makes keys.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Exit, print, tell};
use crate::random::Random;
use crate::session::Key;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the key is for
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// Write it to a new file that only its owner can read, instead of standard output; never overwrites
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// The key of session cookies, for session.key
    Session,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Kind::Session = arguments.kind;
    let key = Key::generate(&Random::system());
    let Some(path) = &arguments.out else {
        print(&key);
        return Exit::Fine;
    };
    match write(path, &key) {
        Ok(()) => {
            tell(&format!("wrote {} (mode 0600)", path.display()));
            Exit::Fine
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            tell(&format!(
                "vestibule: {} exists and is not overwritten\n    \
                 name another file; a new session key signs everybody out",
                path.display()
            ));
            Exit::Failed
        }
        Err(error) => {
            tell(&format!("vestibule: cannot write {}: {error}", path.display()));
            Exit::Failed
        }
    }
}

/// Never overwrites: a key that is lost signs everybody out.
fn write(path: &Path, key: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}
