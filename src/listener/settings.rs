//! The `[listen]` section, checked.

use std::net::SocketAddr;

use crate::web::TrustedProxies;

/// Where we listen and what a connection may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Plain-http addresses.
    pub http: Vec<Address>,
    /// The admin address; none when it is off.
    pub admin: Option<Address>,
    /// Whose forwarding headers count.
    pub trusted_proxies: TrustedProxies,
    /// The most connections at once; further ones wait in the kernel.
    pub max_connections: usize,
    /// The largest request head in bytes: request line and fields as sent.
    pub max_head: usize,
}

/// An address to listen on, as written and as it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As written: `127.0.0.1:4180`, `localhost:4180`, `[::]:80`.
    pub text: String,
    /// What to bind.
    pub sockets: Vec<SocketAddr>,
}
