//! Vestibule: an authenticating reverse proxy for web applications that have no sign-in of their own.
//!
//! One crate, in blocks. A lower block may use upper ones only; `tests/it/layering.rs` holds the source against this
//! table, and `ARCHITECTURE.md` tells the reasons and walks one request through it.

// base: words, and the three ambient inputs (time, chance, the environment as an argument)
pub mod clock;
pub mod lease;
pub mod lines;
pub mod manual;
pub mod meter;
pub mod observe;
pub mod random;
pub mod roots;
pub mod secret;
pub mod socket;
pub mod transport;
pub mod web;

// core: pure decisions; no I/O, no async, `now` is an argument
pub mod authz;
pub mod gate;
pub mod identity;
pub mod session;

// adapters: talk to the world, know the core, never each other
pub mod audit;
pub mod oidc;
pub mod pages;
pub mod proxy;
pub mod store;
pub mod telemetry;

// flow: the stories; the only place where adapters meet
pub mod flow;

// shell
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod lifecycle;
pub mod listener;
