//! What operators see: log lines and the admin listener.

mod settings;

pub use settings::{AccessLog, Format, IdentityInLog, Level, QueryInLog, Settings};
