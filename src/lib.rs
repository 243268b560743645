//! Vestibule: an authenticating reverse proxy for web applications that have no sign-in of their own.

pub mod clock;
pub mod demo;
pub mod lease;
pub mod meter;
pub mod observe;
pub mod random;
pub mod secret;
