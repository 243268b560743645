//! Lease: how long a stream may live.
//!
//! A request that was let in may last for hours: a WebSocket, an event stream, a download. It holds a [`Lease`]
//! of the session that let it in, and ends when the lease does: at the session's absolute end, or when a
//! [`Lessor`] ends it (sign-out, revocation). The idle limit does not end an open stream.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};

/// The right to go on, until a moment that may move.
#[derive(Clone, Debug)]
pub struct Lease(Option<watch::Receiver<Term>>);

/// The other end of a [`Lease`]: moves its end, or ends it now.
#[derive(Clone, Debug)]
pub struct Lessor(watch::Sender<Term>);

/// The body of an answer, as far as the connection that it goes out on has to know more of it than its bytes.
pub trait Patience {
    /// How long its client may take nothing of it, where its route has a limit of its own; the listener, which alone sees
    /// the client's side, keeps it.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// Rides on a response as an extension: the connection that it goes out on is to end with it, since what the client sent
/// was not read to its end, or may be meant for somebody else. HTTP/2 has streams for that.
#[derive(Clone, Copy, Debug)]
pub struct Hangup;

#[derive(Clone, Copy, Debug)]
struct Term {
    valid_until: Timestamp,
    ended: bool,
}

impl Patience for Full<Bytes> {}

impl Lease {
    /// A lease without an end, for requests that needed no session.
    #[must_use]
    pub const fn endless() -> Self {
        Self(None)
    }

    /// A lease until `valid_until`, and the hand that can change it.
    #[must_use]
    pub fn until(valid_until: Timestamp) -> (Lessor, Self) {
        let (sender, receiver) = watch::channel(Term { valid_until, ended: false });
        (Lessor(sender), Self(Some(receiver)))
    }

    /// Whether this lease can end at all.
    #[must_use]
    pub const fn is_endless(&self) -> bool {
        self.0.is_none()
    }

    /// Waits for the end. Never returns for an endless lease.
    pub async fn ended(mut self, clock: &Clock) {
        let Some(term) = self.0.as_mut() else {
            return std::future::pending().await;
        };
        loop {
            let Term { valid_until, ended } = *term.borrow_and_update();
            let left = valid_until.since(clock.now());
            if ended || left.is_zero() {
                return;
            }
            tokio::select! {
                () = clock.sleep(left) => {}
                changed = term.changed() => if changed.is_err() {
                    // Nobody can move this lease any more: what remains is its end in time.
                    clock.sleep(valid_until.since(clock.now())).await;
                    return;
                },
            }
        }
    }
}

impl Lessor {
    /// Another lease on the same terms.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease(Some(self.0.subscribe()))
    }

    /// Whether anybody still holds a lease.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Moves the end of every lease.
    pub fn extend(&self, valid_until: Timestamp) {
        self.0.send_modify(|term| term.valid_until = valid_until);
    }

    /// Ends every lease now.
    pub fn end(&self) {
        self.0.send_modify(|term| term.ended = true);
    }
}
