//! The head of an answer that is awaited, and how many bytes may come before it is there.
//!
//! The parser skips interim answers (1xx) one by one; what they are together it does not count.
//!
//! And between two requests nothing is awaited. The parser looks for that too before it writes the next one, but sees only
//! what this process has been told of; under load that lags behind. What has come by then would be taken for the answer. So
//! the system itself is asked, unless the connection was at rest for a moment only.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// What may still come before the head is there.
#[derive(Debug)]
pub(super) struct Awaited {
    limit: u64,
    left: AtomicU64,
    /// From a rest that was long to the first byte of the next request.
    at_rest: AtomicBool,
}

/// A transport whose bytes are counted while a head is awaited.
#[derive(Debug)]
pub(super) struct Bounded {
    transport: Transport,
    awaited: Arc<Awaited>,
}

/// More came than a head and its interim ones can be.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the heads of the answer are too large together")]
pub(super) struct Flooded;

/// The upstream spoke, or went, before the next request.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the upstream said something that it was not asked, or closed")]
struct Unasked;

/// What may come beside the head: interim answers, and what the parser reads of the body before anybody can say that the
/// head is there.
const BESIDE: u64 = 512 * 1024;

/// No head is awaited.
const NOTHING: u64 = u64::MAX;

impl Awaited {
    pub(super) fn new(max_head: usize) -> Self {
        Self {
            limit: (max_head as u64).saturating_add(BESIDE),
            left: AtomicU64::new(NOTHING),
            at_rest: AtomicBool::new(false),
        }
    }

    /// A request goes out: its head is awaited from now on.
    pub(super) fn begin(&self) {
        self.left.store(self.limit, Ordering::Relaxed);
    }

    /// The head is there.
    pub(super) fn end(&self) {
        self.left.store(NOTHING, Ordering::Relaxed);
    }

    /// Another request comes, and the last one was a while ago.
    pub(super) fn rest(&self) {
        self.at_rest.store(true, Ordering::Relaxed);
    }

    /// Whether another request is on its way to a connection at rest. Only then is it worth asking the system.
    fn is_about_to_stir(&self) -> bool {
        self.at_rest.load(Ordering::Relaxed) && self.left.load(Ordering::Relaxed) != NOTHING
    }

    /// A request is being written.
    fn stir(&self) {
        if self.at_rest.load(Ordering::Relaxed) {
            self.at_rest.store(false, Ordering::Relaxed);
        }
    }

    fn take(&self, count: usize) -> Result<(), Flooded> {
        let left = self.left.load(Ordering::Relaxed);
        if left == NOTHING {
            return Ok(());
        }
        let rest = left.checked_sub(count as u64).ok_or(Flooded)?;
        // The other hand may have said meanwhile that nothing is awaited any more; that holds.
        let _ = self.left.compare_exchange(left, rest, Ordering::Relaxed, Ordering::Relaxed);
        Ok(())
    }
}

impl Bounded {
    pub(super) const fn new(transport: Transport, awaited: Arc<Awaited>) -> Self {
        Self { transport, awaited }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.transport).poll_read(context, buffer)? {
            Poll::Ready(()) => {
                Poll::Ready(self.awaited.take(buffer.filled().len() - before).map_err(io::Error::other))
            }
            Poll::Pending if self.awaited.is_about_to_stir() && self.transport.has_news() => {
                Poll::Ready(Err(io::Error::other(Unasked)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.awaited.stir();
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.awaited.stir();
        Pin::new(&mut self.transport).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
