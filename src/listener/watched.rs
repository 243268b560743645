//! The wire under HTTP/2: counts what passes, and ends a connection that sends too much of what means nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{FrameCount, ResetCount};
use super::meters::Meters;
use super::wire::Wire;
use crate::clock::Clock;

/// A [`Wire`] whose frames are counted.
#[derive(Debug)]
pub(super) struct Watched {
    wire: Wire,
    frames: FrameCount,
    resets: ResetCount,
    clock: Clock,
    meters: Meters,
    seen: Arc<Seen>,
}

/// What was seen of a connection. Written and read by one task: its own.
#[derive(Debug, Default)]
pub(super) struct Seen {
    written: AtomicU64,
    /// How many bytes of that our side had to answer of its own.
    confirmed: AtomicU64,
    has_settings: AtomicBool,
    is_flood: AtomicBool,
}

impl Watched {
    /// `preface` bytes are to come before the first frame.
    pub(super) fn new(wire: Wire, preface: usize, clock: Clock, meters: Meters) -> (Self, Arc<Seen>) {
        let (frames, resets) = (FrameCount::new(preface, clock.instant()), ResetCount::new());
        let seen = Arc::<Seen>::default();
        (Self { wire, frames, resets, clock, meters, seen: Arc::clone(&seen) }, seen)
    }

    /// Of these pieces, so many bytes were written.
    fn wrote(&mut self, pieces: &[IoSlice<'_>], length: usize) {
        self.frames.wrote(length);
        self.seen.written.fetch_add(length as u64, Ordering::Relaxed);
        let mut left = length;
        for piece in pieces {
            let piece = piece.get(..left).unwrap_or(piece);
            left -= piece.len();
            self.meters.malformed_streams.add(self.resets.wrote(piece));
        }
    }
}

impl Seen {
    /// How many bytes were written, without what only confirms a PING or settings: a client can have that as often as it asks.
    pub(super) fn carried(&self) -> u64 {
        self.written.load(Ordering::Relaxed).saturating_sub(self.confirmed.load(Ordering::Relaxed))
    }

    /// Whether the client has said its settings.
    pub(super) fn has_settings(&self) -> bool {
        self.has_settings.load(Ordering::Relaxed)
    }

    /// Whether the connection ended since its client sent too many frames that mean nothing.
    pub(super) fn is_flood(&self) -> bool {
        self.is_flood.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        let Self { frames, clock, seen, .. } = &mut *self;
        if !frames.read(buffer.filled().get(before..).unwrap_or_default(), || clock.instant()) {
            seen.is_flood.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        seen.confirmed.store(frames.confirmed(), Ordering::Relaxed);
        if frames.has_settings() {
            seen.has_settings.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.wire).poll_write(context, bytes))?;
        self.wrote(&[IoSlice::new(bytes)], written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.wire).poll_write_vectored(context, slices))?;
        self.wrote(slices, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}
