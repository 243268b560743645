//! Listening: accepting connections, serving HTTP on them, letting them go.
//!
//! [`bind`] takes the addresses, [`serve`] runs a service given from outside on them: the gateway on one set, the
//! admin answers on the other. This folder knows connections and nothing of what is asked over them.

mod bind;
mod serve;
mod settings;
mod unix;
mod wire;

pub use bind::{BindError, Bound, Endpoint, Listeners, bind};
pub use serve::{Limits, Meters, serve};
pub use settings::{Address, Place, Settings};

#[cfg(test)]
mod tests;
