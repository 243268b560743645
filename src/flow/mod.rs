//! The stories: what happens to a request, to a sign-in, to a sign-out.

mod settings;

pub use settings::Settings;
