//! HTTP/1.1 by hand: what is sent is exactly what the test says, what came back is seen as it came.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The fields in their order; names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, decoded from chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its framing said.
    pub(crate) complete: bool,
}

impl Answer {
    /// The value of the only field of that name.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.all(name);
        let first = values.next();
        assert!(values.next().is_none(), "{name} stands several times: {:?}", self.fields);
        first
    }

    /// Every value of fields of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Where it redirects to.
    pub(crate) fn location(&self) -> &str {
        self.field("location").unwrap_or_else(|| panic!("no redirect: {self:?}"))
    }
}

/// Sends `request` on a connection of its own and reads one answer.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    exchange_over(&mut stream, request).await
}

/// Sends `request` on this connection and reads one answer.
pub(crate) async fn exchange_over(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: impl AsRef<[u8]>,
) -> Answer {
    let request = request.as_ref();
    // A peer may answer and close before it has read all; the answer counts.
    let _ = stream.write_all(request).await;
    let head = request.starts_with(b"HEAD ");
    read(stream, head).await
}

/// Reads one answer from a stream; `head` says that no body follows whatever the fields say.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), head: bool) -> Answer {
    let mut reader = Reader { stream, buffer: Vec::new(), eof: false };
    loop {
        let answer = reader.answer(head).await;
        if answer.status != 100 {
            return answer;
        }
    }
}

struct Reader<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
    eof: bool,
}

impl<S: AsyncRead + Unpin> Reader<'_, S> {
    async fn more(&mut self) -> bool {
        let mut chunk = vec![0; 16 * 1024];
        let count = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..count]);
        self.eof = count == 0;
        count > 0
    }

    async fn answer(&mut self, head: bool) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return Answer::default();
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut answer =
            Answer { status: status.unwrap_or(0), fields: fields.collect(), ..Answer::default() };
        let bodiless = head || answer.status < 200 || matches!(answer.status, 204 | 304);
        let chunked = answer.all("transfer-encoding").any(|value| value.eq_ignore_ascii_case("chunked"));
        let length = answer.all("content-length").next().and_then(|length| length.parse::<usize>().ok());
        (answer.body, answer.complete) = match length {
            _ if bodiless => (Vec::new(), true),
            _ if chunked => self.chunks().await,
            Some(length) => self.exactly(length).await,
            None => {
                while self.more().await {}
                (std::mem::take(&mut self.buffer), true)
            }
        };
        answer
    }

    async fn exactly(&mut self, length: usize) -> (Vec<u8>, bool) {
        while self.buffer.len() < length {
            if !self.more().await {
                return (std::mem::take(&mut self.buffer), false);
            }
        }
        (self.buffer.drain(..length).collect(), true)
    }

    async fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                if !self.more().await {
                    return (body, false);
                }
            };
            let size = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
            self.buffer.drain(..end + 2);
            let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            else {
                return (body, false);
            };
            let (chunk, whole) = self.exactly(size + 2).await;
            if !whole {
                body.extend_from_slice(&chunk);
                return (body, false);
            }
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return (body, true);
            }
        }
    }
}

/// Where `needle` first stands in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
