//! The event stream: the time, once a second, for an hour (HTML standard, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::clock::{Clock, Timestamp};
use crate::demo::answer::{self, Answer};

/// Events of one stream: an hour of them. The browser then connects anew.
const MAX_EVENTS: u32 = 3600;

/// A stream whose first event comes at once.
pub(super) fn stream(clock: &Clock) -> Answer {
    let events = stream::unfold((clock.clone(), 0_u32), |(clock, sent)| async move {
        if sent >= MAX_EVENTS {
            return None;
        }
        if sent > 0 {
            clock.sleep(Duration::from_secs(1)).await;
        }
        let event = Frame::data(Bytes::from(event(sent, clock.now())));
        Some((Ok::<_, Infallible>(event), (clock, sent + 1)))
    });
    answer::stream(StatusCode::OK, "text/event-stream", StreamBody::new(events).boxed_unsync())
}

pub(super) fn event(number: u32, now: Timestamp) -> String {
    format!("event: clock\nid: {number}\ndata: {now}\n\n")
}
