//! The `[login]` section, checked.

use std::time::Duration;

/// Where our endpoints are, and how long a sign-in may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The prefix of our own endpoints: starts with a slash, does not end with one.
    pub path: String,
    /// The life of one pending sign-in.
    pub timeout: Duration,
    /// When the chooser is shown.
    pub chooser: Chooser,
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
