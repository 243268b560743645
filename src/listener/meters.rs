//! What a listener counts.

use crate::meter::{Counter, Gauge};

/// What a listener counts. Clones count into the same words.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that are open, tunnels too.
    pub connections: Gauge,
    /// Times that accepting failed.
    pub accept_errors: Counter,
    /// Requests that the parser refused.
    pub parse_errors: Counter,
    /// Heads that did not come in full within the limit.
    pub head_timeouts: Counter,
    /// Clients that stopped taking what was written.
    pub write_stalls: Counter,
}
