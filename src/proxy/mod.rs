//! Forwarding: the outgoing head, the upstream connections, streams and tunnels.
//!
//! [`Proxy::forward`] takes a [`Pass`] and nothing less. It writes the head (`head`), sends the request over a kept
//! or a fresh connection (`exchange`, `pool`), cleans the answer's head (`answer`) and hands its body on as it
//! comes (`body`); a WebSocket becomes a tunnel (`tunnel`) after the upstream's 101, never before.
//!
//! No Via is added: it would tell strangers what stands in front of the application, and loops show in
//! X-Forwarded-For.

mod answer;
mod awaited;
mod body;
mod cookies;
mod dial;
mod error;
mod exchange;
mod frames;
mod head;
mod hop;
mod link;
mod meters;
mod multiplexed;
mod over_shared;
mod parting;
mod pool;
mod request;
mod settings;
mod shared;
mod shared_wire;
mod tls;
mod tls_error;
mod trailers;
mod tunnel;
mod turn;
mod upload;
mod upstream;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use answer::Reuse;
use body::Line;
use exchange::Exchange;
use head::{Authorization, Forwarding, MethodFields, Outgoing, Upgrade};
use link::Link;
use tunnel::Tunnel;

pub use body::Body;
pub use error::{BodyError, Fault, ForwardError};
pub use meters::{Meters, RouteMeters, TargetMeters};
pub use pool::Pools;
pub use settings::{HostHeader, Rewriting, RouteSettings, Target};
pub use tls::{ClientCertificate, Tls, Trust};
pub use tls_error::TlsError;
pub use upload::Uploaded;
use upload::{State, UploadTerms};
use upstream::Upstream;

use crate::clock::Clock;
use crate::gate::{Pass, RouteId};
use crate::identity::Reserved;
use crate::lease::{Hangup, Lease};
use crate::meter::Verb;
use crate::observe::Observer;
use crate::session::CookieNames;
use crate::web::{Facts, Origin, RequestKind, Scheme};

/// Room for an address of either version (RFC 4291 section 2.2).
const ADDRESS: usize = 45;

/// The upstream side of one configuration.
pub struct Proxy {
    upstreams: Vec<Upstream>,
    reserved: Arc<Reserved>,
    cookies: CookieNames,
    public_url: Origin,
    port: HeaderValue,
    pools: Arc<Pools>,
    clock: Clock,
    observer: Option<Arc<dyn Observer>>,
}

impl Proxy {
    /// A proxy for routes in the order of their [`RouteId`]s. `pools` outlives it.
    #[must_use]
    pub fn new(
        routes: Vec<RouteSettings>,
        reserved: Reserved,
        cookies: CookieNames,
        public_url: Origin,
        pools: Arc<Pools>,
        clock: Clock,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let upstreams = routes.into_iter().map(|settings| Upstream::new(settings, &pools, &clock)).collect();
        let port = HeaderValue::from(public_url.port());
        let reserved = Arc::new(reserved);
        Self { upstreams, reserved, cookies, public_url, port, pools, clock, observer }
    }

    /// The same, whose routes count under these names, in the order of their [`RouteId`]s.
    #[must_use]
    pub fn counting_by<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for (upstream, name) in self.upstreams.iter_mut().zip(names) {
            upstream.meters = self.pools.meters().routes.of(name);
        }
        self
    }

    /// Records that the upstream of a route answered, or did not, after this time.
    pub fn answered(&self, route: RouteId, method: &Method, status: Option<StatusCode>, took: Duration) {
        if let Some(upstream) = self.upstreams.get(route.index()) {
            let status = status.map(|status| status.as_u16());
            upstream.pool.meters().durations.record(Verb::of(method), status, took);
        }
    }

    /// The connections of every upstream.
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// What is counted.
    #[must_use]
    pub fn meters(&self) -> &Meters {
        self.pools.meters()
    }

    /// Closes the idle connections to upstreams that `successor` has no use for. What is on its way goes on.
    pub fn close_idle_unless_used_by(&self, successor: &Self) {
        for Upstream { pool, .. } in &self.upstreams {
            if !successor.upstreams.iter().any(|upstream| Arc::ptr_eq(&upstream.pool, pool)) {
                pool.close_idle();
            }
        }
    }

    /// Sends `request` to the upstream of the route that `pass` is for, and gives its answer. Dropping the future or
    /// the answer's body closes the upstream's connection.
    ///
    /// Of `request` the method, the fields and the body are used; the target is that of the judged facts. The answer
    /// is without hop-by-hop fields, reserved names (but X-Request-Id) and cookies of ours. `lease` cuts the answer
    /// when it is a stream (event stream, or of unknown length) or a tunnel, and is asked for only then. `asked` is now. `claimed` is told
    /// the folded names of the headers, if there were any, by which the client wanted to say itself who it is.
    ///
    /// # Errors
    /// [`ForwardError`], before any of the answer was passed on.
    pub async fn forward(
        &self,
        pass: Pass<'_>,
        lease: impl FnOnce() -> Lease,
        claimed: impl FnOnce(&[String]),
        asked: Instant,
        request: Request<Incoming>,
    ) -> Result<Response<Box<Body>>, ForwardError> {
        let upstream = self.upstreams.get(pass.route().id().index()).ok_or(ForwardError::NoUpstream)?;
        let settings = &upstream.settings;
        let (mut parts, incoming) = request.into_parts();
        request::check(&parts.headers, parts.version, settings.max_body)?;
        let upgrade = request::upgrade(pass.facts(), &mut parts, &incoming);
        parts.extensions.clear();
        if upgrade.is_some() && settings.target.is_http2() {
            return Err(ForwardError::NoWebSocket);
        }
        let (wanted, client) = match upgrade {
            Some(client) => (Upgrade::WebSocket, Some(client)),
            None => (Upgrade::None, None),
        };
        let stripped = upstream.strip(pass.facts().path());
        let prefix = stripped.map(|(prefix, _)| prefix.clone());
        let may_follow = |name: &_| trailers::may_follow_request(name, &self.reserved);
        let trailer = trailers::announced(&parts.headers, may_follow);
        let names = self.write_head(&pass, upstream, wanted, prefix, &mut parts.headers);
        if !names.is_empty() {
            claimed(&names);
        }
        let terms = UploadTerms {
            max_body: settings.max_body,
            reserved: &self.reserved,
            clock: &self.clock,
            version: parts.version,
        };
        let (body, upload) = request::frame(&mut parts.headers, incoming, trailer, terms);
        parts.uri = request::target(pass.facts(), stripped.map(|(_, rest)| rest), &parts.uri)?;
        parts.version = Version::HTTP_11;
        if settings.target.is_http2() {
            parts.uri = request::for_http2(&mut parts.headers, &parts.uri)?;
            parts.version = Version::HTTP_2;
        }
        let request = Request::from_parts(parts, body);
        let exchange = Exchange {
            pool: &upstream.pool,
            settings,
            clock: &self.clock,
            upload: upload.as_ref(),
            meters: self.meters(),
            asked,
        };
        let ((mut response, link), turn) = match (upstream.turns.take(), wanted) {
            (Some(turn), Upgrade::None) => (exchange.run(request).await?, turn),
            (Some(turn), Upgrade::WebSocket) => (Box::pin(exchange.fresh(request)).await?, turn),
            (None, _) => Box::pin(exchange.in_turn(upstream, wanted, request)).await?,
        };
        // The version is a matter of each connection (RFC 9110 section 6.2). With the upstream's, an answer of HTTP/1.0
        // would reach the client without framing, and a broken one would look complete.
        let spoken = std::mem::replace(response.version_mut(), Version::HTTP_11);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return match client {
                Some(client) => self.open_tunnel(client, response, link, lease(), upstream),
                None => Err(ForwardError::UnexpectedUpgrade),
            };
        }
        let mut reuse =
            answer::clean(response.status(), response.headers_mut(), &self.reserved, &self.cookies)?;
        // To a server of HTTP/1.0 our client would speak that too from now on, and lose a body of unknown length.
        if wanted == Upgrade::WebSocket || spoken < Version::HTTP_11 {
            reuse = Reuse::Close;
        }
        // An early answer: who sends on regardless is heard no more. Nor is who may have hidden a request in its trailers.
        if upload.as_ref().is_some_and(|upload| upload.state().0 != State::Done || upload.is_followed()) {
            response.extensions_mut().insert(Hangup);
        }
        let lease = if is_stream(response.headers()) { lease() } else { Lease::endless() };
        let reserved = Arc::clone(&self.reserved);
        let line = Line { pool: Arc::clone(&upstream.pool), link, reuse, upload, reserved, _turn: turn };
        let told = answer::told_length(response.status(), response.headers());
        Ok(response
            .map(|incoming| Body::new(incoming, told, line, &self.clock, settings.idle_timeout, lease)))
    }

    /// Turns the fields of a request into those that the upstream of `pass` would get, and gives the target and the version,
    /// without sending anything. `received` is the target as it came.
    ///
    /// # Errors
    /// [`ForwardError`], as [`Self::forward`] gives it before it sends.
    pub fn outgoing_head(
        &self,
        pass: &Pass<'_>,
        received: &Uri,
        headers: &mut HeaderMap,
    ) -> Result<(Uri, Version), ForwardError> {
        let upstream = self.upstreams.get(pass.route().id().index()).ok_or(ForwardError::NoUpstream)?;
        let is_http2 = upstream.settings.target.is_http2();
        request::check(headers, Version::HTTP_11, upstream.settings.max_body)?;
        let upgrade = match pass.facts().kind() {
            RequestKind::WebSocket if is_http2 => return Err(ForwardError::NoWebSocket),
            RequestKind::WebSocket => Upgrade::WebSocket,
            _ => Upgrade::None,
        };
        let stripped = upstream.strip(pass.facts().path());
        let prefix = stripped.map(|(prefix, _)| prefix.clone());
        self.write_head(pass, upstream, upgrade, prefix, headers);
        let target = request::target(pass.facts(), stripped.map(|(_, rest)| rest), received)?;
        if is_http2 {
            return Ok((request::for_http2(headers, &target)?, Version::HTTP_2));
        }
        Ok((target, Version::HTTP_11))
    }

    /// Writes the outgoing head; the names by which the client wanted to say itself who it is.
    fn write_head(
        &self,
        pass: &Pass<'_>,
        upstream: &Upstream,
        upgrade: Upgrade,
        prefix: Option<HeaderValue>,
        headers: &mut HeaderMap,
    ) -> Vec<String> {
        let facts = pass.facts();
        let forwarding = Forwarding { prefix, ..self.forwarding(facts, headers) };
        let outgoing = Outgoing {
            reserved: &self.reserved,
            cookies: &self.cookies,
            authorization: if pass.route().plan().sets(&http::header::AUTHORIZATION) {
                Authorization::Ours
            } else {
                Authorization::Application
            },
            forwarding: &forwarding,
            host: upstream.host.as_ref().unwrap_or(&forwarding.host),
            identity: pass.head().fields(),
            upgrade,
            method: if pass.route().options().methods.is_limited() {
                MethodFields::Removed
            } else {
                MethodFields::Application
            },
            underscores: &upstream.settings.rewriting.underscore_headers,
        };
        let changes = head::rewrite(headers, outgoing);
        self.meters().reserved_names.add(changes.reserved);
        self.meters().underscore_names.add(changes.underscore);
        if !changes.claimed.is_empty() {
            upstream.meters.claimed_names.add(u64::try_from(changes.claimed.len()).unwrap_or(u64::MAX));
        }
        if changes.underscore > 0 {
            upstream.meters.underscore_names.add(changes.underscore);
        }
        if let Some(observer) = &self.observer {
            observer.outgoing_head(facts.id().as_str(), &head::added(outgoing), &changes.removed);
        }
        changes.claimed
    }

    /// Where the requests of this route go, for people to read: `127.0.0.1:8080`.
    #[must_use]
    pub fn upstream(&self, route: RouteId) -> Option<&str> {
        self.upstreams.get(route.index()).map(|upstream| upstream.name.as_str())
    }

    fn forwarding(&self, facts: &Facts, headers: &HeaderMap) -> Forwarding {
        let scheme = facts.scheme();
        let client = facts.forwarded().client();
        let mut text = String::with_capacity(ADDRESS);
        client.push_to(&mut text);
        let text = request::value(text);
        Forwarding {
            chain: request::chain(facts.forwarded().chain(), client, &text),
            client: client.ip().map(|_| text),
            scheme: HeaderValue::from_static(scheme.as_str()),
            // The Host that was received, its port included; without one, the host that was judged.
            host: match headers.get(http::header::HOST) {
                Some(host) => host.clone(),
                None => request::value(facts.host().to_string()),
            },
            port: match scheme {
                scheme if scheme == self.public_url.scheme() => self.port.clone(),
                Scheme::Https => HeaderValue::from_static("443"),
                Scheme::Http => HeaderValue::from_static("80"),
            },
            request_id: facts.id().field().clone(),
            prefix: None,
        }
    }

    /// The upstream said 101: says so to the client, and connects the two.
    fn open_tunnel(
        &self,
        client: OnUpgrade,
        mut response: Response<Incoming>,
        link: Link,
        lease: Lease,
        route: &Upstream,
    ) -> Result<Response<Box<Body>>, ForwardError> {
        let upstream = hyper::upgrade::on(&mut response);
        if !request::is_websocket_answer(response.headers()) {
            return Err(ForwardError::UnexpectedUpgrade);
        }
        answer::clean(response.status(), response.headers_mut(), &self.reserved, &self.cookies)?;
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(http::header::UPGRADE, HeaderValue::from_static("websocket"));
        let tunnel = Tunnel {
            client,
            upstream,
            link,
            lease,
            parting: self.pools.parting().clone(),
            idle: route.settings.idle_timeout,
            clock: self.clock.clone(),
            meters: self.meters().clone(),
            open: route.meters.tunnels.hold(),
        };
        tokio::spawn(tunnel.run());
        Ok(response.map(|incoming| Body::bodiless(incoming, &self.clock)))
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("upstreams", &self.upstreams).finish_non_exhaustive()
    }
}

/// Whether an answer may go on for as long as it likes.
fn is_stream(headers: &HeaderMap) -> bool {
    let is_events = |value: &HeaderValue| {
        let media = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    };
    !headers.contains_key(CONTENT_LENGTH) || headers.get(CONTENT_TYPE).is_some_and(is_events)
}

#[cfg(test)]
mod tests;
