//! A visit: one request on its way, with all that its story needs.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use http::header::USER_AGENT;
use http::{HeaderName, HeaderValue, Method, Request, Response, Version};

use super::answer::{AccessGuard, Body, CLIENT_GONE, TooLate};
use super::gateway::{Generation, Shared};
use super::meters::{Place, Tally};
use super::reader::Reader;
use super::refusal::{Outline, Refusal};
use crate::audit::{Event, EventName, What, Who};
use crate::authz::Entry;
use crate::clock::{Clock, Timestamp};
use crate::gate::Route;
use crate::session::Session;
use crate::telemetry::{AccessLine, Answered, Ended, IdentityInLog, OpenLine, QueryInLog};
use crate::web::{Facts, RequestId};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request whose facts were read.
pub(super) struct Visit {
    generation: Arc<Generation>,
    facts: Facts,
    reader: Reader,
    caller: Caller,
    route: OnceLock<Arc<Route>>,
    clock: Clock,
    now: Timestamp,
    started: Instant,
    end: Mutex<End>,
    /// Why there is no session, where one was looked for.
    absence: OnceLock<&'static str>,
}

/// What lines say of a client besides the facts that are judged.
pub(super) struct Caller {
    protocol: Version,
    agent: Option<HeaderValue>,
}

/// What is known of the end of a request.
struct End {
    line: Line,
    /// None once the answer has it.
    tally: Option<Tally>,
    /// The decision, where it is known before the answer.
    decision: Option<&'static str>,
}

/// How far the access line of a request is.
enum Line {
    /// Nothing is known of its end.
    Blank,
    /// It is known how it will end, should nothing come between.
    Open(OpenLine),
    /// It went on with the answer, or none is wanted.
    Gone,
}

/// How a request ended, for its access line.
#[derive(Clone)]
pub(super) struct Ending<'a> {
    pub(super) decision: &'static str,
    pub(super) reason: Option<&'a str>,
    pub(super) upstream: Option<&'a str>,
    pub(super) answered: Option<Answered>,
    pub(super) who: Option<Who<'a>>,
}

impl Caller {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { protocol: request.version(), agent: request.headers().get(USER_AGENT).cloned() }
    }

    pub(super) const fn protocol(&self) -> &'static str {
        match self.protocol {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        }
    }

    pub(super) fn agent(&self) -> Option<&[u8]> {
        self.agent.as_ref().map(HeaderValue::as_bytes)
    }
}

impl Visit {
    pub(super) fn new(
        generation: Arc<Generation>,
        shared: &Shared,
        facts: Facts,
        reader: Reader,
        caller: Caller,
    ) -> Self {
        let clock = shared.clock.clone();
        let (now, started) = (clock.now(), clock.instant());
        let line = if generation.logging.access.is_some() { Line::Blank } else { Line::Gone };
        let mut tally = generation.meters.begin(facts.method());
        if super::own::is_own(&generation, &facts) {
            tally.at(Place::Own);
        }
        let end = Mutex::new(End { line, tally: Some(tally), decision: None });
        let (route, absence) = (OnceLock::new(), OnceLock::new());
        Self { generation, facts, reader, caller, route, clock, now, started, end, absence }
    }

    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    pub(super) const fn reader(&self) -> Reader {
        self.reader
    }

    /// The time of the request: one for all that is judged about it.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The same on the clock that measures.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// The route of this request was found: from here on its lines name it.
    pub(super) fn enter(&self, route: &Arc<Route>) {
        // A second route would be a second decision; there is none.
        let _ = self.route.set(Arc::clone(route));
        if let Some(tally) = &mut self.end().tally {
            tally.at(self.generation.meters.place(route.id().index()));
        }
    }

    /// No session stands, for this reason.
    pub(super) fn lacks_a_session(&self, reason: &'static str) {
        let _ = self.absence.set(reason);
    }

    fn route(&self) -> Option<&str> {
        self.route.get().map(|route| route.name())
    }

    /// An event about this request.
    pub(super) fn event(&self, name: EventName) -> Event<'_> {
        let facts = &self.facts;
        let mut event = Event::new(name, self.now);
        event.request_id = Some(facts.id().as_str());
        event.client = Some(facts.forwarded().client());
        event.route = self.route();
        event.what = Some(What {
            method: facts.method().as_str(),
            host: facts.host().as_str(),
            path: facts.path().sent(),
        });
        event
    }

    /// A person as events and lines name them.
    pub(super) fn who<'a>(&self, session: &'a Session) -> Option<Who<'a>> {
        let identity = session.identity();
        let name = |text: &'a str| match self.generation.logging.identity {
            IdentityInLog::User => Some(Cow::Borrowed(text)),
            IdentityInLog::Hash => Some(Cow::Owned(self.generation.keyring.pseudonym(text))),
            IdentityInLog::None => None,
        };
        Some(Who {
            issuer: identity.issuer(),
            sub: name(identity.subject())?,
            user: name(identity.user())?,
            session: session.short(),
        })
    }

    /// The term that let a person in, as events and lines name it: one that says who must not undo their name's hash.
    pub(super) fn term<'a>(&self, entry: &'a Entry) -> &'a str {
        match self.generation.logging.identity {
            IdentityInLog::User => entry.text(),
            IdentityInLog::Hash | IdentityInLog::None => entry.nameless(),
        }
    }

    /// What went wrong, for events and the log. The provider's own words may hold a name: they are left out where names
    /// are not wanted.
    pub(super) fn detail<'a>(&self, outline: &'a Outline) -> Option<&'a str> {
        let quotes = matches!(
            outline.word,
            "login/access-denied" | "login/provider-error" | "login/redirect-uri" | "token/refused"
        );
        let is_silent = quotes && self.generation.logging.identity != IdentityInLog::User;
        outline.private.as_deref().filter(|_| !is_silent)
    }

    /// Records an event.
    pub(super) fn record(&self, event: &Event<'_>) {
        self.generation.meters.all().note(event);
        self.generation.logging.audit.record(event);
    }

    /// Says how the request will end, before the wait for its answer: should the client not wait, its access line
    /// tells that much.
    pub(super) fn expect(&self, ending: &Ending<'_>) {
        let line = self.open(ending).map_or(Line::Gone, Line::Open);
        let mut end = self.end();
        (end.line, end.decision) = (line, Some(ending.decision));
    }

    /// Puts the request's id on the answer and lets its body write the access line at its end.
    pub(super) fn finish(
        &self,
        clock: &Clock,
        response: Response<Body>,
        ending: &Ending<'_>,
    ) -> Response<Body> {
        let absence = self.absence.get().copied().filter(|_| ending.decision == "sign_in");
        self.finish_as(clock, response, ending, absence)
    }

    /// As [`Self::finish`], where `word` says why it was decided so, or what went wrong.
    fn finish_as(
        &self,
        clock: &Clock,
        mut response: Response<Body>,
        ending: &Ending<'_>,
        word: Option<&'static str>,
    ) -> Response<Body> {
        put_id(&mut response, self.facts.id());
        let (line, tally) = self.take_end();
        if let Some(tally) = &tally {
            tally.decided(ending.decision, word);
        }
        let line = match line {
            Line::Blank => self.open(ending),
            Line::Open(mut line) => {
                if let Some(reason) = ending.reason {
                    line.because(reason);
                }
                if let Some(answered) = ending.answered {
                    line.answered(answered);
                }
                Some(line)
            }
            Line::Gone => None,
        };
        if line.is_none() && tally.is_none() {
            return response;
        }
        let head_only = *self.facts.method() == Method::HEAD;
        let is_late = response.extensions().get::<TooLate>().is_some();
        let status = if is_late { CLIENT_GONE } else { response.status().as_u16() };
        let id = self.facts.id().clone();
        let guard = AccessGuard::new(id, line, tally, status, head_only, clock.clone(), self.started);
        response.map(|body| body.guarded(guard))
    }

    fn open(&self, ending: &Ending<'_>) -> Option<OpenLine> {
        let trail = self.generation.logging.access.as_ref()?;
        let facts = &self.facts;
        let mut path = Cow::Borrowed(facts.path().sent());
        if self.generation.logging.query == QueryInLog::Shown
            && !super::own::is_own(&self.generation, facts)
            && let Some(query) = facts.query()
        {
            path = Cow::Owned(format!("{path}?{query}"));
        }
        Some(trail.open(&AccessLine {
            time: self.now,
            request_id: facts.id().as_str(),
            client: facts.forwarded().client(),
            peer: facts.peer(),
            protocol: self.caller.protocol(),
            method: facts.method().as_str(),
            host: facts.host().as_str(),
            path: &path,
            route: self.route(),
            decision: ending.decision,
            reason: ending.reason,
            user: ending.who.as_ref().map(|who| &*who.user),
            session: ending.who.as_ref().map(|who| who.session),
            upstream: ending.upstream,
            user_agent: self.caller.agent(),
        }))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left to write and to count.
    fn take_end(&self) -> (Line, Option<Tally>) {
        let mut end = self.end();
        (std::mem::replace(&mut end.line, Line::Gone), end.tally.take())
    }

    /// Answers with a refusal, and records it.
    pub(super) fn refuse(&self, clock: &Clock, refusal: &Refusal, ending: Ending<'_>) -> Response<Body> {
        let outline = refusal.outline();
        tracing::event!(target: "vestibule", tracing::Level::DEBUG, request_id = %self.facts.id(), reason = outline.word, "refused");
        if let Some(detail) = self.detail(&outline) {
            let url = outline.url();
            match outline.level {
                tracing::Level::ERROR => {
                    tracing::error!(request_id = %self.facts.id(), route = self.route(), code = outline.word, url, "{detail}");
                }
                tracing::Level::WARN => {
                    tracing::warn!(request_id = %self.facts.id(), route = self.route(), code = outline.word, url, "{detail}");
                }
                _ => tracing::info!(request_id = %self.facts.id(), code = outline.word, url, "{detail}"),
            }
        }
        let mut response = refusal.answer(self);
        if refusal.lost_its_client() {
            response.extensions_mut().insert(TooLate);
        }
        let ending = Ending { reason: Some(outline.word), ..ending };
        self.finish_as(clock, response, &ending, Some(outline.word))
    }
}

impl Drop for Visit {
    /// A client that goes before there is an answer takes the request with it. Its line is written all the same.
    fn drop(&mut self) {
        let decision = self.end().decision;
        let (line, tally) = self.take_end();
        let elapsed = || self.clock.instant().saturating_duration_since(self.started);
        if let Some(tally) = tally {
            if let Some(decision) = decision {
                tally.decided(decision, None);
            }
            tally.end(CLIENT_GONE, elapsed());
        }
        let line = match line {
            Line::Blank => {
                let own = super::own::is_own(&self.generation, &self.facts);
                self.open(&Ending::new(if own { "own" } else { "sign_in" }))
            }
            Line::Open(line) => Some(line),
            Line::Gone => None,
        };
        if let Some(line) = line {
            let duration_ms = u64::try_from(elapsed().as_millis()).unwrap_or(u64::MAX);
            line.close(Ended { status: CLIENT_GONE, duration_ms, bytes_in: None, bytes_out: 0 });
        }
    }
}

impl Ending<'_> {
    /// An end with this decision and nothing else known.
    pub(super) const fn new(decision: &'static str) -> Self {
        Self { decision, reason: None, upstream: None, answered: None, who: None }
    }
}

pub(super) fn put_id(response: &mut Response<Body>, id: &RequestId) {
    response.headers_mut().insert(&X_REQUEST_ID, id.field().clone());
}
