//! The `[listen]` section, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::Certificate;
use super::terms::Limits;
use crate::web::TrustedProxies;

/// Where we listen and what a connection may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Plain-http addresses.
    pub http: Vec<Address>,
    /// Addresses for TLS.
    pub https: Vec<Address>,
    /// What is shown there: one or more if there are such addresses. The first where no other fits.
    pub certificates: Vec<Certificate>,
    /// The admin address; none when it is off.
    pub admin: Option<Address>,
    /// Whether `/ping` is answered.
    pub ping: Ping,
    /// Whose forwarding headers count.
    pub trusted_proxies: TrustedProxies,
    /// What a connection may take.
    pub limits: Limits,
    /// The largest request head in bytes: request line and fields as sent.
    pub max_head: usize,
    /// How long a client may send nothing of a body that is wanted.
    pub body_timeout: Duration,
    /// The longest target in bytes.
    pub max_target: usize,
    /// How long the end may take.
    pub drain: Drain,
}

/// How long the end may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long requests are still taken as always, after the process said that it is not ready any more.
    pub delay: Duration,
    /// How long what has begun may take to end after that.
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Duration::from_secs(5), timeout: Duration::from_secs(20) }
    }
}

/// Whether `/ping` is answered on the public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ping {
    /// It is a path like any other.
    #[default]
    Off,
    /// It is, with a fixed text.
    On,
}

/// An address to listen on, as written and as it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As written: `127.0.0.1:4180`, `localhost:4180`, `[::]:80`, `unix:vestibule.sock`, `systemd:web`.
    pub text: String,
    /// What to bind.
    pub place: Place,
}

/// What to bind for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Each of these that this machine has.
    Tcp(Vec<SocketAddr>),
    /// A socket file at this path.
    Unix(PathBuf),
    /// Every socket of this name that systemd passed.
    Systemd(String),
}

impl Settings {
    /// Every address where requests come in.
    pub fn public(&self) -> impl Iterator<Item = &Address> {
        self.http.iter().chain(&self.https)
    }

    /// Whether clients come whose address nobody knows: over a Unix socket whose peers are not trusted.
    #[must_use]
    pub fn has_unknown_clients(&self) -> bool {
        let is_unix = |address: &Address| matches!(address.place, Place::Unix(_));
        self.public().any(is_unix) && !self.trusted_proxies.trusts_unix()
    }
}
