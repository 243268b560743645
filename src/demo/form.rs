//! Form parameters: from a query or a body, bounded, each name at most once where it matters.

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;

use super::answer::{self, Answer};
use crate::clock::Clock;

/// Largest body of a form, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// Most parameters of a form.
const MAX_PARAMS: usize = 64;
/// How long a form may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The parameters of a request in their order.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

/// Why parameters could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("the request has too many parameters")]
    TooMany,
    #[error("the body must be application/x-www-form-urlencoded")]
    WrongType,
    #[error("the body is larger than 64 KiB")]
    TooLarge,
    #[error("the body did not arrive")]
    Incomplete,
}

/// A parameter was given more than once (RFC 6749 section 3.1 forbids it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated;

impl Params {
    /// Reads `name=value&...` (WHATWG URL, application/x-www-form-urlencoded).
    ///
    /// # Errors
    /// [`FormError::TooMany`] above 64 parameters.
    pub(super) fn parse(text: &[u8]) -> Result<Self, FormError> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text)
            .take(MAX_PARAMS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > MAX_PARAMS {
            return Err(FormError::TooMany);
        }
        Ok(Self(pairs))
    }

    /// Reads the query of a request.
    pub(super) fn of_query<B>(request: &Request<B>) -> Result<Self, FormError> {
        Self::parse(request.uri().query().unwrap_or_default().as_bytes())
    }

    /// Reads the body of a request.
    pub(super) async fn of_body(request: Request<Incoming>, clock: &Clock) -> Result<Self, FormError> {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(FormError::WrongType);
        }
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        match clock.timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => Self::parse(&body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(FormError::TooLarge),
            Ok(Err(_)) | Err(_) => Err(FormError::Incomplete),
        }
    }

    /// The value of `name`; an empty one counts as left out (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// [`Repeated`] when the name stands more than once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (Some((_, value)), None) if !value.is_empty() => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// The value of `name` where nothing depends on it being unique.
    pub(super) fn lax(&self, name: &str) -> Option<&str> {
        self.one(name).ok().flatten()
    }
}

impl FormError {
    /// The answer to a person or program that sent such a form.
    pub(super) fn answer(self) -> Answer {
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany | Self::Incomplete => StatusCode::BAD_REQUEST,
        };
        answer::text(status, &self.to_string())
    }
}
