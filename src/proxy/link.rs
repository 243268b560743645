//! What carries one exchange: a connection to an upstream, or a place on one that others share.
//!
//! A connection is moved by whoever waits for its answer: the request's own task writes the request, reads the answer and
//! hands it on, and no other task, perhaps on another core, has to be woken in between. Two kinds of exchanges have a task of
//! their own for it, which then stays with the connection: those with a request body, which goes on while the client takes
//! nothing of an answer, and those that become tunnels.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::TryFutureExt;
use futures_util::task::AtomicWaker;
use http::header::UPGRADE;
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use tokio::task::JoinHandle;

use super::awaited::{Awaited, Bounded};
use super::error::ForwardError;
use super::shared::Place;
use super::upload::Upload;
use super::wire::Wire;
use crate::clock::{Alarm, Clock};
use crate::meter::GaugeGuard;
use crate::transport::Transport;

/// What carries one exchange. Dropping it ends the exchange at once, whatever is on its way.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) carrier: Carrier,
    /// Kept with the connection, so that a request seldom sets a timer of its own.
    pub(super) alarm: Alarm,
}

/// A connection, or a place on one.
#[derive(Debug)]
pub(super) enum Carrier {
    /// A connection to an upstream, which ends with it.
    Own { sender: SendRequest<Upload>, awaited: Arc<Awaited>, engine: Engine },
    /// A place on one that others share.
    Shared(Place),
}

/// What became of a request that was sent, or of its head.
pub(super) type Sent = Result<Response<Incoming>, Box<TrySendError<Request<Upload>>>>;

/// A request on its way. Who drops it gives the request up. Boxed, since the library's own future has room for a whole
/// request, and every future around it would move that about.
pub(super) type Sending = Pin<Box<dyn Future<Output = Sent> + Send>>;

/// What moves a connection's bytes.
#[derive(Debug)]
pub(super) enum Engine {
    /// Who waits for something of the connection.
    Waiter(Box<Moved>),
    /// A task.
    Task { _driver: Driver },
    /// Nothing any more: it has ended.
    Ended,
}

/// A task that is to end with its connection.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<()>);

/// A connection that is to be moved, and what counts it.
#[derive(Debug)]
pub(super) struct Moved {
    connection: Connection<Wire, Upload>,
    bell: Arc<Bell>,
    waker: Waker,
    guards: (GaugeGuard, GaugeGuard),
}

/// What wakes whoever waits, and nobody for what he does himself: the parts of a connection tell each other by wakers when
/// there is something to do, and he does it in the same breath. While nobody waits, it is quiet.
#[derive(Debug, Default)]
struct Bell {
    waiter: AtomicWaker,
    state: AtomicU8,
}

/// Rings are noted, and there was none.
const HUSHED: u8 = 0;
/// There was one.
const RUNG: u8 = 1;
/// Rings wake.
const LOUD: u8 = 2;

/// How often a connection is moved on before others have their turn.
const ROUNDS: usize = 8;

/// The most that is buffered of an answer before the client took it, where no head may be larger.
const BUFFER: usize = 64 * 1024;

/// How long a connection that has just served may take to be ready again. Mostly its task has only to run once.
const SETTLE: Duration = Duration::from_millis(100);

impl Link {
    /// Begins to speak over a transport. No head may be larger than `max_head`.
    ///
    /// # Errors
    /// [`ForwardError::UpstreamClosed`].
    pub(super) async fn start(
        transport: Transport,
        max_head: usize,
        guards: (GaugeGuard, GaugeGuard),
    ) -> Result<Self, ForwardError> {
        let awaited = Arc::new(Awaited::new(max_head));
        let (sender, connection) = http1::Builder::new()
            .max_header_size(max_head)
            .max_buf_size(max_head.max(BUFFER))
            .handshake(Wire::new(Bounded::new(transport, Arc::clone(&awaited))))
            .await
            .map_err(|source| ForwardError::UpstreamClosed { source })?;
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let engine = Engine::Waiter(Box::new(Moved { connection, bell, waker, guards }));
        Ok(Self { carrier: Carrier::Own { sender, awaited, engine }, alarm: Alarm::default() })
    }

    pub(super) fn shared(place: Place) -> Self {
        Self { carrier: Carrier::Shared(place), alarm: Alarm::default() }
    }

    /// Sends a request. The bytes that come until the head of its answer is there are counted.
    pub(super) fn send(&mut self, request: Request<Upload>) -> Sending {
        match &mut self.carrier {
            Carrier::Own { sender, awaited, engine } => {
                awaited.begin();
                if !request.body().is_end_stream() || request.headers().contains_key(UPGRADE) {
                    engine.detach();
                }
                Box::pin(sender.try_send_request(request).map_err(Box::new))
            }
            Carrier::Shared(place) => Box::pin(place.send(request).map_err(Box::new)),
        }
    }

    /// The head of the answer is there.
    pub(super) fn has_head(&self) {
        if let Carrier::Own { awaited, .. } = &self.carrier {
            awaited.end();
        }
    }

    /// It has served nobody for so long that the system is to be asked whether something came.
    pub(super) fn has_rested(&self) {
        if let Carrier::Own { awaited, .. } = &self.carrier {
            awaited.rest();
        }
    }

    /// Asks for something that comes over the connection, which is moved on for it if that is for whoever waits.
    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        match &mut self.carrier {
            Carrier::Own { engine, .. } => engine.poll(context, ask),
            Carrier::Shared(_) => ask(context),
        }
    }

    /// Whether a request can be sent at once.
    pub(super) fn is_ready(&mut self) -> bool {
        let is_ready =
            |carrier: &Carrier| matches!(carrier, Carrier::Own { sender, .. } if sender.is_ready());
        is_ready(&self.carrier) || (self.is_alive() && is_ready(&self.carrier))
    }

    /// Looks whether the upstream has closed a connection that lies idle.
    pub(super) fn is_alive(&mut self) -> bool {
        if let Carrier::Own { engine, .. } = &mut self.carrier {
            engine.drive();
        }
        !self.is_closed()
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(&self.carrier, Carrier::Own { sender, engine, .. } if sender.is_closed() || matches!(engine, Engine::Ended))
    }

    /// Waits for a connection that has just served to be ready again; whether it is.
    pub(super) async fn settle(&mut self, clock: &Clock) -> bool {
        let Carrier::Own { sender, engine, .. } = &mut self.carrier else { return false };
        let ready = poll_fn(|context| engine.poll(context, |context| sender.poll_ready(context)));
        matches!(clock.timeout(SETTLE, ready).await, Ok(Ok(())))
    }
}

impl Engine {
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        for _ in 0..ROUNDS {
            let Self::Waiter(moved) = self else { return ask(context) };
            let waker = moved.waker.clone();
            let mut inner = Context::from_waker(&waker);
            moved.bell.waiter.register(context.waker());
            moved.bell.hush();
            if let Poll::Ready(answer) = ask(&mut inner) {
                return Poll::Ready(answer);
            }
            self.drive();
            if let Poll::Ready(answer) = ask(&mut inner) {
                return Poll::Ready(answer);
            }
            let Self::Waiter(moved) = self else { continue };
            if moved.bell.listen() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves the connection on as far as it goes. What happens meanwhile rings no bell.
    fn drive(&mut self) {
        let Self::Waiter(moved) = self else { return };
        let Moved { connection, waker, .. } = &mut **moved;
        if let Poll::Ready(ended) = Pin::new(connection).poll(&mut Context::from_waker(waker)) {
            *self = Self::Ended;
            tell(ended);
        }
    }

    /// Leaves the connection to a task of its own.
    fn detach(&mut self) {
        if !matches!(self, Self::Waiter(_)) {
            return;
        }
        let Self::Waiter(moved) = std::mem::replace(self, Self::Ended) else { return };
        let Moved { connection, guards, .. } = *moved;
        let task = tokio::spawn(async move {
            let _guards = guards;
            tell(connection.with_upgrades().await);
        });
        *self = Self::Task { _driver: Driver(task) };
    }
}

impl Bell {
    /// From now on, rings are noted.
    fn hush(&self) {
        self.state.store(HUSHED, Ordering::Release);
    }

    /// From now on, rings wake; false if there was one meanwhile.
    fn listen(&self) -> bool {
        self.state.compare_exchange(HUSHED, LOUD, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.compare_exchange(HUSHED, RUNG, Ordering::AcqRel, Ordering::Acquire) == Err(LOUD) {
            self.waiter.wake();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whoever waits on the connection gets its errors; this is only for whom it lay idle.
fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::trace!(%error, "an upstream connection ended");
    }
}
