//! The `[audit]` section, checked.

use std::path::PathBuf;

/// What becomes of audit events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where they go.
    pub sink: Sink,
}

/// Where audit events go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sink {
    /// To standard output, among the access lines.
    #[default]
    Stdout,
    /// To a file of their own.
    File(PathBuf),
    /// Nowhere.
    Off,
}
