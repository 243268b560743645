//! The demo: an OpenID Provider, a sample upstream and the configuration that joins them to a gateway.
//!
//! This folder offers servers and a TOML text; whoever runs the demo parses that text like any file and starts the
//! gateway beside it. It imports base modules only: the provider shares no code with the relying party, because a
//! shared mistake would pass its own test.

mod answer;
mod config;
mod form;
mod html;
pub mod provider;
mod server;
pub mod upstream;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::observe::Observer;
use crate::random::Random;
use crate::secret::Secret;

pub use config::config_text;
use provider::{Algorithm, Client, Provider, Settings, User};
use upstream::{HeadLog, Upstream};

/// The four ports of a demo, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The gateway: the address to open.
    pub gateway: u16,
    /// The gateway's admin listener.
    pub admin: u16,
    /// The sample upstream.
    pub upstream: u16,
    /// The OpenID Provider.
    pub provider: u16,
}

/// A running demo, but for the gateway. Dropping it stops both servers.
pub struct Demo {
    ports: Ports,
    session_key: Secret<String>,
    client_secret: Secret<String>,
    heads: Arc<HeadLog>,
    provider: Provider,
    _upstream: Upstream,
}

/// Why a server of the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or cannot be used.
    #[error("the {what} cannot listen on {address}")]
    Bind {
        /// Which server: `provider` or `sample upstream`.
        what: &'static str,
        /// The address that was tried.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The cryptographic library made no key.
    #[error("the demo's provider could not make its signing keys")]
    Keys,
}

// === impl Ports ===

impl Ports {
    /// The first port of a demo that is not told otherwise.
    pub const FIRST: u16 = 4180;

    /// Four ports in a row: gateway, admin, upstream, provider. None if they would run past the last port.
    #[must_use]
    pub fn starting_at(first: u16) -> Option<Self> {
        Some(Self {
            gateway: first,
            admin: first.checked_add(1)?,
            upstream: first.checked_add(2)?,
            provider: first.checked_add(3)?,
        })
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            gateway: Self::FIRST,
            admin: Self::FIRST + 1,
            upstream: Self::FIRST + 2,
            provider: Self::FIRST + 3,
        }
    }
}

// === impl Demo ===

impl Demo {
    /// Starts the sample upstream on 127.0.0.1 and the provider on 127.0.0.1 and, where present, `::1`.
    ///
    /// # Errors
    /// [`StartError`] when a port is busy, naming it, or when no signing key could be made.
    pub async fn start(ports: Ports, clock: Clock, random: Random) -> Result<Self, StartError> {
        let heads = Arc::new(HeadLog::default());
        let upstream = Upstream::start(ports.upstream, clock.clone(), Arc::clone(&heads)).await?;
        let session_key = Secret::new(random.text::<32>());
        let client_secret = random.text::<32>();
        let gateway = config::gateway_url(ports);
        let client = Client {
            id: config::CLIENT_ID.to_owned(),
            title: "The Vestibule demo".to_owned(),
            secret: Some(Secret::new(client_secret.clone())),
            redirect_uris: vec![format!("{gateway}/oauth2/callback")],
            post_logout_redirect_uris: vec![format!("{gateway}/oauth2/signed_out")],
            id_token_alg: Algorithm::Rs256,
        };
        let settings = Settings { clients: vec![client], users: User::demo() };
        let provider = Provider::start(settings, ports.provider, clock, random).await?;
        Ok(Self {
            ports: Ports { upstream: upstream.addr().port(), provider: provider.addr().port(), ..ports },
            session_key,
            client_secret: Secret::new(client_secret),
            heads,
            provider,
            _upstream: upstream,
        })
    }

    /// The gateway's configuration: an ordinary one, in TOML.
    #[must_use]
    pub fn config_text(&self) -> String {
        config_text(self.ports)
    }

    /// What the configuration reads from its environment: name and value of the session key (43 characters of
    /// unpadded base64url) and of the client secret.
    #[must_use]
    pub fn environment(&self) -> [(String, String); 2] {
        [
            (config::SESSION_KEY.to_owned(), self.session_key.expose().clone()),
            (config::CLIENT_SECRET.to_owned(), self.client_secret.expose().clone()),
        ]
    }

    /// The onlooker that tells the sample upstream which header names the gateway added and removed. It must be
    /// told before the head goes out.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::<HeadLog>::clone(&self.heads)
    }

    /// The provider, for its address and its fault switches.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// What a person sees first in the terminal.
    #[must_use]
    pub fn banner(&self) -> String {
        config::banner(self.ports)
    }
}
