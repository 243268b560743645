//! Sockets that systemd opened and passed to us (`sd_listen_fds`(3)), found by their names.
//!
//! They belong to the socket unit: it made them, listens on when we end, and hands them to whoever is started next. So they
//! are neither emptied nor is their file removed at the end.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Type};
use tokio::net::{TcpListener, UnixListener};

use super::bind::Reached;
use crate::socket::Socket;
use crate::web::PeerAddr;

/// The sockets that were passed to this process, until they are taken.
#[derive(Debug, Default)]
pub(super) struct PassedSockets(Vec<(String, Option<OwnedFd>)>);

/// A socket that was passed, and listens.
#[derive(Debug)]
pub(super) enum Passed {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why a passed socket is not to be had.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(
        "systemd passed nothing (LISTEN_FDS and LISTEN_PID are not set for this process); start it by its socket unit, or \
         choose an address"
    )]
    NothingPassed,
    #[error("systemd passed no socket of this name (FileDescriptorName=); it passed: {0}")]
    NoSuchName(String),
    #[error("what systemd passed is no stream socket (ListenStream=)")]
    NoStream,
    #[error("the socket that systemd passed does not listen: the unit must say Accept=no")]
    NotListening,
    #[error("the socket that systemd passed is neither of TCP nor a Unix socket")]
    UnknownFamily,
    #[error("LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES cannot be read")]
    Malformed,
}

/// What systemd calls a socket without a name.
const NAMELESS: &str = "unknown";

impl PassedSockets {
    /// What was passed. To be called once in the life of a process, which owns each from then on.
    ///
    /// # Errors
    /// When the variables that tell of it are malformed.
    pub(super) fn receive() -> io::Result<Self> {
        let passed = sd_listen_fds::get().map_err(|_| io::Error::other(Unusable::Malformed))?;
        let name = |name: Option<String>| name.unwrap_or_else(|| NAMELESS.to_owned());
        Ok(Self(passed.into_iter().map(|(own, socket)| (name(own), Some(socket.into_std()))).collect()))
    }

    /// Takes all of this name. To be called within a runtime.
    ///
    /// # Errors
    /// When there is none, or one that cannot be listened on.
    pub(super) fn take(&mut self, name: &str) -> io::Result<Vec<Passed>> {
        let ours = self.0.iter_mut().filter(|(own, _)| own == name);
        let taken: Vec<OwnedFd> = ours.filter_map(|(_, socket)| socket.take()).collect();
        if taken.is_empty() {
            let names = self.names();
            return Err(io::Error::other(if names.is_empty() {
                Unusable::NothingPassed
            } else {
                Unusable::NoSuchName(names)
            }));
        }
        taken.into_iter().map(Passed::new).collect()
    }

    /// The names of those that nobody took.
    pub(super) fn left(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, socket)| socket.is_some()).map(|(name, _)| name.as_str()).collect()
    }

    fn names(&self) -> String {
        self.0.iter().enumerate().fold(String::new(), |mut text, (number, (name, _))| {
            let comma = if number == 0 { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{}", name.escape_debug());
            text
        })
    }
}

impl Passed {
    fn new(passed: OwnedFd) -> io::Result<Self> {
        let socket = socket2::Socket::from(passed);
        let kind = match socket.r#type() {
            Ok(kind) => kind,
            Err(error) => {
                // What is not open is not ours to close: the number may be another's by then.
                if error.raw_os_error() == Some(BAD_DESCRIPTOR) {
                    let _ = socket.into_raw_fd();
                }
                return Err(io::Error::other(Unusable::NoStream));
            }
        };
        if kind != Type::STREAM {
            return Err(io::Error::other(Unusable::NoStream));
        }
        if !socket.is_listener()? {
            return Err(io::Error::other(Unusable::NotListening));
        }
        socket.set_cloexec(true)?;
        socket.set_nonblocking(true)?;
        let domain = socket.domain()?;
        if domain == Domain::UNIX {
            Ok(Self::Unix(UnixListener::from_std(socket.into())?))
        } else if domain == Domain::IPV4 || domain == Domain::IPV6 {
            Ok(Self::Tcp(TcpListener::from_std(socket.into())?))
        } else {
            Err(io::Error::other(Unusable::UnknownFamily))
        }
    }

    /// Where it listens.
    pub(super) fn reached(&self) -> Option<Reached> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(Reached::Tcp),
            Self::Unix(socket) => {
                let address = socket.local_addr().ok()?;
                Some(Reached::Unix(address.as_pathname().map_or_else(PathBuf::new, Path::to_owned)))
            }
        }
    }

    /// The next connection.
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Socket, PeerAddr)>> {
        Poll::Ready(Ok(match self {
            Self::Tcp(socket) => {
                let (stream, peer): (_, SocketAddr) = ready!(socket.poll_accept(context))?;
                (Socket::Tcp(stream), PeerAddr::new(peer))
            }
            Self::Unix(socket) => {
                let (stream, _) = ready!(socket.poll_accept(context))?;
                (Socket::Unix(stream), PeerAddr::Unix)
            }
        }))
    }
}

/// EBADF.
const BAD_DESCRIPTOR: i32 = 9;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::PassedSockets;
    use crate::lines::text::with_causes;

    fn passed(sockets: Vec<(&str, OwnedFd)>) -> PassedSockets {
        PassedSockets(sockets.into_iter().map(|(name, socket)| (name.to_owned(), Some(socket))).collect())
    }

    fn listener() -> OwnedFd {
        TcpListener::bind("127.0.0.1:0").expect("a port").into()
    }

    #[tokio::test]
    async fn sockets_are_taken_by_name_and_the_rest_is_told() {
        let mut sockets = passed(vec![("web", listener()), ("admin", listener()), ("web", listener())]);
        assert_eq!(sockets.take("web").expect("two").len(), 2);
        assert_eq!(sockets.left(), ["admin"]);
        let error = sockets.take("other").expect_err("none");
        assert!(with_causes(&error).contains("it passed: web, admin, web"), "{error}");
        assert!(sockets.take("web").is_err(), "each once");
        let error = PassedSockets::default().take("web").expect_err("none");
        assert!(error.to_string().contains("passed nothing"), "{error}");
    }

    #[tokio::test]
    async fn what_does_not_listen_for_streams_is_refused() {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let (connected, _other) = UnixStream::pair().expect("a pair");
        let file = std::fs::File::open("/dev/null").expect("a file");
        for (socket, why) in [
            (OwnedFd::from(udp), "no stream socket"),
            (connected.into(), "Accept=no"),
            (file.into(), "no stream socket"),
        ] {
            let error = passed(vec![("web", socket)]).take("web").expect_err("unusable");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
