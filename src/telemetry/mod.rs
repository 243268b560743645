//! What operators see: log lines, access lines, and the admin listener.

mod access;
mod admin;
mod config_status;
mod settings;
mod subscriber;

pub use access::{AccessLine, AccessTrail, Answered, Ended, OpenLine};
pub use admin::Admin;
pub use config_status::{ConfigState, ConfigStatus, Refused};
pub use settings::{AccessLog, Format, IdentityInLog, Level, QueryInLog, Settings};
pub use subscriber::{install, log_to};
