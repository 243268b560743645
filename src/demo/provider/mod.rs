//! The demo's OpenID Provider: a real one, over real HTTP, for demos and tests.
//!
//! It binds loopback only and says on each page that it is not for production: it asks for no password. Everything
//! else is as the standards have it: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749 with PKCE (RFC 7636), issuer
//! identification (RFC 9207), RP-initiated logout 1.0, refresh token rotation (RFC 9700 section 4.14.2).

mod answers;
mod authorize;
mod discovery;
mod expiring;
mod faults;
mod id_token;
mod interaction;
mod jwt;
mod keys;
mod logout;
mod pages;
mod request;
mod requests;
mod session;
mod settings;
mod store;
mod token;
mod userinfo;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::header::HOST;
use http::{Method, StatusCode};
use hyper::Request;
use hyper::body::Incoming;

use super::StartError;
use super::answer::{self, Answer};
use super::form::{FormError, Params};
use super::server::{self, Handler, KeepAlive, Running};
use crate::clock::Clock;
use crate::random::Random;

pub use faults::{Fault, Faults};
pub use keys::Algorithm;
pub use requests::Requests;
pub use settings::{Client, Settings, User};

use keys::KeySet;
use requests::Endpoint;
use store::Store;

/// A running provider. Dropping it stops it.
pub struct Provider {
    core: Arc<Core>,
    addr: SocketAddr,
    _running: Running,
}

/// What every request of the provider works with.
struct Core {
    issuer: String,
    clients: RwLock<Vec<Arc<Client>>>,
    users: Vec<Arc<User>>,
    keys: RwLock<KeySet>,
    store: Mutex<Store>,
    faults: Faults,
    requests: Requests,
    clock: Clock,
    random: Random,
}

// === impl Provider ===

impl Provider {
    /// Starts a provider on 127.0.0.1 and, where present, `::1`; port 0 picks a free one.
    ///
    /// # Errors
    /// [`StartError`] when the port is busy or no signing key could be made.
    pub async fn start(
        settings: Settings,
        port: u16,
        clock: Clock,
        random: Random,
    ) -> Result<Self, StartError> {
        let listeners = server::bind_both("provider", port).await?;
        let addr = listeners
            .first()
            .and_then(|listener| listener.local_addr().ok())
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)));
        // Making an RSA key is a good moment of arithmetic: not on a thread that serves.
        let keys = tokio::task::spawn_blocking(KeySet::generate)
            .await
            .map_err(|_| StartError::Keys)?
            .map_err(|_| StartError::Keys)?;
        let core = Arc::new(Core {
            issuer: format!("http://localhost:{}", addr.port()),
            clients: RwLock::new(settings.clients.into_iter().map(Arc::new).collect()),
            users: settings.users.into_iter().map(Arc::new).collect(),
            keys: RwLock::new(keys),
            store: Mutex::new(Store::default()),
            faults: Faults::default(),
            requests: Requests::default(),
            clock: clock.clone(),
            random,
        });
        let running = server::serve(listeners, &core, &clock, KeepAlive::No);
        Ok(Self { core, addr, _running: running })
    }

    /// The issuer identifier, `http://localhost:PORT`, without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.core.issuer
    }

    /// The IPv4 address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The switches that make this provider misbehave. None is on at the start.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// How often each endpoint was asked.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.core.requests
    }

    /// Registers one more client; one with the same id is replaced.
    pub fn register(&self, client: Client) {
        let mut clients = self.core.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|known| known.id != client.id);
        clients.push(Arc::new(client));
    }

    /// Signs with new keys from now on. The former ones stay published until the next rotation.
    ///
    /// # Errors
    /// [`StartError::Keys`] when no key could be made.
    pub fn rotate_keys(&self) -> Result<(), StartError> {
        let fresh = KeySet::generate().map_err(|_| StartError::Keys)?;
        let mut keys = self.core.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.replace(fresh);
        Ok(())
    }

    /// Ends every sign-in and token of a user, as an administrator would; consents stay.
    pub fn revoke_user(&self, name: &str) {
        self.core.store().revoke_user(name);
    }
}

// === impl Core ===

impl Core {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.iter().find(|client| client.id == id).cloned()
    }

    fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users.iter().find(|user| user.name == name).cloned()
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        if !asks_for_loopback(&request) {
            return answer::text(
                StatusCode::MISDIRECTED_REQUEST,
                "the demo provider answers to localhost only",
            );
        }
        let path = request.uri().path().to_owned();
        if let Some(endpoint) = Endpoint::of_path(&path) {
            self.requests.count(endpoint);
            if let Some(instead) = self.faults.instead_of(endpoint) {
                return instead.answer().await;
            }
        }
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        let post = request.method() == Method::POST;
        if let Some(id) = path.strip_prefix("/interaction/") {
            return match (get, post) {
                (true, _) => interaction::show(&self, id, request.headers()),
                (_, true) => interaction::submit(&self, id, request).await,
                _ => answer::wrong_method("GET, POST"),
            };
        }
        match path.as_str() {
            "/" | discovery::PATH | discovery::JWKS if !get => answer::wrong_method("GET"),
            "/" => pages::home(session::of(&self, request.headers()).as_ref()),
            discovery::PATH => discovery::metadata(&self),
            discovery::JWKS => discovery::jwks(&self),
            discovery::TOKEN if !post => answer::wrong_method("POST"),
            discovery::TOKEN => token::answer(&self, request).await,
            discovery::AUTHORIZE | discovery::USERINFO | discovery::LOGOUT if !get && !post => {
                answer::wrong_method("GET, POST")
            }
            discovery::USERINFO => userinfo::answer(&self, &request),
            discovery::AUTHORIZE | discovery::LOGOUT => {
                let headers = request.headers().clone();
                let params = match self.parameters(request).await {
                    Ok(params) => params,
                    Err(error) => return error.answer(),
                };
                if path == discovery::AUTHORIZE {
                    authorize::answer(&self, &params, &headers)
                } else {
                    logout::ask(&self, &params, &headers)
                }
            }
            logout::CONFIRM if !post => answer::wrong_method("POST"),
            logout::CONFIRM => logout::confirm(&self, request).await,
            _ => pages::trouble(
                StatusCode::NOT_FOUND,
                "Nothing here",
                "The demo provider has no page at this address.",
            ),
        }
    }

    /// Parameters of an endpoint that takes GET with a query and POST with a form (Core section 3.1.2.1).
    async fn parameters(&self, request: Request<Incoming>) -> Result<Params, FormError> {
        if request.method() == Method::POST {
            Params::of_body(request, &self.clock).await
        } else {
            Params::of_query(&request)
        }
    }
}

impl Handler for Core {
    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        self.route(request).await
    }
}

/// Whether the request names this machine. A page of a stranger whose name was made to resolve to loopback (DNS
/// rebinding) sends its own name.
fn asks_for_loopback<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<http::uri::Authority>().ok())
    else {
        return false;
    };
    matches!(authority.host().to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}
