//! Taking the addresses: all of them, or a fault that names the one that could not be had.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::settings::{Address, Settings};

/// The sockets of a configuration, bound and listening.
#[derive(Debug)]
pub struct Listeners {
    /// For `listen.http`.
    pub http: Bound,
    /// For `listen.admin`, if it is on.
    pub admin: Option<Bound>,
}

/// Bound sockets, to be given to [`serve`](super::serve).
#[derive(Debug)]
pub struct Bound {
    pub(super) sockets: Vec<TcpListener>,
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
const BACKLOG: i32 = 1024;

/// Binds every address of `settings`. To be called within a runtime.
///
/// # Errors
/// [`BindError`] for the first address that cannot be bound; whatever was bound is let go.
pub fn bind(settings: &Settings) -> Result<Listeners, BindError> {
    let http = Bound::new(&settings.http)?;
    let admin =
        settings.admin.as_ref().map(|address| Bound::new(std::slice::from_ref(address))).transpose()?;
    Ok(Listeners { http, admin })
}

impl Bound {
    /// Binds `addresses`. To be called within a runtime.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn new(addresses: &[Address]) -> Result<Self, BindError> {
        let mut sockets = Vec::new();
        for address in addresses {
            bind_one(address, &mut sockets)
                .map_err(|source| BindError { address: address.text.clone(), source })?;
        }
        Ok(Self { sockets })
    }

    /// Where it listens; of use after binding port 0.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }
}

/// A name may stand for several addresses: one that this machine does not have (no IPv6) is passed over, as long as
/// another is there.
fn bind_one(address: &Address, sockets: &mut Vec<TcpListener>) -> io::Result<()> {
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let before = sockets.len();
    for socket in &address.sockets {
        match listen(*socket) {
            Ok(listening) => sockets.push(listening),
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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::{Address, Bound};

    fn address(text: &str) -> Address {
        Address { text: text.to_owned(), sockets: vec![text.parse().expect("an address")] }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Bound::new(&[address("127.0.0.1:0")]).expect("a free port");
        let taken = first.local_addrs().first().copied().expect("an address").to_string();
        let error = Bound::new(&[address("127.0.0.1:0"), address(&taken)]).expect_err("a taken port");
        assert_eq!(error.address, taken);
        assert_eq!(error.to_string(), format!("cannot listen on {taken}"));
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_passed_over_beside_one_that_is() {
        let both = ["192.0.2.1:0", "127.0.0.1:0"].map(|text| text.parse().expect("an address"));
        let name = Address { text: "name:0".to_owned(), sockets: both.to_vec() };
        assert_eq!(Bound::new(&[name]).expect("one of two").local_addrs().len(), 1);
        assert!(Bound::new(&[address("192.0.2.1:0")]).is_err());
    }
}
