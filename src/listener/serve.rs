//! Accepting connections, and letting them go at the end.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::watch;

use super::bind::{Bound, Door, Entry};
use super::connection::{self, Held, Phase, Serving};
use super::meters::Meters;
use super::notices::Notices;
use super::terms::InForce;
use crate::clock::Clock;
use crate::lease::Patience;
use crate::manual;
use crate::socket::Socket;
use crate::web::{Arrival, PeerAddr};

/// How long a kept connection is still listened to after the shutdown. A client may have sent a request before it can
/// know; one that finds its connection closed instead cannot tell whether the request was taken.
const LEAVE: Duration = Duration::from_secs(1);

/// How long those may take to part that are told so when all others are cut: tunnels, each with its last frame.
pub const PARTING: Duration = Duration::from_secs(3);

/// How long to wait when the system has no descriptor or memory for a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is ready, which says how long the end may take. Then every connection that was made is given
/// its next answer, which says that it is the last; after a second those without a request are closed, and what is on
/// its way, tunnels too, has the rest of that time to end. Whatever is there after it is cut, but for tunnels: whoever
/// made them closes them then, and has [`PARTING`] to do so.
///
/// `service` runs in the connection's own task and is dropped when its client goes.
pub async fn serve<S, F, B>(
    bound: Bound,
    service: S,
    terms: InForce,
    clock: Clock,
    meters: Meters,
    shutdown: impl Future<Output = Duration>,
) where
    S: Fn(Arrival, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Patience + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let notices = Arc::new(Notices::default());
    let (phase, watching) = watch::channel(Phase::Serving);
    let open = |socket: Socket, peer: PeerAddr, entry: Entry| {
        meters.accepted.increment();
        let held = Held::new(terms.room().take(), &meters);
        let serving = Serving {
            service: service.clone(),
            terms: terms.today(),
            peers: terms.peers().clone(),
            notices: Arc::clone(&notices),
            clock: clock.clone(),
            meters: meters.clone(),
            phase: watching.clone(),
        };
        tokio::spawn(connection::run(socket, peer, entry, held, serving));
    };
    let mut next = 0;
    let accept = async {
        loop {
            terms.room().wait(&terms).await;
            let (socket, peer, entry) =
                match poll_fn(|context| poll_accept(&bound.sockets, &mut next, context)).await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        meters.accept_errors.increment();
                        if !is_about_one_connection(&error) {
                            if notices.accept.is_due(&clock) {
                                tracing::warn!(
                                    code = "listen/accept",
                                    url = manual::url("listen/accept"),
                                    %error,
                                    "connections cannot be accepted for the moment, and wait"
                                );
                            }
                            clock.sleep(BACK_OFF).await;
                        }
                        continue;
                    }
                };
            open(socket, peer, entry);
        }
    };
    let timeout = tokio::select! {
        never = accept => match never {},
        timeout = shutdown => timeout,
    };
    // What waits at a socket of systemd's waits for whoever is started next. Should nobody else hold that socket, closing it
    // would reset them, so it stays open to the end.
    let (_passed, ours): (Vec<_>, Vec<_>) =
        bound.sockets.into_iter().partition(|door: &Door| door.socket.is_passed());
    // What the kernel has accepted in our name is ours to answer; with the socket it would be reset.
    for Door { entry, socket } in ours {
        for (socket, peer) in socket.into_waiting() {
            if !terms.room().has_room(&terms) {
                break;
            }
            open(socket, peer, entry);
        }
    }
    phase.send_replace(Phase::Leaving);
    drop(watching);
    // Those that have become tunnels have left their tasks.
    let gone = async || {
        phase.closed().await;
        terms.room().empty().await;
    };
    let end = clock.instant() + timeout;
    if clock.timeout(LEAVE.min(timeout), gone()).await.is_ok() {
        return;
    }
    phase.send_replace(Phase::Draining);
    if clock.timeout(end.saturating_duration_since(clock.instant()), gone()).await.is_err() {
        meters.cut.add(terms.room().taken());
        phase.send_replace(Phase::Closed);
        let _ = clock.timeout(PARTING, gone()).await;
    }
}

/// A connection from any of the sockets, which take turns at being asked first.
fn poll_accept(
    doors: &[Door],
    next: &mut usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<(Socket, PeerAddr, Entry)>> {
    let count = doors.len();
    for offset in 0..count {
        let index = (*next + offset) % count;
        let Some(door) = doors.get(index) else { continue };
        if let Poll::Ready(accepted) = door.socket.poll_accept(context) {
            *next = index + 1;
            return Poll::Ready(accepted.map(|(socket, peer)| (socket, peer, door.entry)));
        }
    }
    Poll::Pending
}

/// Whether an error of accept says something about the one connection only, and the next may be asked for at once.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
