//! Observation: what an in-process onlooker may see of the outgoing head.
//!
//! The demo's sample upstream shows which header names the gateway added and which it removed. That knowledge is
//! not on the wire; the demo hands `app` an [`Observer`], which is told by request id. Names only, never values.

use http::HeaderName;

/// Told about each outgoing head.
pub trait Observer: Send + Sync {
    /// The head of request `request_id` (the value of its `X-Request-Id`) was written: `added` are the names that
    /// the gateway set, `removed` the names that the client had sent and the upstream does not get.
    fn outgoing_head(&self, request_id: &str, added: &[HeaderName], removed: &[HeaderName]);
}
