//! The environment layer: variables that are keys. `VESTIBULE_` and the key path in capitals, levels joined by two
//! underscores: `VESTIBULE_PROVIDERS__MAIN__CLIENT_ID`.
//!
//! A text is taken as it stands, everything else as TOML. A name without two underscores is none of ours (orchestrators
//! set such names for services), but for the plain keys above all sections. Messages name variables, never their values.

use std::ffi::OsStr;

use figment::value::Value;

use super::code::Code;
use super::document;
use super::fault::{Fault, plain};
use super::keypath::KeyPath;
use super::keys;
use super::kind::{Key, Kind, find, is_name, names};
use super::layers::{Origin, Setting};
use super::nearest::nearest;
use super::outside::Outside;

const PREFIX: &str = "VESTIBULE_";

/// What a variable's name means.
enum Meaning {
    /// The key at this path.
    Key(KeyPath, &'static Kind),
    /// One source of the secret at this path.
    Source(KeyPath, &'static str),
    /// A secret as a value, which is refused.
    PlainSecret(KeyPath),
    /// No key that a variable could set, and what to do instead.
    None(String),
}

/// The settings that variables make. What is wrong with one goes to `faults`.
pub(super) fn read(outside: &Outside, faults: &mut Vec<Fault>) -> Vec<Setting> {
    let mut found = Vec::new();
    for (name, value) in outside.variables() {
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let shown = name.to_string_lossy();
        let rest = shown.strip_prefix(PREFIX).unwrap_or_default();
        if rest.contains("__") || is_plain_top(rest) {
            found.extend(setting(&shown, rest, value, faults));
        }
    }
    found
}

/// Whether this is a key above all sections that is no section itself.
fn is_plain_top(rest: &str) -> bool {
    let is_section = |kind: &Kind| matches!(kind, Kind::Table(_) | Kind::Named(_) | Kind::HeaderSets);
    lowered(rest).and_then(|name| find(keys::TOP, &name)).is_some_and(|key| !is_section(&key.kind))
}

fn setting(name: &str, rest: &str, value: &OsStr, faults: &mut Vec<Fault>) -> Option<Setting> {
    let origin = Origin::variable(name);
    let mut fault = |code: Code, path: &KeyPath, message: String, help: String| {
        faults.push(origin.fault(code, path, message, help));
    };
    let meaning = meaning(rest);
    if let Meaning::None(help) = meaning {
        let message = format!("{} is not a key", plain(name));
        fault(Code::Variable, &KeyPath::default(), message, help);
        return None;
    }
    let (Meaning::Key(path, _) | Meaning::Source(path, _) | Meaning::PlainSecret(path)) = &meaning else {
        return None;
    };
    let Some(text) = value.to_str() else {
        let message = format!("{path}: the value is not UTF-8 text");
        fault(Code::Variable, path, message, "set it to text, or unset it".to_owned());
        return None;
    };
    let value = match &meaning {
        Meaning::PlainSecret(path) => {
            let help = format!(
                "set {name}__FILE to the path of a file, {name}__ENV to the name of another variable, or {name}__CREDENTIAL"
            );
            fault(Code::PlainSecret, path, format!("{path} must be a reference"), help);
            return None;
        }
        Meaning::Source(path, source) => {
            let value = Value::from(text);
            return Some(Setting { path: path.child(source), replaces: path.clone(), value, origin });
        }
        Meaning::Key(_, kind) if is_verbatim(kind, text) => Some(Value::from(text)),
        Meaning::Key(..) | Meaning::None(_) => document::value(text),
    };
    let Some(value) = value else {
        let example = match &meaning {
            Meaning::Key(_, kind) => example(kind),
            _ => "",
        };
        let message = format!("{path}: the value is not TOML");
        fault(Code::Variable, path, message, format!("for example: {name}='{example}'"));
        return None;
    };
    Some(Setting { path: path.clone(), replaces: path.clone(), value, origin })
}

fn meaning(rest: &str) -> Meaning {
    let steps: Option<Vec<String>> = rest.split("__").map(lowered).collect();
    let Some(steps) = steps else {
        return Meaning::None(
            "names are VESTIBULE_ and the key path in capitals, levels joined by two underscores".to_owned(),
        );
    };
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    descend(keys::TOP, &KeyPath::default(), &steps)
}

/// Follows `steps` from a table with these keys.
fn descend(keys: &'static [Key], path: &KeyPath, steps: &[&str]) -> Meaning {
    let Some((step, rest)) = steps.split_first() else {
        return Meaning::None(format!("{path} is a table: set the keys in it, each by its own variable"));
    };
    let Some(key) = find(keys, step) else {
        let capital = |name: &str| name.to_ascii_uppercase();
        let guess = nearest(step, names(keys)).map(|near| format!("did you mean {}? ", capital(near)));
        let legal: Vec<String> = names(keys).map(capital).collect();
        return Meaning::None(format!("{}Legal there: {}", guess.unwrap_or_default(), legal.join(", ")));
    };
    let path = path.child(key.name);
    match (&key.kind, rest) {
        (Kind::TableOrList(_), []) => Meaning::Key(path, &key.kind),
        (Kind::Table(keys) | Kind::TableOrList(keys), rest) => descend(keys, &path, rest),
        (Kind::Named(keys), [name, rest @ ..]) if is_name(name) => descend(keys, &path.child(name), rest),
        (Kind::Named(_), _) => {
            Meaning::None(format!("after it comes the name of one of {path}, then the key"))
        }
        (Kind::HeaderSets, _) => Meaning::None("header sets stand in the file only".to_owned()),
        (Kind::Secret, []) => Meaning::PlainSecret(path),
        (Kind::Secret, [source]) if super::secrets::KINDS.contains(source) => {
            let source = super::secrets::KINDS.iter().find(|kind| *kind == source);
            Meaning::Source(path, source.copied().unwrap_or_default())
        }
        (Kind::Secret, _) => Meaning::None("a secret is set by __FILE, __ENV or __CREDENTIAL".to_owned()),
        (kind, []) => Meaning::Key(path, kind),
        (_, _) => Meaning::None(format!("{path} is one value: nothing comes after it")),
    }
}

/// Whether the value is a text as it stands.
fn is_verbatim(kind: &Kind, text: &str) -> bool {
    match kind {
        Kind::Text(_)
        | Kind::Duration
        | Kind::DurationOrOff
        | Kind::DurationWithin(..)
        | Kind::Size(..)
        | Kind::Path
        | Kind::Words(_)
        | Kind::WordsOr(..) => true,
        Kind::OneOrMore(_) => !text.trim_start().starts_with('['),
        _ => false,
    }
}

fn example(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "true",
        Kind::Int(..) => "100",
        Kind::Texts => "{ name = \"text\" }",
        Kind::TableOrList(_) => "[{ key = \"text\" }]",
        _ => "[\"one\", \"two\"]",
    }
}

/// A part of a name in the letters of keys; none when it has others than capitals.
fn lowered(part: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    part.bytes().all(legal).then(|| part.to_ascii_lowercase())
}
