//! The one place of wiring: from a checked configuration to a gateway that serves.

mod around;
mod metrics;
mod reload;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use around::{Around, watches};

use crate::audit::{Event, EventName, Form, Sink, Trail};
use crate::clock::Clock;
use crate::config::{Config, Effective, Loaded};
use crate::flow::{self, Gateway, Generation, Logging, Providers, Shared};
pub use crate::flow::{Explanation, Outcome, Persona, Question};
use crate::gate::RouteTable;
use crate::lines::Lines;
use crate::listener::{self, BindError, Bound, Endpoint, InForce, Limits, Resumption, Terms, Tls};
use crate::observe::Observer;
use crate::oidc::{self, Provider, SetupError};
use crate::pages::Pages;
use crate::proxy::Proxy;
use crate::random::Random;
use crate::session::{Attributes, CookieNames, Key, Keyring, Lifetimes, Security, Settings};
use crate::store::OpenedCache;
use crate::telemetry::{self, AccessLog, AccessTrail, Admin, ConfigState, ConfigStatus, Format};
use crate::web::{Arrival, Scheme};
pub use reload::Reload;
use reload::{Running, Sealing};

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
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Says what becomes of requests under a configuration.
pub struct Explainer {
    generation: Arc<Generation>,
    shared: Shared,
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
        let running = Mutex::new(Running { started: effective.clone(), effective, sealing });
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

        let (stop, stopped) = watch::channel(false);
        let probes = Admin::default();
        let (public_meters, admin_meters) = (listener::Meters::default(), listener::Meters::default());
        let around = Arc::new(Around {
            gateway: gateway.clone(),
            public: public_meters.clone(),
            admin: admin_meters.clone(),
            endpoints: public.clone(),
            terms: terms.clone(),
            status: status.clone(),
            trail: trail.clone(),
            lines: parts.lines.clone(),
            started: parts.clock.now(),
        });
        let mut app = Self {
            public,
            admin,
            probes: probes.clone(),
            gateway: gateway.clone(),
            format,
            running,
            terms: terms.clone(),
            resumption,
            status,
            trail,
            parts,
            stop,
            tasks: Vec::new(),
        };
        let public_service = move |arrival: Arrival, request| {
            let gateway = gateway.clone();
            async move { gateway.handle(arrival, request).await }
        };
        app.serve(bound.public, terms, public_service, public_meters, stopped.clone());
        if let Some(admin) = bound.admin {
            let admin_service = move |arrival: Arrival, request: http::Request<hyper::body::Incoming>| {
                let (probes, around) = (probes.clone(), Arc::clone(&around));
                async move { probes.answer(arrival.peer(), &request, &*around) }
            };
            // Probes and a scraper or two: more means that something is wrong.
            let terms = InForce::new(Terms::new(Limits::new(64)));
            app.serve(admin, terms, admin_service, admin_meters, stopped);
        }
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

    /// Stops accepting, lets requests under way finish within the listener's limit, and returns.
    pub async fn stop(self) {
        self.probes.set_unready();
        self.trail.record(&Event::new(EventName::ProcessStopping, self.parts.clock.now()));
        self.stop.send_replace(true);
        for task in self.tasks {
            // A task that panicked has nothing left to finish.
            let _ = task.await;
        }
    }

    fn serve<S, F, B>(
        &mut self,
        bound: Bound,
        terms: InForce,
        service: S,
        meters: listener::Meters,
        mut stopped: watch::Receiver<bool>,
    ) where
        S: Fn(Arrival, http::Request<hyper::body::Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = http::Response<B>> + Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let shutdown = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let clock = self.parts.clock.clone();
        self.tasks.push(tokio::spawn(listener::serve(bound, service, terms, clock, meters, shutdown)));
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

impl Explainer {
    /// What a start would build of `config`, without listening or asking anybody.
    ///
    /// # Errors
    /// [`StartError::Provider`], as a start would give it.
    pub fn new(config: Config) -> Result<Self, StartError> {
        let parts =
            Parts { clock: Clock::system(), random: Random::system(), lines: Lines::kept(), observer: None };
        let shared = Shared::new(parts.clock.clone(), parts.random.clone());
        let mut generation = generation(config, &parts, &Trail::off(), Format::Json, &shared)?;
        generation.logging.access = None;
        Ok(Self { generation: Arc::new(generation), shared })
    }

    /// Says what becomes of a request, and why.
    #[must_use]
    pub fn explain(&self, question: Question) -> Explanation {
        flow::explain(&self.generation, &self.shared, question)
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
            listener::Ping::On => flow::Ping::On,
            listener::Ping::Off => flow::Ping::Off,
        },
        meters,
    })
}

/// Without a provider nobody signs in, and nothing is ever sealed: a key that nobody knows stands in.
fn unused_session(security: Security, random: &Random) -> (CookieNames, Lifetimes, Keyring) {
    let lifetimes = Lifetimes { max_age: std::time::Duration::from_secs(60), idle: None };
    let cookies = CookieNames::new("vestibule".to_owned(), security);
    (cookies, lifetimes, Keyring::new(&Key::fresh(random), &[]))
}

/// Sends the program's own log to standard error.
pub fn install_log(config: &Config) {
    telemetry::install(&config.log);
}
