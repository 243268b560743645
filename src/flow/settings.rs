//! The `[login]` section, checked.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::web::{HostName, Origin, Scheme};

/// Where our endpoints are, how people get in, and how they get out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The prefix of our own endpoints: starts with a slash, does not end with one.
    pub path: String,
    /// The life of one pending sign-in.
    pub timeout: Duration,
    /// When the chooser is shown.
    pub chooser: Chooser,
    /// Hosts besides those of routes to which a browser may be sent back.
    pub return_to: Vec<ReturnHost>,
    /// What a sign-out ends.
    pub sign_out: SignOut,
    /// Where a browser goes after a sign-out that named no place of its own; none means our page.
    pub after_sign_out: Option<AfterSignOut>,
    /// How many sign-ins one client address may start in a minute; none means any number.
    pub rate: Option<NonZeroU32>,
}

/// When people choose how to sign in on a page of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chooser {
    /// Where several providers count.
    #[default]
    Auto,
    /// Also where there is one.
    Always,
}

/// A host that is not ours, to which a browser may be sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnHost {
    /// The host, exactly.
    pub host: HostName,
    /// Its port; none means the default one of the scheme.
    pub port: Option<u16>,
}

/// What a sign-out ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignOut {
    /// Our session, and the provider's if it offers that.
    #[default]
    Provider,
    /// Our session only.
    Local,
}

/// Where a browser goes after a sign-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterSignOut {
    /// A path of the host where the sign-out ends, with its query.
    Path(String),
    /// A whole address, anywhere.
    Url(String),
}

impl ReturnHost {
    /// Whether a browser may be sent to `origin`: exactly this host and port, over https unless it is this machine.
    #[must_use]
    pub fn is(&self, origin: &Origin) -> bool {
        *origin.host() == self.host
            && origin.port() == self.port.unwrap_or(origin.scheme().default_port())
            && (origin.scheme() == Scheme::Https || self.host.is_loopback())
    }
}
