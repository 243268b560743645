//! Chance: the only source of ids, nonces and keys.
//!
//! In production it is the operating system's generator, asked directly: a library's own generator takes some 30 ms to seed
//! itself, which the first request would wait for. A test may seed it, so that a run can be
//! repeated; [`Random::seeded`] is not reachable from any configuration.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// A source of random bytes. Cheap to clone.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded { seed: u64, counter: Arc<AtomicU64> },
}

impl Random {
    /// The operating system's generator.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A repeatable sequence, for tests only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { seed, counter: Arc::default() })
    }

    /// Fills `out` with random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing that this program does is safe then, and there
    /// is no answer to fall back to.
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            #[expect(clippy::expect_used, reason = "no safe way to go on without randomness, see # Panics")]
            Source::System => ask(out).expect("the operating system gave no random bytes"),
            Source::Seeded { seed, counter } => {
                for chunk in out.chunks_mut(32) {
                    let mut block = [0; 16];
                    let count = counter.fetch_add(1, Ordering::Relaxed);
                    for (to, from) in
                        block.iter_mut().zip(seed.to_be_bytes().into_iter().chain(count.to_be_bytes()))
                    {
                        *to = from;
                    }
                    for (to, from) in chunk.iter_mut().zip(digest(&SHA256, &block).as_ref()) {
                        *to = *from;
                    }
                }
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// `N` random bytes as unpadded base64url text.
    #[must_use]
    pub fn text<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }
}

/// Asks the kernel. The system call itself, so that a static binary in an empty container needs no `/dev`.
fn ask(out: &mut [u8]) -> rustix::io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Random bytes for ids that need not be secret, drawn many at a time: one request's id costs a copy, not a call.
#[derive(Debug)]
pub struct Ids {
    random: Random,
    drawn: Mutex<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    bytes: [u8; 12 * 64],
    used: usize,
}

impl Ids {
    /// Ids from this source.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let drawn = Drawn { bytes: [0; 12 * 64], used: 12 * 64 };
        Self { random, drawn: Mutex::new(drawn) }
    }

    /// The next 12 bytes.
    #[must_use]
    pub fn next(&self) -> [u8; 12] {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.used == drawn.bytes.len() {
            self.random.fill(&mut drawn.bytes);
            drawn.used = 0;
        }
        let from = drawn.used;
        drawn.used += 12;
        // The place is inside: it moves in steps of 12 through a multiple of 12.
        let next = drawn.bytes.get(from..from + 12).and_then(|bytes| bytes.try_into().ok());
        next.unwrap_or_else(|| self.random.bytes())
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Random(system)",
            Source::Seeded { .. } => "Random(seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ids, Random};

    #[test]
    fn chance_fills_every_byte_and_never_repeats_and_a_seed_repeats_itself() {
        let random = Random::system();
        let mut large = [0_u8; 4096];
        random.fill(&mut large);
        // 64 bytes of zero in a row would be a part that was not filled.
        assert!(large.chunks(64).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
        assert_ne!(random.bytes::<16>(), random.bytes::<16>());
        assert_eq!(Random::seeded(1).bytes::<40>(), Random::seeded(1).bytes::<40>());
        let ids = Ids::new(random);
        let drawn: std::collections::HashSet<_> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
