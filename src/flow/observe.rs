//! Reading a request into facts, once. What cannot be read in one way only ends here.

use std::sync::Arc;

use http::header::HOST;
use http::{Method, Request, Uri};

use super::gateway::{Generation, Shared};
use super::reader::Reader;
use super::refusal::Refusal;
use super::unread::Unread;
use super::visit::{Caller, Visit};
use crate::web::facts::Parts;
use crate::web::forwarded::Trust;
use crate::web::{Arrival, CanonicalPath, Facts, HostName, RequestId, RequestKind, Source};

/// Reads a request.
pub(super) fn read<B>(
    generation: &Arc<Generation>,
    shared: &Shared,
    arrival: &Arrival,
    request: &Request<B>,
) -> Result<Box<Visit>, Box<Unread>> {
    let headers = request.headers();
    let peer = arrival.peer();
    let forwarded = generation.trusted_proxies.read_arrival(arrival, headers);
    let client = forwarded.client();
    let id = match forwarded.trust() {
        Trust::Trusted => {
            headers.get("x-request-id").and_then(|id| id.to_str().ok()).and_then(RequestId::parse)
        }
        Trust::Untrusted => None,
    };
    let id = id.unwrap_or_else(|| RequestId::fresh(shared.ids.next()));
    let kind = RequestKind::of(request.method(), headers);
    let (reader, caller) = (Reader::of(kind, request.version()), Caller::of(request));
    let place = host(request).and_then(|host| Ok((host, target(generation, request)?)));
    match place {
        Ok((host, path)) => {
            let parts = Parts {
                method: request.method().clone(),
                host,
                path,
                query: request.uri().query().map(str::to_owned),
                arrival: arrival.clone(),
                forwarded,
                kind,
                source: Source::read(headers),
                id,
            };
            let facts = Facts::new(parts, &generation.public_url);
            // Boxed: it goes through several futures, and each would move it about.
            Ok(Box::new(Visit::new(Arc::clone(generation), shared, facts, reader, caller)))
        }
        Err(refusal) => Err(Box::new(Unread {
            generation: Arc::clone(generation),
            refusal,
            reader,
            caller,
            peer,
            client,
            id,
            method: request.method().clone(),
            host: headers
                .get(HOST)
                .map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned())
                .unwrap_or_default(),
            path: request.uri().path().to_owned(),
            started: shared.clock.instant(),
            now: shared.clock.now(),
        })),
    }
}

/// The host: exactly one Host field, and the same as the target's, where that has one (RFC 9112 section 3.2).
fn host<B>(request: &Request<B>) -> Result<HostName, Refusal> {
    let mut lines = request.headers().get_all(HOST).into_iter();
    let (line, more) = (lines.next(), lines.next());
    if more.is_some() {
        return Err(Refusal::BadHost("several Host fields were sent".to_owned()));
    }
    let line = line.map(|line| line.to_str()).transpose();
    let line =
        line.map_err(|_| Refusal::BadHost("the Host field is not ASCII".to_owned()))?.unwrap_or_default();
    let (host, port) = HostName::parse(line).map_err(|error| Refusal::BadHost(error.to_string()))?;
    if let Some(authority) = request.uri().authority() {
        let (target, target_port) =
            HostName::parse(authority.as_str()).map_err(|error| Refusal::BadHost(error.to_string()))?;
        if (&target, target_port) != (&host, port) {
            return Err(Refusal::BadHost("the target names another host than the Host field".to_owned()));
        }
    }
    Ok(host)
}

fn target<B>(generation: &Generation, request: &Request<B>) -> Result<CanonicalPath, Refusal> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal::UnsupportedMethod);
    }
    let uri = request.uri();
    if uri
        .scheme_str()
        .is_some_and(|scheme| !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https"))
    {
        return Err(Refusal::BadPath("the target is no http address".to_owned()));
    }
    if target_size(uri) > generation.max_target {
        return Err(Refusal::TargetTooLong);
    }
    let path = CanonicalPath::parse(uri.path()).map_err(|error| Refusal::BadPath(error.to_string()))?;
    // The page about a head that is too large needs its stylesheet and its button to get through with that very head.
    let exempt = [super::own::CLEAR_COOKIES, super::own::STATIC].iter().any(|own| {
        path.judged().strip_prefix(generation.login.path.as_str()).is_some_and(|rest| rest.starts_with(own))
    });
    if !exempt && head_size(request) > generation.max_head {
        return Err(Refusal::HeadTooLarge);
    }
    Ok(path)
}

/// The size of path and query.
fn target_size(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// The size of the head as it was sent, but for white space that means nothing.
fn head_size<B>(request: &Request<B>) -> usize {
    let uri = request.uri();
    let line = request.method().as_str().len() + target_size(uri) + "  HTTP/1.1\r\n".len();
    request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum::<usize>()
        + line
        + 2
}
