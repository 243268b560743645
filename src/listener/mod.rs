//! Listening: accepting connections, serving HTTP on them, letting them go.

mod settings;

pub use settings::{Address, Settings};
