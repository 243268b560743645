//! The `[login]` section, checked.

use std::time::Duration;

/// Where our endpoints are, and how long a sign-in may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The prefix of our own endpoints: starts with a slash, does not end with one.
    pub path: String,
    /// The life of one pending sign-in.
    pub timeout: Duration,
}
