//! A gateway on port 0 in front of an upstream, with the embedded provider and a clock that the test moves.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinHandle;
use vestibule::app::{App, Departure, Parts, Reload};
use vestibule::clock::{Clock, ManualClock, Timestamp};
use vestibule::config::{self, Faults, Loaded, Outside};
use vestibule::demo::provider::{Algorithm, Client, Fault, Provider, Settings, User};
use vestibule::lines::Lines;
use vestibule::listener::{Endpoint, Entry};
use vestibule::random::Random;
use vestibule::secret::Secret;

use super::{Browser, Upstream, exchange};

/// Everything that one test needs. Each part can be reached.
pub(crate) struct Stage {
    /// The provider.
    pub(crate) provider: Provider,
    /// The second provider, if the plan has one.
    pub(crate) second: Option<Provider>,
    /// The upstream.
    pub(crate) upstream: Upstream,
    /// Where the gateway listens for plain http.
    pub(crate) gateway: SocketAddr,
    /// Where it listens for TLS, if the plan has it.
    pub(crate) https: Option<SocketAddr>,
    /// Where its admin listener is.
    pub(crate) admin: SocketAddr,
    /// Access and audit lines, as JSON.
    pub(crate) lines: Lines,
    /// The configuration that it runs.
    pub(crate) config: String,
    app: Option<App>,
    pub(crate) clock: Clock,
    hand: ManualClock,
}

/// What a test changes about the usual stage.
pub(crate) struct Plan {
    /// The host that people type.
    pub(crate) host: &'static str,
    /// Lines of TOML that stand before the first table.
    pub(crate) top: String,
    /// Further lines of the `[session]` table.
    pub(crate) session: String,
    /// Lines of the `[login]` table.
    pub(crate) login: String,
    /// Further lines of the provider's table.
    pub(crate) provider: String,
    /// Further lines of the table of a second provider, `[providers.partner]`; there is none unless they are given.
    pub(crate) second: Option<String>,
    /// Further entries of `listen.http`.
    pub(crate) sockets: Vec<String>,
    /// Further lines of the `[listen]` table.
    pub(crate) listen: String,
    /// The value of `listen.tls`; then `public_url` is https, at an address for TLS.
    pub(crate) tls: Option<String>,
    /// The routes, with `UPSTREAM` for the upstream's address.
    pub(crate) routes: String,
    /// Who can sign in.
    pub(crate) users: Vec<User>,
    /// How the provider signs ID tokens.
    pub(crate) algorithm: Algorithm,
    /// What the provider does wrong.
    pub(crate) faults: Vec<Fault>,
    /// Whose time it is.
    pub(crate) time: Time,
}

/// Whose time it is.
pub(crate) enum Time {
    /// It stands still until the test moves it.
    Manual,
    /// The machine's; lines then go to standard output. For benchmarks, which must pay what both cost.
    Real,
}

/// The session key of every test.
pub(crate) const SESSION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The client secret of every test. It has characters that need encoding in Basic credentials.
pub(crate) const CLIENT_SECRET: &str = "s3cr:et/+ %&=";

/// When every test begins: 2027-01-15.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

const ROUTES: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["signed-in"]

[routes.admin]
upstream = "UPSTREAM"
path = "/admin"
allow = ["group:ops"]

[routes.public]
upstream = "UPSTREAM"
path = "/public"
allow = ["everyone"]
"#;

impl Default for Plan {
    fn default() -> Self {
        Self {
            host: "127.0.0.1",
            top: String::new(),
            session: String::new(),
            login: String::new(),
            provider: String::new(),
            second: None,
            sockets: Vec::new(),
            listen: String::new(),
            tls: None,
            routes: ROUTES.to_owned(),
            users: User::demo(),
            algorithm: Algorithm::Rs256,
            faults: Vec::new(),
            time: Time::Manual,
        }
    }
}

impl Stage {
    /// The usual stage: `/` for whoever signs in, `/admin` for ops, `/public` for everyone, an upstream that echoes.
    pub(crate) async fn usual() -> Self {
        Self::with(Plan::default()).await
    }

    /// A stage with other plans.
    pub(crate) async fn with(plan: Plan) -> Self {
        Self::before(Upstream::echo().await, plan).await
    }

    /// A stage before an upstream.
    pub(crate) async fn before(upstream: Upstream, plan: Plan) -> Self {
        let (manual, hand) = Clock::manual(START);
        let (clock, lines, random) = match plan.time {
            Time::Manual => (manual, Lines::kept(), Random::seeded(1)),
            Time::Real => (Clock::system(), Lines::stdout().expect("a thread"), Random::system()),
        };
        let settings = Settings { clients: Vec::new(), users: plan.users.clone() };
        let provider = Provider::start(settings, 0, clock.clone(), random.clone()).await.expect("a provider");
        let mut second = None;
        if plan.second.is_some() {
            let settings = Settings { clients: Vec::new(), users: plan.users };
            let started = Provider::start(settings, 0, clock.clone(), Random::seeded(3)).await;
            second = Some(started.expect("a second provider"));
        }
        let port = free_port();
        let (gateway, secured) = match &plan.tls {
            None => (format!("http://{}:{port}", plan.host), String::new()),
            Some(tls) => {
                let port = free_port();
                let listen = format!("https = [\"127.0.0.1:{port}\"]\ntls = {tls}\n");
                (format!("https://{}:{port}", plan.host), listen)
            }
        };
        provider.register(client(&gateway, "main", plan.algorithm));
        let mut routes = plan.routes.replace("UPSTREAM", &format!("http://{}", upstream.address));
        if let (Some(second), Some(more)) = (&second, &plan.second) {
            second.register(client(&gateway, "partner", plan.algorithm));
            routes = format!("{}{more}\n{routes}", provider_table("partner", second, "Partner account"));
        }
        for fault in plan.faults {
            provider.faults().add(fault);
        }
        let sockets: String = plan.sockets.iter().map(|socket| format!(", \"{socket}\"")).collect();
        let config = format!(
            "public_url = \"{gateway}\"\n{}\n[listen]\nhttp = [\"127.0.0.1:{port}\"{sockets}]\nadmin = \"127.0.0.1:0\"\n{}{secured}\n\
             [session]\nkey = {{ env = \"KEY\" }}\n{}\n[login]\n{}\n[log]\nformat = \"json\"\n\
             {}{}\n{routes}",
            plan.top,
            plan.listen,
            plan.session,
            plan.login,
            provider_table("main", &provider, "Company account"),
            plan.provider,
        );
        let app = start(&config, &clock, &random, &lines).await;
        let address = |endpoints: &[Endpoint]| endpoints[0].address().expect("an address");
        let (gateway, admin) = (address(app.public()), address(app.admin()));
        let secured = |endpoint: &&Endpoint| endpoint.entry() == Entry::Tls;
        let https = app.public().iter().find(secured).and_then(Endpoint::address);
        Self { provider, second, upstream, gateway, https, admin, lines, config, app: Some(app), clock, hand }
    }

    /// A new browser, with no cookie yet.
    pub(crate) fn browser(&self) -> Browser {
        let second = self.second.as_ref().map(Provider::addr);
        Browser::new(self.gateway, self.provider.addr()).also(second)
    }

    /// A browser that has signed in as this user.
    pub(crate) async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in("/", user).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, by: Duration) {
        self.hand.advance(by);
    }

    /// The hand that moves the clock, for whoever moves it while the stage is busy.
    pub(crate) fn hand(&self) -> ManualClock {
        self.hand.clone()
    }

    /// Starts the gateway again on the same address, as a new process would, with a changed configuration.
    pub(crate) async fn restart(&mut self, change: impl FnOnce(String) -> String) {
        self.stop().await;
        self.config = change(std::mem::take(&mut self.config));
        self.app = Some(start(&self.config, &self.clock, &Random::seeded(2), &self.lines).await);
    }

    /// Gives the running gateway a changed configuration.
    pub(crate) fn reload(&mut self, change: impl FnOnce(String) -> String) -> Reload {
        let config = change(self.config.clone());
        let reload = self.app().reload(parse(&config, &self.clock));
        if reload == Reload::Taken {
            self.config = config;
        }
        reload
    }

    /// The gateway itself.
    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("it runs")
    }

    /// Begins to end the gateway.
    pub(crate) fn end(&mut self, departure: Departure) -> JoinHandle<()> {
        tokio::spawn(self.app.take().expect("it runs").stop(departure))
    }

    /// Ends the gateway, and waits for that.
    pub(crate) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop(Departure::AtOnce).await;
        }
    }

    /// Waits until the audit events so far are written.
    pub(crate) fn flush(&self) {
        self.app().trail().flush();
    }

    /// The page of all metrics.
    pub(crate) async fn metrics(&self) -> String {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.admin);
        exchange(self.admin, request).await.text()
    }

    /// How many audit events were lost.
    pub(crate) fn audit_dropped(&self) -> u64 {
        self.app().trail().dropped()
    }

    /// The audit and access lines since the last call, as JSON.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.lines.take().iter().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The same, with an access line among them. It comes at the end of an answer, which the client may see first.
    pub(crate) async fn events_with_access(&self) -> Vec<serde_json::Value> {
        let mut all = self.events();
        while !all.iter().any(|line| line["kind"] == "access") {
            tokio::task::yield_now().await;
            all.extend(self.events());
        }
        all
    }

    /// The last access line, when there is one.
    pub(crate) async fn access_line(&self) -> serde_json::Value {
        let all = self.events_with_access().await;
        all.into_iter().rfind(|line| line["kind"] == "access").expect("it was waited for")
    }
}

fn parse(config: &str, clock: &Clock) -> Result<Loaded, Faults> {
    let other_key = SESSION_KEY.replace('A', "B");
    let outside = Outside::new([("KEY", SESSION_KEY), ("OTHER_KEY", &other_key), ("SECRET", CLIENT_SECRET)])
        .with_clock(clock.clone());
    config::parse(config, "test.toml", Path::new("."), &outside)
}

async fn start(config: &str, clock: &Clock, random: &Random, lines: &Lines) -> App {
    let loaded = parse(config, clock).unwrap_or_else(|faults| panic!("{faults}\n{config}"));
    let parts = Parts { clock: clock.clone(), random: random.clone(), lines: lines.clone(), observer: None };
    App::start(loaded, parts).await.expect("the gateway starts")
}

/// The gateway as the provider of this name knows it.
fn client(gateway: &str, name: &str, algorithm: Algorithm) -> Client {
    Client {
        id: "wiki".to_owned(),
        title: "The wiki".to_owned(),
        secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        redirect_uris: vec![
            format!("{gateway}/oauth2/callback"),
            format!("{gateway}/oauth2/callback/{name}"),
        ],
        post_logout_redirect_uris: vec![format!("{gateway}/oauth2/signed_out")],
        id_token_alg: algorithm,
    }
}

fn provider_table(name: &str, provider: &Provider, title: &str) -> String {
    format!(
        "[providers.{name}]\nissuer = \"{}\"\nclient_id = \"wiki\"\nclient_secret = {{ env = \"SECRET\" }}\n\
         title = \"{title}\"\n",
        provider.issuer()
    )
}

/// A port that nobody listens on: the redirect URI needs it before the gateway is there.
fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").port()
}
