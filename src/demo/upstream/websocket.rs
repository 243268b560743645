//! The WebSocket echo (RFC 6455): the handshake, and every message sent back frame by frame.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

use super::frames::{Fault, Fin, Frame, Opcode, Utf8, decode};
use crate::demo::answer::{self, Answer};

/// Open sockets; more are refused with 503.
const MAX_SOCKETS: usize = 256;
/// What a server adds to the client's key (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The open sockets. They end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Sockets(Mutex<JoinSet<()>>);

impl Sockets {
    /// Answers a handshake and echoes from then on (section 4.2).
    pub(super) fn upgrade(&self, mut request: Request<Incoming>) -> Answer {
        let key = match key(request.method(), request.headers()) {
            Ok(key) => key,
            Err(answer) => return *answer,
        };
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while sockets.try_join_next().is_some() {}
        if sockets.len() >= MAX_SOCKETS {
            return answer::text(StatusCode::SERVICE_UNAVAILABLE, "too many open sockets");
        }
        let upgrade = hyper::upgrade::on(&mut request);
        sockets.spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                // A socket that breaks has nobody left to tell.
                let _ = echo(TokioIo::new(upgraded)).await;
            }
        });
        let mut answer = answer::text(StatusCode::SWITCHING_PROTOCOLS, "");
        *answer.headers_mut() = HeaderMap::new();
        *answer.body_mut() = answer::empty();
        answer::set(&mut answer, CONNECTION, "upgrade");
        answer::set(&mut answer, UPGRADE, "websocket");
        answer::set(&mut answer, SEC_WEBSOCKET_ACCEPT, &accept(&key));
        answer
    }
}

/// The client's key, or what is wrong with its handshake.
fn key(method: &Method, headers: &HeaderMap) -> Result<String, Box<Answer>> {
    let has = |name: HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(token))
    };
    if method != Method::GET || !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        let mut answer = answer::text(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket");
        answer::set(&mut answer, UPGRADE, "websocket");
        answer::set(&mut answer, CONNECTION, "upgrade");
        return Err(Box::new(answer));
    }
    if !has(SEC_WEBSOCKET_VERSION, "13") {
        let mut answer = answer::text(StatusCode::UPGRADE_REQUIRED, "this address speaks version 13");
        answer::set(&mut answer, SEC_WEBSOCKET_VERSION, "13");
        return Err(Box::new(answer));
    }
    headers
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| key.to_str().ok())
        .filter(|key| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16))
        .map(str::to_owned)
        .ok_or_else(|| {
            Box::new(answer::text(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64"))
        })
}

/// The proof that a handshake was understood (section 4.2.2). SHA-1 is what the protocol says; nothing rests on it.
pub(super) fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}

/// Sends back whatever comes until one side closes.
pub(super) async fn echo(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut buffer = BytesMut::new();
    let mut message = Message::default();
    loop {
        let reply = match decode(&mut buffer).and_then(|frame| match frame {
            Some(frame) => message.reply(frame).map(Some),
            None => Ok(None),
        }) {
            Ok(Some(reply)) => reply,
            Ok(None) => {
                // `decode` bounds the frame, so the buffer is bounded too.
                if socket.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            }
            Err(fault) => Reply::Close(fault.close()),
        };
        match reply {
            Reply::Send(frame) => socket.write_all(&frame.encode()).await?,
            Reply::Nothing => {}
            Reply::Close(frame) => {
                socket.write_all(&frame.encode()).await?;
                return socket.shutdown().await;
            }
        }
    }
}

/// The message that is under way, if any.
#[derive(Debug, Default)]
pub(super) struct Message(Option<Kind>);

#[derive(Debug)]
enum Kind {
    Text(Utf8),
    Binary,
}

/// What follows from a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Send(Frame),
    Nothing,
    Close(Frame),
}

impl Message {
    /// The echo of a frame (sections 5.4 and 5.5).
    pub(super) fn reply(&mut self, frame: Frame) -> Result<Reply, Fault> {
        match frame.opcode {
            Opcode::Ping => return Ok(Reply::Send(Frame::whole(Opcode::Pong, frame.payload))),
            Opcode::Pong => return Ok(Reply::Nothing),
            Opcode::Close => return close(&frame).map(Reply::Close),
            Opcode::Text | Opcode::Binary if self.0.is_some() => return Err(Fault::Protocol),
            Opcode::Text => self.0 = Some(Kind::Text(Utf8::default())),
            Opcode::Binary => self.0 = Some(Kind::Binary),
            Opcode::Continuation => {}
        }
        match &mut self.0 {
            None => return Err(Fault::Protocol),
            Some(Kind::Text(text)) => text.check(&frame.payload, frame.fin)?,
            Some(Kind::Binary) => {}
        }
        if frame.fin == Fin::Last {
            self.0 = None;
        }
        Ok(Reply::Send(frame))
    }
}

/// The answer to a close frame: the same code (section 5.5.1).
fn close(frame: &Frame) -> Result<Frame, Fault> {
    let payload = &frame.payload;
    let Some(code) = payload.first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(Frame::whole(Opcode::Close, payload.clone()))
        } else {
            Err(Fault::Protocol)
        };
    };
    // Codes that may be sent (section 7.4).
    if !matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::Protocol);
    }
    Utf8::default().check(payload.get(2..).unwrap_or_default(), Fin::Last)?;
    Ok(Frame::whole(Opcode::Close, code.to_vec()))
}
