//! How many files and connections this process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit that is in force to the highest that the system lets this process have. The low one that most systems
/// begin with (1,024) is for programs that use `select`, which is no limit here; nor is there a child to inherit it.
///
/// # Errors
/// That of the system, for example where a filter of system calls forbids it. Then the old limit stays in force.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return Ok(());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}
