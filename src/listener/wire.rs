//! The socket under a client's connection: it knows whether it waits for a request, reads a head or serves, and puts
//! a limit to each kind of waiting (decision 28; hyper has one timer for the first two and none for the others).
//!
//! It also parts well: a connection that ends while the client still sends would be reset by the kernel, and the
//! answer lost with it. So after our last byte some of what still comes is read and thrown away. But where the end of the
//! connection is that of the answer, one that breaks off is reset, or it would look complete.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Held;
use super::meters::Meters;
use super::terms::Limits;
use crate::clock::{Alarm, Clock};
use crate::transport::Transport;

/// A client's socket with its limits.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Transport,
    /// What was read to find out what is spoken, and is to be read again.
    front: Bytes,
    clock: Clock,
    limits: Limits,
    meters: Meters,
    turn: Arc<Turn>,
    reading: Alarm,
    wait: Wait,
    writing: Alarm,
    /// Since when the client has not taken what we write.
    stalled: Option<Instant>,
    parting: Parting,
    _held: Held,
}

/// Whose turn it is on a connection: odd while a request is served, even while one is awaited. The upper bits say
/// what is special.
#[derive(Debug)]
pub(super) struct Turn {
    state: AtomicU32,
    /// When the last answer was out, in nanoseconds after `opened`.
    answered: AtomicU64,
    /// How long the client may take nothing of this answer, in nanoseconds; 0 for the listener's limit.
    patience: AtomicU64,
    /// The answer ends where the connection does.
    is_open_ended: AtomicBool,
    opened: Instant,
    clock: Clock,
}

/// What the read side waits for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// The first byte of a request, in the turn of that number.
    Idle { turn: u32, until: Instant },
    /// The rest of its head.
    Head { turn: u32, until: Instant },
    /// Nothing that has a limit here.
    Served,
}

#[derive(Clone, Copy, Debug)]
enum Parting {
    NotYet,
    /// Our side is closed; what the client still sends is thrown away.
    Draining {
        until: Instant,
        left: usize,
    },
    Done,
}

/// The turn of a connection that is a tunnel now.
const UPGRADED: u32 = 1 << 31;
/// The last request had a body.
const BODY: u32 = 1 << 30;
/// The connection carries many requests at once.
const SHARED: u32 = 1 << 29;
const COUNT: u32 = SHARED - 1;

/// How long, and how much, is read after our last byte.
const PARTING: Duration = Duration::from_secs(2);
const PARTING_BYTES: usize = 1024 * 1024;

impl Turn {
    fn new(clock: &Clock) -> Self {
        let opened = clock.instant();
        Self {
            state: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            patience: AtomicU64::new(0),
            is_open_ended: AtomicBool::new(false),
            opened,
            clock: clock.clone(),
        }
    }

    /// A request begins.
    pub(super) fn request(&self, has_body: bool) {
        let body = if has_body { BODY } else { 0 };
        self.state.store(((self.get() & COUNT) | 1) | body, Ordering::Relaxed);
    }

    /// Its answer is out, or given up.
    pub(super) fn answered(&self) {
        let turn = self.get();
        if turn & (UPGRADED | SHARED) == 0 && turn & 1 == 1 {
            let nanos = self.clock.instant().duration_since(self.opened).as_nanos();
            self.answered.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.state.store(((turn & COUNT).wrapping_add(1) & COUNT) | (turn & BODY), Ordering::Relaxed);
        }
    }

    /// An answer begins, and may have a limit of its own.
    pub(super) fn wait_for_client(&self, patience: Option<Duration>) {
        let nanos = patience.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.patience.store(nanos, Ordering::Relaxed);
    }

    /// An answer begins that ends where the connection does, so it is the last.
    pub(super) fn ends_with_connection(&self) {
        self.is_open_ended.store(true, Ordering::Relaxed);
    }

    fn patience(&self) -> Option<Duration> {
        let nanos = self.patience.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// The connection becomes a tunnel.
    pub(super) fn upgraded(&self) {
        self.state.store(UPGRADED | 1, Ordering::Relaxed);
    }

    /// Requests come side by side from here on. What they wait for is watched by whoever serves them.
    pub(super) fn shared(&self) {
        self.state.store(SHARED | 1, Ordering::Relaxed);
    }

    fn get(&self) -> u32 {
        self.state.load(Ordering::Relaxed)
    }

    fn last_answer(&self) -> Instant {
        self.opened + Duration::from_nanos(self.answered.load(Ordering::Relaxed))
    }
}

impl Wire {
    pub(super) fn new(stream: Transport, clock: Clock, limits: Limits, meters: Meters, held: Held) -> Self {
        let until = clock.instant() + limits.head;
        Self {
            stream,
            front: Bytes::new(),
            turn: Arc::new(Turn::new(&clock)),
            reading: Alarm::default(),
            // Before the very first byte the short limit holds: browsers open connections ahead, attackers too.
            wait: Wait::Idle { turn: 0, until },
            writing: Alarm::default(),
            stalled: None,
            parting: Parting::NotYet,
            _held: held,
            clock,
            limits,
            meters,
        }
    }

    pub(super) fn turn(&self) -> Arc<Turn> {
        Arc::clone(&self.turn)
    }

    /// Lets `bytes`, which were read from here, be read once more.
    pub(super) fn give_back(&mut self, bytes: Bytes) {
        self.front = bytes;
    }

    /// Bytes came: if a request was awaited, its head has begun.
    fn arrived(&mut self) {
        let now = self.turn.get();
        if now & 1 == 1 {
            self.wait = Wait::Served;
        } else if !matches!(self.wait, Wait::Head { turn, .. } if turn == now) {
            self.wait = Wait::Head { turn: now, until: self.clock.instant() + self.limits.head };
        }
    }

    /// Whether the client may still be sending something: a body, or a head that the parser refused.
    fn may_be_sending(&self) -> bool {
        let now = self.turn.get();
        now & UPGRADED == 0
            && (now & (BODY | SHARED) != 0 || matches!(self.wait, Wait::Head { turn, .. } if turn == now))
    }

    /// Nothing came: looks at the limit of what is waited for.
    fn poll_limit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = self.turn.get();
        if now & (UPGRADED | SHARED) != 0 {
            return Poll::Pending;
        }
        if now & 1 == 1 {
            self.wait = Wait::Served;
            // No limit now; but hyper does not ask again when the answer is out, if it has asked before. So the
            // alarm is set in any case, and finds out when it goes off.
            let later = self.clock.instant() + self.limits.keep_alive;
            return self.reading.poll(&self.clock, later, context).map(Ok);
        }
        let until = match self.wait {
            Wait::Idle { turn, until } | Wait::Head { turn, until } if turn == now => until,
            Wait::Idle { .. } | Wait::Head { .. } | Wait::Served => {
                let until = self.turn.last_answer() + self.limits.keep_alive;
                self.wait = Wait::Idle { turn: now, until };
                until
            }
        };
        ready!(self.reading.poll(&self.clock, until, context));
        match self.wait {
            // As if the client had closed: an idle connection ends without a word.
            Wait::Idle { .. } | Wait::Served => Poll::Ready(Ok(())),
            Wait::Head { .. } => {
                self.meters.head_timeouts.increment();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        self.stuck(context)
    }

    /// TLS holds back what it was given until the socket takes it.
    fn emptied(&mut self, emptied: Poll<io::Result<()>>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match emptied {
            // Nothing waits in front of a plain socket, so that says nothing of its client.
            Poll::Ready(emptied) => {
                if self.stream.holds_back() {
                    self.stalled = None;
                }
                Poll::Ready(emptied)
            }
            Poll::Pending => self.stuck(context),
        }
    }

    /// The client takes nothing: looks at the limit of that.
    fn stuck<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let since = *self.stalled.get_or_insert_with(|| self.clock.instant());
        let limit = self.turn.patience().unwrap_or(self.limits.write_stall);
        ready!(self.writing.poll(&self.clock, since + limit, context));
        self.meters.write_stalls.increment();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_drain(&mut self, context: &mut Context<'_>, until: Instant, mut left: usize) -> Poll<()> {
        let mut waste = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut waste);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => left = left.saturating_sub(buffer.filled().len()),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {
                    self.parting = Parting::Draining { until, left };
                    return self.reading.poll(&self.clock, until, context);
                }
            }
            if left == 0 {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // An answer that is all out is followed by our end of the connection.
        if matches!(self.parting, Parting::NotYet) && self.turn.is_open_ended.load(Ordering::Relaxed) {
            self.stream.break_off();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.front.is_empty() {
            let length = self.front.len().min(buffer.remaining());
            buffer.put_slice(self.front.get(..length).unwrap_or_default());
            self.front.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    self.arrived();
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_limit(context),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.emptied(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.parting {
                Parting::NotYet => {
                    let closed = Pin::new(&mut self.stream).poll_shutdown(context);
                    ready!(self.emptied(closed, context))?;
                    self.parting = if self.may_be_sending() {
                        Parting::Draining { until: self.clock.instant() + PARTING, left: PARTING_BYTES }
                    } else {
                        Parting::Done
                    };
                }
                Parting::Draining { until, left } => {
                    ready!(self.poll_drain(context, until, left));
                    self.parting = Parting::Done;
                }
                Parting::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}
