//! The life of the process: what it may open, the signals that it gets, the files that it watches, and what it tells the
//! service manager.

mod debounce;
mod descriptors;
mod notify;
mod signals;
mod watch;

pub use debounce::settled;
pub use descriptors::raise_descriptor_limit;
pub use notify::Notifier;
pub use signals::{End, Hangup, Signals};
pub use watch::Watch;
