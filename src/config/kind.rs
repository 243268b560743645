//! Kinds: what a key is called, what it takes, what holds without it, and what it means.
//!
//! The table over all keys is `keys.rs`. These words are what the schema, the reference page and the environment layer
//! are made from.

use super::values::{in_seconds, in_units};

/// One key of the configuration.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// What holds when it is not written.
    pub(super) unset: Unset,
    /// One or two sentences, with units and bounds.
    meaning: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text; the word says which, for people.
    Text(&'static str),
    /// `true` or `false`.
    Bool,
    /// A whole number, from the first to the second.
    Int(u32, u32),
    /// A duration above zero.
    Duration,
    /// A duration, or `"0"` for none.
    DurationOrOff,
    /// A duration, from the first to the second in seconds.
    DurationWithin(u32, u32),
    /// A size, from the first to the second in bytes.
    Size(u64, u64),
    /// A reference to a secret.
    Secret,
    /// The path of a file.
    Path,
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these words, or a text of which the second says what it is.
    WordsOr(&'static [&'static str], &'static str),
    /// A list of such values.
    List(&'static Self),
    /// One such text, or a list of them.
    OneOrMore(&'static Self),
    /// A table of texts under names that are not ours.
    Texts,
    /// A table with these keys.
    Table(&'static [Key]),
    /// One table with these keys, or a list of them.
    TableOrList(&'static [Key]),
    /// Tables with these keys, under names that the operator chooses.
    Named(&'static [Key]),
    /// Header sets: tables of templates and secrets, under names that the operator chooses.
    HeaderSets,
}

/// What holds when a key is not written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unset {
    /// It is a fault.
    Required,
    /// It is a fault once there is something in the section of this name.
    RequiredWith(&'static str),
    /// As if this were written, in TOML.
    Is(&'static str),
    /// What these words say.
    Means(&'static str),
    /// It is a table, whose keys say this themselves.
    Section,
}

impl Key {
    /// A key as `keys!` makes one.
    pub(super) const fn new(name: &'static str, kind: Kind, unset: Unset, meaning: &'static str) -> Self {
        Self { name, kind, unset, meaning }
    }

    /// What it means, without the blank that a comment begins with.
    pub(super) fn meaning(&self) -> &'static str {
        self.meaning.trim()
    }
}

// === impl Kind ===

impl Kind {
    /// What it takes, in words, as the reference page and the schema show it.
    pub(super) fn shown(&self) -> String {
        let quoted = |words: &[&str]| words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>();
        match self {
            Self::Text(what) => (*what).to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Int(least, most) => format!("{least} to {most}"),
            Self::Duration => "duration".to_owned(),
            Self::DurationOrOff => "duration, `\"0\"`".to_owned(),
            Self::DurationWithin(least, most) => {
                format!("duration, `\"{}\"` to `\"{}\"`", in_seconds(*least), in_seconds(*most))
            }
            Self::Size(least, most) => format!("size, `{}` to `{}`", in_units(*least), in_units(*most)),
            Self::Secret => "secret".to_owned(),
            Self::Path => "file".to_owned(),
            Self::Words(words) => quoted(words).join(", "),
            Self::WordsOr(words, other) => format!("{}, {other}", quoted(words).join(", ")),
            Self::List(item) => format!("list ({})", item.shown()),
            Self::OneOrMore(item) => format!("{} or list", item.shown()),
            Self::Texts => "table of texts".to_owned(),
            Self::Table(_) => "table".to_owned(),
            Self::TableOrList(_) => "table or list of tables".to_owned(),
            Self::Named(_) | Self::HeaderSets => "named tables".to_owned(),
        }
    }
}

/// The key of this name.
pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// What the key at `path` takes: the keys from these down to it, names of the operator's among them.
pub(super) fn at<'a>(mut keys: &'static [Key], path: impl IntoIterator<Item = &'a str>) -> Option<Kind> {
    let mut steps = path.into_iter().peekable();
    loop {
        let kind = find(keys, steps.next()?)?.kind;
        keys = match kind {
            Kind::Table(below) => below,
            // Alone it is one value, as a list is.
            Kind::TableOrList(below) if steps.peek().is_some() => below,
            Kind::Named(below) => {
                steps.next();
                below
            }
            _ => return steps.next().is_none().then_some(kind),
        };
    }
}

/// Whether `text` may name a table: what a metric label, a log field and an environment path can all hold.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.contains("__")
        && !text.ends_with('_')
}

/// The names of these keys.
pub(super) fn names(keys: &'static [Key]) -> impl Iterator<Item = &'static str> + Clone {
    keys.iter().map(|key| key.name)
}

/// A list of keys. Above each stands what it means; then name, kind, and what holds without it.
macro_rules! keys {
    ($(#[$doc:meta])* $list:ident {
        $($(#[doc = $meaning:literal])+ $name:ident: $kind:expr, $unset:expr;)*
    }) => {
        $(#[$doc])*
        pub(super) const $list: &[$crate::config::kind::Key] = {
            use $crate::config::kind::{Key, Kind::*, Unset::*};
            &[$(Key::new(stringify!($name), $kind, $unset, concat!($($meaning),+)),)*]
        };
    };
}
pub(super) use keys;
