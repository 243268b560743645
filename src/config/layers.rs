//! Layers: which source of values wins. `--set` is above the environment, that above the file, and that above the defaults.
//!
//! A higher layer replaces whole values; tables of keys are joined. Where a value came from is kept, for messages.

use std::collections::HashMap;
use std::rc::Rc;

use figment::value::{Dict, Map, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::code::Code;
use super::document::Document;
use super::fault::{Fault, Severity, plain};
use super::keypath::KeyPath;
use super::outside::Outside;
use super::{environment, set};

/// All layers as one.
pub(super) struct Layers {
    /// The values that hold.
    pub(super) values: Dict,
    /// What is wrong with layers above the file.
    pub(super) faults: Vec<Fault>,
    origins: HashMap<KeyPath, Origin>,
}

/// One value above the file.
pub(super) struct Setting {
    /// Where it goes.
    pub(super) path: KeyPath,
    /// What is not to be seen any more below it.
    pub(super) replaces: KeyPath,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Where a value above the file came from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    text: Rc<str>,
    kind: OriginKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OriginKind {
    Variable,
    Flag,
}

/// A tree of values as a layer.
struct Layer(&'static str, Dict);

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.1.clone())]))
    }
}

/// The values of all layers as one tree.
///
/// A layer of ours cannot fail to be read; if one did, the tree would be empty, which is refused. figment's own message
/// is shown to nobody, since it may hold values.
pub(super) fn merge(document: &Document, outside: &Outside) -> Layers {
    let mut faults = Vec::new();
    let variables = environment::read(outside, &mut faults);
    let flags = set::read(outside, &mut faults);
    let mut origins = HashMap::new();
    let mut file = document.values.clone();
    let mut from_variables = Dict::new();
    for setting in variables {
        remove(&mut file, &setting.replaces);
        place(&mut from_variables, setting, document, &mut origins);
    }
    let mut from_flags = Dict::new();
    for setting in flags {
        remove(&mut file, &setting.replaces);
        remove(&mut from_variables, &setting.replaces);
        place(&mut from_flags, setting, document, &mut origins);
    }
    let figment = Figment::new()
        .merge(Layer("the configuration file", file))
        .merge(Layer("the environment", from_variables))
        .merge(Layer("the command line", from_flags));
    let values = match figment.find_value("") {
        Ok(Value::Dict(_, values)) => values,
        _ => Dict::new(),
    };
    Layers { values, faults, origins }
}

/// Puts a setting into its layer, and keeps where it came from.
fn place(layer: &mut Dict, setting: Setting, document: &Document, origins: &mut HashMap<KeyPath, Origin>) {
    let Setting { path, replaces, value, origin } = setting;
    origins.retain(|known, _| !known.is_within(&replaces));
    // A table that nobody began in the file begins here.
    for around in path.around().filter(|around| !document.knows(around)) {
        origins.entry(around).or_insert_with(|| origin.clone());
    }
    origins.insert(replaces, origin.clone());
    origins.insert(path.clone(), origin);
    insert(layer, &path.keys(), value);
}

fn insert(table: &mut Dict, keys: &[&str], value: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), value);
        return;
    }
    let below = table.entry((*first).to_owned()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
    if !matches!(below, Value::Dict(..)) {
        *below = Value::Dict(Tag::Default, Dict::new());
    }
    if let Value::Dict(_, below) = below {
        insert(below, rest, value);
    }
}

fn remove(table: &mut Dict, path: &KeyPath) {
    fn from(table: &mut Dict, keys: &[&str]) {
        match keys {
            [] => {}
            [last] => drop(table.remove(*last)),
            [first, rest @ ..] => {
                if let Some(Value::Dict(_, below)) = table.get_mut(*first) {
                    from(below, rest);
                }
            }
        }
    }
    from(table, &path.keys());
}

// === impl Layers ===

impl Layers {
    /// Where the value at `path` came from; none when it came from the file, or from nowhere.
    pub(super) fn origin(&self, path: &KeyPath) -> Option<&Origin> {
        self.origins.get(path).or_else(|| path.around().find_map(|around| self.origins.get(&around)))
    }
}

// === impl Origin ===

impl Origin {
    /// A variable of the environment.
    pub(super) fn variable(name: &str) -> Self {
        Self { text: format!("environment {}", plain(name)).into(), kind: OriginKind::Variable }
    }

    /// A setting of the command line.
    pub(super) fn flag(key: &str) -> Self {
        Self { text: format!("--set {}", plain(key)).into(), kind: OriginKind::Flag }
    }

    /// What stands before a message in place of file and line.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether its values are not to be shown. Those of the command line are on it for all to see.
    pub(super) fn is_private(&self) -> bool {
        self.kind == OriginKind::Variable
    }

    /// A fault in this origin itself.
    pub(super) fn fault(&self, code: Code, path: &KeyPath, message: String, help: String) -> Fault {
        Fault {
            code,
            severity: Severity::Error,
            file: self.text.to_string(),
            line: None,
            column: None,
            key: path.to_string(),
            message,
            help,
            url: code.url(),
        }
    }
}
