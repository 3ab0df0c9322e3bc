//! A small blocking HTTP/1.1 client that reads each answer to its last byte.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a connection, a read or a write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head that is read.
const HEAD_MAX: usize = 64 * 1024;

/// The longest body that is read.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// One connection to a server.
pub struct Client {
    stream: TcpStream,
    /// Bytes read and not yet used.
    held: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether the server said that it closes the connection.
    pub close: bool,
}

/// How the end of a body is known.
enum Framing {
    Sized(usize),
    Chunked,
    UntilClosed,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, held: Vec::new() })
    }

    /// One GET and its answer.
    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.ask("GET", path, &[])
    }

    /// One request and its answer.
    pub fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Reply> {
        self.send(method, path, body)?;
        self.receive(method)
    }

    /// Writes a request.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<()> {
        let length = match (method, body.len()) {
            ("GET" | "HEAD", 0) => String::new(),
            (_, length) => format!("content-length: {length}\r\n"),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{length}\r\n");
        self.stream.write_all(&[head.as_bytes(), body].concat())
    }

    /// Reads the answer to a request of the given method.
    pub fn receive(&mut self, method: &str) -> Result<Reply> {
        let head = self.head()?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status: u16 = status.ok_or_else(|| invalid(format!("status line: {head:.40}")))?;
        let field = |name: &str| {
            let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            let mut fitting = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
            fitting.next().map(|(_, value)| value.trim().to_ascii_lowercase())
        };
        let framing = match (field("content-length"), field("transfer-encoding")) {
            _ if method == "HEAD" || status == 304 || status == 204 => Framing::Sized(0),
            (_, Some(_)) => Framing::Chunked,
            (Some(length), None) => {
                Framing::Sized(length.parse().map_err(|_| invalid("content-length".into()))?)
            }
            (None, None) => Framing::UntilClosed,
        };
        let close = field("connection").is_some_and(|value| value == "close");
        Ok(Reply { status, body: self.body(framing)?, close })
    }

    /// Reads at most so many bytes, and drops the connection with the rest unread: a reset.
    pub fn reset_after(mut self, bytes: usize) -> Result<()> {
        while self.held.len() < bytes {
            self.more()?;
        }
        Ok(())
    }

    fn head(&mut self) -> Result<String> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n\r\n") {
                let head: Vec<u8> = self.held.drain(..end + 4).collect();
                return String::from_utf8(head).map_err(|_| invalid("head is not UTF-8".into()));
            }
            if self.held.len() > HEAD_MAX {
                return Err(invalid(format!("head longer than {HEAD_MAX}")));
            }
            self.more()?;
        }
    }

    fn body(&mut self, framing: Framing) -> Result<Vec<u8>> {
        match framing {
            Framing::Sized(length) => self.take(length),
            Framing::Chunked => self.chunks(),
            Framing::UntilClosed => loop {
                match self.more() {
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                        return Ok(std::mem::take(&mut self.held));
                    }
                    other => other?,
                }
            },
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line()?;
            let size = size.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16);
            let size = size.map_err(|_| invalid("chunk size".into()))?;
            body.extend(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err(invalid("no line end after a chunk".into()));
            }
            if size == 0 || body.len() > BODY_MAX {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n") {
                let line: Vec<u8> = self.held.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.more()?;
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        if length > BODY_MAX {
            return Err(invalid(format!("body longer than {BODY_MAX}")));
        }
        while self.held.len() < length {
            self.more()?;
        }
        Ok(self.held.drain(..length).collect())
    }

    fn more(&mut self) -> Result<()> {
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.held.extend_from_slice(&bytes[..n]);
                    return Ok(());
                }
                // A read with a timeout is not begun again by the kernel after a signal.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The answer that a client makes of these bytes.
    fn reply(bytes: &'static [u8]) -> Result<Reply> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).expect("a request");
            stream.write_all(bytes).expect("the answer is written");
        });
        let reply = Client::connect(address)?.get("/");
        server.join().expect("the server ends");
        reply
    }

    #[test]
    fn answers_are_read_to_their_last_byte() {
        let sized = reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
        let sized = sized.expect("an answer");
        assert_eq!((sized.status, sized.body, sized.close), (200, b"hi".to_vec(), true));
        let chunked = reply(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
        );
        assert_eq!(chunked.expect("an answer").body, b"hi!");
        let short = reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
        assert_eq!(short.expect_err("a short body").kind(), ErrorKind::UnexpectedEof);
    }
}
