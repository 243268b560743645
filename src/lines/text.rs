//! Texts in lines: what strangers chose, cut to a length, and values as the words that people know.
//!
//! The access log and the audit trail tell the same request, so both say it by these.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serializer;

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

/// The method of a request, for serde, which hands fields over by reference whatever they are.
///
/// # Errors
/// Those of the serializer, here and below.
pub fn method<S: Serializer>(value: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bounded(value, METHOD))
}

/// Its host.
///
/// # Errors
/// See [`method`].
pub fn host<S: Serializer>(value: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bounded(value, HOST))
}

/// Its path.
///
/// # Errors
/// See [`method`].
pub fn path<S: Serializer>(value: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bounded(value, PATH))
}

/// A value as it is shown to people.
///
/// # Errors
/// See [`method`].
pub fn shown<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
