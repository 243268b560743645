//! Faults: what is wrong in a configuration, where, and what to do about it.
//!
//! A fault never holds a value that might be a secret, nor a line of the file: only names, positions and words.

use std::fmt;

use serde::{Serialize, Serializer};

use super::code::Code;

/// One thing that is wrong, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its kind.
    #[serde(serialize_with = "as_text")]
    pub code: Code,
    /// Whether it stops us.
    pub severity: Severity,
    /// The file as it was named; `environment NAME` or `--set KEY` when the value came from there.
    pub file: String,
    /// The line, from one. None when the file as a whole is meant, or none.
    pub line: Option<usize>,
    /// The column in characters, from one.
    pub column: Option<usize>,
    /// The key by its path; empty when none is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Where it is explained.
    pub url: &'static str,
}

/// Whether a fault stops us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, and the operator is told.
    Warning,
}

/// A line and a column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Everything that is wrong with a configuration, in the order of the file: at least one error, and the warnings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Faults(Vec<Fault>);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "  {severity}[{}]  {}\n    {}", self.code.as_str(), self.message, self.help)
    }
}

impl Fault {
    /// Whether it stops us.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Faults {
    /// A list of faults, sorted by where they stand.
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        sort(&mut faults);
        Self(faults)
    }

    /// The faults and warnings in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|fault| fault.is_error()).count()
    }
}

/// Sorts by position; what has none comes first.
pub(super) fn sort(faults: &mut [Fault]) {
    faults.sort_by_key(|fault| (fault.line, fault.column));
}

fn lines(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn as_text<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

/// Before and after what [`quote`] shows. Nothing else in a message is outside of ASCII.
const MARK: char = '\u{e000}';

/// A text of the configuration as a message shows it: in quotes, printable ASCII only, not too long.
///
/// Not for texts that may be secrets: those are never shown. What it shows is marked, so that [`settle`] can take it out
/// again where nothing at all may be shown.
pub(super) fn quote(text: &str) -> String {
    format!("\"{MARK}{}{MARK}\"", plain(text))
}

/// A message without marks, and without what stood between them unless `shown`.
pub(super) fn settle(message: &str, shown: bool) -> String {
    let part =
        |(at, part): (usize, &'_ str)| if at % 2 == 1 && !shown { "...".to_owned() } else { part.to_owned() };
    message.split(MARK).enumerate().map(part).collect()
}

/// As [`quote`], without the quotes, and not marked.
pub(super) fn plain(text: &str) -> String {
    const MAX: usize = 64;
    let mut out = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == MAX {
            out.push_str("...");
            break;
        }
        match character {
            ' '..='~' => out.push(character),
            _ => out.extend(character.escape_default()),
        }
    }
    out
}
