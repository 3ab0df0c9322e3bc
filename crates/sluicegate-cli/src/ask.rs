//! Asks a service that runs: one request a connection to its admin listener, over TCP or a Unix
//! socket.

use crate::args;
use sluicegate_admin::model::{Flows, Net, Setting};
use sluicegate_io::Addr;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long it may take to connect, and to send or receive the next bytes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer: a net of ten thousand stages has some 20 MB.
const ANSWER_MAX: u64 = 64 << 20;

/// Waits for so long.
pub fn wait(time: Duration) {
    // Nothing is ever sent.
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

/// An admin listener, and what it is asked with.
#[derive(Clone, Debug)]
pub struct Admin {
    address: Addr,
    token: Option<String>,
}

impl Admin {
    /// The listener that was named.
    ///
    /// # Errors
    /// Why its token cannot be read.
    pub fn new(args: &args::Admin) -> Result<Self, String> {
        let read = |file| fs::read_to_string(file).map(|token| token.trim().to_owned());
        let token = args.token_file.as_ref().map(read).transpose().map_err(|error| {
            let file = args.token_file.as_deref().unwrap_or("".as_ref());
            format!("cannot read the token in `{}`: {error}", file.display())
        })?;
        if token.as_ref().is_some_and(|token| token.contains(|c: char| !c.is_ascii_graphic())) {
            return Err("the token has characters that no token has".to_owned());
        }
        Ok(Self { address: args.address.clone(), token })
    }

    /// The net now: as it was answered, and read.
    ///
    /// # Errors
    /// One sentence about why there is none.
    pub fn net(&self) -> Result<(String, Net), String> {
        let text = self.get("/api/net")?;
        let net = Net::from_json(&text).map_err(|error| {
            format!("{}: what /api/net answers is no net: {error}", self.address)
        })?;
        Ok((text, net))
    }

    /// The flows that are kept and that `query` asks for.
    ///
    /// # Errors
    /// One sentence about why they are not known.
    pub fn flows(&self, query: &str) -> Result<Flows, String> {
        let text = self.get(&format!("/api/flows?{query}"))?;
        let wrong = |error| format!("{}: what /api/flows answers is odd: {error}", self.address);
        serde_json::from_str(&text).map_err(wrong)
    }

    /// The settings of a stage; none where the service has none.
    ///
    /// # Errors
    /// One sentence about why they are not known.
    pub fn settings(&self, stage: &str) -> Result<Vec<Setting>, String> {
        let coded = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let stage: String = stage.bytes().map(coded).collect();
        let text = self.get(&format!("/api/settings?under=stages.{stage}"))?;
        let wrong = |error| format!("{}: what /api/settings answers is odd: {error}", self.address);
        let mut json: serde_json::Value = serde_json::from_str(&text).map_err(wrong)?;
        serde_json::from_value(json["settings"].take()).map_err(wrong)
    }

    /// The body of what it answers to a GET.
    fn get(&self, target: &str) -> Result<String, String> {
        let failed = |error: io::Error| {
            format!("cannot ask {}: {error}; is it the address after `--admin`?", self.address)
        };
        let answer = match &self.address {
            Addr::Tcp(at) => {
                let stream = TcpStream::connect_timeout(at, PATIENCE).map_err(failed)?;
                let timed = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                timed.and_then(|()| self.ask(stream, &at.to_string(), target))
            }
            Addr::Unix(path) => {
                let stream = UnixStream::connect(path).map_err(failed)?;
                let timed = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                timed.and_then(|()| self.ask(stream, "localhost", target))
            }
        };
        self.body(&answer.map_err(failed)?)
    }

    fn ask(&self, mut to: impl Read + Write, host: &str, target: &str) -> io::Result<Vec<u8>> {
        let token = self.token.as_ref();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        write!(to, "GET {target} HTTP/1.1\r\nHost: {host}\r\n{token}Connection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        to.take(ANSWER_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// What is answered where all is well.
    fn body(&self, answer: &[u8]) -> Result<String, String> {
        let at = &self.address;
        let odd = || format!("{at} does not answer as an admin listener does");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(odd)?;
        let head = std::str::from_utf8(&answer[..end]).map_err(|_| odd())?;
        let body = &answer[end + 4..];
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
        match status {
            Some("200") => {}
            Some("401") => {
                return Err(format!("{at} asks for a token: name its file by --admin-token-file"));
            }
            Some(status) => {
                let told = String::from_utf8_lossy(body);
                return Err(format!("{at} answers {status}: {}", told.trim()));
            }
            None => return Err(odd()),
        }
        let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            let is = name.eq_ignore_ascii_case("content-length");
            is.then(|| value.trim().parse::<usize>().ok())?
        });
        if length.is_some_and(|length| length != body.len()) {
            return Err(format!("{at} answered only in part"));
        }
        String::from_utf8(body.to_vec()).map_err(|_| odd())
    }
}

impl std::fmt::Display for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Result<&str, &str>) {
        let address = "127.0.0.1:9900".parse().expect("an address");
        let admin = Admin { address, token: None };
        let body = admin.body(answer.as_bytes());
        assert_eq!(body.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn what_is_no_answer_is_told() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Ok("{}"));
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            Err("127.0.0.1:9900 answered only in part"),
        );
        check(
            "HTTP/1.1 401 Unauthorized\r\n\r\n",
            Err("127.0.0.1:9900 asks for a token: name its file by --admin-token-file"),
        );
        check("HTTP/1.1 404 Not Found\r\n\r\nno\n", Err("127.0.0.1:9900 answers 404: no"));
        let odd = Err("127.0.0.1:9900 does not answer as an admin listener does");
        for answer in ["", "SSH-2.0-x\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 2\r\n\r\n"] {
            check(answer, odd);
        }
    }
}
