//! Taking the addresses: all of them, or a fault that names the one that could not be had.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::{fmt, io};

use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, TcpStream};

use super::passed::{Passed, PassedSockets};
use super::settings::{Address, Place, Settings};
use super::unix::UnixSocket;
use crate::socket::Socket;
use crate::web::PeerAddr;

/// The sockets of a configuration, bound and listening.
#[derive(Debug)]
pub struct Listeners {
    /// For `listen.http` and `listen.https`.
    pub public: Bound,
    /// For `listen.admin`, if it is on.
    pub admin: Option<Bound>,
}

/// Bound sockets, to be given to [`serve`](super::serve).
#[derive(Debug)]
pub struct Bound {
    pub(super) sockets: Vec<Door>,
}

/// A socket that listens, and how whoever comes in is spoken with.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) entry: Entry,
    pub(super) socket: Listening,
}

/// How connections begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// With HTTP.
    Plain,
    /// With a TLS handshake.
    Tls,
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listening {
    Tcp(TcpListener),
    Unix(UnixSocket),
    Passed(Passed),
}

/// Where a bound socket is reached, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    entry: Entry,
    reached: Reached,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// At this address.
    Tcp(SocketAddr),
    /// At the socket file of this path.
    Unix(PathBuf),
}

/// An address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address as written.
    pub address: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Connections that the kernel holds before we take them.
pub(super) const BACKLOG: i32 = 1024;

/// Binds every address of `settings`. To be called within a runtime.
///
/// # Errors
/// [`BindError`] for the first address that cannot be bound; whatever was bound is let go.
pub fn bind(settings: &Settings) -> Result<Listeners, BindError> {
    let mut passed = PassedSockets::receive()
        .map_err(|source| BindError { address: "what systemd passed".to_owned(), source })?;
    let mut public = Bound { sockets: Vec::new() };
    public.add(&settings.http, Entry::Plain, &mut passed)?;
    public.add(&settings.https, Entry::Tls, &mut passed)?;
    let mut admin = None;
    if let Some(address) = &settings.admin {
        admin.insert(Bound { sockets: Vec::new() }).add(
            std::slice::from_ref(address),
            Entry::Plain,
            &mut passed,
        )?;
    }
    for name in passed.left() {
        tracing::warn!(
            name,
            "systemd passed a socket that [listen] does not name; who connects there waits in vain"
        );
    }
    Ok(Listeners { public, admin })
}

impl Bound {
    /// Binds `addresses` for plain HTTP, none of which systemd has to pass. To be called within a runtime.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn new(addresses: &[Address]) -> Result<Self, BindError> {
        let mut bound = Self { sockets: Vec::new() };
        bound.add(addresses, Entry::Plain, &mut PassedSockets::default())?;
        Ok(bound)
    }

    /// Binds these as well.
    pub(super) fn add(
        &mut self,
        addresses: &[Address],
        entry: Entry,
        passed: &mut PassedSockets,
    ) -> Result<(), BindError> {
        let mut sockets = Vec::new();
        for address in addresses {
            bind_one(address, passed, &mut sockets)
                .map_err(|source| BindError { address: address.text.clone(), source })?;
        }
        self.sockets.extend(sockets.into_iter().map(|socket| Door { entry, socket }));
        Ok(())
    }

    /// Where it listens; of use after binding port 0.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let endpoint = |door: &Door| {
            let reached = match &door.socket {
                Listening::Tcp(socket) => Reached::Tcp(socket.local_addr().ok()?),
                Listening::Unix(socket) => Reached::Unix(socket.path().to_owned()),
                Listening::Passed(socket) => socket.reached()?,
            };
            Some(Endpoint { entry: door.entry, reached })
        };
        self.sockets.iter().filter_map(endpoint).collect()
    }
}

impl Endpoint {
    /// The address, if it is one.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match self.reached {
            Reached::Tcp(address) => Some(address),
            Reached::Unix(_) => None,
        }
    }

    /// How connections begin there.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        self.entry
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reached, self.entry) {
            (Reached::Tcp(address), Entry::Plain) => write!(f, "http://{address}"),
            (Reached::Tcp(address), Entry::Tls) => write!(f, "https://{address}"),
            (Reached::Unix(path), Entry::Plain) => write!(f, "unix:{}", path.display()),
            (Reached::Unix(path), Entry::Tls) => write!(f, "unix:{} (TLS)", path.display()),
        }
    }
}

impl Listening {
    /// The next connection.
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Socket, PeerAddr)>> {
        match self {
            Self::Tcp(socket) => socket.poll_accept(context).map_ok(tcp),
            Self::Unix(socket) => socket.poll_accept(context).map_ok(unix),
            Self::Passed(socket) => socket.poll_accept(context),
        }
    }

    /// Whether systemd passed it.
    pub(super) const fn is_passed(&self) -> bool {
        matches!(self, Self::Passed(_))
    }

    /// The connections that wait in the kernel. The runtime would show those only that it has been told of, so the
    /// system itself is asked.
    pub(super) fn into_waiting(self) -> Box<dyn Iterator<Item = (Socket, PeerAddr)> + Send> {
        match self {
            Self::Tcp(socket) => {
                let socket = socket.into_std().ok();
                Box::new(std::iter::from_fn(move || {
                    let (stream, peer) = socket.as_ref()?.accept().ok()?;
                    stream.set_nonblocking(true).ok()?;
                    Some(tcp((TcpStream::from_std(stream).ok()?, peer)))
                }))
            }
            Self::Unix(socket) => Box::new(socket.into_waiting().map(unix)),
            // They wait for whoever is started next.
            Self::Passed(_) => Box::new(std::iter::empty()),
        }
    }
}

fn tcp((stream, peer): (TcpStream, SocketAddr)) -> (Socket, PeerAddr) {
    (Socket::Tcp(stream), PeerAddr::new(peer))
}

fn unix(stream: tokio::net::UnixStream) -> (Socket, PeerAddr) {
    (Socket::Unix(stream), PeerAddr::Unix)
}

/// A name may stand for several addresses: one that this machine does not have (no IPv6) is passed over, as long as
/// another is there.
fn bind_one(address: &Address, passed: &mut PassedSockets, sockets: &mut Vec<Listening>) -> io::Result<()> {
    let addresses = match &address.place {
        Place::Tcp(addresses) => addresses,
        Place::Unix(path) => {
            sockets.push(Listening::Unix(UnixSocket::bind(path)?));
            return Ok(());
        }
        Place::Systemd(name) => {
            sockets.extend(passed.take(name)?.into_iter().map(Listening::Passed));
            return Ok(());
        }
    };
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let before = sockets.len();
    for socket in addresses {
        match listen(*socket) {
            Ok(listening) => sockets.push(Listening::Tcp(listening)),
            Err(error) if is_missing(&error) => missing = error,
            Err(error) => return Err(error),
        }
    }
    if sockets.len() == before { Err(missing) } else { Ok(()) }
}

fn is_missing(error: &io::Error) -> bool {
    // EAFNOSUPPORT, of a kernel without IPv6, has no kind of its own.
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(97)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::{Address, Bound, Place};

    fn address(text: &str) -> Address {
        Address { text: text.to_owned(), place: Place::Tcp(vec![text.parse().expect("an address")]) }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Bound::new(&[address("127.0.0.1:0")]).expect("a free port");
        let taken = first.endpoints()[0].address().expect("an address").to_string();
        let error = Bound::new(&[address("127.0.0.1:0"), address(&taken)]).expect_err("a taken port");
        assert_eq!(error.address, taken);
        assert_eq!(error.to_string(), format!("cannot listen on {taken}"));
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_passed_over_beside_one_that_is() {
        let both = ["192.0.2.1:0", "127.0.0.1:0"].map(|text| text.parse().expect("an address"));
        let name = Address { text: "name:0".to_owned(), place: Place::Tcp(both.to_vec()) };
        assert_eq!(Bound::new(&[name]).expect("one of two").endpoints().len(), 1);
        assert!(Bound::new(&[address("192.0.2.1:0")]).is_err());
    }
}
