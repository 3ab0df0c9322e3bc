//! A client that says what it is told to, byte by byte.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    fields: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Head {
    /// The only value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut all = self.all(name);
        let first = all.next();
        assert_eq!(all.next(), None, "{name} is there twice: {self:?}");
        first
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Client {
    pub async fn to(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).await.expect("it listens");
        Client { stream, read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("it reads");
    }

    /// Asks without a body, and reads the answer.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        self.answer().await
    }

    /// Asks with a body of a media type, and reads the answer.
    pub async fn post(&mut self, path: &str, media: &str, body: impl AsRef<[u8]>) -> Answer {
        let (body, len) = (body.as_ref(), body.as_ref().len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\n\
             Content-Length: {len}\r\n\r\n"
        );
        self.send([head.as_bytes(), body].concat()).await;
        self.answer().await
    }

    /// The answer to anything but HEAD.
    pub async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let len = head.field("content-length").map(|len| len.parse().expect("a number"));
        let body = match (head.field("transfer-encoding"), len) {
            (Some("chunked"), None) => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk().await {
                    body.extend(chunk);
                }
                body
            }
            (None, Some(len)) => self.take(len).await,
            (None, None) if matches!(head.status, 100 | 204 | 304) => Vec::new(),
            (None, None) => self.rest().await,
            other => panic!("no framing: {other:?}"),
        };
        Answer { head, body }
    }

    /// The head of an answer; of what follows nothing is read.
    pub async fn head(&mut self) -> Head {
        let text = String::from_utf8(self.until(b"\r\n\r\n").await).expect("text");
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)).expect("a status line");
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Head { status: status.parse().expect("a status"), fields: fields.collect() }
    }

    /// The next chunk; nothing at the end.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = String::from_utf8(self.until(b"\r\n").await).expect("a length");
        let len = usize::from_str_radix(line.trim_end(), 16).expect("a length");
        let bytes = self.take(len).await;
        assert_eq!(self.take(2).await, b"\r\n");
        (len > 0).then_some(bytes)
    }

    /// All until the peer has closed.
    pub async fn rest(&mut self) -> Vec<u8> {
        // A reset ends it too.
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|bytes| bytes == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            assert!(self.more().await, "it ended: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// So many bytes.
    pub async fn take(&mut self, len: usize) -> Vec<u8> {
        while self.read.len() < len {
            assert!(self.more().await, "it ended after {} of {len} bytes", self.read.len());
        }
        self.read.drain(..len).collect()
    }

    async fn more(&mut self) -> bool {
        self.read.reserve(64 * 1024);
        matches!(self.stream.read_buf(&mut self.read).await, Ok(n) if n > 0)
    }
}
