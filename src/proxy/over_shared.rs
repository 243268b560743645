//! An exchange over a connection that others share, and when it may be tried once more.
//!
//! A request that the upstream has never looked at may be sent again, whatever it asks for (RFC 9113 section 8.7): one that
//! was refused, one above the last that a GOAWAY names, one that never left here. One that may have been looked at is sent
//! again as over any kept connection: when it is safe, and the connection had answered before and broke.

use http::{Request, Response};
use hyper::body::Incoming;

use super::answer;
use super::error::ForwardError;
use super::exchange::{Exchange, Spare, is_safe, is_stale};
use super::link::{Carrier, Link};
use super::multiplexed::Multiplexed;
use super::shared::Place;
use super::upload::Upload;

/// What a failure says about the request and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The upstream took this request back; the connection goes on.
    Refused,
    /// The upstream goes away, and has not looked at this request.
    Unseen,
    /// The upstream gave this request up, with this code.
    Reset(h2::Reason),
    /// What came for this request, or over the connection, is against the rules.
    Malformed,
    /// The connection broke.
    Broken,
}

/// How often a request that never left here may find a connection that is ending.
const ENDING: usize = 3;

impl Exchange<'_> {
    /// Over a place on a shared connection, waited for as long as connecting may take.
    pub(super) async fn over_shared(
        self,
        shared: &Multiplexed,
        mut request: Request<Upload>,
    ) -> Result<(Response<Incoming>, Link), ForwardError> {
        let mut spare = Spare::if_bodiless(&request);
        let mut unsent = 0;
        loop {
            let place = match shared.take() {
                Some(place) => place,
                None => {
                    let limit = self.settings.connect_timeout;
                    // Boxed, since waiting is rare and its future large.
                    Box::pin(shared.wait(self.pool.dialer(), limit, self.clock)).await?
                }
            };
            let was_proven = place.is_proven();
            let may_repeat = is_safe(request.method()) && was_proven;
            let mut link = Link::shared(place);
            let sending = link.send(request);
            let sent = self.answered(&mut link, sending).await;
            let Carrier::Shared(place) = &mut link.carrier else { return Err(ForwardError::NoUpstream) };
            let mut failure = match sent {
                Ok(Ok(response)) => {
                    place.answered(self.upload);
                    if answer::is_malformed(response.headers()) {
                        return Err(ForwardError::BadResponse { source: None });
                    }
                    return Ok((response, link));
                }
                Ok(Err(failure)) => failure,
                Err(late) => {
                    // What does not answer one may answer nobody. Others that wait there may go on waiting.
                    if matches!(late, ForwardError::HeadTimeout | ForwardError::UploadStalled) {
                        place.retire();
                    }
                    return Err(late);
                }
            };
            if let Some(back) = failure.take_message() {
                place.retire();
                unsent += 1;
                if unsent > ENDING {
                    return Err(self.sort(failure.into_error()));
                }
                request = back;
                continue;
            }
            let kind = Failure::of(failure.error());
            kind.tell(place);
            request = match (kind, spare.take()) {
                (Failure::Refused | Failure::Unseen, Some(spare)) => spare.into_request(),
                (Failure::Broken, Some(spare)) if may_repeat && is_stale(failure.error()) => {
                    spare.into_request()
                }
                (kind, _) => return Err(self.explain(kind, failure.into_error())),
            };
            self.meters.retries.increment();
        }
    }

    fn explain(self, kind: Failure, source: hyper::Error) -> ForwardError {
        if let Some(error) = self.sort_upload() {
            return error;
        }
        match kind {
            Failure::Refused => ForwardError::Reset { reason: "REFUSED_STREAM", source },
            Failure::Unseen => ForwardError::Reset { reason: "GOAWAY", source },
            Failure::Reset(reason) => ForwardError::Reset { reason: word(reason), source },
            Failure::Malformed => ForwardError::BadResponse { source: Some(source) },
            Failure::Broken => self.sort(source),
        }
    }
}

impl Failure {
    fn of(error: &hyper::Error) -> Self {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
        let Some(error) = source else { return Self::Broken };
        match (error.is_remote(), error.reason()) {
            (true, Some(h2::Reason::REFUSED_STREAM)) if error.is_reset() => Self::Refused,
            (true, Some(reason)) if error.is_reset() => Self::Reset(reason),
            // The error of requests above the last one that it names; what it may have looked at ends otherwise.
            (true, _) if error.is_go_away() => Self::Unseen,
            (false, Some(_)) => Self::Malformed,
            (_, _) => Self::Broken,
        }
    }

    /// Tells the connection what it need know.
    fn tell(self, place: &Place) {
        match self {
            // It goes on, and is none the worse for it.
            Self::Refused | Self::Reset(_) => place.proven(),
            Self::Unseen | Self::Malformed | Self::Broken => place.retire(),
        }
    }
}

/// The name of a code (RFC 9113 section 7).
fn word(reason: h2::Reason) -> &'static str {
    match reason {
        h2::Reason::NO_ERROR => "NO_ERROR",
        h2::Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
        h2::Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
        h2::Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
        h2::Reason::STREAM_CLOSED => "STREAM_CLOSED",
        h2::Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
        h2::Reason::REFUSED_STREAM => "REFUSED_STREAM",
        h2::Reason::CANCEL => "CANCEL",
        h2::Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
        h2::Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
        h2::Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
        _ => "an unknown code",
    }
}
