//! The one place of wiring: from a checked configuration to a gateway that serves.

mod around;
mod explainer;
mod metrics;
mod reload;
mod server;

use std::convert::Infallible;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use around::{Around, watches};

use crate::audit::{Event, EventName, Form, Sink, Trail};
use crate::clock::Clock;
use crate::config::{Config, Effective, Loaded};
pub use crate::flow::{Explanation, Outcome, Persona, Question};
use crate::flow::{Gateway, Generation, Logging, Providers, Shared};
use crate::gate::RouteTable;
use crate::lines::Lines;
use crate::listener::{self, BindError, Bound, Endpoint, InForce, Limits, Resumption, Terms, Tls};
pub use crate::listener::{Drain, PARTING};
use crate::observe::Observer;
use crate::oidc::{self, Provider, SetupError};
use crate::pages::Pages;
use crate::proxy::Proxy;
use crate::random::Random;
use crate::session::{Attributes, CookieNames, Key, Keyring, Lifetimes, Security, Settings};
use crate::store::OpenedCache;
use crate::telemetry::{self, AccessLog, AccessTrail, Admin, ConfigState, ConfigStatus, Format};
use crate::web::{Arrival, Scheme};
pub use explainer::Explainer;
pub use reload::Reload;
use reload::{Running, Sealing};
use server::Server;

/// What an app takes from outside.
#[derive(Clone)]
pub struct Parts {
    /// The clock.
    pub clock: Clock,
    /// The source of chance.
    pub random: Random,
    /// Where access and audit lines go.
    pub lines: Lines,
    /// An onlooker in this process, if there is one.
    pub observer: Option<Arc<dyn Observer>>,
}

/// A running gateway.
pub struct App {
    public: Vec<Endpoint>,
    admin: Vec<Endpoint>,
    probes: Admin,
    gateway: Gateway,
    format: Format,
    running: Mutex<Running>,
    terms: InForce,
    resumption: Resumption,
    status: ConfigStatus,
    trail: Trail,
    parts: Parts,
    server: Server,
    /// Ends last: somebody may ask how far the end is.
    admin_server: Option<Server>,
}

/// Whether others were told that the end comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Not yet: balancers and endpoint lists need `listen.drain_delay` to hear of it.
    Announced,
    /// Whoever waits for the end knows.
    AtOnce,
}

/// Why an app did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or cannot be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The provider's client cannot be set up.
    #[error("providers.{name}: {source}")]
    Provider {
        /// The provider's name.
        name: String,
        /// What is wrong.
        source: SetupError,
    },
    /// TLS cannot be set up.
    #[error("listen.tls: TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The audit file cannot be opened: nothing is served that would leave no trace.
    #[error("audit.sink: cannot open {path}")]
    Audit {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl App {
    /// Binds every listener and serves.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(loaded: Loaded, parts: Parts) -> Result<Self, StartError> {
        let Loaded { config, effective, hash, .. } = loaded;
        let shown = shown(&effective);
        let status = ConfigStatus::new(ConfigState::started(hash, shown, parts.clock.now()));
        let sealing = Sealing::of(&config);
        let drain = config.listen.drain;
        let running = Mutex::new(Running { started: effective.clone(), effective, sealing, drain });
        let format = line_format(&config);
        let trail = trail(&config, format, &parts)?;
        let bound = listener::bind(&config.listen)?;
        let public = bound.public.endpoints();
        let admin = bound.admin.as_ref().map(Bound::endpoints).unwrap_or_default();
        let resumption = Resumption::new().map_err(StartError::Tls)?;
        let terms = InForce::new(terms(&config.listen, &resumption, &parts.clock)?);

        let watches = watches(&trail, &parts.clock);
        let shared = Arc::new(Shared::new(parts.clock.clone(), parts.random.clone()).watching(watches));
        let generation = generation(config, &parts, &trail, format, &shared)?;
        let gateway = Gateway::new(generation, shared);

        let probes = Admin::default();
        let (public_meters, admin_meters) = (listener::Meters::default(), listener::Meters::default());
        let around = Arc::new(Around {
            gateway: gateway.clone(),
            terms: terms.clone(),
            public: public_meters.clone(),
            admin: admin_meters.clone(),
            endpoints: public.clone(),
            status: status.clone(),
            trail: trail.clone(),
            lines: parts.lines.clone(),
            started: parts.clock.now(),
        });
        let public_service = {
            let gateway = gateway.clone();
            move |arrival: Arrival, request| gateway.handle(&arrival, request)
        };
        let admin_service = {
            let probes = probes.clone();
            move |arrival: Arrival, request: http::Request<hyper::body::Incoming>| {
                let (probes, around) = (probes.clone(), Arc::clone(&around));
                async move { probes.answer(arrival.peer(), &request, &*around) }
            }
        };
        let clock = parts.clock.clone();
        let server = Server::start(bound.public, terms.clone(), public_service, clock.clone(), public_meters);
        let admin_server = bound.admin.map(|bound| {
            let terms = InForce::new(Terms::new(Limits::NEARBY));
            Server::start(bound, terms, admin_service, clock, admin_meters)
        });
        let app = Self {
            public,
            admin,
            probes,
            gateway,
            format,
            running,
            terms,
            resumption,
            status,
            trail,
            parts,
            server,
            admin_server,
        };
        app.probes.set_ready();
        let mut event = Event::new(EventName::ProcessStarted, app.parts.clock.now());
        event.detail = Some(format!("version {}", env!("CARGO_PKG_VERSION")));
        app.trail.record(&event);
        Ok(app)
    }

    /// Where requests come in, as bound.
    #[must_use]
    pub fn public(&self) -> &[Endpoint] {
        &self.public
    }

    /// Where the admin answers are, as bound. Empty when they are off.
    #[must_use]
    pub fn admin(&self) -> &[Endpoint] {
        &self.admin
    }

    /// The trail of audit events: to be flushed at the end, and asked how much was lost.
    #[must_use]
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// How the configuration stands.
    #[must_use]
    pub const fn config_status(&self) -> &ConfigStatus {
        &self.status
    }

    /// Ends in order: not ready any more, then no more connections, then what has begun, then what is left of it, and last
    /// the probes. `listen.drain_delay` and `listen.drain_timeout` say how long that may take.
    pub async fn stop(self, departure: Departure) {
        let Drain { delay, timeout } = self.running().drain;
        self.probes.set_unready();
        self.trail.record(&Event::new(EventName::ProcessStopping, self.parts.clock.now()));
        let Self { server, admin_server, gateway, parts: Parts { clock, .. }, .. } = self;
        if departure == Departure::Announced && !delay.is_zero() {
            tracing::info!(?delay, "the end was asked for: not ready any more, and requests are still taken");
            clock.sleep(delay).await;
        }
        tracing::info!(?timeout, "no more connections are taken, and what has begun is finished");
        let tunnels = async {
            clock.sleep(timeout).await;
            gateway.shared().pools.close_tunnels();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            () = server.end(timeout) => {}
            never = tunnels => match never {},
        }
        if let Some(admin) = admin_server {
            admin.end(Duration::ZERO).await;
        }
    }
}

/// Every value that holds, for people to read. Secrets are their references.
fn shown(effective: &[Effective]) -> Arc<serde_json::Value> {
    Arc::new(serde_json::to_value(effective).unwrap_or_default())
}

/// The terms on which connections are taken.
fn terms(listen: &listener::Settings, resumption: &Resumption, clock: &Clock) -> Result<Terms, StartError> {
    let tls = match listen.certificates.as_slice() {
        [] => None,
        certificates => Some(Arc::new(Tls::new(certificates, resumption, clock).map_err(StartError::Tls)?)),
    };
    Ok(Terms { limits: listen.limits, trusted_proxies: listen.trusted_proxies.clone(), tls })
}

fn line_format(config: &Config) -> Format {
    match config.log.format {
        Format::Auto if std::io::stdout().is_terminal() => Format::Text,
        Format::Auto => Format::Json,
        chosen => chosen,
    }
}

fn trail(config: &Config, format: Format, parts: &Parts) -> Result<Trail, StartError> {
    let form = match (format, config.log.access) {
        (Format::Text, AccessLog::On) => Form::Brief,
        (Format::Text, AccessLog::Off) => Form::Text,
        (Format::Json | Format::Auto, _) => Form::Json,
    };
    match &config.audit.sink {
        Sink::Stdout => Ok(Trail::new(&parts.lines, form)),
        Sink::Off => Ok(Trail::off()),
        // Whoever reads a file later is a program.
        Sink::File(path) => Lines::file(path, parts.clock.clone())
            .map(|lines| Trail::new(&lines, Form::Json))
            .map_err(|source| StartError::Audit { path: path.display().to_string(), source }),
    }
}

/// Builds all that depends on the configuration.
fn generation(
    config: Config,
    parts: &Parts,
    trail: &Trail,
    format: Format,
    shared: &Shared,
) -> Result<Generation, StartError> {
    let wanted = config.wanted();
    let names: Vec<String> = config.routes.iter().map(|route| route.route.name().to_owned()).collect();
    let meters = shared.meters.metered(
        names.iter().map(String::as_str),
        config.providers.iter().map(|provider| provider.name.as_str()),
    );
    let security = match config.public_url.scheme() {
        Scheme::Https => Security::Secure,
        Scheme::Http => Security::Plain,
    };
    let (cookies, lifetimes, keyring) = match config.session {
        Some(Settings { key, old_keys, lifetimes, cookie, same_site, cookie_domain: domain }) => {
            let attributes = Attributes { security, same_site, domain };
            (CookieNames::new(cookie, attributes), lifetimes, Keyring::new(&key, &old_keys))
        }
        None => unused_session(security, &parts.random),
    };
    let provider = |settings: oidc::Settings| {
        let name = settings.name.to_string();
        let watch = shared.watches.of(&settings.name);
        Provider::new(settings, parts.clock.clone(), &shared.known)
            .map(|provider| provider.watched_by(watch))
            .map_err(|source| StartError::Provider { name, source })
    };
    let providers = config.providers.into_iter().map(provider).collect::<Result<_, _>>()?;
    let mut routes = RouteTable::default();
    let mut upstreams = Vec::with_capacity(config.routes.len());
    for route in config.routes {
        for host in &route.hosts {
            for path in &route.paths {
                // The configuration was checked for places that are taken.
                let _ = routes.insert(host, path, &route.route);
            }
        }
        upstreams.push(route.upstream);
    }
    let count = upstreams.len();
    let proxy = Proxy::new(
        upstreams,
        config.reserved,
        cookies.clone(),
        config.public_url.clone(),
        Arc::clone(&shared.pools),
        parts.clock.clone(),
        parts.observer.clone(),
    )
    .counting_by(names.iter().map(String::as_str));
    let access = (config.log.access == AccessLog::On).then(|| AccessTrail::new(parts.lines.clone(), format));
    Ok(Generation {
        public_url: config.public_url,
        pages: Pages::new(&config.login.path),
        login: config.login,
        trusted_proxies: config.listen.trusted_proxies,
        max_head: config.listen.max_head,
        https: config.https,
        max_target: config.listen.max_target,
        providers: Providers::new(providers),
        keyring,
        lifetimes,
        cookies,
        wanted,
        routes,
        proxy,
        opened: OpenedCache::new(count),
        logging: Logging {
            audit: trail.clone(),
            access,
            query: config.log.query,
            identity: config.log.identity,
        },
        ping: match config.listen.ping {
            listener::Ping::On => crate::flow::Ping::On,
            listener::Ping::Off => crate::flow::Ping::Off,
        },
        meters,
    })
}

/// Without a provider nobody signs in, and nothing is ever sealed: a key that nobody knows stands in.
fn unused_session(security: Security, random: &Random) -> (CookieNames, Lifetimes, Keyring) {
    let lifetimes = Lifetimes { max_age: Duration::from_secs(60), idle: None };
    let cookies = CookieNames::new("vestibule".to_owned(), security);
    (cookies, lifetimes, Keyring::new(&Key::fresh(random), &[]))
}

/// Sends the program's own log to standard error.
pub fn install_log(config: &Config) {
    telemetry::install(&config.log);
}
