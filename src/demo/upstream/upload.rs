//! Uploads: counts and hashes what comes, keeps nothing.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;

use super::echo::Sum;
use super::heads::HeadLog;
use super::multipart::{self, FirstPart};
use super::page;
use super::received::{Received, Wanted};
use crate::demo::answer::{self, Answer};

/// Tells size and SHA-256 of the first part of a form (RFC 7578), or of the whole body if it is no form.
pub(super) async fn receive(request: Request<Incoming>) -> Answer {
    let wanted = Received::of(&request, &HeadLog::default()).wanted();
    let boundary = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(multipart::boundary);
    let mut part = boundary.map(|boundary| FirstPart::new(&boundary));
    let mut sum = Sum::new();
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return answer::text(StatusCode::BAD_REQUEST, "the body did not arrive");
        };
        let Ok(data) = frame.into_data() else { continue };
        match &mut part {
            None => sum.add(&data),
            Some(part) => {
                if part.feed(&data, |content| sum.add(content)).is_err() {
                    return answer::text(StatusCode::BAD_REQUEST, "the form could not be read");
                }
            }
        }
    }
    if part.is_some_and(|part| !part.is_complete()) {
        return answer::text(StatusCode::BAD_REQUEST, "the form ends too early");
    }
    let total = sum.total();
    match wanted {
        Wanted::Html => page::uploaded(&total),
        Wanted::Json => {
            answer::json(StatusCode::OK, &json!({ "bytes": total.bytes, "sha256": total.sha256 }))
        }
    }
}
