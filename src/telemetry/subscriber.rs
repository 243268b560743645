//! The log: what the program says of itself, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::settings::{Format, Level, Settings};

/// Sends log lines of this process to standard error. A second call changes nothing.
pub fn install(settings: &Settings) {
    let level = match settings.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // The engine's own lines would show header fields at trace.
    let filter = EnvFilter::new(format!("warn,vestibule={level}"));
    let text = match settings.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => std::io::stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Only the first subscriber of a process counts; tests start many gateways.
    let _ = if text {
        builder.with_ansi(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
