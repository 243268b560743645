//! A map whose entries end, and that never holds more than its capacity.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Timestamp;

/// Values by name, each with its end. When full, the oldest goes.
#[derive(Debug)]
pub(super) struct Expiring<V> {
    capacity: usize,
    entries: HashMap<String, Entry<V>>,
    /// Names by age.
    order: BTreeMap<u64, String>,
    next: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires: Timestamp,
    age: u64,
}

impl<V> Expiring<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    /// Adds or replaces.
    pub(super) fn insert(&mut self, key: String, value: V, expires: Timestamp) {
        self.remove(&key);
        if self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        let age = self.next;
        self.next += 1;
        self.order.insert(age, key.clone());
        self.entries.insert(key, Entry { value, expires, age });
    }

    pub(super) fn get(&self, key: &str, now: Timestamp) -> Option<&V> {
        self.entries.get(key).filter(|entry| now < entry.expires).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &str, now: Timestamp) -> Option<&mut V> {
        self.entries.get_mut(key).filter(|entry| now < entry.expires).map(|entry| &mut entry.value)
    }

    /// Takes an entry out, ended or not.
    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.age);
        Some(entry.value)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let Self { entries, order, .. } = self;
        entries.retain(|_, entry| {
            let keep = keep(&entry.value);
            if !keep {
                order.remove(&entry.age);
            }
            keep
        });
    }
}
