//! The `[log]` section, checked.

/// How log lines look and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Text or JSON.
    pub format: Format,
    /// The least level that is written.
    pub level: Level,
    /// Whether each request gets a line.
    pub access: AccessLog,
    /// Whether those lines hold the query.
    pub query: QueryInLog,
    /// How people are named.
    pub identity: IdentityInLog,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, else JSON.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Readable text.
    Text,
}

/// The least level of a line that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Only what somebody must mend.
    Error,
    /// Also what may need somebody.
    Warn,
    /// Also what happens.
    #[default]
    Info,
    /// Also how.
    Debug,
    /// Everything.
    Trace,
}

/// Whether each request gets a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// It does.
    #[default]
    On,
    /// It does not.
    Off,
}

/// Whether access lines hold the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryInLog {
    /// They do not: codes and tokens travel there.
    #[default]
    Omitted,
    /// They do, except on our own endpoints.
    Shown,
}

/// How people are named in log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityInLog {
    /// By user name.
    #[default]
    User,
    /// By a keyed hash of it.
    Hash,
    /// Not at all.
    None,
}
