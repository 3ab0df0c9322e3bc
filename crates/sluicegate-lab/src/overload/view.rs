//! What the server itself saw, to be held against what its clients saw.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use sluicegate_io::Addr;

/// Settings by which the server shows its net, and says in each reply how long it took.
pub(super) const SETTINGS: &str = "[[route]]\npath = \"/net\"\nhandler = \"net\"\n\n\
    [log]\nserver_timing = true\n";
const ASK: &[u8] = b"GET /net HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n";
/// How long it may take to answer, and how much that may be.
const PATIENCE: Duration = Duration::from_secs(2);
const BYTES_MAX: u64 = 1 << 20;
/// The statuses by which it refuses.
const REFUSALS: [&str; 2] = ["429", "503"];

/// What a server has counted since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Requests that its handler was done with.
    pub served: u64,
    /// Requests that it refused.
    pub refused: u64,
}

/// What the server has counted; none where it does not say.
pub(super) fn seen(server: &Addr) -> Option<Seen> {
    let Addr::Tcp(at) = server else { return None };
    let mut stream = TcpStream::connect_timeout(at, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(ASK).ok()?;
    let mut text = String::new();
    stream.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    seen_in(&serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()?)
}

/// The handler is `burn` on a worker and `burn-pool` in a pool.
fn seen_in(net: &Value) -> Option<Seen> {
    let stages = net["stages"].as_array()?.iter();
    let burns = |stage: &&Value| stage["name"].as_str().is_some_and(|it| it.starts_with("burn"));
    let served = stages.filter(burns).map(|stage| stage["served"].as_u64()).sum::<Option<u64>>()?;
    let refused = net["http"]["refused"].as_object()?;
    let refused = REFUSALS.iter().filter_map(|status| refused.get(*status)?.as_u64()).sum();
    Some(Seen { served, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_and_the_refusals_are_counted() {
        let net = r#"{"stages": [
            {"name": "http", "served": 900}, {"name": "burn", "served": 0},
            {"name": "burn-pool", "served": 100}
        ], "http": {"refused": {"408": 3, "429": 20, "503": 500}}}"#;
        let seen = seen_in(&serde_json::from_str(net).unwrap());
        assert_eq!(seen, Some(Seen { served: 100, refused: 520 }));
        assert_eq!(seen_in(&Value::Null), None);
    }
}
