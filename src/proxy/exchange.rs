//! One exchange with an upstream: send the request, wait for the response head, and try once more where that is safe.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::awaited::Flooded;
use super::error::ForwardError;
use super::head::Upgrade;
use super::link::{Link, Sending, Sent};
use super::meters::Meters;
use super::pool::{Pool, Taken};
use super::settings::RouteSettings;
use super::turn::Turn;
use super::upload::{Progress, State, Upload};
use super::upstream::Upstream;
use crate::clock::Clock;

/// What an exchange needs besides the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) pool: &'a Arc<Pool>,
    pub(super) settings: &'a RouteSettings,
    pub(super) clock: &'a Clock,
    pub(super) upload: Option<&'a Arc<Progress>>,
    pub(super) meters: &'a Meters,
    /// When the request was ready to go out.
    pub(super) asked: Instant,
}

/// What came of an exchange: the head of the answer, and what its body comes over.
type Outcome = Result<(Response<Incoming>, Link), ForwardError>;

/// What a request was, should it have to be sent once more. Every request pays for it and hardly one needs it, so it is no
/// map: a list costs half.
#[derive(Debug)]
pub(super) struct Spare {
    method: Method,
    target: Uri,
    version: Version,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl<'a> Exchange<'a> {
    /// Over a kept connection if there is one, else over a fresh one; where connections are shared, as
    /// [`Self::over_shared`] says.
    ///
    /// A kept connection may have died unseen. Then there is one more try, over a fresh one, if the request was
    /// never written, or if it has no body and its method is safe (RFC 9110 section 9.2.2): a POST that an upstream
    /// may have processed is never sent twice.
    ///
    /// The request of the usual way, over a kept connection, is sent before anything is waited for, so that no future has to
    /// hold it; all others are boxed.
    pub(super) fn run(self, request: Request<Upload>) -> impl Future<Output = Outcome> + Send + use<'a> {
        match self.pool.take(self.asked) {
            Some(Taken::Ready(mut link)) => {
                let spare = Spare::if_safe(&request);
                let sending = link.send(request);
                Either::Left(self.over_kept(link, sending, spare))
            }
            Some(Taken::Settling(link)) => Either::Right(Either::Left(Box::pin(self.settle(link, request)))),
            None => Either::Right(Either::Right(Box::pin(self.elsewhere(request)))),
        }
    }

    /// When its turn has come.
    pub(super) async fn in_turn(
        mut self,
        upstream: &Upstream,
        wanted: Upgrade,
        request: Request<Upload>,
    ) -> Result<((Response<Incoming>, Link), Turn), ForwardError> {
        let waited = upstream.turns.wait(&upstream.meters.waiting, self.clock).await;
        let turn = waited.inspect_err(|_| self.meters.busy.increment())?;
        self.asked = self.clock.instant();
        let outcome = match wanted {
            Upgrade::None => self.run(request).await?,
            Upgrade::WebSocket => self.fresh(request).await?,
        };
        Ok((outcome, turn))
    }

    /// Over a connection that is not ready yet, or another if it does not become so.
    async fn settle(self, mut link: Link, request: Request<Upload>) -> Outcome {
        while !link.settle(self.clock).await {
            link = match self.pool.take(self.asked) {
                Some(Taken::Ready(link) | Taken::Settling(link)) => link,
                None => return self.fresh(request).await,
            };
        }
        let spare = Spare::if_safe(&request);
        let sending = link.send(request);
        self.over_kept(link, sending, spare).await
    }

    async fn over_kept(self, mut link: Link, sending: Sending, spare: Option<Box<Spare>>) -> Outcome {
        let mut failure = match self.answered(&mut link, sending).await? {
            Ok(response) => return Ok((response, link)),
            Err(failure) => failure,
        };
        drop(link);
        let request = match (failure.take_message(), spare) {
            (Some(unsent), _) => unsent,
            (None, Some(spare)) if is_stale(failure.error()) => spare.into_request(),
            (None, _) => return Err(self.sort(failure.into_error())),
        };
        self.meters.retries.increment();
        Box::pin(self.fresh(request)).await
    }

    async fn elsewhere(self, request: Request<Upload>) -> Outcome {
        match self.pool.shared() {
            Some(shared) => self.over_shared(shared, request).await,
            None => self.fresh(request).await,
        }
    }

    /// Over a fresh connection, as an upgrade needs one.
    pub(super) async fn fresh(self, request: Request<Upload>) -> Outcome {
        let mut link = self.pool.connect(self.settings.connect_timeout, self.clock).await?;
        let sending = link.send(request);
        match self.answered(&mut link, sending).await? {
            Ok(response) => Ok((response, link)),
            Err(failure) => Err(self.sort(failure.into_error())),
        }
    }

    /// Waits for the response head: while the body is sent, as long as it moves; from its last byte on, for the
    /// route's limit (decision 43).
    pub(super) async fn answered(self, link: &mut Link, mut sending: Sending) -> Result<Sent, ForwardError> {
        let mut started = None;
        let sent = poll_fn(|context| {
            if let Poll::Ready(sent) = link.poll(context, |context| sending.as_mut().poll(context)) {
                return Poll::Ready(Ok(sent));
            }
            let started = *started.get_or_insert_with(|| self.clock.instant());
            let Some(upload) = self.upload else {
                let Some(limit) = self.settings.timeout else { return Poll::Pending };
                return link
                    .alarm
                    .poll(self.clock, started + limit, context)
                    .map(|()| Err(ForwardError::HeadTimeout));
            };
            upload.watch(context);
            // The body goes from state to state without waking this task, so the alarm is set for whichever limit is the
            // shorter, and what it finds when it goes off decides.
            loop {
                let (state, at) = upload.state();
                let (limit, late) = self.limit(state);
                let since = at.max(started);
                let passed = self.clock.instant().saturating_duration_since(since);
                if limit.is_some_and(|limit| passed >= limit) {
                    return Poll::Ready(Err(late));
                }
                let Some(next) = self.next_look(state, passed) else { return Poll::Pending };
                ready!(link.alarm.poll(self.clock, since + next, context));
            }
        })
        .await;
        link.has_head();
        sent
    }

    /// How long a body may stay in this state, and what is said then.
    const fn limit(self, state: State) -> (Option<Duration>, ForwardError) {
        match state {
            State::Done => (self.settings.timeout, ForwardError::HeadTimeout),
            State::Starved => (Some(self.settings.body_timeout), ForwardError::ClientStalled),
            _ => (self.settings.idle_timeout, ForwardError::UploadStalled),
        }
    }

    /// When to look again at a body that has not moved for `passed`: at the next limit that it could be over.
    fn next_look(self, state: State, passed: Duration) -> Option<Duration> {
        if state == State::Done {
            return self.settings.timeout;
        }
        let limits = [self.settings.idle_timeout, Some(self.settings.body_timeout)];
        let ahead = limits.into_iter().flatten().filter(|limit| *limit > passed).min();
        Some(ahead.unwrap_or_else(|| passed.saturating_add(self.settings.body_timeout)))
    }

    pub(super) fn sort(self, source: hyper::Error) -> ForwardError {
        if let Some(error) = self.sort_upload() {
            return error;
        }
        let is_flood = std::error::Error::source(&source)
            .and_then(|source| source.downcast_ref::<io::Error>()?.get_ref())
            .and_then(|source| source.downcast_ref::<Flooded>())
            .is_some();
        if source.is_parse_too_large() || is_flood {
            ForwardError::ResponseHeadTooLarge
        } else if source.is_parse() {
            ForwardError::BadResponse { source: Some(source) }
        } else {
            self.pool.dialer().closed(source)
        }
    }

    /// The client's part in a failure.
    pub(super) fn sort_upload(self) -> Option<ForwardError> {
        match self.upload.map(|upload| upload.state().0) {
            Some(State::TooLarge) => {
                Some(ForwardError::BodyTooLarge { limit: self.settings.max_body.unwrap_or_default() })
            }
            Some(State::Broken) => Some(ForwardError::ClientBody),
            Some(State::Gone) => Some(ForwardError::ClientGone),
            Some(State::Sending | State::Starved | State::Done) | None => None,
        }
    }
}

impl Spare {
    /// Of a request that has no body.
    pub(super) fn if_bodiless(request: &Request<Upload>) -> Option<Self> {
        if !request.body().is_end_stream() {
            return None;
        }
        let mut fields = Vec::with_capacity(request.headers().len());
        fields.extend(request.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(Self {
            method: request.method().clone(),
            target: request.uri().clone(),
            version: request.version(),
            fields,
        })
    }

    /// Of a request that has no body and may be sent twice.
    fn if_safe(request: &Request<Upload>) -> Option<Box<Self>> {
        if is_safe(request.method()) { Self::if_bodiless(request).map(Box::new) } else { None }
    }

    /// The request once more.
    pub(super) fn into_request(self) -> Request<Upload> {
        let mut request = Request::new(Upload::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        *request.version_mut() = self.version;
        for (name, value) in self.fields {
            request.headers_mut().append(name, value);
        }
        request
    }
}

/// Whether asking twice changes nothing (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a kept connection was closed before any byte of an answer.
pub(super) fn is_stale(error: &hyper::Error) -> bool {
    let is_io = || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<io::Error>);
    error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || (!error.is_parse() && is_io())
}
