//! Debounce: one change of a file is seldom one event, and a set of files changes one after the other.

use std::time::Duration;

use crate::clock::Clock;

/// How long nothing may happen until what happened counts as over.
const QUIET: Duration = Duration::from_millis(500);

/// Where it never ends, it counts as over after this.
const MOST: Duration = Duration::from_secs(5);

/// Waits until `event` was silent for half a second, for 5 seconds at most.
pub async fn settled(clock: &Clock, mut event: impl AsyncFnMut()) {
    let last = clock.instant() + MOST;
    loop {
        tokio::select! {
            biased;
            () = clock.sleep_until(last) => return,
            () = event() => {}
            () = clock.sleep(QUIET) => return,
        }
    }
}
