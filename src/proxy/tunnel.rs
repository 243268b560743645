//! The tunnel behind a 101: bytes both ways, until one side ends, both fall silent, or the session ends.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::frames::{CloseCode, FrameCounter, close};
use super::link::Link;
use super::meters::Meters;
use super::parting::Parting;
use crate::clock::{Alarm, Clock};
use crate::lease::Lease;
use crate::meter::GaugeGuard;

/// What a tunnel is made of.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
    /// The connection to the upstream, held until it has become the tunnel.
    pub(super) link: Link,
    pub(super) lease: Lease,
    pub(super) parting: Parting,
    pub(super) idle: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) meters: Meters,
    /// Counts the tunnel at its route.
    pub(super) open: GaugeGuard,
}

/// One direction.
#[derive(Debug)]
struct Pump {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    state: PumpState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PumpState {
    Open,
    /// Something was written and not yet flushed.
    Unflushed,
    /// The source has ended; the sink is to be told.
    Ending,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A side closed, broke, or fell silent together with the other.
    Closed,
    /// The session ended.
    Lease,
    /// We go.
    Parting,
}

/// Bytes on their way in one direction; sockets hold the rest.
const BUFFER: usize = 8 * 1024;

/// How long a client may take to receive our Close frame.
const GOODBYE: Duration = Duration::from_secs(2);

impl Tunnel {
    /// Runs to the end. The client's side opens once the 101 is written.
    pub(super) async fn run(self) {
        let Self { client, upstream, link, lease, parting, idle, clock, meters, open } = self;
        let _open = (meters.tunnels.hold(), open);
        let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else {
            return;
        };
        drop(link);
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        let mut frames = FrameCounter::new();
        let end = {
            let (mut lease, mut parting) = (pin!(lease.ended(&clock)), pin!(parting.begun()));
            let mut alarm = Alarm::default();
            let mut last = clock.instant();
            let (mut down, mut up) = (Pump::new(), Pump::new());
            poll_fn(|context| {
                if lease.as_mut().poll(context).is_ready() {
                    return Poll::Ready(End::Lease);
                }
                if parting.as_mut().poll(context).is_ready() {
                    return Poll::Ready(End::Parting);
                }
                let mut moved = Moved { last: &mut last, clock: &clock };
                let down = down.poll(context, &mut upstream, &mut client, |bytes| {
                    frames.feed(bytes);
                    moved.now();
                });
                let up = up.poll(context, &mut client, &mut upstream, |_| moved.now());
                match (down, up) {
                    (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(End::Closed),
                    (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(End::Closed),
                    (Poll::Pending, _) | (_, Poll::Pending) => {}
                }
                match idle {
                    Some(idle) => alarm.poll(&clock, last + idle, context).map(|()| End::Closed),
                    None => Poll::Pending,
                }
            })
            .await
        };
        let frame = match end {
            End::Closed => return,
            End::Lease => {
                meters.ended_by_lease.increment();
                close(CloseCode::Policy, "the session ended")
            }
            End::Parting => close(CloseCode::GoingAway, "going away"),
        };
        // The upstream hears of it at once, however long the client takes to say goodbye.
        drop(upstream);
        // Either side may be stuck: what is not said within the limit stays unsaid.
        let _ = clock.timeout(GOODBYE, part(&mut client, &frames, &frame)).await;
    }
}

/// Ends the client's side: with a Close frame where one can stand, and a FIN.
async fn part(client: &mut TokioIo<Upgraded>, frames: &FrameCounter, last: &[u8]) -> io::Result<()> {
    if frames.at_boundary() {
        client.write_all(last).await?;
    }
    client.shutdown().await?;
    // A socket that is closed with unread bytes resets the connection, and the Close frame with it.
    tokio::io::copy(client, &mut tokio::io::sink()).await?;
    Ok(())
}

struct Moved<'a> {
    last: &'a mut Instant,
    clock: &'a Clock,
}

impl Moved<'_> {
    fn now(&mut self) {
        *self.last = self.clock.instant();
    }
}

impl Pump {
    fn new() -> Self {
        Self { buffer: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0, state: PumpState::Open }
    }

    /// Moves what can be moved; ready at the end of the source, which has then been passed on. `written` sees each
    /// byte that the sink took.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        mut written: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(bytes) = self.buffer.get(self.start..self.end).filter(|bytes| !bytes.is_empty()) {
                let count = ready!(Pin::new(&mut *sink).poll_write(context, bytes))?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                written(bytes.get(..count).unwrap_or_default());
                self.start += count;
                self.state = PumpState::Unflushed;
                continue;
            }
            match self.state {
                PumpState::Ended => return Poll::Ready(Ok(())),
                PumpState::Ending => {
                    ready!(Pin::new(&mut *sink).poll_shutdown(context))?;
                    self.state = PumpState::Ended;
                }
                PumpState::Open | PumpState::Unflushed => {
                    let mut buffer = ReadBuf::new(&mut self.buffer);
                    match Pin::new(&mut *source).poll_read(context, &mut buffer) {
                        Poll::Ready(read) => {
                            read?;
                            (self.start, self.end) = (0, buffer.filled().len());
                            if self.end == 0 {
                                self.state = PumpState::Ending;
                            }
                        }
                        Poll::Pending => {
                            if self.state == PumpState::Unflushed {
                                ready!(Pin::new(&mut *sink).poll_flush(context))?;
                                self.state = PumpState::Open;
                            }
                            return Poll::Pending;
                        }
                    }
                }
            }
        }
    }
}
