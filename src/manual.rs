//! The manual: where the documentation explains what a log line names.

/// Where a stable word is explained, as a path in this repository. Only words of a group are, such as `login/rate`.
#[must_use]
pub fn url(word: &str) -> Option<String> {
    word.contains('/').then(|| format!("docs/errors.md#{}", word.replace('/', "-")))
}
