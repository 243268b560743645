//! The socket under a connection that many requests share.
//!
//! An upstream may say its last answers and close while we still send. Our next write then fails although the answers are
//! there to be read. So what is written to a dead socket is thrown away, and the read side tells: it yields the answers, and
//! then the end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::shared::Heard;
use crate::meter::GaugeGuard;
use crate::transport::Transport;

/// A socket that says when the upstream was first heard, and whose writes never fail.
#[derive(Debug)]
pub(super) struct SharedWire {
    stream: Transport,
    side: WriteSide,
    heard: Arc<Heard>,
    _open: (GaugeGuard, GaugeGuard),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteSide {
    Open,
    Broken,
}

impl SharedWire {
    pub(super) const fn new(stream: Transport, heard: Arc<Heard>, open: (GaugeGuard, GaugeGuard)) -> Self {
        Self { stream, side: WriteSide::Open, heard, _open: open }
    }

    /// What a write of `length` bytes came to.
    fn wrote(&mut self, written: Poll<io::Result<usize>>, length: usize) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Err(_)) => {
                self.side = WriteSide::Broken;
                Poll::Ready(Ok(length))
            }
            other => other,
        }
    }
}

impl AsyncRead for SharedWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.heard.bytes();
        }
        read
    }
}

impl AsyncWrite for SharedWire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.side == WriteSide::Broken {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.side == WriteSide::Broken {
            return Poll::Ready(Ok(length));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(written, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.side == WriteSide::Broken {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(Err(_)) => {
                self.side = WriteSide::Broken;
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
