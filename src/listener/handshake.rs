//! The handshake of TLS: from a socket to a connection on which HTTP can be spoken, or to a reason why there is none.
//!
//! What fails here is the doing of strangers, so it is counted by its kind, and told in the log only for who looks for
//! it (`debug`).

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rustls::server::{Accepted, Acceptor};
use rustls::{Error, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

use super::meters::HandshakeMeters;
use super::tls::Tls;
use crate::clock::Clock;
use crate::socket::Socket;
use crate::web::HostName;
use crate::web::tls::{ClientChain, TlsArrival};

/// Why there is no TLS with a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// It spoke something else from its first byte.
    #[error("the client does not speak TLS")]
    NotTls,
    /// Nothing that both sides know.
    #[error("the client knows no version, cipher or protocol of ours")]
    Incompatible(#[source] Error),
    /// Its certificate is not valid here.
    #[error("the client's certificate was refused")]
    ClientCertificate(#[source] Error),
    /// It sent an alert.
    #[error("the client broke the handshake off")]
    Refused(#[source] Error),
    /// It broke the rules of TLS.
    #[error("the client broke the rules of TLS")]
    Malformed(#[source] Error),
    /// The connection ended.
    #[error("the connection ended during the handshake")]
    Broken(#[source] io::Error),
    /// It took too long.
    #[error("the handshake took too long")]
    TimedOut,
    /// There is no certificate to show.
    #[error("there is no certificate")]
    NoCertificate,
}

/// The first byte of every TLS connection: the content type of a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// What a client in need of `https://` reads.
const PLAIN_HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 52\r\nConnection: close\r\n\r\nThis port speaks TLS: write https:// in the address.";

/// How long, and how much, is read after that, so that the kernel does not throw the answer away.
const PARTING: Duration = Duration::from_secs(2);
const PARTING_BYTES: usize = 64 * 1024;

/// Shakes hands within `limit`, and counts how it went.
pub(super) async fn accept(
    socket: Socket,
    tls: Option<&Tls>,
    limit: Duration,
    clock: &Clock,
    meters: &HandshakeMeters,
) -> Result<(TlsStream<Socket>, TlsArrival), HandshakeError> {
    let shaken = match tls {
        Some(tls) => match clock.timeout(limit, shake(socket, tls, clock)).await {
            Ok(shaken) => shaken,
            Err(_) => Err(HandshakeError::TimedOut),
        },
        None => Err(HandshakeError::NoCertificate),
    };
    match &shaken {
        Ok((stream, _)) => {
            meters.complete.increment();
            if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                meters.resumed.increment();
            }
        }
        Err(error) => error.counter(meters).increment(),
    }
    shaken
}

async fn shake(
    mut socket: Socket,
    tls: &Tls,
    clock: &Clock,
) -> Result<(TlsStream<Socket>, TlsArrival), HandshakeError> {
    let accepted = match hello(&mut socket).await {
        Err(HandshakeError::NotTls) => {
            // It may be gone already; there is nobody to tell then.
            let _ = clock.timeout(PARTING, say_no(&mut socket)).await;
            return Err(HandshakeError::NotTls);
        }
        accepted => accepted?,
    };
    let name = accepted.client_hello().server_name().and_then(|name| HostName::parse(name).ok());
    let name = name.map(|(host, _)| host);
    let config = tls.config(name.as_ref()).ok_or(HandshakeError::NoCertificate)?;
    let stream =
        StartHandshake::from_parts(accepted, socket).into_stream(config).await.map_err(HandshakeError::of)?;
    let chain = stream.get_ref().1.peer_certificates().and_then(ClientChain::new);
    let arrival = TlsArrival::new(name, chain, tls.directory());
    Ok((stream, arrival))
}

/// Reads the client's first message, which says what certificate it needs.
async fn hello(socket: &mut Socket) -> Result<Accepted, HandshakeError> {
    let mut acceptor = Acceptor::default();
    let mut bytes = BytesMut::with_capacity(4096);
    let mut is_first = true;
    loop {
        bytes.clear();
        if socket.read_buf(&mut bytes).await.map_err(HandshakeError::Broken)? == 0 {
            return Err(HandshakeError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        if std::mem::take(&mut is_first) && bytes.first() != Some(&HANDSHAKE) {
            return Err(HandshakeError::NotTls);
        }
        let mut unread = &bytes[..];
        while !unread.is_empty() {
            acceptor.read_tls(&mut unread).map_err(HandshakeError::Broken)?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => {}
            Err((error, mut alert)) => {
                let mut said = Vec::new();
                if alert.write_all(&mut said).is_ok() {
                    let _ = socket.write_all(&said).await;
                }
                return Err(HandshakeError::of_tls(error));
            }
        }
    }
}

/// Answers who speaks plain HTTP. Whoever speaks something else is not helped by it, and not harmed.
async fn say_no(socket: &mut Socket) -> io::Result<()> {
    socket.write_all(PLAIN_HTTP.as_bytes()).await?;
    socket.shutdown().await?;
    let mut waste = BytesMut::with_capacity(4096);
    let mut left = PARTING_BYTES;
    while left > 0 {
        waste.clear();
        match socket.read_buf(&mut waste).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

impl HandshakeError {
    fn of(error: io::Error) -> Self {
        match error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
            Some(cause) => Self::of_tls(cause.clone()),
            None => Self::Broken(error),
        }
    }

    fn of_tls(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Self::ClientCertificate(error),
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Self::Incompatible(error),
            Error::AlertReceived(_) => Self::Refused(error),
            _ => Self::Malformed(error),
        }
    }

    const fn counter<'a>(&self, meters: &'a HandshakeMeters) -> &'a crate::meter::Counter {
        match self {
            Self::NotTls => &meters.not_tls,
            Self::Incompatible(_) => &meters.incompatible,
            Self::ClientCertificate(_) => &meters.client_certificates,
            Self::Refused(_) => &meters.refused,
            Self::Malformed(_) => &meters.malformed,
            Self::Broken(_) => &meters.broken,
            Self::TimedOut => &meters.timeouts,
            Self::NoCertificate => &meters.no_certificate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PLAIN_HTTP;

    #[test]
    fn the_answer_in_plain_text_is_as_long_as_it_says() {
        let (head, body) = PLAIN_HTTP.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
