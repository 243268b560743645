//! The stage of a test: provider, upstream, gateway, browser, each real and each on its own port.

pub(crate) mod browser;
pub(crate) mod frames;
pub(crate) mod hpack;
pub(crate) mod log;
pub(crate) mod message;
pub(crate) mod place;
pub(crate) mod stage;
pub(crate) mod tls;
pub(crate) mod tls_client;
pub(crate) mod upstream;
pub(crate) mod vectors;

pub(crate) use browser::Browser;
pub(crate) use message::{Answer, exchange};
pub(crate) use stage::Stage;
pub(crate) use upstream::Upstream;
