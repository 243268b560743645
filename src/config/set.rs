//! The layer of the command line: `--set KEY=TOML`, above all others.

use figment::value::{Dict, Value};

use super::code::Code;
use super::document;
use super::fault::{Fault, plain};
use super::keypath::KeyPath;
use super::keys;
use super::kind::{Key, Kind, at, find};
use super::layers::{Origin, Setting};
use super::outside::Outside;

/// What the keys below a table are.
enum Below {
    Keys(&'static [Key]),
    /// Names that the operator chose, each a table.
    Names(&'static [Key]),
    /// Header sets, then headers.
    Sets,
    Headers,
}

/// The settings of the command line. What is wrong with one goes to `faults`.
pub(super) fn read(outside: &Outside, faults: &mut Vec<Fault>) -> Vec<Setting> {
    let mut found = Vec::new();
    for text in outside.settings() {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let origin = Origin::flag(key.trim());
        // One line, so that it cannot hold more than one key.
        let table = document::table(text).filter(|_| !text.contains('\n'));
        match table {
            Some(table) if !table.is_empty() => {
                leaves(&Below::Keys(keys::TOP), &KeyPath::default(), table, &origin, &mut found);
            }
            _ => faults.push(origin.fault(
                Code::Set,
                &KeyPath::default(),
                "this is not KEY=TOML".to_owned(),
                remedy(key.trim(), value.trim()),
            )),
        }
    }
    found
}

/// The settings in a table: each value below the tables that we know.
fn leaves(below: &Below, path: &KeyPath, table: Dict, origin: &Origin, into: &mut Vec<Setting>) {
    for (key, value) in table {
        let path = path.child(&key);
        let deeper = match below {
            Below::Keys(keys) => find(keys, &key).and_then(|key| match key.kind {
                Kind::Table(keys) | Kind::TableOrList(keys) => Some(Below::Keys(keys)),
                Kind::Named(keys) => Some(Below::Names(keys)),
                Kind::HeaderSets => Some(Below::Sets),
                _ => None,
            }),
            Below::Names(keys) => Some(Below::Keys(keys)),
            Below::Sets => Some(Below::Headers),
            Below::Headers => None,
        };
        match (deeper, value) {
            (Some(deeper), Value::Dict(_, table)) if !table.is_empty() => {
                leaves(&deeper, &path, table, origin, into);
            }
            (_, value) => {
                into.push(Setting { path: path.clone(), replaces: path, value, origin: origin.clone() });
            }
        }
    }
}

/// What to write instead. A word without quotes is the usual slip; of a secret nothing is repeated.
fn remedy(key: &str, value: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:*".contains(&byte);
    let is_word = !value.is_empty() && value.len() <= 64 && value.bytes().all(harmless);
    if is_word && is_text(key) {
        return format!(
            "texts stand in quotes, and the shell takes one pair away: --set '{}=\"{value}\"'",
            plain(key)
        );
    }
    "for example: --set 'log.level=\"debug\"', --set 'listen.http=[\"127.0.0.1:4180\"]', --set threads=2"
        .to_owned()
}

/// Whether the key at this path takes a text.
fn is_text(key: &str) -> bool {
    !matches!(
        at(keys::TOP, key.split('.')),
        None | Some(
            Kind::Secret | Kind::Bool | Kind::Int(..) | Kind::List(_) | Kind::Texts | Kind::HeaderSets
        )
    )
}
