//! What a service manager is told (sd_notify(3)): a datagram for each change, to the socket that it names.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::clock::Clock;

/// Where the service manager listens. Cheap to clone; does nothing where there is none.
#[derive(Clone, Debug)]
pub struct Notifier {
    socket: Option<Arc<UnixDatagram>>,
    /// How often it wants to hear that we live.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// A notifier that tells nobody.
    #[must_use]
    pub const fn off() -> Self {
        Self { socket: None, watchdog: None }
    }

    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// # Errors
    /// When the socket that is named cannot be reached.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let Some(name) = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::off());
        };
        let address = match name.as_bytes().split_first() {
            // A name that is in no file system (unix(7)).
            Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // Whoever does not read must not hold us up.
        socket.set_nonblocking(true)?;
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && is_ours);
        Ok(Self { socket: Some(Arc::new(socket)), watchdog: watchdog.map(Duration::from_micros) })
    }

    /// We serve; `status` is for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// Says for people how things stand.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", line(status)));
    }

    /// We read our configuration again. [`Self::ready`] says that this is over.
    pub fn reloading(&self) {
        // The manager compares it with its own clock, so it is that of the system in any case.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reading the configuration"));
    }

    /// We end.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}", line(status)));
    }

    /// Says that we live, twice in each time after which the manager would lose patience, for as long as the runtime has
    /// this turn. Never returns.
    pub async fn watchdog(self, clock: Clock) {
        let Some(limit) = self.watchdog else { return std::future::pending().await };
        loop {
            self.send("WATCHDOG=1");
            clock.sleep(limit / 2).await;
        }
    }

    fn send(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

/// One line: the format has a line for each variable.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
