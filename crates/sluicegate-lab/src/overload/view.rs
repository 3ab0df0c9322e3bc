//! What the server itself saw of the time of its answers, to be held against what clients saw.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use sluicegate_io::Addr;

/// Where the server shows its net, as a setting and to be asked for.
pub(super) const ROUTE: &str = "[[route]]\npath = \"/net\"\nhandler = \"net\"\n";
const ASK: &[u8] = b"GET /net HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n";
/// How long it may take to answer, and how much that may be.
const PATIENCE: Duration = Duration::from_secs(2);
const BYTES_MAX: u64 = 1 << 20;

/// The mean time of an answer from the queue of its handler to the handler's end, since the server
/// began; none where the server does not say. It keeps sums of waits and work, and no histogram:
/// so a mean is all that can be compared.
pub(super) fn mean(server: &Addr) -> Option<Duration> {
    let Addr::Tcp(at) = server else { return None };
    let mut stream = TcpStream::connect_timeout(at, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(ASK).ok()?;
    let mut text = String::new();
    stream.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    mean_of(&serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()?)
}

/// Of the handler, `burn` on a worker and `burn-pool` in a pool: the one that served.
fn mean_of(net: &Value) -> Option<Duration> {
    let stages = net["stages"].as_array()?.iter();
    let burns = |stage: &&Value| stage["name"].as_str().is_some_and(|it| it.starts_with("burn"));
    let handler = stages.filter(burns).max_by_key(|stage| stage["served"].as_u64())?;
    let served = handler["served"].as_u64().filter(|served| *served > 0)?;
    let (wait, busy) = (handler["wait_us"].as_f64()?, handler["busy_us"].as_f64()?);
    Some(Duration::from_secs_f64((wait + busy / served as f64) / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_that_served_is_asked_for_wait_and_work() {
        let net = r#"{"stages": [
            {"name": "http", "served": 900, "wait_us": 1, "busy_us": 1},
            {"name": "burn", "served": 0, "wait_us": 0, "busy_us": 0},
            {"name": "burn-pool", "served": 100, "wait_us": 500.0, "busy_us": 200000.0}
        ]}"#;
        assert_eq!(mean_of(&serde_json::from_str(net).unwrap()), Some(Duration::from_micros(2500)));
        let nothing = r#"{"stages": [{"name": "burn", "served": 0, "wait_us": 0, "busy_us": 0}]}"#;
        assert_eq!(mean_of(&serde_json::from_str(nothing).unwrap()), None);
        assert_eq!(mean_of(&Value::Null), None);
    }
}
