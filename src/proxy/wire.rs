//! The socket under an upstream connection.
//!
//! An upstream may answer and close while we still send (an early 413, say). Our next write then fails although the
//! answer is there to be read. So a failed write is not reported: nothing more is written, and what ends the exchange
//! is the read side, which yields the answer, the end or the same error.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;

use super::awaited::Bounded;

/// A socket whose failed writes wait for the read side to tell.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TokioIo<Bounded>,
    side: WriteSide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteSide {
    Open,
    Broken,
}

impl Wire {
    pub(super) fn new(stream: Bounded) -> Self {
        Self { stream: TokioIo::new(stream), side: WriteSide::Open }
    }

    fn settle<T>(&mut self, written: Poll<io::Result<T>>, context: &Context<'_>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(_)) => {
                self.side = WriteSide::Broken;
                // The read side may hold the news already.
                context.waker().wake_by_ref();
                Poll::Pending
            }
            other => other,
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.side == WriteSide::Broken {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.settle(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.side == WriteSide::Broken {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.settle(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.side == WriteSide::Broken {
            return Poll::Pending;
        }
        // With TLS, what was written may meet the socket only now.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.settle(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
