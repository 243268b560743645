//! Connections: how long they may wait, how many there may be, how they end.

mod tls;

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Address, Bound, Entry, InForce, Limits, Meters, Place, Terms, serve};
use crate::clock::{Clock, ManualClock, Timestamp};

struct Server {
    address: SocketAddr,
    hand: ManualClock,
    meters: Meters,
    terms: InForce,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    /// One word for each request whose service was called.
    asked: mpsc::UnboundedReceiver<String>,
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server that answers "ok", but never answers `/never` and reads the body of `/read` first.
fn start(max_connections: usize) -> Server {
    start_on(Terms::new(Limits::new(max_connections)))
}

/// The same on these terms, with TLS if they have it.
fn start_on(terms: Terms) -> Server {
    let (clock, hand) = Clock::manual(Timestamp::from_secs(1_000_000));
    let socket = "127.0.0.1:0".parse().expect("an address");
    let mut bound = Bound::new(&[]).expect("nothing");
    let entry = if terms.tls.is_some() { Entry::Tls } else { Entry::Plain };
    let here = Address { text: "here".to_owned(), place: Place::Tcp(vec![socket]) };
    bound.add(&[here], entry, &mut super::passed::PassedSockets::default()).expect("a port");
    let address = bound.endpoints()[0].address().expect("an address");
    let (tell, asked) = mpsc::unbounded_channel();
    let service = move |_, request: http::Request<hyper::body::Incoming>| {
        let path = request.uri().path().to_owned();
        let _ = tell.send(path.clone());
        async move {
            match path.as_str() {
                "/never" => pending().await,
                "/read" => drop(request.into_body().collect().await),
                _ => {}
            }
            Response::new(Full::new(Bytes::from_static(b"ok")))
        }
    };
    let terms = InForce::new(terms);
    let (stop, stopped) = oneshot::channel::<()>();
    let meters = Meters::default();
    let shutdown = async move {
        drop(stopped.await);
        Duration::from_secs(20)
    };
    let running = tokio::spawn(serve(bound, service, terms.clone(), clock, meters.clone(), shutdown));
    Server { address, hand, meters, terms, stop, running, asked }
}

impl Server {
    /// Moves the clock for as long as `event` takes: when the server begins to wait is not seen from outside.
    async fn advance_until<T>(&self, event: impl Future<Output = T>) -> T {
        self.advance_until_by(Duration::from_secs(5), event).await
    }

    async fn advance_until_by<T>(&self, step: Duration, event: impl Future<Output = T>) -> T {
        let advance = async {
            loop {
                self.hand.advance(step);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            seen = event => seen,
            () = advance => unreachable!("the clock goes on"),
        }
    }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"ok") {
        assert!(stream.read_buf(&mut seen).await.expect("a read") > 0, "an answer");
    }
    String::from_utf8(seen).expect("text")
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut seen = String::new();
    let _ = stream.read_to_string(&mut seen).await;
    seen
}

#[tokio::test]
async fn idle_and_head_have_limits_of_their_own() {
    let mut server = start(8);
    let mut stream = connect(&server).await;
    stream.write_all(GET.as_bytes()).await.expect("a write");
    answer(&mut stream).await;
    server.asked.recv().await;
    // Longer than a head may take, shorter than a connection may idle.
    server.hand.advance(Duration::from_secs(74));
    stream.write_all(GET.as_bytes()).await.expect("a write");
    answer(&mut stream).await;
    let closed = server.advance_until(rest(&mut stream)).await;
    assert_eq!(closed, "");
    assert_eq!((server.meters.head_timeouts.get(), server.meters.parse_errors.get()), (0, 0));
}

#[tokio::test]
async fn a_service_takes_its_time_and_a_client_that_leaves_ends_it() {
    let mut server = start(1);
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("a write");
    server.asked.recv().await;
    server.hand.advance(Duration::from_secs(3600));
    // The one permit comes back only when the service is dropped.
    drop(stream);
    let mut next = connect(&server).await;
    next.write_all(GET.as_bytes()).await.expect("a write");
    answer(&mut next).await;
}

#[tokio::test]
async fn further_connections_wait_in_the_kernel() {
    let mut server = start(1);
    let mut first = connect(&server).await;
    first.write_all(GET.as_bytes()).await.expect("a write");
    answer(&mut first).await;
    let mut second = connect(&server).await;
    second.write_all(b"GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("a write");
    first.write_all(b"GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("a write");
    answer(&mut first).await;
    answer(&mut second).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.extend(server.asked.recv().await);
    }
    assert_eq!(order, ["/", "/first", "/second"]);
}

#[tokio::test]
async fn what_the_parser_refuses_is_answered_and_counted() {
    let server = start(8);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(70_000)), "431"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101)), "431"),
    ] {
        let mut stream = connect(&server).await;
        stream.write_all(request.as_bytes()).await.expect("a write");
        let seen = rest(&mut stream).await;
        assert!(seen.starts_with(&format!("HTTP/1.1 {status}")), "{seen}");
    }
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.expect("a write");
    assert_eq!(server.advance_until(rest(&mut stream)).await, "");
    assert_eq!((server.meters.parse_errors.get(), server.meters.heads_too_large.get()), (1, 2));
    assert_eq!(server.meters.head_timeouts.get(), 1);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_arrives() {
    let server = start(8);
    let mut stream = connect(&server).await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n").await.expect("a write");
    stream.write_all(&vec![b'x'; 500_000]).await.expect("a write");
    let seen = rest(&mut stream).await;
    assert!(seen.starts_with("HTTP/1.1 200") && seen.ends_with("ok"), "{seen}");
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_on_its_way_and_cuts_what_does_not_end() {
    let mut server = start(8);
    let mut idle = connect(&server).await;
    idle.write_all(GET.as_bytes()).await.expect("a write");
    answer(&mut idle).await;
    let mut reading = connect(&server).await;
    reading.write_all(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").await.expect("a write");
    let mut stuck = connect(&server).await;
    stuck.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("a write");
    for _ in 0..3 {
        server.asked.recv().await;
    }
    let stop = std::mem::replace(&mut server.stop, oneshot::channel().0);
    let _ = stop.send(());
    assert_eq!(server.advance_until_by(Duration::from_millis(10), rest(&mut idle)).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    reading.write_all(b"hi").await.expect("a write");
    assert!(answer(&mut reading).await.contains("connection: close"));
    drop(reading);
    server.hand.advance(Duration::from_secs(20));
    assert_eq!(rest(&mut stuck).await, "");
    server.running.await.expect("an end");
    assert_eq!(server.meters.connections.get(), 0);
}

#[tokio::test]
async fn a_shutdown_fails_no_request_that_was_sent_before_it_could_be_known() {
    let mut server = start(8);
    let mut kept = connect(&server).await;
    kept.write_all(GET.as_bytes()).await.expect("a write");
    assert!(!answer(&mut kept).await.contains("connection: close"));
    // Made, and nothing sent yet; whether the server has taken it or only the kernel.
    let mut fresh = connect(&server).await;
    server.asked.recv().await;
    let stop = std::mem::replace(&mut server.stop, oneshot::channel().0);
    let _ = stop.send(());
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    for stream in [&mut kept, &mut fresh] {
        stream.write_all(GET.as_bytes()).await.expect("a write");
        assert!(answer(stream).await.contains("connection: close"), "the answer says that it is the last");
        assert_eq!(rest(stream).await, "");
    }
    server.running.await.expect("an end, at once: nobody is left");
}
