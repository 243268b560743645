//! One connection of HTTP/2 that many requests share, and a request's place on it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use super::multiplexed::{STREAMS, too_old};
use super::pool::lock;
use super::shared_wire::SharedWire;
use super::upload::{Progress, Slot, Upload};
use crate::clock::{Alarm, Clock};
use crate::meter::{Gauge, GaugeGuard};

/// A connection. It runs in a task of its own, until it breaks, lies idle for too long, or is retired and empty.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    /// What writes the requests; none when it has ended.
    engine: Mutex<Option<Engine>>,
    /// How many requests it carries.
    places: AtomicUsize,
    /// When the last of them ended, in nanoseconds after `opened`.
    left: AtomicU64,
    opened: Instant,
    clock: Clock,
    is_retired: AtomicBool,
    /// Whether an answer has come over it.
    has_answered: AtomicBool,
    heard: Arc<Heard>,
    slot: Arc<Slot>,
    waker: AtomicWaker,
    streams: Gauge,
}

/// A request's place on a connection. Dropping it gives it up: what of the request is still on its way is reset, as is the
/// answer, which must be dropped too.
#[derive(Debug)]
pub(super) struct Place {
    connection: Arc<Connection>,
    upload: Option<Arc<Progress>>,
    _open: GaugeGuard,
}

/// Whether the upstream has said anything yet. Its first words are its settings (RFC 9113 section 3.4).
#[derive(Debug)]
pub(super) struct Heard {
    bytes: AtomicBool,
    told: AtomicBool,
    listeners: Arc<Notify>,
}

/// Runs what a connection consists of. Tells when the upstream was first heard and understood, and ends what sends a body
/// that nobody wants.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    heard: Arc<Heard>,
    slot: Arc<Slot>,
}

type Received = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

type Engine = http2::Connection<TokioIo<SharedWire>, Upload, Tasks>;

impl Connection {
    pub(super) fn new(
        sender: SendRequest<Upload>,
        engine: Engine,
        tasks: Tasks,
        streams: Gauge,
        clock: &Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            sender,
            engine: Mutex::new(Some(engine)),
            places: AtomicUsize::new(0),
            left: AtomicU64::new(0),
            opened: clock.instant(),
            clock: clock.clone(),
            is_retired: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
            heard: tasks.heard,
            slot: tasks.slot,
            waker: AtomicWaker::new(),
            streams,
        })
    }

    /// Whether it takes requests.
    pub(super) fn is_open(&self) -> bool {
        !self.is_retired.load(Ordering::Acquire) && !self.sender.is_closed()
    }

    /// Whether it carries nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.places.load(Ordering::Acquire) == 0
    }

    /// Whether nobody knows yet how many requests it takes.
    pub(super) fn is_young(&self) -> bool {
        !self.heard.told.load(Ordering::Acquire)
    }

    /// A place for one request, if there is one.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        let taken = self.places.fetch_add(1, Ordering::AcqRel);
        if taken >= self.capacity() {
            self.places.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Place { connection: Arc::clone(self), upload: None, _open: self.streams.hold() })
    }

    /// Takes no further requests, and ends with the last that it carries.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Moves requests, to the end.
    pub(super) async fn run(self: Arc<Self>, clock: Clock) {
        let mut alarm = Alarm::default();
        poll_fn(|context| self.poll(&clock, &mut alarm, context)).await;
        // Whoever waits for a place need not wait for this one.
        self.heard.tell();
    }

    fn poll(&self, clock: &Clock, alarm: &mut Alarm, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        let mut engine = lock(&self.engine);
        let has_ended = match engine.as_mut() {
            Some(engine) => Pin::new(engine).poll(context).is_ready(),
            None => true,
        };
        let is_empty = self.is_empty();
        let is_over = has_ended || (is_empty && self.is_retired.load(Ordering::Acquire)) || {
            let since = if is_empty { self.idle_since() } else { clock.instant() };
            alarm.poll(clock, too_old(since), context).is_ready()
        };
        if is_over {
            // Requests that came in at this very moment are handed back.
            *engine = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn idle_since(&self) -> Instant {
        self.opened + Duration::from_nanos(self.left.load(Ordering::Acquire))
    }

    fn capacity(&self) -> usize {
        let ours = STREAMS as usize;
        if self.is_young() {
            return 1;
        }
        lock(&self.engine).as_ref().map_or(0, |engine| engine.current_max_send_streams().min(ours))
    }

    fn leave(&self) {
        let nanos = self.clock.instant().duration_since(self.opened).as_nanos();
        self.left.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
        let before = self.places.fetch_sub(1, Ordering::AcqRel);
        if before == 1 && self.is_retired.load(Ordering::Acquire) {
            self.waker.wake();
        }
        self.heard.listeners.notify_one();
    }
}

impl Place {
    /// Sends a request.
    pub(super) fn send(&self, mut request: Request<Upload>) -> impl Future<Output = Received> + use<> {
        request.body_mut().begins_in(Arc::clone(&self.connection.slot));
        self.connection.sender.clone().try_send_request(request)
    }

    /// An answer came. From now on, what is left of the request's body is given up with the place; before, hyper sees to it.
    pub(super) fn answered(&mut self, upload: Option<&Arc<Progress>>) {
        self.upload = upload.cloned();
        self.proven();
    }

    /// Whether the connection had answered before.
    pub(super) fn is_proven(&self) -> bool {
        self.connection.has_answered.load(Ordering::Acquire)
    }

    /// The upstream has shown that the connection is alive.
    pub(super) fn proven(&self) {
        self.connection.has_answered.store(true, Ordering::Release);
    }

    /// The connection is to take no further requests.
    pub(super) fn retire(&self) {
        self.connection.retire();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.abandon();
        }
        self.connection.leave();
    }
}

impl Heard {
    pub(super) const fn new(listeners: Arc<Notify>) -> Self {
        Self { bytes: AtomicBool::new(false), told: AtomicBool::new(false), listeners }
    }

    /// Something came, and will be understood before this task does anything else.
    pub(super) fn bytes(&self) {
        self.bytes.store(true, Ordering::Relaxed);
    }

    fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.listeners.notify_waiters();
    }
}

impl Tasks {
    pub(super) const fn new(heard: Arc<Heard>, slot: Arc<Slot>) -> Self {
        Self { heard, slot }
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let heard = Arc::clone(&self.heard);
        let body = self.slot.take();
        tokio::spawn(async move {
            let mut future = pin!(future);
            poll_fn(|context| {
                if body.as_ref().is_some_and(|body| body.is_abandoned(context)) {
                    return Poll::Ready(());
                }
                let polled = future.as_mut().poll(context);
                if heard.bytes.load(Ordering::Relaxed) && !heard.told.load(Ordering::Acquire) {
                    heard.tell();
                }
                polled
            })
            .await;
        });
    }
}
