//! Effective: every value that holds, and where it came from, for people who ask why.
//!
//! Written out it is a configuration again, which says the same: a key a line, the source as a comment. A secret is its
//! reference, since nothing here knows what stands behind one.

use std::fmt::{self, Write};

use aws_lc_rs::digest;
use figment::value::{Dict, Value};
use serde::{Serialize, Serializer};

use super::document::Document;
use super::keypath::KeyPath;
use super::keys;
use super::kind::{Key, Kind, Unset};
use super::layers::Layers;
use crate::lines::is_harmful;

/// One key that holds, whether somebody wrote it or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The keys from the top down to it.
    #[serde(rename = "key", serialize_with = "dotted")]
    path: Vec<String>,
    #[serde(flatten)]
    holds: Holds,
    /// Where that came from.
    source: Source,
    /// The place: file and line, `environment NAME` or `--set KEY`; none for a default.
    at: Option<String>,
}

/// What holds for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Holds {
    /// This value.
    Value(serde_json::Value),
    /// What these words say: nobody wrote a value, and no value says the same.
    Meaning(&'static str),
}

/// The layer that a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Default,
    File,
    Environment,
    Set,
}

/// What is needed to say where a value stands.
struct Reading<'a> {
    document: &'a Document,
    layers: &'a Layers,
    found: Vec<Effective>,
}

/// Where the comment begins, if the value leaves room.
const COMMENT: usize = 56;

/// Every key that holds, in the order of the table of keys; tables under names of the operator's in theirs.
pub(super) fn list(document: &Document, layers: &Layers) -> Vec<Effective> {
    let mut reading = Reading { document, layers, found: Vec::new() };
    reading.table(&KeyPath::default(), keys::TOP, Some(&layers.values));
    reading.found
}

/// A short hash of what holds, wherever it came from, in hex.
pub(super) fn hash(list: &[Effective]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for Effective { path, holds, .. } in list {
        let held = match holds {
            Holds::Value(value) => value.to_string(),
            Holds::Meaning(words) => (*words).to_owned(),
        };
        // Neither half holds a raw line break, so no two lists run together.
        context.update(format!("{} = {held}\n", key_text(path)).as_bytes());
    }
    context.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

// === impl Reading ===

impl Reading<'_> {
    fn table(&mut self, path: &KeyPath, keys: &'static [Key], values: Option<&Dict>) {
        for key in keys {
            self.key(&path.child(key.name), key, values.and_then(|values| values.get(key.name)));
        }
    }

    fn key(&mut self, path: &KeyPath, key: &'static Key, value: Option<&Value>) {
        let below = match value {
            Some(Value::Dict(_, below)) => Some(below),
            _ => None,
        };
        match (key.kind, key.unset, value) {
            // A section that nobody wrote has its defaults; a table that nobody wrote has what its words say.
            (Kind::Table(keys), Unset::Section, _) | (Kind::Table(keys), _, Some(_)) => {
                self.table(path, keys, below);
            }
            (Kind::TableOrList(keys), _, Some(Value::Dict(..))) => self.table(path, keys, below),
            (Kind::Named(keys), ..) => {
                for (path, values) in self.named(path, below) {
                    self.table(&path, keys, Some(values));
                }
            }
            (Kind::HeaderSets, ..) => {
                for (path, set) in self.named(path, below) {
                    for (name, value) in set {
                        self.written(&path.child(name), value);
                    }
                }
            }
            (_, _, Some(value)) => self.written(path, value),
            (_, Unset::Is(text), None) => {
                let value = super::document::value(text);
                self.unwritten(path, Holds::Value(value.as_ref().map_or(serde_json::Value::Null, json)));
            }
            (_, Unset::Means(words), None) => self.unwritten(path, Holds::Meaning(words)),
            (_, Unset::Required | Unset::RequiredWith(_) | Unset::Section, None) => {}
        }
    }

    /// The tables at `path`, in the order of the file; then those that only stand elsewhere.
    fn named<'v>(&self, path: &KeyPath, tables: Option<&'v Dict>) -> Vec<(KeyPath, &'v Dict)> {
        let tables = tables.into_iter().flatten().filter_map(|(name, value)| match value {
            Value::Dict(_, values) => Some((path.child(name), values)),
            _ => None,
        });
        let mut tables: Vec<_> = tables.collect();
        tables.sort_by_key(|(path, _)| (!self.document.knows(path), self.document.key_position(path)));
        tables
    }

    fn written(&mut self, path: &KeyPath, value: &Value) {
        let (source, at) = match self.layers.origin(path) {
            Some(origin) if origin.is_private() => (Source::Environment, origin.text().to_owned()),
            Some(origin) => (Source::Set, origin.text().to_owned()),
            None => {
                let line = self.document.key_position(path).line;
                (Source::File, format!("{}:{line}", self.document.name))
            }
        };
        self.add(path, Holds::Value(json(value)), source, Some(at));
    }

    fn unwritten(&mut self, path: &KeyPath, holds: Holds) {
        self.add(path, holds, Source::Default, None);
    }

    fn add(&mut self, path: &KeyPath, holds: Holds, source: Source, at: Option<String>) {
        let path = path.keys().into_iter().map(str::to_owned).collect();
        self.found.push(Effective { path, holds, source, at });
    }
}

// === impl Effective ===

impl Effective {
    /// The key by its path.
    #[must_use]
    pub fn key(&self) -> String {
        key_text(&self.path)
    }

    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// Whether `other` holds the same, wherever it came from.
    pub(super) fn holds_as(&self, other: &Self) -> bool {
        self.holds == other.holds
    }
}

/// A line of TOML, with the source as its comment.
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = key_text(&self.path);
        let line = match &self.holds {
            Holds::Value(value) => format!("{path} = {}", toml(value)),
            Holds::Meaning(words) => format!("# {path}: {words}"),
        };
        write!(f, "{line:<COMMENT$}  # {}", self.at.as_deref().unwrap_or("default"))
    }
}

fn dotted<S: Serializer>(path: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&key_text(path))
}

fn key_text(path: &[String]) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let keys = path.iter().map(|key| {
        let is_bare = !key.is_empty() && key.bytes().all(bare);
        if is_bare { key.clone() } else { quoted(key) }
    });
    keys.collect::<Vec<_>>().join(".")
}

/// The value without what only the layers know. A configuration that was checked has neither fractions nor dates.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(_, text) => text.clone().into(),
        Value::Char(_, one) => one.to_string().into(),
        Value::Bool(_, flag) => (*flag).into(),
        Value::Num(_, number) => number.to_i128().and_then(|number| i64::try_from(number).ok()).into(),
        Value::Empty(..) => serde_json::Value::Null,
        Value::Array(_, items) => items.iter().map(json).collect(),
        Value::Dict(_, members) => members
            .iter()
            .map(|(name, value)| (name.clone(), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// The value as the file would spell it.
fn toml(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => quoted(text),
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Object(members) if members.is_empty() => "{}".to_owned(),
        serde_json::Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{} = {}", key_text(std::slice::from_ref(name)), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A text in the quotes of TOML. What a terminal would not show as it is, is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if is_harmful(character) => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\U{:08X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}
