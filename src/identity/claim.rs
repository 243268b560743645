//! A claim that a rule or a header asks for, as text.

use serde_json::Value;

/// A claim by its path, with its value or values as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    path: String,
    values: Vec<String>,
}

impl Claim {
    /// A claim from its parts, as a session keeps them.
    #[must_use]
    pub const fn new(path: String, values: Vec<String>) -> Self {
        Self { path, values }
    }

    /// Looks `path` up in a set of claims: a top-level name, or a JSON pointer (RFC 6901) when it starts with `/`.
    ///
    /// Texts, numbers and booleans give one value, an array of those gives each. Anything else has no text that a rule
    /// could compare or a header could carry, and counts as absent.
    #[must_use]
    pub fn find(claims: &Value, path: &str) -> Option<Self> {
        let value = lookup(claims, path)?;
        let values = match value {
            Value::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>()?,
            _ => vec![scalar(value)?],
        };
        Some(Self { path: path.to_owned(), values })
    }

    /// The path by which it was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its values: one for a plain claim, each element of an array.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

/// The value at `path`: a top-level name, or a JSON pointer when it starts with `/`.
#[must_use]
pub fn lookup<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    if path.starts_with('/') { claims.pointer(path) } else { claims.get(path) }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
