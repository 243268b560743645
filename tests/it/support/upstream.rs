//! An upstream that remembers what it received, byte for byte, and answers what the test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::message::find;

/// A raw HTTP/1.1 server.
pub(crate) struct Upstream {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and fields, as sent.
    pub(crate) head: String,
    /// The same, byte for byte.
    pub(crate) raw: Vec<u8>,
    /// The body's bytes as framed on the wire.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The values of the fields of that name, in any case.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let fields = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }
}

impl Upstream {
    /// Answers each request with 200 and the head it received.
    pub(crate) async fn echo() -> Self {
        Self::start(echo).await
    }

    /// As [`Upstream::echo`], over TLS.
    pub(crate) async fn echo_tls(acceptor: TlsAcceptor) -> Self {
        Self::start_tls(acceptor, echo).await
    }

    /// Answers each request with these bytes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_| bytes.clone()).await
    }

    /// Answers each request as `answer` says. An answer with `Connection: close` ends the connection.
    pub(crate) async fn start(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::accepting(move |stream, log| serve(stream, log, Arc::clone(&answer))).await
    }

    /// As [`Upstream::start`], over TLS. Whoever is refused is still listened to, so that the refusal arrives.
    pub(crate) async fn start_tls(
        acceptor: TlsAcceptor,
        answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::accepting(move |stream, log| {
            let (answer, accepted) = (Arc::clone(&answer), acceptor.accept(stream).into_fallible());
            async move {
                match accepted.await {
                    Ok(stream) => serve(stream, log, answer).await,
                    Err((_, mut stream)) => while more(&mut stream, &mut Vec::new()).await.is_some() {},
                }
            }
        })
        .await
    }

    /// Takes connections at a port of its own, and has each served.
    async fn accepting<S: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<Received>>>) -> S + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log)));
            }
        });
        Self { address, received, task }
    }

    /// As [`Upstream::echo`], at the socket of this path; its address is none.
    pub(crate) fn at(path: &str) -> Self {
        let listener = UnixListener::bind(path).expect("a free path");
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::new(echo)));
            }
        });
        Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), received, task }
    }

    /// What it received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panicked here").clone()
    }

    /// The only request that it received.
    pub(crate) fn only(&self) -> Received {
        let all = self.received();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.into_iter().next().expect("one request")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn echo(received: &Received) -> Vec<u8> {
    let head = &received.head;
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{head}", head.len())
        .into_bytes()
}

async fn serve<F: Fn(&Received) -> Vec<u8>>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    log: Arc<Mutex<Vec<Received>>>,
    answer: Arc<F>,
) {
    let mut buffer = Vec::new();
    while let Some(received) = read(&mut stream, &mut buffer).await {
        let bytes = answer(&received);
        log.lock().expect("no test panicked here").push(received);
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        let head = &bytes[..find(&bytes, b"\r\n\r\n").unwrap_or(bytes.len())];
        if String::from_utf8_lossy(head).to_ascii_lowercase().contains("connection: close") {
            return;
        }
    }
}

/// Reads one request. None at the end of the connection, or when it breaks off.
async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
    };
    let raw = buffer[..end].to_vec();
    let head = String::from_utf8_lossy(&raw).into_owned();
    buffer.drain(..end + 4);
    let mut received = Received { head, raw, body: Vec::new() };
    if received.all("transfer-encoding").iter().any(|value| value == "chunked") {
        let end = loop {
            if let Some(end) = find(buffer, b"0\r\n\r\n") {
                break end;
            }
            more(stream, buffer).await?;
        };
        received.body = buffer.drain(..end + 5).collect();
    } else if let Some(length) =
        received.all("content-length").first().and_then(|length| length.parse::<usize>().ok())
    {
        while buffer.len() < length {
            more(stream, buffer).await?;
        }
        received.body = buffer.drain(..length).collect();
    }
    Some(received)
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = vec![0; 16 * 1024];
    match stream.read(&mut chunk).await {
        Ok(count) if count > 0 => {
            buffer.extend_from_slice(&chunk[..count]);
            Some(())
        }
        _ => None,
    }
}
