//! Listening: accepting connections, serving HTTP on them, letting them go.
//!
//! [`bind`] takes the addresses, [`serve`] runs a service given from outside on them: the gateway on one set, the
//! admin answers on the other. This folder knows connections and nothing of what is asked over them.

mod bind;
mod call;
mod certificate;
mod connection;
mod frames;
mod handshake;
mod http1;
mod http2;
mod introduction;
mod malformed;
mod meters;
mod notices;
mod passed;
mod room;
mod serve;
mod settings;
mod terms;
mod tls;
mod unix;
mod watched;
mod wire;

pub use bind::{BindError, Bound, Endpoint, Entry, Listeners, bind};
pub use certificate::{Certificate, CertificateError, Expiry};
pub use malformed::Malformed;
pub use meters::{HandshakeMeters, Meters};
pub use serve::{PARTING, serve};
pub use settings::{Address, Drain, Ping, Place, Settings};
pub use terms::{Clients, Http2, InForce, Limits, PriorKnowledge, Terms};
pub use tls::{Resumption, Tls};

#[cfg(test)]
mod tests;
