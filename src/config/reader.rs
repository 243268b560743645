//! Reader: the values of the configuration with their names, so that whoever checks one can say what is wrong with it.
//!
//! Checking goes on after a fault: the operator hears about all of them at once. So readers give an [`Option`], and
//! whatever stands in for an absent value is never used, since [`Context::finish`] refuses the whole.

use figment::value::{Dict, Value};

use super::code::Code;
use super::context::Context;
use super::fault::{Severity, quote};
use super::keypath::KeyPath;
use super::keys;
use super::kind::{Key, Kind, at, find, is_name, names};
use super::layers::Origin;
use super::nearest::{homes, nearest};

/// A table whose keys are known.
#[derive(Clone)]
pub(super) struct Section<'a> {
    context: &'a Context<'a>,
    path: KeyPath,
    values: Values<'a>,
}

/// What a section holds.
#[derive(Clone, Copy)]
enum Values<'a> {
    Table(&'a Dict),
    Absent,
    /// Not a table, which was reported; what is missing in it would be no news.
    Broken,
}

/// One value and its place.
#[derive(Clone)]
pub(super) struct Field<'a> {
    context: &'a Context<'a>,
    path: KeyPath,
    value: &'a Value,
}

// === impl Section ===

impl<'a> Section<'a> {
    /// The top of the configuration.
    pub(super) fn top(context: &'a Context<'a>, values: &'a Dict, legal: &'static [Key]) -> Self {
        let section = Self { context, path: KeyPath::default(), values: Values::Table(values) };
        section.refuse_unknown(legal);
        section
    }

    /// The section called `key`, whose keys are `legal`. An absent one has no values.
    pub(super) fn section(&self, key: &str, legal: &'static [Key]) -> Self {
        self.field(key).map_or_else(
            || Self { context: self.context, path: self.path.child(key), values: Values::Absent },
            |field| field.section(legal),
        )
    }

    /// The value of `key`.
    pub(super) fn field(&self, key: &str) -> Option<Field<'a>> {
        let value = self.values.table()?.get(key)?;
        Some(Field { context: self.context, path: self.path.child(key), value })
    }

    /// The value of `key` as `read` reads it, or `default`.
    pub(super) fn read<T>(&self, key: &str, default: T, read: impl FnOnce(&Field<'a>) -> Option<T>) -> T {
        self.field(key).and_then(|field| read(&field)).unwrap_or(default)
    }

    /// The value of `key`; its absence is a fault.
    pub(super) fn required(&self, key: &str, help: impl Into<String>) -> Option<Field<'a>> {
        let field = self.field(key);
        if field.is_none() {
            self.missing(key, Code::Missing, format!("{} is missing", self.path.child(key)), help);
        }
        field
    }

    /// Reports that `key` is absent, at the table that should hold it.
    pub(super) fn missing(&self, key: &str, code: Code, message: impl Into<String>, help: impl Into<String>) {
        if matches!(self.values, Values::Broken) {
            return;
        }
        let path = self.path.child(key);
        let position = self.context.document.value_position(&path);
        self.context.report(Severity::Error, code, (&path, position), (message.into(), help.into()));
    }

    /// Reports a fault in the section as a whole, where it begins.
    pub(super) fn fault(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let position = self.context.document.value_position(&self.path);
        self.context.report(Severity::Error, code, (&self.path, position), (message.into(), help.into()));
    }

    /// The tables below `key` by their names, in the order of the file. `form` shows how one is begun, `legal` are the
    /// keys of one: found outside of any, they are reported once.
    pub(super) fn named(&self, key: &str, form: &str, legal: &'static [Key]) -> Vec<(&'a str, Field<'a>)> {
        let Some(field) = self.field(key) else { return Vec::new() };
        let Value::Dict(_, values) = field.value else {
            field.wrong_type("a group of named tables", form);
            return Vec::new();
        };
        let is_loose = |(name, value): &(&String, &Value)| {
            !matches!(value, Value::Dict(..)) && (find(legal, name).is_some() || !is_name(name))
        };
        let loose = values.iter().filter(is_loose).map(|(name, value)| Field {
            context: self.context,
            path: field.path.child(name),
            value,
        });
        let loose = loose.min_by_key(|loose| self.context.order(&loose.path));
        if let Some(first) = &loose {
            first.key_fault(
                Code::Type,
                format!("{} stands outside of a named table", first.path),
                format!("begin one above it, with a name of your own: {form}"),
            );
        }
        let mut found = Vec::new();
        for (name, value) in values {
            // A secret or a map is a table as well, and belongs to the same slip.
            let is_part = find(legal, name).is_some() && loose.is_some();
            if is_part || is_loose(&(name, value)) {
                continue;
            }
            let own = Field { context: self.context, path: field.path.child(name), value };
            if !is_name(name) {
                own.key_fault(
                    Code::Name,
                    format!("{} is no name", quote(name)),
                    "names are up to 64 of a-z, 0-9 and _, begin with a letter, and do not end in _ or hold __",
                );
            }
            found.push((name.as_str(), own));
        }
        found.sort_by_key(|(_, field)| self.context.order(&field.path));
        found
    }

    /// The path of this section.
    pub(super) const fn path(&self) -> &KeyPath {
        &self.path
    }

    fn refuse_unknown(&self, legal: &'static [Key]) {
        for (key, value) in self.values.table().into_iter().flatten() {
            if find(legal, key).is_some() {
                continue;
            }
            let field = Field { context: self.context, path: self.path.child(key), value };
            // A key after a table belongs to that table, which TOML's users forget.
            let homes = homes(keys::TOP, key);
            let guess = match nearest(key, names(legal)) {
                Some(near) => format!("did you mean {near}? "),
                None if homes.is_empty() => String::new(),
                None => format!("that is a key of {}. ", homes.join(", or of ")),
            };
            field.key_fault(
                Code::UnknownKey,
                format!("{} is not a key", field.path),
                format!("{guess}Legal here: {}", names(legal).collect::<Vec<_>>().join(", ")),
            );
        }
    }
}

impl<'a> Values<'a> {
    const fn table(self) -> Option<&'a Dict> {
        match self {
            Self::Table(values) => Some(values),
            Self::Absent | Self::Broken => None,
        }
    }
}

// === impl Field ===

impl<'a> Field<'a> {
    /// The value.
    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// Where it is.
    pub(super) const fn path(&self) -> &KeyPath {
        &self.path
    }

    /// What the table of keys says that it takes; none for what is inside of a value.
    pub(super) fn kind(&self) -> Option<Kind> {
        at(keys::TOP, self.path.keys())
    }

    /// Whether nothing of the value may be shown, since it came from the environment.
    pub(super) fn is_private(&self) -> bool {
        self.context.layers.origin(&self.path).is_some_and(Origin::is_private)
    }

    /// What all readers share.
    pub(super) const fn context(&self) -> &'a Context<'a> {
        self.context
    }

    /// The value as a section whose keys are `legal`.
    pub(super) fn section(&self, legal: &'static [Key]) -> Section<'a> {
        let values = match self.value {
            Value::Dict(_, values) => Values::Table(values),
            _ => {
                self.wrong_type("a table", &format!("[{}]", self.path));
                Values::Broken
            }
        };
        let section = Section { context: self.context, path: self.path.clone(), values };
        section.refuse_unknown(legal);
        section
    }

    /// A value in it, if it is a table that has one of that name. Whether such a name is legal is asked elsewhere.
    pub(super) fn member(&self, key: &str) -> Option<Self> {
        let Value::Dict(_, values) = self.value else { return None };
        Some(Self { context: self.context, path: self.path.child(key), value: values.get(key)? })
    }

    /// The entries of a map, whose keys are free.
    pub(super) fn entries(&self, example: &str) -> Vec<(&'a str, Field<'a>)> {
        match self.value {
            Value::Dict(_, values) => values
                .iter()
                .map(|(key, value)| {
                    (key.as_str(), Field { context: self.context, path: self.path.child(key), value })
                })
                .collect(),
            _ => {
                self.wrong_type("a table", example);
                Vec::new()
            }
        }
    }

    /// The elements of a list.
    pub(super) fn items(&self, example: &str) -> Vec<Field<'a>> {
        match self.value {
            Value::Array(_, values) => self.elements(values),
            _ => {
                self.wrong_type("a list", example);
                Vec::new()
            }
        }
    }

    /// The elements of a list, or the value itself when it is a text.
    pub(super) fn one_or_more(&self, example: &str) -> Vec<Field<'a>> {
        match self.value {
            Value::Array(_, values) => self.elements(values),
            Value::String(..) => vec![self.clone()],
            _ => {
                self.wrong_type("a text or a list of texts", example);
                Vec::new()
            }
        }
    }

    /// Whether the value is a list without elements.
    pub(super) const fn is_empty_list(&self) -> bool {
        matches!(self.value, Value::Array(_, values) if values.is_empty())
    }

    /// Whether the value is a table without entries.
    pub(super) fn is_empty_table(&self) -> bool {
        matches!(self.value, Value::Dict(_, values) if values.is_empty())
    }

    /// The value as text of any kind, also an empty one.
    pub(super) fn text(&self, what: &str, example: &str) -> Option<&'a str> {
        match self.value {
            Value::String(_, text) => Some(text),
            _ => {
                self.wrong_type(what, example);
                None
            }
        }
    }

    /// Reports a fault in the value.
    pub(super) fn fault(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let position = self.context.document.value_position(&self.path);
        let texts = (message.into(), help.into());
        self.context.report(Severity::Error, code, (&self.path, position), texts);
    }

    /// Reports a fault in the key.
    pub(super) fn key_fault(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let position = self.context.document.key_position(&self.path);
        let texts = (message.into(), help.into());
        self.context.report(Severity::Error, code, (&self.path, position), texts);
    }

    /// Reports something doubtful in the value.
    pub(super) fn warning(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let position = self.context.document.key_position(&self.path);
        let texts = (message.into(), help.into());
        self.context.report(Severity::Warning, code, (&self.path, position), texts);
    }

    /// Reports that the value is no `what`.
    pub(super) fn wrong_type(&self, what: &str, example: &str) {
        let found = match self.value {
            Value::String(..) | Value::Char(..) => "a text",
            Value::Bool(..) => "true or false",
            Value::Num(_, number) => match number.to_f64() {
                Some(_) => "a number with a fraction",
                None => "a number",
            },
            Value::Empty(..) => "a date",
            Value::Dict(..) => "a table",
            Value::Array(..) => "a list",
        };
        let message = format!("{} must be {what}, not {found}", self.path);
        self.fault(Code::Type, message, format!("for example: {example}"));
    }

    fn elements(&self, values: &'a [Value]) -> Vec<Self> {
        let element = |(at, value)| Self { context: self.context, path: self.path.item(at), value };
        values.iter().enumerate().map(element).collect()
    }
}
