//! The relying party: discovery, the code flow, ID tokens, sign-out at the provider.
//!
//! The library (`openidconnect`) writes the requests, authenticates us at the token endpoint and checks signatures;
//! `client` hides its generics. The documents that a provider sends are read by our own types, which look at what is
//! needed and no more: the library's refuse a whole sign-in over a claim or an address that nobody asked for, and they
//! leave out checks that we owe (`azp`, `at_hash`, `nbf`, `iat`, clock tolerance, several keys of one id).

pub mod callback;

mod algorithm;
mod cached;
mod claims;
mod client;
mod discovery;
mod error;
mod excerpt;
mod http;
mod jwks;
mod known;
mod mapping;
mod provider;
mod settings;
mod token;
mod userinfo;
mod verify;
mod watch;

pub use algorithm::{Algorithm, AlgorithmFault};
pub use callback::{Answer, Callback, CallbackError, Code};
pub use error::{Call, Fault, LoginError, ProviderError, SetupError};
pub use known::Known;
pub use provider::{Account, Provider, SignedIn};
pub use settings::{EmailTrust, Settings, Transport, Userinfo};
pub use watch::{Change, LastError, Seen, Standing, Watch, Watches};

#[cfg(test)]
mod tests;
