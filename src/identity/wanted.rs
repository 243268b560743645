//! Wanted: which claims the configuration has a use for.
//!
//! A session keeps only these, and with them a fingerprint of what was wanted when it was sealed. When the
//! configuration later wants more than a session holds, the session is stale: a rule must not refuse for want of a
//! group that was dropped at sign-in.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};

/// The claims that rules and header sets of the configuration ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    all_groups: bool,
    groups: BTreeSet<String>,
    claims: BTreeSet<String>,
}

/// What was wanted, as a sorted list of short hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<u32>);

/// Above this many literal groups, the set is one item of the fingerprint instead of one each.
const MAX_LISTED_GROUPS: usize = 32;

impl Wanted {
    /// Wants one group.
    pub fn group(&mut self, name: &str) {
        self.groups.insert(name.to_owned());
    }

    /// Wants every group, since a header lists them.
    pub const fn all_groups(&mut self) {
        self.all_groups = true;
    }

    /// Wants the claim at `path`.
    pub fn claim(&mut self, path: &str) {
        self.claims.insert(path.to_owned());
    }

    /// Whether any group is wanted.
    #[must_use]
    pub fn wants_groups(&self) -> bool {
        self.all_groups || !self.groups.is_empty()
    }

    /// Whether this group is wanted.
    #[must_use]
    pub fn keeps_group(&self, name: &str) -> bool {
        self.all_groups || self.groups.contains(name)
    }

    /// The paths of the wanted claims.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().map(String::as_str)
    }

    /// The fingerprint of this.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut items: Vec<u32> = self.claims.iter().map(|path| hash("claim", path)).collect();
        if self.all_groups {
            items.push(hash("groups", "*"));
        } else if self.groups.len() <= MAX_LISTED_GROUPS {
            items.extend(self.groups.iter().map(|name| hash("group", name)));
        } else {
            let all =
                self.groups.iter().fold(String::new(), |all, name| format!("{all}{}:{name}", name.len()));
            items.push(hash("groups", &all));
        }
        items.sort_unstable();
        items.dedup();
        Fingerprint(items)
    }
}

impl Fingerprint {
    /// A fingerprint as a session keeps it.
    #[must_use]
    pub const fn from_items(items: Vec<u32>) -> Self {
        Self(items)
    }

    /// Its items, for keeping.
    #[must_use]
    pub fn items(&self) -> &[u32] {
        &self.0
    }

    /// Whether what was kept under this fingerprint is enough for what `wanted` asks for.
    #[must_use]
    pub fn covers(&self, wanted: &Wanted) -> bool {
        let now = wanted.fingerprint();
        if self.0 == now.0 {
            return true;
        }
        // Somebody who kept all groups has each of them.
        let had_all = self.0.contains(&hash("groups", "*"));
        let groups: Vec<_> =
            if had_all { wanted.groups.iter().map(|name| hash("group", name)).collect() } else { vec![] };
        now.0.iter().all(|item| self.0.contains(item) || groups.contains(item))
    }
}

fn hash(kind: &str, text: &str) -> u32 {
    let digest = digest(&SHA256, format!("{kind}\0{text}").as_bytes());
    digest.as_ref().iter().take(4).fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}
