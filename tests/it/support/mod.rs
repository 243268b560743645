//! The stage of a test: provider, upstream, gateway, browser, each real and each on its own port.

pub mod browser;
pub mod message;
pub mod stage;
pub mod upstream;

pub use browser::Browser;
pub use message::{Answer, exchange};
pub use stage::Stage;
pub use upstream::Upstream;
