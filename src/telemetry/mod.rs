//! What operators see: log lines, access lines, and the admin listener with its metrics.

mod access;
mod admin;
mod config_status;
mod exposition;
mod process;
mod settings;
mod subscriber;

pub use access::{AccessLine, AccessTrail, Answered, Ended, OpenLine};
pub use admin::{Admin, Surroundings};
pub use config_status::{ConfigState, ConfigStatus, Refused};
pub use exposition::{Dialect, Exposition, Family, Labels};
pub use settings::{AccessLog, Format, IdentityInLog, Level, QueryInLog, Settings};
pub use subscriber::{install, log_to};
