//! What the parts of a request cost, in time and in allocations: `cargo bench --bench micro`.
//!
//! `whole` is a request with a session over real sockets on one thread, of which client and upstream allocate nothing:
//! its allocations are those of the gateway from the first byte of the head to the last of the answer.

#![expect(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "the suite's stage, of which this uses a part; a benchmark may end by a panic"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use mimalloc::MiMalloc;
use support::Stage;
use support::stage::{Plan, SESSION_KEY};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use vestibule::audit::{Event, EventName, Form, Trail, What, Who};
use vestibule::authz::{Rule, Term};
use vestibule::clock::{Clock, Timestamp};
use vestibule::gate::{Decision, Freshness, Options, Route, RouteId, Visitor, decide};
use vestibule::identity::{HeaderPlan, IdentityHead, Preset, ProviderName, Reserved};
use vestibule::lines::Lines;
use vestibule::meter::{ByVerb, HttpDurations, Verb, Words};
use vestibule::proxy::{HostHeader, Pools, Proxy, Rewriting, RouteSettings, Target};
use vestibule::random::Random;
use vestibule::session::{
    Binding, CookieNames, Issuer, Key, Keyring, MAX_CANDIDATES, Purpose, SealedBy, Security, Session, pairs,
};
use vestibule::store::OpenedCache;
use vestibule::telemetry::{AccessLine, AccessTrail, Answered, Ended, Format};
use vestibule::web::facts::Parts;
use vestibule::web::{
    Arrival, CanonicalPath, Facts, HostName, Origin, PeerAddr, RequestId, RequestKind, Source, TrustedProxies,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

fn main() {
    divan::main();
}

/// The session cookie's name, and where it belongs.
const BINDING: Binding<'static> = Binding { cookie: "vestibule", host: "127.0.0.1" };

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn public_url() -> Origin {
    Origin::parse("https://wiki.example").expect("an origin")
}

fn cookies() -> CookieNames {
    CookieNames::new("vestibule".to_owned(), Security::Secure)
}

/// What a browser sends with a click, and the cookies of an application.
fn browser() -> HeaderMap {
    let sealed = "c".repeat(240);
    let cookie =
        format!("_ga=GA1.2.345; theme=dark; __Host-vestibule={sealed}; csrftoken=0123456789abcdef; sid=1");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "wiki.example"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        ),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("sec-ch-ua", "\"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-user", "?1"),
        ("upgrade-insecure-requests", "1"),
        ("referer", "https://wiki.example/start"),
        ("connection", "keep-alive"),
        ("cookie", &cookie),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

fn facts(headers: &HeaderMap, uri: &Uri) -> Facts {
    let peer = PeerAddr::new(([192, 0, 2, 1], 40_000).into());
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let parts = Parts {
        kind: RequestKind::of(&Method::GET, headers),
        source: Source::read(headers),
        forwarded: TrustedProxies::default().read(peer, headers),
        method: Method::GET,
        host: HostName::parse(host).expect("a host").0,
        path: CanonicalPath::parse(uri.path()).expect("a path"),
        query: uri.query().map(str::to_owned),
        arrival: Arrival::new(peer),
        id: RequestId::fresh([7; 12]),
    };
    Facts::new(parts, &public_url())
}

/// A session as a real sign-in makes it, and what sealed it.
struct SignedIn {
    session: Session,
    sealed: String,
    keyring: Keyring,
    issuer: Issuer,
}

/// Alice's. Signed in once, since nothing but a sign-in makes an identity.
static ALICE: LazyLock<SignedIn> = LazyLock::new(|| {
    runtime().block_on(async {
        let stage = Stage::usual().await;
        let sealed = stage.signed_in("alice").await.cookie(BINDING.cookie).expect("a session cookie");
        let keyring = Keyring::new(&Key::parse(SESSION_KEY).expect("a key"), &[]);
        let issuer = Issuer::new(ProviderName::new("main"), stage.provider.issuer(), "wiki");
        let bytes = keyring.open(Purpose::Session, BINDING, &sealed).expect("ours");
        let session = Session::from_bytes(&bytes, [&issuer]).expect("a session");
        SignedIn { session, sealed, keyring, issuer }
    })
});

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn route() -> Arc<Route> {
    let term: Term = "group:ops".parse().expect("a term");
    let plan = HeaderPlan::new(HeaderPlan::of_preset(Preset::Forwarded));
    let route =
        Route::new(RouteId::new(0), "wiki".to_owned(), Rule::new(vec![term]), plan, Options::default());
    Arc::new(route.accepting(vec![ProviderName::new("main")]))
}

fn proxy() -> Proxy {
    let settings = RouteSettings {
        target: Target::Http { host: HostName::parse("127.0.0.1").expect("a host").0, port: 9 },
        host_header: HostHeader::Preserve,
        connect_timeout: Duration::from_secs(5),
        timeout: None,
        idle_timeout: None,
        max_in_flight: 4096,
        queue_timeout: Duration::from_secs(5),
        max_body: None,
        body_timeout: Duration::from_secs(30),
        max_response_head: 64 << 10,
        rewriting: Rewriting::default(),
    };
    let pools = Arc::new(Pools::default());
    Proxy::new(vec![settings], Reserved::new([]), cookies(), public_url(), pools, Clock::system(), None)
}

#[divan::bench]
fn facts_read(bencher: Bencher<'_, '_>) {
    let (headers, uri) = (browser(), Uri::from_static("/wiki/Start?action=view"));
    bencher.bench_local(|| facts(black_box(&headers), &uri));
}

#[divan::bench]
fn cookie_candidates(bencher: Bencher<'_, '_>) {
    let headers = browser();
    let names = cookies();
    bencher.bench_local(|| {
        pairs(black_box(&headers)).filter(|(name, _)| *name == names.session()).take(MAX_CANDIDATES).count()
    });
}

/// All that is counted of a request that is let in: under way, decision, its duration and its upstream's.
#[divan::bench]
fn counting(bencher: Bencher<'_, '_>) {
    let (active, decisions) = (ByVerb::default(), Words::new(&[("allow", ""), ("public", "")]));
    let (server, client) = (HttpDurations::new(), HttpDurations::new());
    let took = Duration::from_micros(730);
    bencher.bench_local(|| {
        let verb = Verb::of(black_box(&Method::GET));
        let _under_way = active.hold(verb);
        decisions.count("allow", "");
        client.record(Verb::of(black_box(&Method::GET)), Some(200), black_box(took));
        server.record(verb, Some(200), black_box(took));
    });
}

#[divan::bench]
fn decision(bencher: Bencher<'_, '_>) {
    let (headers, uri, route, session) =
        (browser(), Uri::from_static("/wiki/Start"), route(), &ALICE.session);
    let (facts, head) = (facts(&headers, &uri), IdentityHead::default());
    let visitor = Visitor { session, freshness: Freshness::Fresh, head: &head };
    bencher.bench_local(|| matches!(decide(black_box(&facts), &route, Some(visitor)), Decision::Pass(_)));
}

#[divan::bench]
fn head_rewrite(bencher: Bencher<'_, '_>) {
    let (headers, uri, route, session) =
        (browser(), Uri::from_static("/wiki/Start"), route(), &ALICE.session);
    let (facts, proxy) = (facts(&headers, &uri), proxy());
    let head = route.plan().render(Some((session.identity(), session.short())));
    let visitor = Visitor { session, freshness: Freshness::Fresh, head: &head };
    let Decision::Pass(pass) = decide(&facts, &route, Some(visitor)) else { panic!("alice is in ops") };
    bencher
        .with_inputs(|| headers.clone())
        .bench_local_refs(|headers| proxy.outgoing_head(&pass, &uri, headers));
}

#[divan::bench]
fn session_seal(bencher: Bencher<'_, '_>) {
    let (SignedIn { session, keyring, issuer, .. }, random) = (&*ALICE, Random::system());
    bencher.bench_local(|| {
        keyring.seal(Purpose::Session, BINDING, &black_box(session).to_bytes(issuer), &random)
    });
}

#[divan::bench]
fn session_open(bencher: Bencher<'_, '_>) {
    let SignedIn { sealed, keyring, issuer, .. } = &*ALICE;
    bencher.bench_local(|| {
        let bytes = keyring.open(Purpose::Session, BINDING, black_box(sealed)).expect("ours");
        Session::from_bytes(&bytes, [issuer]).expect("a session")
    });
}

#[divan::bench]
fn session_opened_before(bencher: Bencher<'_, '_>) {
    let SignedIn { session, sealed, .. } = &*ALICE;
    let cache = OpenedCache::new(1);
    let _ = cache.keep((BINDING.host, sealed), session.clone(), Freshness::Fresh, SealedBy::Current);
    bencher.bench_local(|| cache.get(BINDING.host, black_box(sealed)));
}

#[divan::bench]
fn audit_event(bencher: Bencher<'_, '_>) {
    let (lines, session) = (Lines::kept(), &ALICE.session);
    let trail = Trail::new(&lines, Form::Json);
    let client = PeerAddr::new(([192, 0, 2, 1], 40_000).into()).into();
    bencher.with_inputs(|| lines.take()).bench_local_values(|_| {
        let identity = session.identity();
        let mut event = Event::new(EventName::AccessAllowed, NOW);
        event.who = Some(Who {
            issuer: identity.issuer(),
            sub: identity.subject().into(),
            user: identity.user().into(),
            session: session.short(),
        });
        event.what = Some(What { method: "GET", host: "wiki.example", path: "/wiki/Start" });
        event.route = Some("wiki");
        event.rule = Some("group:ops");
        event.request_id = Some("88729cb43995ab5a9cd49bf9");
        event.client = Some(client);
        trail.record(black_box(&event));
    });
}

#[divan::bench]
fn access_line(bencher: Bencher<'_, '_>) {
    let lines = Lines::kept();
    let trail = AccessTrail::new(lines.clone(), Format::Json);
    let peer = PeerAddr::new(([192, 0, 2, 1], 40_000).into());
    let line = AccessLine {
        time: NOW,
        request_id: "88729cb43995ab5a9cd49bf9",
        client: peer.into(),
        peer,
        protocol: "HTTP/1.1",
        method: "GET",
        host: "wiki.example",
        path: "/wiki/Start",
        route: Some("wiki"),
        decision: "allow",
        reason: Some("group:ops"),
        user: Some("alice"),
        session: Some("Z4W3_Ub0"),
        upstream: Some("127.0.0.1:8080"),
        user_agent: Some(
            b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
        ),
    };
    bencher.with_inputs(|| lines.take()).bench_local_values(|_| {
        let mut open = trail.open(black_box(&line));
        open.answered(Answered { status: Some(200), ms: 3 });
        open.close(Ended { status: 200, duration_ms: 3, bytes_in: None, bytes_out: 1024 });
    });
}

#[divan::bench]
fn whole(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let (stage, mut client, request) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        let routes = format!("[routes.home]\nupstream = \"http://{upstream}\"\nallow = [\"signed-in\"]\n");
        let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
        let cookie = stage.signed_in("alice").await.cookies();
        let mut request = format!("GET /wiki/Start HTTP/1.1\r\nHost: {}\r\n", stage.gateway).into_bytes();
        for (name, value) in &browser() {
            if !["host", "cookie"].contains(&name.as_str()) {
                request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
        }
        request.extend(format!("Cookie: theme=dark; {cookie}\r\n\r\n").into_bytes());
        let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
        for _ in 0..10 {
            ask(&mut client, &request).await;
        }
        (stage, client, request)
    });
    bencher
        .with_inputs(|| stage.lines.take())
        .bench_local_values(|_| runtime.block_on(ask(&mut client, &request)));
}

/// One request, and its answer to the last byte.
async fn ask(client: &mut TcpStream, request: &[u8]) {
    client.write_all(request).await.expect("sent");
    let mut buffer = [0; 8192];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"xx") {
        let read = client.read(&mut buffer[filled..]).await.expect("an answer");
        assert!(read > 0 && filled + read < buffer.len(), "a whole answer");
        filled += read;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..filled]));
}

/// An upstream that answers every head with the same bytes, all in one write.
async fn answer(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    );
    let mut buffer = [0; 8192];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
