//! Texts in lines: what strangers chose, cut to a length, and values as the words that people know.
//!
//! The access log and the audit trail tell the same request, so both say it by these.

use std::borrow::Cow;
use std::error::Error;

/// The longest method, host and path that a line holds, in bytes: whoever sends requests must not choose how fast a disk
/// fills.
pub const METHOD: usize = 32;
/// See [`METHOD`].
pub const HOST: usize = 255;
/// See [`METHOD`].
pub const PATH: usize = 2048;

/// A value of a stranger's for a line: at most `limit` bytes of it, and three dots for the rest.
#[must_use]
pub fn bounded(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let part = (0..=limit).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    Cow::Owned(format!("{part}..."))
}

/// A name among other words: in quotes when it would look like several.
#[must_use]
pub fn spoken(name: &str) -> Cow<'_, str> {
    let is_word = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '"');
    if is_word { Cow::Borrowed(name) } else { Cow::Owned(format!("{name:?}")) }
}

/// An error with what caused it, in one line; what it says already is not said again.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}
