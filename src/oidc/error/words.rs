//! Phrases of the messages.

use std::time::Duration;

pub(super) fn slash(configured: &str, found: &str) -> &'static str {
    match (configured.strip_suffix('/'), found.strip_suffix('/')) {
        (None, Some(found)) if found == configured => ", with the slash",
        (Some(configured), None) if found == configured => ", without the slash",
        _ => "",
    }
}

pub(super) fn named(found: Option<&str>) -> String {
    found.map_or_else(|| "names no issuer".to_owned(), |found| format!("names issuer {found}"))
}

pub(super) fn said(description: Option<&str>) -> String {
    description.map_or_else(String::new, |description| format!(" ({description})"))
}

pub(super) fn refused_help(error: &str) -> &'static str {
    match error {
        "invalid_client" | "unauthorized_client" => "; check client_id and client_secret",
        "invalid_grant" => "; the code was used, too old, or the registered redirect URI differs",
        _ => "",
    }
}

pub(super) fn skew_help(date: Option<&str>) -> String {
    let date = date.map_or_else(String::new, |date| format!(" (its Date header says {date} UTC)"));
    format!("{date}; fix the clock (chronyc tracking), or raise clock_skew if you must")
}

/// `4 min 12 s`.
pub(super) fn spell(duration: Duration) -> String {
    let secs = duration.as_secs();
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes} min {secs} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
