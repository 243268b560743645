//! WebSocket frames (RFC 6455 section 5.2): bytes to frames and back, nothing else.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Largest payload of one frame, in bytes.
pub(super) const MAX_PAYLOAD: usize = 64 * 1024;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// One frame, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: Fin,
    pub(super) opcode: Opcode,
    pub(super) payload: Bytes,
}

/// Whether a frame ends its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    Last,
    More,
}

/// Why a connection is closed by us: the status codes of RFC 6455 section 7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the frame breaks the protocol")]
    Protocol,
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the frame is too large")]
    TooLarge,
}

/// Checks text that arrives in pieces (section 5.6: a piece may end inside a character).
#[derive(Debug, Default)]
pub(super) struct Utf8(Vec<u8>);

/// Takes one frame of a client out of `buffer`; none while it is incomplete.
///
/// # Errors
/// [`Fault`] as soon as the frame's head shows that it will not do.
pub(super) fn decode(buffer: &mut BytesMut) -> Result<Option<Frame>, Fault> {
    let Some(&[first, second]) = buffer.first_chunk::<2>() else {
        return Ok(None);
    };
    // No extension was agreed on, and clients must mask (sections 5.1, 5.2).
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(Fault::Protocol);
    }
    let fin = if first & 0x80 == 0 { Fin::More } else { Fin::Last };
    let opcode = Opcode::of(first & 0x0f).ok_or(Fault::Protocol)?;
    let short = second & 0x7f;
    if opcode.is_control() && (short > 125 || fin == Fin::More) {
        return Err(Fault::Protocol);
    }
    let after = buffer.get(2..).unwrap_or_default();
    let (length, head) = match short {
        126 => match after.first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4),
            None => return Ok(None),
        },
        127 => match after.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    let length =
        usize::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD).ok_or(Fault::TooLarge)?;
    let Some(&mask) = buffer.get(head..).and_then(<[u8]>::first_chunk::<4>) else {
        return Ok(None);
    };
    if buffer.len() < head + 4 + length {
        return Ok(None);
    }
    buffer.advance(head + 4);
    let mut payload = buffer.split_to(length);
    for (byte, key) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
    Ok(Some(Frame { fin, opcode, payload: payload.freeze() }))
}

impl Frame {
    /// A frame that is a message of its own.
    pub(super) fn whole(opcode: Opcode, payload: impl Into<Bytes>) -> Self {
        Self { fin: Fin::Last, opcode, payload: payload.into() }
    }

    /// Writes the frame as a server does: without a mask.
    pub(super) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.payload.len() + 10);
        let fin = match self.fin {
            Fin::Last => 0x80,
            Fin::More => 0,
        };
        out.put_u8(fin | self.opcode.code());
        let length = self.payload.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < 126 => out.put_u8(short),
            (_, Ok(long)) => {
                out.put_u8(126);
                out.put_u16(long);
            }
            _ => {
                out.put_u8(127);
                out.put_u64(length as u64);
            }
        }
        out.put_slice(&self.payload);
        out.freeze()
    }
}

impl Opcode {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    fn code(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Fault {
    /// The close frame that tells the client.
    pub(super) fn close(self) -> Frame {
        let code: u16 = match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
        };
        Frame::whole(Opcode::Close, code.to_be_bytes().to_vec())
    }
}

impl Utf8 {
    /// Checks the next piece of a message.
    pub(super) fn check(&mut self, piece: &[u8], fin: Fin) -> Result<(), Fault> {
        self.0.extend_from_slice(piece);
        let rest = match std::str::from_utf8(&self.0) {
            Ok(_) => Vec::new(),
            Err(error) if error.error_len().is_some() => return Err(Fault::NotUtf8),
            Err(error) => self.0.split_off(error.valid_up_to()),
        };
        self.0 = rest;
        if fin == Fin::Last && !self.0.is_empty() {
            return Err(Fault::NotUtf8);
        }
        Ok(())
    }
}
