//! Requests that are numbered, and found again in a log.
use crate::common::Client;
use serde_json::Value;
use std::net::TcpStream;

/// Asks for paths that count on, so many times; the next number.
pub fn ask_on(client: &mut Client<TcpStream>, from: usize, times: usize, pad: &str) -> usize {
    for n in from..from + times {
        client.send(format!("GET /a.txt?{n}{pad} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    (0..times).for_each(|_| assert_eq!(client.response(false).status, 200));
    from + times
}

/// The numbers of the requests in a log; each of its lines has to be whole.
pub fn numbers(text: &str) -> Vec<usize> {
    let number = |line: &str| -> Option<usize> {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let request = value["request"].as_str()?;
        let rest = request.strip_prefix("GET /a.txt?")?;
        rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
    };
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    text.lines().filter_map(number).collect()
}
