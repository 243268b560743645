//! Outside: what reaches a configuration besides its file: variables of the environment, and settings of the command line.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::clock::{Clock, Timestamp};

/// What reaches a configuration besides its file.
#[derive(Clone)]
pub struct Outside {
    variables: BTreeMap<OsString, OsString>,
    settings: Vec<String>,
    clock: Clock,
}

impl Outside {
    /// These variables: the process's in `serve`, made-up ones in `demo` and in tests.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, settings: Vec::new(), clock: Clock::system() }
    }

    /// The same, and `--set` of the command line: each `KEY=TOML`, a later one above an earlier one.
    #[must_use]
    pub fn with_settings(mut self, settings: &[String]) -> Self {
        self.settings = settings.to_vec();
        self
    }

    /// The same at the time of this clock, by which certificates are judged.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables by their names.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// What `--set` says, in its order.
    pub(super) fn settings(&self) -> &[String] {
        &self.settings
    }
}

impl Default for Outside {
    /// Nothing, at the time of this machine.
    fn default() -> Self {
        Self::new::<OsString, OsString>([])
    }
}

impl fmt::Debug for Outside {
    /// Variables hold secrets, so they are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("variables", &self.variables.len()).finish_non_exhaustive()
    }
}
