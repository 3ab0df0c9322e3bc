//! Descriptors run out: what is known goes on being served. A process of its own, for the real
//! descriptors are taken from all of it.

use rustix::process::{Resource, getrlimit, setrlimit};
use sluicegate_web::{Addr, Config, Machine, Service, Settings};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// After so long a test has failed; none waits for it.
const LOST: Duration = Duration::from_secs(30);

/// The status of the answer to a request for `path`, which is read to its end.
fn ask(stream: &mut TcpStream, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("the request is sent");
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).expect("plain text");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.and_then(|n| n.parse().ok()).expect("a length")];
    stream.read_exact(&mut body).expect("a body");
    head[9..12].to_owned()
}

#[test]
fn what_is_known_is_served_without_descriptors() {
    let dir = std::env::temp_dir().join(format!("sluicegate-shortage-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    for name in ["known.txt", "other.txt"] {
        std::fs::write(dir.join(name), "x").expect("a file");
    }
    let text = format!("listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nroot = {dir:?}\n");
    let typed = Settings::from_toml("test", &text).expect("known settings");
    let config = Config::new(&typed, Machine::found()).expect("a complete configuration");
    let service = Service::start(&config).expect("it starts");
    let Addr::Tcp(addr) = service.listening()[0] else { panic!("no TCP address") };
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_read_timeout(Some(LOST)).expect("a timeout");
    assert_eq!(ask(&mut stream, "/known.txt"), "200");

    let mut limits = getrlimit(Resource::Nofile);
    limits.current = Some(256);
    setrlimit(Resource::Nofile, limits).expect("a lower limit");
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    // It is looked at anew each second, and to look takes a descriptor.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2_500) {
        assert_eq!(ask(&mut stream, "/known.txt"), "200");
    }
    assert_eq!(ask(&mut stream, "/other.txt"), "503");
    drop(hoard);
    assert_eq!(ask(&mut stream, "/other.txt"), "200");
    drop(stream);
    assert!(service.drain(LOST).complete);
    std::fs::remove_dir_all(&dir).expect("the directory is gone");
}
