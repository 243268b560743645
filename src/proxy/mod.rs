//! Forwarding: the outgoing head, the upstream connections, streams and tunnels.

mod settings;

pub use settings::{HostHeader, RouteSettings, Target};
