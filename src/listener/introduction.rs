//! Taking the header of the PROXY protocol from a connection: all of it, and nothing of what follows.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::clock::Clock;
use crate::socket::Socket;
use crate::web::Introduction;
use crate::web::proxy_header::{self, BadHeader, Progress};

/// A connection on which a header had to come and did not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unintroduced {
    /// It ended before its first byte, as that of somebody who looks whether a port is open.
    #[error("it was closed at once")]
    Gone,
    /// It ended within the header.
    #[error("the header of the PROXY protocol breaks off")]
    BrokenOff,
    /// Nothing, or not all, came within `listen.head_timeout`.
    #[error("no header of the PROXY protocol came within listen.head_timeout")]
    Late,
    /// What came is none.
    #[error(transparent)]
    Bad(#[from] BadHeader),
    /// The system says so.
    #[error("the header of the PROXY protocol cannot be read")]
    Io(#[source] io::Error),
}

/// Reads the header within `limit`.
pub(super) async fn read(
    socket: &mut Socket,
    clock: &Clock,
    limit: Duration,
) -> Result<Introduction, Unintroduced> {
    clock.timeout(limit, take(socket)).await.unwrap_or(Err(Unintroduced::Late))
}

async fn take(socket: &mut Socket) -> Result<Introduction, Unintroduced> {
    let mut bytes = Vec::new();
    loop {
        let missing = match proxy_header::read(&bytes)? {
            Progress::Complete { introduction, .. } => return Ok(introduction),
            Progress::Needs(missing) => u64::try_from(missing.get()).unwrap_or(1),
        };
        match (&mut *socket).take(missing).read_buf(&mut bytes).await.map_err(Unintroduced::Io)? {
            0 if bytes.is_empty() => return Err(Unintroduced::Gone),
            0 => return Err(Unintroduced::BrokenOff),
            _ => {}
        }
    }
}
