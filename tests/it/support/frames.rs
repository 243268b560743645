//! HTTP/2 by hand (RFC 9113): frames as the test writes them, and what came back, frame by frame.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::hpack::{self, Decoder};

/// What a client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A message as it came in: a request to a server, an answer to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Pseudo fields too, in the order in which they came.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) end: End,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// With its head, by END_STREAM.
    Head,
    /// With DATA, or trailers, by END_STREAM.
    Complete,
    /// By RST_STREAM with this code.
    Reset(u32),
    /// By the end of the connection.
    #[default]
    Closed,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Peer<S> {
    stream: S,
    buffer: Vec<u8>,
    decoder: Decoder,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = payload.len().to_be_bytes()[5..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(SETTINGS, 0, 0, payload)
}

/// The whole head, in one frame.
pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, hpack::encode(fields))
}

pub(crate) fn data(stream: u32, flags: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    frame(DATA, flags, stream, bytes)
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, code.to_be_bytes())
}

pub(crate) fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, [last.to_be_bytes(), code.to_be_bytes()].concat())
}

pub(crate) fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, by.to_be_bytes())
}

impl Frame {
    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number at this place of the payload: the code of a reset at 0, of a GOAWAY at 4.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

impl Message {
    /// The values of the fields of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let same = self.fields.iter().filter(|(own, _)| own == name);
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.all(":status").first().and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// The client's end: says the preface, with these settings.
    pub(crate) async fn client(stream: S, values: &[(u16, u32)]) -> Self {
        let mut peer = Self { stream, buffer: Vec::new(), decoder: Decoder::default() };
        peer.send([PREFACE, &settings(values)].concat()).await;
        peer
    }

    /// The server's end: expects the preface, and says these settings.
    pub(crate) async fn server(stream: S, values: &[(u16, u32)]) -> Self {
        let mut peer = Self { stream, buffer: Vec::new(), decoder: Decoder::default() };
        peer.send(settings(values)).await;
        while peer.buffer.len() < PREFACE.len() {
            assert!(peer.more().await, "no preface");
        }
        assert_eq!(&peer.buffer[..PREFACE.len()], PREFACE);
        peer.buffer.drain(..PREFACE.len());
        peer
    }

    /// Writes bytes. That the other end does not take them shows in what it says.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// The next frame, whatever it is. None at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = self.buffer.get(..9) {
                let length = head[..3].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                if self.buffer.len() >= 9 + length {
                    let (kind, flags) = (head[3], head[4]);
                    let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
                    let payload = self.buffer[9..9 + length].to_vec();
                    self.buffer.drain(..9 + length);
                    return Some(Frame { kind, flags, stream, payload });
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The next frame that is more than upkeep. Settings and pings are acknowledged, credit is passed over.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            let next = self.frame().await?;
            match next.kind {
                SETTINGS if !next.has(ACK) => self.send(frame(SETTINGS, ACK, 0, [])).await,
                PING if !next.has(ACK) => self.send(frame(PING, ACK, 0, next.payload)).await,
                SETTINGS | PING | WINDOW_UPDATE => {}
                _ => return Some(next),
            }
        }
    }

    /// The next frame of this kind; whatever comes before it is passed over, and heads are read along.
    pub(crate) async fn expect(&mut self, kind: u8) -> Frame {
        loop {
            let next = self.next().await.unwrap_or_else(|| panic!("the end before a frame of kind {kind}"));
            if next.kind == kind {
                return next;
            }
            if next.kind == HEADERS {
                self.fields(&next).await;
            }
        }
    }

    /// The fields of the head that this frame begins. Every head must be read, or those behind it make no sense.
    pub(crate) async fn fields(&mut self, first: &Frame) -> Vec<(String, String)> {
        let mut block = first.payload.clone();
        let mut last = first.clone();
        while !last.has(END_HEADERS) {
            last = self.frame().await.expect("a continuation");
            assert_eq!((last.kind, last.stream), (CONTINUATION, first.stream));
            block.extend(&last.payload);
        }
        // Whoever pads, or says whom a stream depends on, is none of those that are read here.
        assert!(!first.has(0x28), "padding or priority");
        self.decoder.decode(&block)
    }

    /// A whole message: the next to begin is read to its end, with credit for what came; others must not begin.
    pub(crate) async fn message(&mut self) -> (u32, Message) {
        let mut message = Message::default();
        let mut id = 0;
        while let Some(next) = self.next().await {
            match next.kind {
                HEADERS => {
                    let fields = self.fields(&next).await;
                    let is_first = message.fields.is_empty() || message.status() / 100 == 1;
                    assert!(is_first || next.stream == id, "another message begins: {fields:?}");
                    id = next.stream;
                    if is_first {
                        message.fields = fields;
                    } else {
                        message.trailers = fields;
                    }
                    if next.has(END_STREAM) {
                        message.end = if is_first { End::Head } else { End::Complete };
                        return (id, message);
                    }
                }
                DATA if next.stream == id => {
                    message.body.extend(&next.payload);
                    if next.has(END_STREAM) {
                        message.end = End::Complete;
                        return (id, message);
                    }
                    if let Ok(by @ 1..) = u32::try_from(next.payload.len()) {
                        self.send([window_update(0, by), window_update(id, by)].concat()).await;
                    }
                }
                // Also of one that has not begun.
                RST_STREAM if next.stream == id || id == 0 => {
                    message.end = End::Reset(next.number(0));
                    return (next.stream, message);
                }
                _ => {}
            }
        }
        (id, message)
    }

    async fn more(&mut self) -> bool {
        let mut chunk = vec![0; 16 * 1024];
        let count = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..count]);
        count > 0
    }
}
