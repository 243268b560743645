//! Good clients: each sends request after request, and judges every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::application::byte;
use crate::support::message::find;

/// What became of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Complete and as expected.
    pub(crate) good: u64,
    /// A complete answer with an error status.
    pub(crate) refused: u64,
    /// An answer that broke off, visibly.
    pub(crate) broken: u64,
    /// Not a byte of an answer came.
    pub(crate) unanswered: u64,
    /// Nobody took the connection.
    pub(crate) not_connected: u64,
    /// It looked complete and was not what was asked for.
    pub(crate) wrong: u64,
    /// How long good ones took.
    pub(crate) times: Vec<Duration>,
}

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

/// Whether clients go on when nobody takes their connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreachable {
    GoOn,
    Stop,
}

enum End {
    Good,
    Refused,
    Broken,
    Unanswered,
    NotConnected,
    Wrong,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// So many clients, each on a connection that it keeps.
    pub(crate) fn start(address: SocketAddr, cookie: &str, clients: usize, unreachable: Unreachable) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = |_| {
            let client = Client {
                address,
                cookie: cookie.to_owned(),
                unreachable,
                stop: Arc::clone(&stop),
                sent: Arc::clone(&sent),
                stream: None,
            };
            tokio::spawn(client.run())
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, sent, clients }
    }

    /// Waits until so many more requests have ended.
    pub(crate) async fn more(&self, count: u64) {
        let goal = self.sent.load(Ordering::Relaxed) + count;
        while self.sent.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets each client finish its request, and counts.
    pub(crate) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
    }

    /// Waits until every client has stopped by itself.
    pub(crate) async fn ended(self) -> Tally {
        let mut all = Tally::default();
        for client in self.clients {
            all.add(client.await.expect("a client"));
        }
        all.times.sort_unstable();
        all
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.refused += other.refused;
        self.broken += other.broken;
        self.unanswered += other.unanswered;
        self.not_connected += other.not_connected;
        self.wrong += other.wrong;
        self.times.extend(other.times);
    }

    fn quantile(&self, share: usize) -> Duration {
        let place = self.times.len() * share / 1000;
        self.times.get(place.min(self.times.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// For the page: counts, and what good requests took.
    pub(crate) fn show(&self, what: &str) {
        println!(
            "{what}: {} good, {} refused with a status, {} broken off, {} unanswered, {} not connected, {} wrong; \
             p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, max {:.1?}",
            self.good,
            self.refused,
            self.broken,
            self.unanswered,
            self.not_connected,
            self.wrong,
            self.quantile(500),
            self.quantile(990),
            self.quantile(999),
            self.quantile(1000),
        );
    }
}

struct Client {
    address: SocketAddr,
    cookie: String,
    unreachable: Unreachable,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    stream: Option<TcpStream>,
}

impl Client {
    async fn run(mut self) -> Tally {
        let mut tally = Tally::default();
        while !self.stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let end = self.once().await;
            self.sent.fetch_add(1, Ordering::Relaxed);
            match end {
                End::Good => {
                    tally.good += 1;
                    tally.times.push(began.elapsed());
                }
                End::Refused => tally.refused += 1,
                End::Broken => tally.broken += 1,
                End::Unanswered => tally.unanswered += 1,
                End::Wrong => tally.wrong += 1,
                End::NotConnected => {
                    tally.not_connected += 1;
                    if self.unreachable == Unreachable::Stop {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        tally
    }

    /// One of three requests: a body with a length, one in chunks, an upload.
    async fn once(&mut self) -> End {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let size = [1_000, 40_000, 200][usize::try_from(number % 3).expect("small")]
            + usize::try_from(number % 97).expect("small");
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(self.address).await {
                Ok(stream) => stream,
                Err(_) => return End::NotConnected,
            },
        };
        let (line, body) = match number % 3 {
            0 => (format!("GET /bytes/{size}?id={number}"), Vec::new()),
            1 => (format!("GET /chunked/{size}?id={number}"), Vec::new()),
            _ => (format!("POST /count?id={number}"), vec![b'x'; size]),
        };
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {size}\r\n") };
        let mut request =
            format!("{line} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n{length}\r\n", self.address, self.cookie)
                .into_bytes();
        request.extend_from_slice(&body);
        // That it cannot be sent shows in the answer.
        let _ = stream.write_all(&request).await;
        let expected =
            if body.is_empty() { (0..size).map(byte).collect() } else { size.to_string().into_bytes() };
        let (end, keep) = read(&mut stream, &expected).await;
        if keep {
            self.stream = Some(stream);
        }
        end
    }
}

/// Reads one answer; whether the connection may be used again.
async fn read(stream: &mut TcpStream, expected: &[u8]) -> (End, bool) {
    let mut seen = Vec::new();
    let head_end = loop {
        if let Some(end) = find(&seen, b"\r\n\r\n") {
            break end;
        }
        match stream.read_buf(&mut seen).await {
            Ok(0) | Err(_) if seen.is_empty() => return (End::Unanswered, false),
            Ok(0) | Err(_) => return (End::Broken, false),
            Ok(_) => {}
        }
    };
    let head = String::from_utf8_lossy(&seen[..head_end]).to_ascii_lowercase();
    let mut rest = seen.split_off(head_end + 4);
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok());
    let body = match length {
        Some(length) => {
            while rest.len() < length {
                match stream.read_buf(&mut rest).await {
                    Ok(0) | Err(_) => return (End::Broken, false),
                    Ok(_) => {}
                }
            }
            rest
        }
        None => match chunks(stream, rest).await {
            Some(body) => body,
            None => return (End::Broken, false),
        },
    };
    let end = match status {
        200 if body == expected => End::Good,
        200 => End::Wrong,
        _ => End::Refused,
    };
    (end, !head.contains("connection: close"))
}

async fn chunks(stream: &mut TcpStream, mut rest: Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = find(&rest, b"\r\n") {
                break end;
            }
            if stream.read_buf(&mut rest).await.ok()? == 0 {
                return None;
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        while rest.len() < end + 2 + size + 2 {
            if stream.read_buf(&mut rest).await.ok()? == 0 {
                return None;
            }
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest.drain(..end + 2 + size + 2);
        if size == 0 {
            return Some(body);
        }
    }
}
