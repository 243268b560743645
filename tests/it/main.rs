//! The in-process suite: the real gateway on port 0, the embedded provider, real sockets, our own clock.
//!
//! A file per promise; names are sentences. Nothing sleeps: a test waits for an event or moves the clock.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test says what it needs by failing; helpers outside of test functions do so too"
)]

mod admin;
mod audit;
mod challenge;
mod command_line;
mod cookie_domain;
mod corpora;
mod docs;
mod drain;
mod explain;
mod faults;
mod frames;
mod h2_upstreams;
mod hosts;
mod http2;
mod layering;
mod limits;
mod lines;
mod loops;
mod presets;
mod provider;
mod providers;
mod proxy_protocol;
mod rate;
mod reference;
mod reload;
mod requests;
mod rotation;
mod routes;
mod same_site;
mod session;
mod sign_in;
mod sign_out;
mod support;
mod tls_listener;
mod tls_upstreams;
mod unix_sockets;
mod upstreams;
mod wire;
