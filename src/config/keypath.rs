//! Key paths: the name of a place in the configuration, such as `routes.wiki.allow[1]`.

use std::fmt;

use super::fault::plain;

/// The keys from the top of the configuration down to one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct KeyPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Item(usize),
}

impl KeyPath {
    /// The place called `key` below this one.
    pub(super) fn child(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// An element of the list at this place, from zero.
    pub(super) fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    /// The last key on the way.
    pub(super) fn key(&self) -> &str {
        let key = |step: &'_ Step| matches!(step, Step::Key(_));
        match self.0.iter().rfind(|step| key(step)) {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// The place around this one; the top is its own.
    pub(super) fn parent(&self) -> Self {
        let kept = self.0.len().saturating_sub(1);
        Self(self.0.iter().take(kept).cloned().collect())
    }

    /// The places around this one, the nearest first, without the top.
    pub(super) fn around(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.parent()), |path| Some(path.parent()))
            .take_while(|path| !path.is_top())
    }

    /// Whether this is `other`, or a place in it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The keys on the way, without places in lists.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Item(_) => None,
            })
            .collect()
    }

    /// Whether this is the top.
    pub(super) const fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                    if !key.is_empty() && key.bytes().all(bare) {
                        f.write_str(&plain(key))?;
                    } else {
                        write!(f, "\"{}\"", plain(key))?;
                    }
                }
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
