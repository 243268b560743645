//! The document: a TOML file as plain values, and where each of them stands.
//!
//! `toml` knows the positions, figment layers the values and forgets them; so the file is parsed once into both.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Empty, Num, Tag, Value};
use toml::de::{DeInteger, DeTable, DeValue};

use super::code::Code;
use super::fault::{Fault, Faults, Position, Severity};
use super::keypath::KeyPath;

/// A parsed file.
#[derive(Debug)]
pub(super) struct Document {
    /// The file as it was named, for messages.
    pub(super) name: String,
    /// The folder from which relative paths start.
    pub(super) folder: PathBuf,
    /// Its values.
    pub(super) values: Dict,
    places: HashMap<KeyPath, Place>,
}

/// Where a key and its value begin.
#[derive(Clone, Copy, Debug)]
struct Place {
    key: Option<Position>,
    value: Position,
}

/// Counts lines.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// After so many syntax errors the rest is only echo.
const MAX_SYNTAX_ERRORS: usize = 10;

const TOP: Position = Position { line: 1, column: 1 };

impl Document {
    /// Parses `text`.
    ///
    /// # Errors
    /// One fault for each syntax error. The parser's message names what it expected and never what it found.
    pub(super) fn parse(text: &str, name: &str, folder: &Path) -> Result<Self, Faults> {
        let lines = Lines::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(syntax_faults(&lines, name, &errors));
        }
        let mut places = HashMap::new();
        let values = convert_table(table.get_ref(), &KeyPath::default(), &lines, &mut places);
        Ok(Self { name: name.to_owned(), folder: folder.to_owned(), values, places })
    }

    /// Whether the file holds `path`.
    pub(super) fn knows(&self, path: &KeyPath) -> bool {
        self.places.contains_key(path)
    }

    /// Where the key of `path` stands; for what is not in the file, where the table around it begins.
    pub(super) fn key_position(&self, path: &KeyPath) -> Position {
        match self.places.get(path) {
            Some(place) => place.key.unwrap_or(place.value),
            None => self.value_position(path),
        }
    }

    /// Where the value of `path` stands; for what is not in the file, where the table around it begins.
    pub(super) fn value_position(&self, path: &KeyPath) -> Position {
        if path.is_top() {
            return TOP;
        }
        self.places.get(path).map_or_else(|| self.value_position(&path.parent()), |place| place.value)
    }
}

/// One value as TOML spells it, such as `["a"]`, from outside of a file. The fault is for the caller to word.
pub(super) fn value(text: &str) -> Option<Value> {
    let parsed = DeValue::parse(text.trim()).ok()?;
    Some(convert(parsed.get_ref(), &KeyPath::default(), &Lines::new(""), &mut HashMap::new()))
}

/// A table as TOML spells it, such as `a.b = 1`, from outside of a file.
pub(super) fn table(text: &str) -> Option<Dict> {
    let parsed = DeTable::parse(text).ok()?;
    Some(convert_table(parsed.get_ref(), &KeyPath::default(), &Lines::new(""), &mut HashMap::new()))
}

fn syntax_faults(lines: &Lines<'_>, name: &str, errors: &[toml::de::Error]) -> Faults {
    let mut faults: Vec<Fault> = Vec::new();
    for error in errors {
        let position = error.span().map_or(TOP, |span| lines.position(span.start));
        // One mistake often upsets the parser several times on its line.
        if faults.len() < MAX_SYNTAX_ERRORS && faults.iter().all(|fault| fault.line != Some(position.line)) {
            faults.push(Fault {
                code: Code::Syntax,
                severity: Severity::Error,
                file: name.to_owned(),
                line: Some(position.line),
                column: Some(position.column),
                key: String::new(),
                message: format!("this is not TOML: {}", error.message()),
                help:
                    "texts stand in quotes, a table's name in [brackets], each key once; see https://toml.io"
                        .to_owned(),
                url: Code::Syntax.url(),
            });
        }
    }
    Faults::new(faults)
}

fn convert_table(
    table: &DeTable<'_>,
    path: &KeyPath,
    lines: &Lines<'_>,
    places: &mut HashMap<KeyPath, Place>,
) -> Dict {
    let entries = table.iter().map(|(key, value)| {
        let path = path.child(key.get_ref());
        let place =
            Place { key: Some(lines.position(key.span().start)), value: lines.position(value.span().start) };
        let value = convert(value.get_ref(), &path, lines, places);
        places.insert(path, place);
        (key.get_ref().as_ref().to_owned(), value)
    });
    entries.collect()
}

fn convert(
    value: &DeValue<'_>,
    path: &KeyPath,
    lines: &Lines<'_>,
    places: &mut HashMap<KeyPath, Place>,
) -> Value {
    let tag = Tag::Default;
    match value {
        DeValue::String(text) => Value::String(tag, text.as_ref().to_owned()),
        DeValue::Boolean(flag) => Value::Bool(tag, *flag),
        DeValue::Integer(number) => Value::Num(tag, Num::I128(integer(number))),
        // No key takes one, so it only has to be recognised as what it is.
        DeValue::Float(_) => Value::Num(tag, Num::F64(0.0)),
        DeValue::Datetime(_) => Value::Empty(tag, Empty::Unit),
        DeValue::Array(items) => {
            let convert_item = |(at, item): (usize, &toml::Spanned<DeValue<'_>>)| {
                let path = path.item(at);
                let place = Place { key: None, value: lines.position(item.span().start) };
                let value = convert(item.get_ref(), &path, lines, places);
                places.insert(path, place);
                value
            };
            Value::Array(tag, items.iter().enumerate().map(convert_item).collect())
        }
        DeValue::Table(table) => Value::Dict(tag, convert_table(table, path, lines, places)),
    }
}

/// The number; one that no key could take becomes the largest or the least.
fn integer(number: &DeInteger<'_>) -> i128 {
    let text = number.as_str();
    let extreme = if text.starts_with('-') { i128::MIN } else { i128::MAX };
    i128::from_str_radix(text, number.radix()).unwrap_or(extreme)
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The position of a byte.
    fn position(&self, at: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        Position { line: line.max(1), column: before.chars().count() + 1 }
    }
}
