//! The schema: the table of keys as JSON Schema (draft 2020-12), for editors and for whoever generates configurations.
//!
//! It knows what can be said of one value by itself. What only holds between keys, or with what lies outside of the file,
//! `vestibule check` says.

use serde_json::{Map, Value, json};

use super::keys;
use super::kind::{Key, Kind, Unset};

/// Units largest first, each at most once. Empty texts match too; a least length refuses them.
const DURATION: &str = "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?";
const SIZE: &str = "([0-9]+GiB)?([0-9]+MiB)?([0-9]+KiB)?([0-9]+B)?";
/// As `is_name` takes them.
const NAME: &str = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$";
/// A token (RFC 9110 section 5.6.2).
const HEADER_NAME: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

/// The schema of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let mut root = table(keys::TOP);
    let conditions: Vec<Value> = keys::TOP.iter().flat_map(conditions).collect();
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vestibule configuration",
        "allOf": conditions,
        "$defs": {
            "duration": { "type": "string", "minLength": 2, "pattern": format!("^{DURATION}$") },
            "durationOrOff": { "type": "string", "minLength": 1, "pattern": format!("^(0|{DURATION})$") },
            "size": { "type": "string", "minLength": 2, "pattern": format!("^{SIZE}$") },
            "secret": { "oneOf": [source("file"), source("env"), source("credential")] },
        },
    });
    if let (Value::Object(root), Value::Object(head)) = (&mut root, head) {
        root.extend(head);
    }
    root
}

/// A table with these keys and no others.
fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| matches!(key.unset, Unset::Required)).map(|key| key.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = value(&key.kind);
    let (described, default) = match key.unset {
        Unset::Means(words) => (format!("{} Default: {words}.", key.meaning()), None),
        Unset::RequiredWith(other) => (format!("{} Required with {other}.", key.meaning()), None),
        Unset::Is(text) => (key.meaning().to_owned(), literal(text)),
        Unset::Required | Unset::Section => (key.meaning().to_owned(), None),
    };
    if let Value::Object(schema) = &mut schema {
        if matches!((key.unset, key.kind), (Unset::Required, Kind::List(_))) {
            schema.insert("minItems".to_owned(), 1.into());
        }
        if matches!((key.unset, key.kind), (Unset::Required, Kind::Named(_))) {
            schema.insert("minProperties".to_owned(), 1.into());
        }
        schema.insert("title".to_owned(), key.kind.shown().replace('`', "").into());
        schema.insert("description".to_owned(), described.into());
        schema.extend(default.map(|default| ("default".to_owned(), default)));
    }
    schema
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Text(_) | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration | Kind::DurationWithin(..) => json!({ "$ref": "#/$defs/duration" }),
        Kind::DurationOrOff => json!({ "$ref": "#/$defs/durationOrOff" }),
        Kind::Size(..) => json!({ "$ref": "#/$defs/size" }),
        Kind::Secret => json!({ "$ref": "#/$defs/secret" }),
        Kind::Words(words) => json!({ "enum": words }),
        Kind::WordsOr(words, _) => {
            json!({ "anyOf": [{ "enum": words }, { "type": "string", "minLength": 1 }] })
        }
        Kind::List(item) => json!({ "type": "array", "items": value(item) }),
        Kind::OneOrMore(item) => {
            json!({ "anyOf": [value(item), { "type": "array", "items": value(item), "minItems": 1 }] })
        }
        Kind::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Table(keys) => table(keys),
        Kind::TableOrList(keys) => {
            json!({ "anyOf": [table(keys), { "type": "array", "items": table(keys), "minItems": 1 }] })
        }
        Kind::Named(keys) => named(&table(keys)),
        Kind::HeaderSets => named(&json!({
            "type": "object",
            "propertyNames": { "maxLength": 128, "pattern": HEADER_NAME },
            "additionalProperties": { "anyOf": [{ "type": "string", "minLength": 1 }, { "$ref": "#/$defs/secret" }] },
        })),
    }
}

/// Tables under names that the operator chooses.
fn named(table: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "maxLength": 64, "pattern": NAME },
        "additionalProperties": table,
    })
}

/// A reference to a secret by one source.
fn source(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": { name: { "type": "string", "minLength": 1 } },
        "required": [name],
        "additionalProperties": false,
    })
}

/// What a section must hold once another one is there.
fn conditions(section: &Key) -> impl Iterator<Item = Value> {
    let Kind::Table(keys) = section.kind else { return None.into_iter().flatten() };
    let condition = |key: &Key| match key.unset {
        Unset::RequiredWith(other) => Some(json!({
            "if": { "required": [other], "properties": { other: { "minProperties": 1 } } },
            "then": { "required": [section.name], "properties": { section.name: { "required": [key.name] } } },
        })),
        _ => None,
    };
    Some(keys.iter().filter_map(condition).collect::<Vec<_>>()).into_iter().flatten()
}

/// A default of the table as JSON.
fn literal(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
