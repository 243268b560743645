//! Signing in: the start of an attempt, and what comes back from the provider.

use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use url::Url;

use super::answer::{self, Body};
use super::attempts::{self, Found};
use super::flights::NotJoined;
use super::gateway::{Generation, Shared};
use super::links::start_link;
use super::rate::Wait;
use super::refusal::Refusal;
use super::session::{self, Absence};
use super::told::Once;
use super::visit::{Ending, Visit};
use super::{onward, own};
use crate::audit::EventName;
use crate::manual;
pub(super) use crate::oidc::Account;
use crate::oidc::callback::{self, Answer, Callback, Code};
use crate::oidc::{LoginError, Provider};
use crate::session::{Attempt, MAX_COOKIE, PendingLogin, Purpose, Session, SessionId, pairs};
use crate::web::forwarded::Trust;
use crate::web::{CanonicalPath, HostName, ReturnTo};

/// How a code was redeemed: a session and the text of its cookie, or why there is none.
pub(super) enum Finished {
    SignedIn { session: Box<Session>, sealed: String },
    Failed(Arc<LoginError>),
    TooLarge { bytes: usize, groups: usize, group_bytes: usize },
}

/// Why the sign-ins in a row led nowhere, as told by the request that would start the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended(Absence);

/// The longest path that an attempt records, in bytes.
const MAX_RECORDED: usize = 512;

/// How many sign-ins in a row may lead nowhere.
const MAX_ROUNDS: u8 = 3;

impl Ended {
    pub(super) const fn word(self) -> &'static str {
        self.0.word()
    }

    pub(super) const fn sentence(self) -> &'static str {
        self.0.sentence()
    }
}

/// Where a browser that asked for this page is sent back to.
pub(super) fn recorded(visit: &Visit, route_start: &str) -> ReturnTo {
    let facts = visit.facts();
    let whole = ReturnTo::path(facts.path(), facts.query());
    if whole.as_str().len() <= MAX_RECORDED {
        return whole;
    }
    CanonicalPath::parse(route_start).map_or_else(|_| ReturnTo::root(), |path| ReturnTo::path(&path, None))
}

/// The page about the session itself, as the only own endpoint that one returns to.
pub(super) fn recorded_own(visit: &Visit) -> ReturnTo {
    let path = format!("{}/", visit.generation().login.path);
    CanonicalPath::parse(&path).map_or_else(|_| ReturnTo::root(), |path| ReturnTo::path(&path, None))
}

/// What `rd` comes to: a place on one of our hosts that is none of our own endpoints, else the start page.
pub(super) fn return_to(visit: &Visit, rd: Option<&str>) -> ReturnTo {
    rd.and_then(|rd| legal_return(visit, rd)).unwrap_or_else(ReturnTo::root)
}

/// The place that `rd` names, if it is on one of our hosts and none of our own endpoints.
pub(super) fn legal_return(visit: &Visit, rd: &str) -> Option<ReturnTo> {
    let generation = visit.generation();
    let ours = |origin: &crate::web::Origin| {
        let own = generation.routes.has_host(origin.host())
            && *origin == generation.public_url.with_host(origin.host());
        own || generation.login.return_to.iter().any(|host| host.is(origin))
    };
    let to = ReturnTo::parse(rd, visit.facts().origin(), ours)?;
    if to.is_under(&generation.login.path) && to.path_and_query() != recorded_own(visit).as_str() {
        return None;
    }
    Some(if to.path_and_query().len() <= MAX_RECORDED { to } else { route_start(visit, &to) })
}

/// Where the route of a long address begins.
fn route_start(visit: &Visit, to: &ReturnTo) -> ReturnTo {
    let host = to.host();
    let host = host.as_ref().unwrap_or(visit.facts().host());
    let path = CanonicalPath::parse(to.path_only()).ok();
    let start = path.map(|path| visit.generation().routes.start(host, &path).to_owned());
    let start = start.and_then(|start| CanonicalPath::parse(&start).ok());
    start.map_or_else(ReturnTo::root, |start| to.with_path(&start))
}

/// A place as it has to be remembered for when the provider has sent the browser back, which may be to another host.
pub(super) fn for_landing(visit: &Visit, to: &ReturnTo) -> ReturnTo {
    let asked = visit.facts().origin();
    if visit.generation().landing(asked) == asked { to.clone() } else { to.on(asked) }
}

/// Sends a browser to the provider, with a cookie for this attempt.
pub(super) async fn start(
    shared: &Shared,
    visit: &Visit,
    headers: &HeaderMap,
    provider: &Provider,
    absence: Option<Absence>,
    to: &ReturnTo,
    account: Account,
) -> Response<Body> {
    let generation = visit.generation();
    let rounds = attempts::rounds(generation, visit.facts().host(), headers, visit.now());
    if rounds >= MAX_ROUNDS
        && let Some(absence) = absence
    {
        let mut response = fail(shared, visit, Some(provider), &Refusal::LoopBroken { last: Ended(absence) });
        add(&mut response, generation.cookies.clear(generation.cookies.round()));
        return response;
    }
    if let Err(refused) = admit(shared, visit, headers) {
        return own::refuse(shared, visit, &refused);
    }
    let redirect_uri = redirect_uri(visit, provider);
    let pending = PendingLogin::begin(
        provider.binding(),
        redirect_uri,
        for_landing(visit, to).as_str().to_owned(),
        &shared.random,
        visit.now(),
    );
    let url = match provider.authorization_url(&pending, account, &generation.wanted).await {
        Ok(url) => url,
        Err(error) => return failed(shared, visit, provider, Arc::new(error.into()), to.as_str()),
    };
    let state = pending.attempt().state();
    let name = generation.cookies.pending(&Attempt::tag(&state));
    let sealed = generation.keyring.seal(
        Purpose::PendingLogin,
        attempts::bound(&name, visit),
        &pending.to_bytes(),
        &shared.random,
    );

    let mut event = visit.event(EventName::SignInStarted);
    event.reason = absence.map(Absence::word);
    event.provider = Some(provider.name().as_str());
    visit.record(&event);

    let mut response = answer::redirect(StatusCode::FOUND, &url);
    for stale in attempts::evicted(visit, headers, name.len() + sealed.len()) {
        add(&mut response, generation.cookies.clear(&stale));
    }
    if absence.is_some_and(Absence::leaves_a_cookie) {
        add(&mut response, generation.cookies.clear(generation.cookies.session()));
    }
    add(&mut response, generation.cookies.set(&name, &sealed, generation.login.timeout));
    visit.finish(&shared.clock, response, &Ending::new("sign_in"))
}

/// Holds the start of a sign-in against `login.rate`. Who has an attempt under way is no flood: a person with many tabs,
/// or behind the address of a large office, goes on.
fn admit(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Result<(), Refusal> {
    let facts = visit.facts();
    let Some(limit) = visit.generation().login.rate else { return Ok(()) };
    let client = facts.forwarded().client().ip();
    let Err(Wait(wait)) = shared.rate.count(client, limit, visit.now()) else { return Ok(()) };
    if attempts::is_under_way(visit, headers) {
        return Ok(());
    }
    shared.rate.refuse();
    let peer = facts.peer();
    let is_no_proxy = visit.generation().trusted_proxies.trust(peer) == Trust::Untrusted;
    if is_no_proxy && peer.is_private() && shared.rate.warns() {
        tracing::warn!(
            code = "login/rate",
            url = manual::url("login/rate"),
            %peer,
            "{limit} sign-ins a minute were started from one private address or Unix socket; if that is a proxy in front, \
             name it in listen.trusted_proxies, or all its clients count as one"
        );
    }
    Err(Refusal::TooMany { wait, retry: own::target(facts) })
}

/// `/callback`: the provider sent the browser back.
pub(super) async fn finish(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    let callback = match callback::parse(visit.facts().query().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(error) => return fail(shared, visit, None, &Refusal::Callback(error)),
    };
    let Some(found) = attempts::find(visit, headers, callback.state()) else {
        let mut response = stale(shared, visit, headers);
        // One that is over, or that nothing opens any more, goes as well.
        let name = visit.generation().cookies.pending(&Attempt::tag(callback.state()));
        if pairs(headers).any(|(own, _)| own == name) {
            add(&mut response, visit.generation().cookies.clear(&name));
        }
        return response;
    };
    let cookie = visit.generation().cookies.clear(&found.cookie);
    let mut response = if arrives_as_asked(visit, &found) {
        conclude(shared, visit, headers, callback, found).await
    } else {
        // One provider answers to another's question: its code must not reach that one (mix-up, RFC 9700 section 4.4).
        fail(shared, visit, Some(&found.provider), &Refusal::WrongCallback)
    };
    // Whatever came of it, the attempt is over.
    add(&mut response, cookie);
    response
}

/// Whether an answer came to the address that the provider of its attempt was given. A provider that is alone may use
/// either of its two.
fn arrives_as_asked(visit: &Visit, found: &Found) -> bool {
    let asked = Url::parse(found.pending.redirect_uri());
    asked.is_ok_and(|url| url.path() == visit.facts().path().judged())
        || !visit.generation().providers.are_several()
}

/// Whether `path`, after `login.path`, is the callback of a provider by name.
pub(super) fn is_named_callback(generation: &Generation, path: &str) -> bool {
    path.strip_prefix("/callback/").is_some_and(|name| generation.providers.get(name).is_some())
}

/// A callback that belongs to no attempt: the back button, a bookmark, a cookie that went missing.
fn stale(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Response<Body> {
    if let Some(page) = onward::once_more(shared, visit, headers) {
        return page;
    }
    if own::presented(shared, visit, headers).is_some() {
        let response = answer::redirect(StatusCode::FOUND, "/");
        return visit.finish(&shared.clock, response, &Ending::new("own"));
    }
    fail(shared, visit, None, &Refusal::StaleState)
}

async fn conclude(
    shared: &Shared,
    visit: &Visit,
    headers: &HeaderMap,
    callback: Callback,
    found: Found,
) -> Response<Body> {
    let generation = visit.generation();
    let Found { pending, provider, .. } = found;
    let to = pending.return_to().to_owned();
    if let Err(error) = provider.check_response_issuer(callback.issuer()).await {
        return failed(shared, visit, &provider, Arc::new(error), &to);
    }
    let code = match callback.into_answer() {
        Answer::Code(code) => code,
        Answer::Error { error, description } => {
            let start_again = start_link(&generation.login.path, &to, None);
            let redirect_uri = pending.redirect_uri().to_owned();
            let refusal = Refusal::ProviderSaid { error, description, redirect_uri, start_again };
            return fail(shared, visit, Some(&provider), &refusal);
        }
    };
    let key = pending.attempt().state();
    let parameters = fingerprint(visit.facts().query().unwrap_or_default());
    let work = || {
        redeem(
            Arc::clone(generation),
            Arc::clone(&provider),
            shared_parts(shared),
            pending,
            code,
            visit.facts().host().clone(),
        )
    };
    let finished = match shared.flights.join(key, parameters, work).await {
        Ok(finished) => finished,
        Err(NotJoined::Conflict) => return fail(shared, visit, Some(&provider), &Refusal::CodeConflict),
        Err(NotJoined::Full | NotJoined::Lost) => {
            return fail(shared, visit, Some(&provider), &Refusal::LoginBusy);
        }
    };
    match &*finished {
        Finished::SignedIn { session, sealed } => signed_in(shared, visit, headers, session, sealed, &to),
        Finished::Failed(error) => failed(shared, visit, &provider, Arc::clone(error), &to),
        Finished::TooLarge { bytes, groups, group_bytes } => {
            let (bytes, groups, group_bytes) = (*bytes, *groups, *group_bytes);
            fail(shared, visit, Some(&provider), &Refusal::SessionTooLarge { bytes, groups, group_bytes })
        }
    }
}

fn signed_in(
    shared: &Shared,
    visit: &Visit,
    headers: &HeaderMap,
    session: &Session,
    sealed: &str,
    to: &str,
) -> Response<Body> {
    let generation = visit.generation();
    let who = visit.who(session);
    let mut event = visit.event(EventName::SignInSucceeded);
    event.provider = Some(session.identity().provider().as_str());
    event.who.clone_from(&who);
    // A double click comes back twice, to one session.
    if shared.told.is_first(Once::Began(session.id())) {
        visit.record(&event);
    }
    let to = return_to(visit, Some(to));
    let mut response = onward::arrive(visit, &to);
    add(&mut response, session::cookie(generation, session, sealed, visit.now()));
    let rounds = attempts::rounds(generation, visit.facts().host(), headers, visit.now()).saturating_add(1);
    add(&mut response, attempts::round_cookie(shared, visit, rounds));
    let ending = Ending { who, ..Ending::new("own") };
    visit.finish(&shared.clock, response, &ending)
}

/// What a task that outlives its request takes along.
struct Parts {
    clock: crate::clock::Clock,
    random: crate::random::Random,
}

fn shared_parts(shared: &Shared) -> Parts {
    Parts { clock: shared.clock.clone(), random: shared.random.clone() }
}

async fn redeem(
    generation: Arc<Generation>,
    provider: Arc<Provider>,
    parts: Parts,
    pending: PendingLogin,
    code: Code,
    host: HostName,
) -> Finished {
    let redeemed: Pin<Box<dyn Future<Output = _> + Send>> =
        Box::pin(provider.redeem(&code, &pending, &generation.wanted));
    let signed_in = match redeemed.await {
        Ok(signed_in) => signed_in,
        Err(error) => return Finished::Failed(Arc::new(error)),
    };
    let id = SessionId::new(parts.random.bytes());
    let session =
        Session::begin(id, signed_in.identity, signed_in.kept, signed_in.authenticated, parts.clock.now());
    let name = generation.cookies.session();
    let bytes = session.to_bytes(provider.binding());
    let binding = generation.bound(name, &host);
    let sealed = generation.keyring.seal(Purpose::Session, binding, &bytes, &parts.random);
    let size = name.len() + 1 + sealed.len();
    if size > MAX_COOKIE {
        let groups = session.identity().groups();
        let group_bytes = groups.iter().map(String::len).sum();
        return Finished::TooLarge { bytes: size, groups: groups.len(), group_bytes };
    }
    generation.meters.signed_in(provider.name(), session.started().since(pending.started()));
    Finished::SignedIn { session: Box::new(session), sealed }
}

/// A sign-in that failed on its way to or from the provider.
fn failed(
    shared: &Shared,
    visit: &Visit,
    provider: &Provider,
    error: Arc<LoginError>,
    to: &str,
) -> Response<Body> {
    let start_again = start_link(&visit.generation().login.path, to, None);
    fail(shared, visit, Some(provider), &Refusal::Login { error, start_again })
}

fn fail(shared: &Shared, visit: &Visit, provider: Option<&Provider>, refusal: &Refusal) -> Response<Body> {
    let outline = refusal.outline();
    let mut event = visit.event(EventName::SignInFailed);
    event.reason = Some(outline.word);
    event.detail = visit.detail(&outline).map(str::to_owned);
    event.provider = provider.map(|provider| provider.name().as_str());
    visit.record(&event);
    visit.refuse(&shared.clock, refusal, Ending::new("deny"))
}

/// The redirect URI for the host that is asked, as it is registered at the provider.
fn redirect_uri(visit: &Visit, provider: &Provider) -> String {
    let generation = visit.generation();
    let landing = generation.landing(visit.facts().origin());
    format!("{landing}{}{}", generation.login.path, generation.providers.callback(provider))
}

fn add(response: &mut Response<Body>, cookie: HeaderValue) {
    response.headers_mut().append(SET_COOKIE, cookie);
}

fn fingerprint(query: &str) -> [u8; 32] {
    digest(&SHA256, query.as_bytes()).as_ref().try_into().unwrap_or_default()
}
