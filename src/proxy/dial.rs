//! How a connection to an upstream is opened, and what is said when it cannot be.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use super::error::ForwardError;
use super::settings::Target;
use super::tls::Connector;
use super::tls_error::TlsError;
use crate::clock::Clock;
use crate::socket::Socket;
use crate::transport::Transport;
use crate::web::HostName;

/// Opens connections to one target.
#[derive(Debug)]
pub(super) struct Dialer {
    target: Target,
    /// There when the target speaks TLS.
    connector: Option<Connector>,
}

/// How long the other machine may be silent on a connection that many share before the system asks whether it is there, and
/// how long it may take to confirm what it was sent.
const SILENCE: Duration = Duration::from_secs(30);

impl Dialer {
    /// `system` gives the system's roots, and is asked only if they are wanted.
    pub(super) fn new(target: Target, clock: &Clock, system: impl FnOnce() -> Arc<RootCertStore>) -> Self {
        let connector = match &target {
            Target::Https { tls, .. } => Some(Connector::new(tls, clock, system)),
            Target::Http { .. } | Target::H2c { .. } | Target::Unix { .. } => None,
        };
        Self { target, connector }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// Connects, with all handshakes that HTTP needs below it.
    pub(super) async fn dial(&self) -> Result<Transport, ForwardError> {
        let socket = match &self.target {
            Target::Http { host, port } | Target::Https { host, port, .. } => {
                Socket::Tcp(self.dial_tcp(host, *port).await?)
            }
            Target::H2c { host, port } => {
                let stream = self.dial_tcp(host, *port).await?;
                guard(&stream).map_err(|source| self.unreachable(source))?;
                Socket::Tcp(stream)
            }
            Target::Unix { path } => {
                let connected = UnixStream::connect(path).await;
                Socket::Unix(connected.map_err(|source| self.unreachable(source))?)
            }
        };
        match &self.connector {
            None => Ok(Transport::Plain(socket)),
            Some(connector) => match connector.connect(socket).await {
                Ok(stream) => Ok(Transport::Tls(Box::new(stream.into()))),
                Err(source) => Err(self.insecure(source)),
            },
        }
    }

    /// The addresses of the name in order.
    async fn dial_tcp(&self, host: &HostName, port: u16) -> Result<TcpStream, ForwardError> {
        let connected = match host.address() {
            Some(address) => TcpStream::connect((address, port)).await,
            None => {
                let addresses = tokio::net::lookup_host((host.as_str(), port))
                    .await
                    .map_err(|source| self.unresolved(Some(source)))?;
                let mut last = None;
                for address in addresses {
                    last = Some(TcpStream::connect(address).await);
                    if matches!(last, Some(Ok(_))) {
                        break;
                    }
                }
                last.ok_or_else(|| self.unresolved(None))?
            }
        };
        let stream = connected.map_err(|source| self.unreachable(source))?;
        stream.set_nodelay(true).map_err(|source| self.unreachable(source))?;
        Ok(stream)
    }

    /// What became of an exchange over a connection to this target.
    pub(super) fn closed(&self, source: hyper::Error) -> ForwardError {
        let Target::Https { tls, .. } = &self.target else { return ForwardError::UpstreamClosed { source } };
        match TlsError::of_connection(&source, &tls.name) {
            Some(source) => self.insecure(source),
            None => ForwardError::UpstreamClosed { source },
        }
    }

    fn unresolved(&self, source: Option<io::Error>) -> ForwardError {
        ForwardError::Resolve { target: self.target.to_string(), source }
    }

    fn unreachable(&self, source: io::Error) -> ForwardError {
        let mut target = self.target.to_string();
        if matches!(self.target, Target::Unix { .. }) {
            target.push_str(match source.kind() {
                ErrorKind::NotFound => " (ENOENT: the application makes it when it starts)",
                ErrorKind::PermissionDenied => {
                    " (EACCES: we may not write to it; mind its folder, group and mode)"
                }
                ErrorKind::ConnectionRefused => " (ECONNREFUSED: nobody listens on it)",
                _ => "",
            });
        }
        ForwardError::Connect { target, source }
    }

    fn insecure(&self, source: TlsError) -> ForwardError {
        ForwardError::Tls { target: self.target.to_string(), source: Box::new(source) }
    }
}

/// Has the system find out that the other machine is gone. One connection carries the requests of many, and no end of it
/// would be seen; asking in HTTP/2 as often would be taken for abuse (see `multiplexed`).
fn guard(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 3).with_retries(3),
    )?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Dialer, Target};
    use crate::web::HostName;

    #[test]
    fn a_name_without_an_address_is_named() {
        let (host, _) = HostName::parse("app.internal").expect("a host");
        let dialer = Dialer { target: Target::Http { host, port: 8080 }, connector: None };
        assert_eq!(
            dialer.unresolved(None).to_string(),
            "the name in http://app.internal:8080 has no address"
        );
    }
}
