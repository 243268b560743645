//! `vestibule healthcheck`: asks a running gateway whether it is ready, for containers that have no other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use super::{ConfigArgs, Exit, tell};
use crate::clock::Clock;
use crate::config;
use crate::lines::harmless;
use crate::lines::text::with_causes;
use crate::listener::{Address, Place};
use crate::socket::Socket;

/// How long the answer may take in all.
const LIMIT: Duration = Duration::from_secs(2);

/// The most that is read of an answer.
const MAX_ANSWER: usize = 4096;

/// Whatever is wrong is 1: whoever asks this knows no other word for it.
pub(super) fn run(arguments: &ConfigArgs) -> Exit {
    match check(arguments) {
        Ok(()) => Exit::Fine,
        Err(reason) => {
            tell(&harmless(reason));
            Exit::Failed
        }
    }
}

fn check(arguments: &ConfigArgs) -> Result<(), String> {
    let admin = config::admin_address(&arguments.path(), &arguments.outside());
    let Some(admin) = admin.map_err(|faults| faults.to_string().replace("\n    ", "; "))? else {
        return Err("listen.admin is \"off\": nobody can be asked whether this gateway is ready".to_owned());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot ask: {error}"))?;
    let answer = runtime.block_on(Clock::system().timeout(LIMIT, ask(&admin)));
    answer.unwrap_or_else(|_| Err(format!("{} did not answer within 2 seconds", admin.text)))
}

async fn ask(admin: &Address) -> Result<(), String> {
    let socket = connect(&admin.place).await;
    let socket = socket.map_err(|error| format!("cannot connect to {}: {error}", admin.text))?;
    let broken = |error: hyper::Error| format!("{} gave no answer: {}", admin.text, with_causes(&error));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    tokio::spawn(connection);
    let request = Request::get("/readyz").header("host", "localhost").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| format!("cannot ask: {error}"))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
    match body {
        Ok(text) if !text.is_empty() && status == StatusCode::SERVICE_UNAVAILABLE => Err(text),
        _ => Err(format!("{} answered with status {}: is it this gateway?", admin.text, status.as_u16())),
    }
}

/// The first of the addresses that answers.
async fn connect(place: &Place) -> std::io::Result<Socket> {
    match place {
        Place::Tcp(addresses) => {
            let mut last = std::io::ErrorKind::AddrNotAvailable.into();
            for address in addresses {
                match TcpStream::connect(reachable(*address)).await {
                    Ok(stream) => return Ok(Socket::Tcp(stream)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        Place::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
        Place::Systemd(_) => Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            "where that socket listens is written in its unit, not in the configuration",
        )),
    }
}

/// Who listens on every address also listens on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
