//! The gateway: what a configuration came to, what outlives it, and the door through which requests come.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Method, Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;

use super::answer::Body;
use super::flights::Flights;
use super::login::Finished;
use super::meters::{Metered, Meters};
use super::ping::Ping;
use super::providers::Providers;
use super::rate::Rate;
use super::secure::Https;
use super::settings::Settings;
use super::told::Told;
use super::{observe, own, request, secure};
use crate::audit::Trail;
use crate::clock::Clock;
use crate::gate::RouteTable;
use crate::identity::Wanted;
use crate::lease::Hangup;
use crate::oidc::{Known, Watches};
use crate::pages::Pages;
use crate::proxy::{Pools, Proxy};
use crate::random::{Ids, Random};
use crate::session::{Binding, CookieNames, Keyring, Lifetimes, Revocations};
use crate::store::OpenedCache;
use crate::telemetry::{AccessTrail, IdentityInLog, QueryInLog};
use crate::web::{Arrival, HostName, Origin, Scheme, TrustedProxies};

/// One configuration, built whole. A reload swaps it; a request that began with one ends with it.
pub struct Generation {
    /// What people type.
    pub public_url: Origin,
    /// The `[login]` section.
    pub login: Settings,
    /// Whose forwarding headers count.
    pub trusted_proxies: TrustedProxies,
    /// The largest request head in bytes.
    pub max_head: usize,
    /// What is done so that people come over https.
    pub https: Https,
    /// The longest target of a request in bytes.
    pub max_target: usize,
    /// The providers; none where every route is for everyone.
    pub providers: Providers,
    /// What seals and opens our cookies.
    pub keyring: Keyring,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// The names of our cookies.
    pub cookies: CookieNames,
    /// What of the claims is kept.
    pub wanted: Wanted,
    /// Where requests go.
    pub routes: RouteTable,
    /// The upstream side of the routes.
    pub proxy: Proxy,
    /// Sessions opened lately.
    pub opened: OpenedCache,
    /// The HTML answers.
    pub pages: Pages,
    /// What is written down about requests.
    pub logging: Logging,
    /// Whether `/ping` is answered.
    pub ping: Ping,
    /// What is counted.
    pub meters: Metered,
}

/// What is written down about requests, and how.
#[derive(Clone, Debug)]
pub struct Logging {
    /// The audit trail.
    pub audit: Trail,
    /// The access lines; none when they are off.
    pub access: Option<AccessTrail>,
    /// Whether access lines hold the query.
    pub query: QueryInLog,
    /// How people are named.
    pub identity: IdentityInLog,
}

/// What survives a reload.
pub struct Shared {
    /// The clock.
    pub clock: Clock,
    /// The source of chance.
    pub random: Random,
    /// The ids of requests.
    pub(super) ids: Ids,
    /// Sessions that were ended.
    pub revocations: Revocations,
    /// Sign-ins whose code is being exchanged, or was lately.
    pub(super) flights: Flights<Finished>,
    /// What the audit trail was told of sessions.
    pub(super) told: Told,
    /// Sign-ins that were started lately.
    pub(super) rate: Rate,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// What is known of providers from their answers.
    pub watches: Watches,
    /// What providers said about themselves.
    pub known: Known,
    /// The kept connections to upstreams.
    pub pools: Arc<Pools>,
}

/// An answer that is under way. Dropping it gives the request up.
pub type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    generation: Arc<ArcSwap<Generation>>,
    shared: Arc<Shared>,
}

impl Shared {
    /// Empty state on this clock and this source of chance.
    #[must_use]
    pub fn new(clock: Clock, random: Random) -> Self {
        let flights = Flights::new(clock.clone());
        let ids = Ids::new(random.clone());
        let (revocations, rate) = (Revocations::default(), Rate::default());
        let (told, known, pools) = (Told::default(), Known::default(), Arc::default());
        let (meters, watches) = (Arc::default(), Watches::default());
        Self { clock, random, ids, revocations, flights, told, rate, meters, watches, known, pools }
    }

    /// The same, with these watches.
    #[must_use]
    pub fn watching(self, watches: Watches) -> Self {
        Self { watches, ..self }
    }
}

impl Generation {
    /// What a seal of ours for the cookie of that name is bound to, when `host` is asked.
    pub(super) fn bound<'a>(&'a self, cookie: &'a str, host: &'a HostName) -> Binding<'a> {
        Binding { cookie, host: self.cookies.place(host).as_str() }
    }

    /// Where the provider sends browsers back to that began on `asked`: there, but where hosts share their cookies, one
    /// address serves them all.
    pub(super) fn landing<'a>(&'a self, asked: &'a Origin) -> &'a Origin {
        if self.cookies.attributes().domain.is_some() { &self.public_url } else { asked }
    }

    /// Whether people sign in on a host that is served: hosts share their cookies, or a redirect URI is registered for this
    /// one. Of hosts that only a pattern covers none is.
    pub(super) fn signs_in_at(&self, host: &HostName) -> bool {
        let shared = self.cookies.attributes().domain.is_some();
        !self.providers.is_empty() && (shared || self.routes.names_host(host))
    }
}

impl Shared {
    /// How many starts of a sign-in were refused because of `login.rate`.
    #[must_use]
    pub fn sign_ins_refused(&self) -> u64 {
        self.rate.refused()
    }
}

impl Gateway {
    /// A gateway that serves `generation`.
    #[must_use]
    pub fn new(generation: Generation, shared: Arc<Shared>) -> Self {
        Self { generation: Arc::new(ArcSwap::from_pointee(generation)), shared }
    }

    /// Puts another generation in the place of the one that serves, which it returns. A request that has begun ends with
    /// the generation that it began with; the next one of the same connection begins with this.
    pub fn swap(&self, generation: Generation) -> Arc<Generation> {
        let new = Arc::new(generation);
        let old = self.generation.swap(Arc::clone(&new));
        old.proxy.close_idle_unless_used_by(&new.proxy);
        old
    }

    /// The generation that serves now.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// What outlives a generation.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Answers a request. Never fails: what goes wrong has an answer too.
    ///
    /// The request is read, and judged as far as that needs no waiting, before this returns; what is left is one box, small
    /// to move.
    pub fn handle(&self, arrival: &Arrival, request: Request<Incoming>) -> Answering {
        let generation = self.generation.load_full();
        // What an answer of ours leaves unread, or what follows a CONNECT, is not for the parser: it might be made to look
        // like a request.
        let may_follow = !request.body().is_end_stream() || *request.method() == Method::CONNECT;
        if let Some(answer) = generation.ping.answer(&request) {
            return Box::pin(ready(hung_up(may_follow, answer)));
        }
        let visit = match observe::read(&generation, &self.shared, arrival, &request) {
            Ok(visit) => visit,
            Err(unread) => {
                let response = hung_up(may_follow, unread.answer(&self.shared.clock));
                let spoken = arrival.tls().map(|_| Scheme::Https);
                return Box::pin(ready(secure::strengthened(&generation, spoken, response)));
            }
        };
        let spoken = visit.facts().seen_scheme();
        if let Some(response) = secure::instead(&self.shared, &visit) {
            let response = hung_up(may_follow, response);
            return Box::pin(ready(secure::strengthened(&generation, spoken, response)));
        }
        let (shared, request) = (Arc::clone(&self.shared), Box::new(request));
        Box::pin(async move {
            let response = if own::is_own(&generation, visit.facts()) {
                // Boxed, since it is rare and large.
                Box::pin(own::answer(&shared, visit, *request)).await
            } else {
                request::answer(&shared, visit, request).await
            };
            secure::strengthened(&generation, spoken, hung_up(may_follow, response))
        })
    }
}

/// Marks an answer of ours to a request of which more may come.
fn hung_up(may_follow: bool, mut response: Response<Body>) -> Response<Body> {
    if may_follow && response.body().is_own() {
        response.extensions_mut().insert(Hangup);
    }
    response
}
