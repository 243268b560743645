//! The bench: a gateway that lets everybody in, and two raw ends.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Body, HostHeader, Meters, Pools, Proxy, Rewriting, RouteSettings, Target};
use crate::authz::{Rule, Term};
use crate::clock::Clock;
use crate::gate::{Decision, Options, Route, RouteId, decide};
use crate::identity::{HeaderPlan, Preset, Reserved};
use crate::lease::{Lease, Patience};
use crate::listener;
use crate::session::CookieNames;
use crate::session::Security;
use crate::web::facts::Parts;
use crate::web::{
    Arrival, CanonicalPath, Facts, HostName, Origin, RequestId, RequestKind, Source, TrustedProxies,
};

/// A running gateway and the socket of its upstream.
pub(super) struct Bench {
    pub(super) gateway: SocketAddr,
    pub(super) upstream: TcpListener,
    pub(super) meters: Meters,
    /// What happens at the very moment in which the next request is forwarded: nothing else runs in between.
    moment: Arc<Mutex<Option<Moment>>>,
}

type Moment = Box<dyn FnOnce() + Send>;

/// One end of a connection, raw.
pub(super) struct End {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Starts a gateway; `adjust` changes the route, `lease` is held by every request.
pub(super) async fn bench(clock: Clock, lease: Lease, adjust: fn(&mut RouteSettings)) -> Bench {
    let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut settings = RouteSettings {
        target: Target::Http {
            host: HostName::parse("127.0.0.1").expect("a host").0,
            port: upstream.local_addr().expect("an address").port(),
        },
        host_header: HostHeader::Preserve,
        connect_timeout: Duration::from_secs(5),
        timeout: Some(Duration::from_secs(60)),
        idle_timeout: Some(Duration::from_secs(900)),
        max_in_flight: 4096,
        queue_timeout: Duration::from_secs(5),
        max_body: None,
        body_timeout: Duration::from_secs(30),
        max_response_head: 64 * 1024,
        rewriting: Rewriting::default(),
    };
    adjust(&mut settings);
    let public_url = Origin::parse("https://wiki.example:8443").expect("an origin");
    let proxy = Arc::new(Proxy::new(
        vec![settings],
        Reserved::new([]),
        CookieNames::new("vestibule".to_owned(), Security::Secure),
        public_url.clone(),
        Arc::new(Pools::default()),
        clock.clone(),
        None,
    ));
    let meters = proxy.meters().clone();
    let term: Term = "everyone".parse().expect("a term");
    let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
    let rule = Rule::new(vec![term]);
    let route = Arc::new(Route::new(RouteId::new(0), "wiki".to_owned(), rule, plan, Options::default()));
    let moment: Arc<Mutex<Option<Moment>>> = Arc::default();
    let (at_moment, now) = (Arc::clone(&moment), clock.clone());
    let service = move |arrival: Arrival, request: Request<Incoming>| {
        if let Some(happens) = at_moment.lock().expect("nobody panicked").take() {
            happens();
        }
        let (proxy, route, lease) = (Arc::clone(&proxy), Arc::clone(&route), lease.clone());
        let (facts, asked) = (facts(arrival, &request, &public_url), now.instant());
        async move {
            let Decision::Pass(pass) = decide(&facts, &route, None) else { panic!("everybody passes") };
            answer(proxy.forward(pass, || lease, |_| {}, asked, request).await)
        }
    };
    let address = listener::Address {
        text: "here".to_owned(),
        place: listener::Place::Tcp(vec!["127.0.0.1:0".parse().expect("an address")]),
    };
    let bound = listener::Bound::new(&[address]).expect("a port");
    let gateway = bound.endpoints()[0].address().expect("an address");
    let terms = listener::InForce::new(listener::Terms::new(listener::Limits::new(64)));
    let counted = listener::Meters::default();
    tokio::spawn(listener::serve(bound, service, terms, clock, counted, std::future::pending()));
    Bench { gateway, upstream, meters, moment }
}

/// A bench on the machine's clock, with nothing special.
pub(super) async fn plain() -> Bench {
    bench(Clock::system(), Lease::endless(), |_| {}).await
}

fn facts(arrival: Arrival, request: &Request<Incoming>, public_url: &Origin) -> Facts {
    let headers = request.headers();
    let parts = Parts {
        kind: RequestKind::of(request.method(), headers),
        source: Source::read(headers),
        forwarded: TrustedProxies::default().read(arrival.peer(), headers),
        method: request.method().clone(),
        host: HostName::parse("wiki.example").expect("a host").0,
        path: CanonicalPath::parse(request.uri().path()).expect("a path"),
        query: request.uri().query().map(str::to_owned),
        arrival,
        id: RequestId::fresh([0; 12]),
    };
    Facts::new(parts, public_url)
}

type Answer = Response<Either<Box<Body>, Empty<Bytes>>>;

impl Patience for Either<Box<Body>, Empty<Bytes>> {
    fn patience(&self) -> Option<Duration> {
        match self {
            Self::Left(body) => body.patience(),
            Self::Right(_) => None,
        }
    }
}

fn answer(forwarded: Result<Response<Box<Body>>, super::super::ForwardError>) -> Answer {
    match forwarded {
        Ok(response) => response.map(Either::Left),
        Err(error) => {
            let mut response = Response::new(Either::Right(Empty::new()));
            *response.status_mut() = error.status();
            response.headers_mut().insert("x-error", HeaderValue::from_static(error.word()));
            response
        }
    }
}

impl Bench {
    pub(super) async fn client(&self) -> End {
        End::new(TcpStream::connect(self.gateway).await.expect("a connection"))
    }

    /// Has this happen when the next request is about to be forwarded.
    pub(super) fn at_next_request(&self, happens: impl FnOnce() + Send + 'static) {
        *self.moment.lock().expect("nobody panicked") = Some(Box::new(happens));
    }

    pub(super) async fn accept(&self) -> End {
        End::new(self.upstream.accept().await.expect("a connection").0)
    }

    /// A client that has sent `request`, and the upstream's end of it with the head that arrived.
    pub(super) async fn exchange(&self, request: &str) -> (End, End, String) {
        let mut client = self.client().await;
        client.send(request).await;
        let mut upstream = self.accept().await;
        let head = upstream.head().await;
        (client, upstream, head)
    }
}

impl End {
    fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(super) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.expect("a write");
    }

    /// Sends at once, without letting anything else run.
    pub(super) fn send_now(&self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        assert_eq!(self.stream.try_write(text).expect("a write"), text.len());
    }

    /// Ends its side at once.
    pub(super) fn finish_now(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.shutdown(std::net::Shutdown::Write).expect("an open socket");
    }

    /// Sends until the other side takes no more, or has closed.
    pub(super) async fn send_until_closed(&mut self, piece: &[u8]) {
        while self.stream.write_all(piece).await.is_ok() {}
    }

    /// A head, up to and with its empty line.
    pub(super) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// The next head, unless the connection ends first.
    pub(super) async fn next_head(&mut self) -> Option<String> {
        if self.buffer.is_empty() && !self.more().await {
            return None;
        }
        Some(self.head().await)
    }

    /// Everything up to and with `mark`.
    pub(super) async fn until(&mut self, mark: &str) -> String {
        loop {
            let found = self.buffer.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                let rest = self.buffer.split_off(at + mark.len());
                return text(&std::mem::replace(&mut self.buffer, rest));
            }
            assert!(self.more().await, "the end before {mark:?}: {}", text(&self.buffer));
        }
    }

    /// Everything up to the end of the connection, however it ends.
    pub(super) async fn rest(&mut self) -> String {
        while self.more().await {}
        text(&std::mem::take(&mut self.buffer))
    }

    pub(super) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await, "the end too early");
        }
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.is_ok_and(|count| count > 0)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
