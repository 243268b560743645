//! Shared connections to an upstream that speaks HTTP/2 (RFC 9113): each carries many requests at once.
//!
//! A request takes a place on the oldest connection that has one, as many as the upstream allows and never more than
//! [`STREAMS`]. When all are taken, one more connection is opened, one at a time, whoever waits for it. A connection that
//! the upstream gave up (GOAWAY), that broke, or on which an answer was awaited in vain takes no further requests; those that it
//! carries are not touched.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use super::dial::Dialer;
use super::error::ForwardError;
use super::meters::Counted;
use super::pool::lock;
use super::shared::{Connection, Heard, Place, Tasks};
use super::shared_wire::SharedWire;
use crate::clock::Clock;

/// The connections to one target.
#[derive(Debug)]
pub(super) struct Multiplexed {
    /// Oldest first.
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Held by whoever opens one.
    opening: tokio::sync::Mutex<()>,
    /// Tells that a place may be free.
    freed: Arc<Notify>,
    counted: Counted,
    /// The largest response head in bytes, as RFC 9113 section 6.5.2 counts them.
    max_head: u32,
}

/// What there is for a request.
enum Found {
    /// This.
    Place(Place),
    /// Nothing, and one more connection would help.
    Open,
    /// Nothing until the upstream has said how much the newest connection carries.
    Soon,
    /// Nothing until somebody leaves.
    Full,
}

/// How many requests a connection carries at once, if the upstream allows as many.
pub(super) const STREAMS: u32 = 100;

/// How many connections a target gets.
const CONNECTIONS: usize = 64;

/// How much of an answer may lie here until its client takes it.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same of all answers on a connection: room for all, so that clients that take nothing never keep others waiting.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// How much of a request's body may lie here until the upstream takes it.
const SEND_BUFFER: usize = 64 * 1024;

/// After so much silence the upstream is asked whether it is there. Servers of gRPC take a client that asks more often than
/// every five minutes for a bad one, and close; that the machine is gone, the system finds out sooner (`dial`).
const PING_AFTER: Duration = Duration::from_secs(5 * 60 + 1);

/// How long its answer to that may take.
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// How many streams that we gave up are remembered: frames for others are errors. All that can be at a time, some times over.
const REMEMBERED: usize = 1024;

impl Multiplexed {
    pub(super) fn new(max_head: usize, counted: Counted) -> Self {
        Self {
            connections: Mutex::new(Vec::new()),
            opening: tokio::sync::Mutex::new(()),
            freed: Arc::new(Notify::new()),
            counted,
            max_head: u32::try_from(max_head).unwrap_or(u32::MAX),
        }
    }

    /// A place for one request, if there is one at once.
    pub(super) fn take(&self) -> Option<Place> {
        match self.find() {
            Found::Place(place) => Some(place),
            Found::Open | Found::Soon | Found::Full => None,
        }
    }

    /// A place for one request, waited for at most for `limit`: for a connection, or for another request's end.
    pub(super) async fn wait(
        &self,
        dialer: &Dialer,
        limit: Duration,
        clock: &Clock,
    ) -> Result<Place, ForwardError> {
        if let Ok(place) = clock.timeout(limit, self.next(dialer, clock)).await {
            return place;
        }
        match self.find() {
            Found::Place(place) => Ok(place),
            Found::Open | Found::Soon => {
                self.counted.failed();
                Err(ForwardError::ConnectTimeout)
            }
            Found::Full => {
                self.counted.all.busy.increment();
                Err(ForwardError::Busy)
            }
        }
    }

    async fn next(&self, dialer: &Dialer, clock: &Clock) -> Result<Place, ForwardError> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From here on nothing is missed, whatever is found.
            freed.as_mut().enable();
            match self.find() {
                Found::Place(place) => return Ok(place),
                Found::Soon | Found::Full => freed.await,
                Found::Open => {
                    tokio::select! {
                        _turn = self.opening.lock() => match self.find() {
                            Found::Place(place) => return Ok(place),
                            Found::Soon | Found::Full => {}
                            Found::Open => return self.open(dialer, clock).await,
                        },
                        () = freed => {}
                    }
                }
            }
        }
    }

    /// Has each connection end with the requests that it carries.
    pub(super) fn retire_all(&self) {
        for connection in lock(&self.connections).drain(..) {
            connection.retire();
        }
    }

    /// How many connections carry nothing.
    pub(super) fn idle_count(&self) -> usize {
        lock(&self.connections)
            .iter()
            .filter(|connection| connection.is_open() && connection.is_empty())
            .count()
    }

    fn find(&self) -> Found {
        let mut connections = lock(&self.connections);
        connections.retain(|connection| connection.is_open());
        let mut is_young = false;
        for connection in connections.iter() {
            if let Some(place) = connection.place() {
                return Found::Place(place);
            }
            is_young |= connection.is_young();
        }
        if is_young {
            Found::Soon
        } else if connections.len() >= CONNECTIONS {
            Found::Full
        } else {
            Found::Open
        }
    }

    /// Opens a connection, and takes the first place on it.
    async fn open(&self, dialer: &Dialer, clock: &Clock) -> Result<Place, ForwardError> {
        let dialed = dialer.dial().await;
        if dialed.is_err() {
            self.counted.failed();
        }
        let transport = dialed?;
        let open = self.counted.connected();
        let heard = Arc::new(Heard::new(Arc::clone(&self.freed)));
        let wire = SharedWire::new(transport, Arc::clone(&heard), open);
        let tasks = Tasks::new(heard, Arc::default());
        let (sender, engine) = builder(tasks.clone(), self.max_head, clock)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|source| ForwardError::UpstreamClosed { source })?;
        let connection = Connection::new(sender, engine, tasks, self.counted.all.streams.clone(), clock);
        tokio::spawn(Arc::clone(&connection).run(clock.clone()));
        let place = connection.place().ok_or(ForwardError::Busy)?;
        lock(&self.connections).push(connection);
        Ok(place)
    }
}

impl Drop for Multiplexed {
    fn drop(&mut self) {
        self.retire_all();
    }
}

fn builder(executor: Tasks, max_head: u32, clock: &Clock) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(clock.timer())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .adaptive_window(false)
        // Until it has said how many it takes.
        .initial_max_send_streams(1)
        .max_header_list_size(max_head)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN)
        .keep_alive_while_idle(true)
        .max_concurrent_reset_streams(REMEMBERED)
        // Frames that crossed with a reset of ours are no fault of the upstream, however many there were in all.
        .max_local_error_reset_streams(None);
    builder
}

/// How long a connection may carry nothing.
pub(super) const MAX_IDLE: Duration = Duration::from_secs(90);

/// The moment from which on a connection that carries nothing has been idle too long.
pub(super) fn too_old(idle_since: Instant) -> Instant {
    idle_since + MAX_IDLE
}
