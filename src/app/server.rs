//! One set of listeners being served, until it is told to end.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::lease::Patience;
use crate::listener::{self, Bound, InForce, Meters};
use crate::web::Arrival;

/// Listeners that are served in a task of their own.
#[derive(Debug)]
pub(super) struct Server {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn start<S, F, B>(
        bound: Bound,
        terms: InForce,
        service: S,
        clock: Clock,
        meters: Meters,
    ) -> Self
    where
        S: Fn(Arrival, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Patience + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (stop, stopped) = oneshot::channel();
        // Who is dropped instead of ended has nobody who would wait.
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(listener::serve(bound, service, terms, clock, meters, shutdown));
        Self { stop, task }
    }

    /// Takes no more connections, and waits until those that are there have ended: for so long at most.
    pub(super) async fn end(self, timeout: Duration) {
        // A task that panicked hears nothing and has nothing left to finish.
        let _ = self.stop.send(timeout);
        let _ = self.task.await;
    }
}
