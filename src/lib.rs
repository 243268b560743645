//! Vestibule: an authenticating reverse proxy for web applications that have no sign-in of their own.

pub mod authz;
pub mod clock;
pub mod gate;
pub mod identity;
pub mod lease;
pub mod meter;
pub mod observe;
pub mod random;
pub mod secret;
pub mod session;
pub mod web;
