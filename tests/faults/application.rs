//! The application behind the gateway: it counts what it gets by the id of each request, and can be killed and revived.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// An HTTP/1.1 server with keep-alive. `GET /bytes/N` and `/chunked/N` answer N bytes of [`byte`], `POST /count` says how many
/// came, `/stall` sends half of what it announces and waits, `/events` tells the time for ever, `/socket` echoes.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
    task: JoinHandle<()>,
}

/// What it got.
#[derive(Default)]
pub(crate) struct Books {
    /// By the id of a request, how often its head came.
    pub(crate) requests: HashMap<String, u32>,
    /// Uploads that ended as their framing said.
    pub(crate) uploads: u64,
    /// Uploads that broke off.
    pub(crate) broken_uploads: u64,
    /// Answers whose client was gone before their end.
    pub(crate) broken_answers: u64,
    /// Connections that are open.
    pub(crate) open: usize,
}

/// The byte at this place of every body.
pub(crate) fn byte(place: usize) -> u8 {
    u8::try_from(place % 251).expect("small")
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let books = Arc::new(Mutex::new(Books::default()));
        let task = tokio::spawn(serve(listener, Arc::clone(&books)));
        Self { address, books, task }
    }

    /// Ends it at once: what was under way is reset, and nobody listens any more.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Starts it again at the same port.
    pub(crate) async fn revive(&mut self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.task = tokio::spawn(serve(listener, Arc::clone(&self.books)));
    }

    pub(crate) fn books<T>(&self, read: impl FnOnce(&mut Books) -> T) -> T {
        read(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests that came more than once.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        self.books(|books| {
            let twice = books.requests.iter().filter(|(_, count)| **count > 1);
            twice.map(|(id, _)| id.clone()).collect()
        })
    }
}

async fn serve(listener: TcpListener, books: Arc<Mutex<Books>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                // A server that is killed resets its connections.
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(stream, Arc::clone(&books)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Open(Arc<Mutex<Books>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
    }
}

async fn connection(stream: TcpStream, books: Arc<Mutex<Books>>) {
    books.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
    let _open = Open(Arc::clone(&books));
    let mut stream = BufReader::new(stream);
    while answer(&mut stream, &books).await.is_some() {}
    // What ended in order is closed in order.
    let _ = socket2::SockRef::from(stream.get_ref()).set_linger(None);
}

/// Answers one request; none when the connection is over.
async fn answer(stream: &mut BufReader<TcpStream>, books: &Mutex<Books>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head).await.ok()? == 0 {
            return None;
        }
    }
    let note =
        |change: &dyn Fn(&mut Books)| change(&mut books.lock().unwrap_or_else(PoisonError::into_inner));
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1)?.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    if !query.is_empty() {
        note(&|books| *books.requests.entry(query.to_owned()).or_default() += 1);
    }
    let field = |name: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let taken = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), _) => exactly(stream, length.parse().ok()?).await,
        (None, Some(_)) => chunks(stream).await,
        (None, None) => Some(0),
    };
    let Some(taken) = taken else {
        note(&|books| books.broken_uploads += 1);
        return None;
    };
    if head.starts_with("POST") {
        note(&|books| books.uploads += 1);
    }
    let size = path.rsplit('/').next().and_then(|size| size.parse::<usize>().ok()).unwrap_or(0);
    let written = match path {
        "/socket" => {
            let key = field("sec-websocket-key")?;
            return echo(stream, &key).await;
        }
        "/events" => return events(stream).await,
        "/stall" => {
            let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(50_000));
            stream.write_all(half.as_bytes()).await.ok()?;
            // Until the gateway gives up on it.
            let gone = stream.read_u8().await.is_err();
            note(&|books| books.broken_answers += u64::from(gone));
            return None;
        }
        "/count" => {
            let text = taken.to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            stream.write_all(head.as_bytes()).await
        }
        _ => body(stream, size, path.starts_with("/chunked")).await,
    };
    if written.is_err() {
        note(&|books| books.broken_answers += 1);
        return None;
    }
    Some(())
}

async fn body(stream: &mut BufReader<TcpStream>, size: usize, chunked: bool) -> std::io::Result<()> {
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {size}") };
    let mut out = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").into_bytes();
    let mut place = 0;
    while place < size {
        let piece = (size - place).min(64 * 1024);
        if chunked {
            out.extend_from_slice(format!("{piece:x}\r\n").as_bytes());
        }
        out.extend((place..place + piece).map(byte));
        if chunked {
            out.extend_from_slice(b"\r\n");
        }
        stream.write_all(&out).await?;
        out.clear();
        place += piece;
    }
    if chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    stream.write_all(&out).await
}

async fn exactly(stream: &mut BufReader<TcpStream>, length: u64) -> Option<u64> {
    let mut left = length;
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = stream.read(&mut buffer[..piece]).await.ok()?;
        if count == 0 {
            return None;
        }
        left -= u64::try_from(count).expect("small");
    }
    Some(length)
}

async fn chunks(stream: &mut BufReader<TcpStream>) -> Option<u64> {
    let mut taken = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let size = u64::from_str_radix(line.trim(), 16).ok()?;
        exactly(stream, size + 2).await?;
        taken += size;
        if size == 0 {
            return Some(taken);
        }
    }
}

async fn events(stream: &mut BufReader<TcpStream>) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut number = 0_u64;
    loop {
        let event = format!("data: {number}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        stream.write_all(chunk.as_bytes()).await.ok()?;
        number += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A WebSocket that sends back whatever comes, byte for byte.
async fn echo(stream: &mut BufReader<TcpStream>, key: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {key}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.ok()?;
        if count == 0 {
            return None;
        }
        stream.write_all(&buffer[..count]).await.ok()?;
    }
}
