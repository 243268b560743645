//! Vestibule: an authenticating reverse proxy for web applications that have no sign-in of their own.

pub mod authz;
pub mod clock;
pub mod config;
pub mod flow;
pub mod gate;
pub mod identity;
pub mod lease;
pub mod listener;
pub mod meter;
pub mod observe;
pub mod oidc;
pub mod proxy;
pub mod random;
pub mod secret;
pub mod session;
pub mod telemetry;
pub mod web;
