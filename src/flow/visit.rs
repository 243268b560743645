//! A visit: one request on its way, with all that its story needs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, Response};

use super::answer::{AccessGuard, Body, CLIENT_GONE};
use super::gateway::{Generation, Shared};
use super::refusal::Refusal;
use crate::audit::{Event, EventName, What, Who};
use crate::clock::{Clock, Timestamp};
use crate::session::Session;
use crate::telemetry::{AccessLine, IdentityInLog, QueryInLog};
use crate::web::{Facts, PeerAddr, RequestId};

/// A request whose facts were read.
pub(super) struct Visit {
    generation: Arc<Generation>,
    facts: Facts,
    reader: Reader,
    clock: Clock,
    now: Timestamp,
    started: Instant,
    /// What is known of how it ends; none once its answer is made.
    open: Mutex<Option<Ending>>,
}

/// A request of which no facts could be read.
pub(super) struct Unread {
    pub(super) generation: Arc<Generation>,
    pub(super) refusal: Refusal,
    pub(super) reader: Reader,
    pub(super) peer: PeerAddr,
    pub(super) id: RequestId,
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) started: Instant,
    pub(super) now: Timestamp,
}

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person in a browser: a page.
    Person,
    /// A program: JSON.
    Program,
}

/// How a request ended, for its access line.
pub(super) struct Ending {
    pub(super) decision: &'static str,
    pub(super) reason: Option<String>,
    pub(super) route: Option<String>,
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
}

impl Reader {
    /// A person reads what a browser shows: the answer to a navigation, or what asks for HTML by `Accept`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let html = || text("accept").is_some_and(|accept| accept.contains("text/html"));
        let person = match text("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => html() && text("x-requested-with").is_none(),
        };
        if person { Self::Person } else { Self::Program }
    }
}

impl Visit {
    pub(super) fn new(generation: Arc<Generation>, shared: &Shared, facts: Facts, reader: Reader) -> Self {
        let clock = shared.clock.clone();
        let (now, started) = (clock.now(), clock.instant());
        let decision = if super::own::is_own(&generation, &facts) { "own" } else { "sign_in" };
        let open = Mutex::new(Some(Ending::new(decision)));
        Self { generation, facts, reader, clock, now, started, open }
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

    /// An event about this request.
    pub(super) fn event(&self, name: EventName) -> Event<'_> {
        let facts = &self.facts;
        let mut event = Event::new(name, self.now);
        event.request_id = Some(facts.id().as_str());
        event.client = Some(facts.forwarded().client().to_string());
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
        let name = |text: &str| match self.generation.logging.identity {
            IdentityInLog::User => Some(text.to_owned()),
            IdentityInLog::Hash => Some(self.generation.keyring.pseudonym(text)),
            IdentityInLog::None => None,
        };
        Some(Who {
            issuer: identity.issuer(),
            sub: name(identity.subject())?,
            user: name(identity.user())?,
            session: session.id().short(),
        })
    }

    /// Records an event.
    pub(super) fn record(&self, event: &Event<'_>) {
        self.generation.logging.audit.record(event);
    }

    /// Says how the request will end, before the wait for its answer: should the client not wait, its access line
    /// tells that much.
    pub(super) fn expect(&self, ending: Ending) {
        *self.open() = Some(ending);
    }

    /// What [`Self::expect`] was told.
    pub(super) fn expected(&self) -> Option<Ending> {
        self.open().take()
    }

    fn open(&self) -> MutexGuard<'_, Option<Ending>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the request's id on the answer and lets its body write the access line at its end.
    pub(super) fn finish(
        &self,
        clock: &Clock,
        mut response: Response<Body>,
        ending: Ending,
    ) -> Response<Body> {
        self.open().take();
        put_id(&mut response, self.facts.id());
        match self.guard(clock, ending, response.status().as_u16()) {
            Some(guard) => response.map(|body| body.guarded(guard)),
            None => response,
        }
    }

    /// What writes the access line when it is dropped.
    fn guard(&self, clock: &Clock, ending: Ending, status: u16) -> Option<AccessGuard> {
        let trail = self.generation.logging.access.clone()?;
        let facts = &self.facts;
        let mut path = facts.path().sent().to_owned();
        if self.generation.logging.query == QueryInLog::Shown
            && !super::own::is_own(&self.generation, facts)
            && let Some(query) = facts.query()
        {
            path.push('?');
            path.push_str(query);
        }
        let line = AccessLine {
            time: self.now.to_string(),
            request_id: facts.id().to_string(),
            client: facts.forwarded().client().to_string(),
            peer: facts.peer().to_string(),
            method: facts.method().to_string(),
            host: facts.host().to_string(),
            path,
            route: ending.route,
            status,
            decision: ending.decision,
            reason: ending.reason,
            user: ending.user,
            session: ending.session,
            duration_ms: 0,
            bytes_out: 0,
        };
        Some(AccessGuard::new(trail, line, clock.clone(), self.started))
    }

    /// Answers with a refusal, and records it.
    pub(super) fn refuse(&self, clock: &Clock, refusal: &Refusal, ending: Ending) -> Response<Body> {
        let outline = refusal.outline();
        tracing::event!(target: "vestibule", tracing::Level::DEBUG, request_id = %self.facts.id(), reason = outline.word, "refused");
        if let Some(detail) = &outline.private {
            match outline.level {
                tracing::Level::ERROR => {
                    tracing::error!(request_id = %self.facts.id(), code = outline.word, "{detail}");
                }
                tracing::Level::WARN => {
                    tracing::warn!(request_id = %self.facts.id(), code = outline.word, "{detail}");
                }
                _ => tracing::info!(request_id = %self.facts.id(), code = outline.word, "{detail}"),
            }
        }
        let response = refusal.answer(self);
        let ending = Ending { reason: Some(outline.word.to_owned()), ..ending };
        self.finish(clock, response, ending)
    }
}

impl Drop for Visit {
    /// A client that goes before there is an answer takes the request with it. Its line is written all the same.
    fn drop(&mut self) {
        if let Some(ending) = self.expected() {
            drop(self.guard(&self.clock, ending, CLIENT_GONE));
        }
    }
}

impl Unread {
    /// The answer to a request that cannot be read in one way only.
    pub(super) fn answer(self, clock: &Clock) -> Response<Body> {
        let outline = self.refusal.outline();
        if let Some(detail) = &outline.private {
            tracing::info!(request_id = %self.id, code = outline.word, "{detail}");
        }
        let mut event = Event::new(EventName::AccessDenied, self.now);
        event.request_id = Some(self.id.as_str());
        event.client = Some(self.peer.ip().to_string());
        event.reason = Some(outline.word);
        event.what = Some(What { method: self.method.as_str(), host: &self.host, path: &self.path });
        self.generation.logging.audit.record(&event);
        let mut response = self.refusal.answer_unread(&self.generation, self.reader, &self.id, &self.host);
        put_id(&mut response, &self.id);
        let Some(trail) = self.generation.logging.access.clone() else { return response };
        let line = AccessLine {
            time: self.now.to_string(),
            request_id: self.id.to_string(),
            client: self.peer.ip().to_string(),
            peer: self.peer.to_string(),
            method: self.method.to_string(),
            host: self.host,
            path: self.path,
            route: None,
            status: response.status().as_u16(),
            decision: "error",
            reason: Some(outline.word.to_owned()),
            user: None,
            session: None,
            duration_ms: 0,
            bytes_out: 0,
        };
        let guard = AccessGuard::new(trail, line, clock.clone(), self.started);
        response.map(|body| body.guarded(guard))
    }
}

impl Ending {
    /// An end with this decision and nothing else known.
    pub(super) const fn new(decision: &'static str) -> Self {
        Self { decision, reason: None, route: None, user: None, session: None }
    }
}

fn put_id(response: &mut Response<Body>, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert("x-request-id", value);
    }
}
