//! Counters by words of the program: a decision and its reason, a result and its cause.
//!
//! The words are in the program's text, so no client can make one up, and how many there are is known when it is built.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts by a pair of words. The second is empty where one word says it all.
#[derive(Debug)]
pub struct Words {
    slots: Box<[Slot]>,
    /// What found no room: a defect of ours, and still a count.
    rest: AtomicU64,
}

type Pair = (&'static str, &'static str);

#[derive(Debug, Default)]
struct Slot {
    pair: OnceLock<Pair>,
    count: AtomicU64,
}

/// How many pairs there is room for: more than a route, or a provider, can have.
const ROOM: usize = 96;

impl Words {
    /// Counters that show these pairs from the start. The first are found fastest.
    #[must_use]
    pub fn new(pairs: &[Pair]) -> Self {
        let slots: Box<[Slot]> = std::iter::repeat_with(Slot::default).take(ROOM).collect();
        let words = Self { slots, rest: AtomicU64::new(0) };
        for (first, second) in pairs {
            // Takes the next slot, unless the pair has one.
            let _ = words.slot(first, second);
        }
        words
    }

    /// Counts this pair.
    pub fn count(&self, first: &'static str, second: &'static str) {
        let count = self.slot(first, second).map_or(&self.rest, |slot| &slot.count);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// The slot of this pair. They fill from the front: the first that is empty becomes its own.
    fn slot(&self, first: &'static str, second: &'static str) -> Option<&Slot> {
        let is_own = |slot: &&Slot| *slot.pair.get_or_init(|| (first, second)) == (first, second);
        self.slots.iter().find(is_own)
    }

    /// Every pair that was met or named at the start, with its count.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let met = self.slots.iter().filter_map(|slot| {
            let (first, second) = slot.pair.get()?;
            Some((*first, *second, slot.count.load(Ordering::Relaxed)))
        });
        let rest = self.rest.load(Ordering::Relaxed);
        met.chain((rest > 0).then_some(("other", "", rest)))
    }
}
