//! The relying party: discovery, the code flow, ID tokens, sign-out at the provider.

mod settings;

pub use settings::{EmailTrust, Settings, Transport, Userinfo};
