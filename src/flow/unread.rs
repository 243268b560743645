//! Requests that cannot be read in one way only: refused before there are facts to judge.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, Response};

use super::answer::{AccessGuard, Body};
use super::gateway::Generation;
use super::reader::Reader;
use super::refusal::Refusal;
use super::visit::{Caller, put_id};
use crate::audit::{Event, EventName, What};
use crate::clock::{Clock, Timestamp};
use crate::telemetry::{AccessLine, AccessTrail};
use crate::web::{ClientAddr, PeerAddr, RequestId};

/// A request of which no facts could be read.
pub(super) struct Unread {
    pub(super) generation: Arc<Generation>,
    pub(super) refusal: Refusal,
    pub(super) reader: Reader,
    pub(super) caller: Caller,
    pub(super) peer: PeerAddr,
    pub(super) client: ClientAddr,
    pub(super) id: RequestId,
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) started: Instant,
    pub(super) now: Timestamp,
}

impl Unread {
    /// The answer to a request that cannot be read in one way only.
    pub(super) fn answer(self, clock: &Clock) -> Response<Body> {
        let outline = self.refusal.outline();
        if let Some(detail) = &outline.private {
            tracing::info!(request_id = %self.id, code = outline.word, url = outline.url(), "{detail}");
        }
        let mut event = Event::new(EventName::AccessDenied, self.now);
        event.request_id = Some(self.id.as_str());
        event.client = Some(self.client);
        event.reason = Some(outline.word);
        event.what = Some(What { method: self.method.as_str(), host: &self.host, path: &self.path });
        self.generation.logging.audit.record(&event);
        let tally = self.generation.meters.begin(&self.method);
        tally.decided("error", Some(outline.word));
        let mut response = self.refusal.answer_unread(&self.generation, self.reader, &self.id, &self.host);
        put_id(&mut response, &self.id);
        let line = |trail: &AccessTrail| {
            trail.open(&AccessLine {
                time: self.now,
                request_id: self.id.as_str(),
                client: self.client,
                peer: self.peer,
                protocol: self.caller.protocol(),
                method: self.method.as_str(),
                host: &self.host,
                path: &self.path,
                route: None,
                decision: "error",
                reason: Some(outline.word),
                user: None,
                session: None,
                upstream: None,
                user_agent: self.caller.agent(),
            })
        };
        let line = self.generation.logging.access.as_ref().map(line);
        let head_only = self.method == Method::HEAD;
        let guard = AccessGuard::new(
            self.id.clone(),
            line,
            Some(tally),
            response.status().as_u16(),
            head_only,
            clock.clone(),
            self.started,
        );
        response.map(|body| body.guarded(guard))
    }
}
