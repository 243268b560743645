//! HTTP/2 on the listener, frame by frame: what it takes, what becomes of it towards an upstream, how it ends.

mod downgrade;

use tokio::net::TcpStream;

use crate::support::frames::{END_STREAM, Message, Peer, headers};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream};

/// A client that writes frames.
type Client = Peer<TcpStream>;

/// The usual stage, where HTTP/2 may be spoken without TLS.
async fn stage() -> Stage {
    Stage::with(plan()).await
}

/// The same, before this upstream.
async fn before(upstream: Upstream) -> Stage {
    Stage::before(upstream, plan()).await
}

fn plan() -> Plan {
    Plan { listen: "h2c = true".to_owned(), ..Plan::default() }
}

async fn connect(stage: &Stage) -> Client {
    connect_with(stage, &[]).await
}

/// A connection whose client has these settings.
async fn connect_with(stage: &Stage, settings: &[(u16, u32)]) -> Client {
    Peer::client(TcpStream::connect(stage.gateway).await.expect("a connection"), settings).await
}

/// A head for `/public`, with further fields.
fn head<'a>(host: &'a str, method: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", host), (":path", "/public")];
    pseudo.iter().chain(more).copied().collect()
}

/// Sends a request without a body as stream 1 of a connection of its own, and reads the answer.
async fn ask(stage: &Stage, fields: &[(&str, &str)]) -> Message {
    let mut client = connect(stage).await;
    client.send(headers(1, END_STREAM, fields)).await;
    client.message().await.1
}
