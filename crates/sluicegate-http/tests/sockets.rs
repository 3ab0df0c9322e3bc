//! The same server on real sockets, with threads and two workers.

mod world;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::{Net, Running};
use sluicegate_http::Settings;
use sluicegate_io::{Addr, Asked, Choice, ConnLedger, Listeners};
use world::{STREAM, attach, get, statuses};

const WORKERS: usize = 2;
/// After so long a test has failed; none waits for it.
const LOST: Duration = Duration::from_secs(30);

struct Server {
    running: Running,
    addr: Addr,
    ledgers: Vec<Arc<ConnLedger>>,
}

/// What works here; the suite of `sluicegate-io` tells what does not.
fn backends() -> impl Iterator<Item = Choice> {
    [Asked::Epoll, Asked::Uring].into_iter().filter_map(|asked| Choice::new(asked).ok())
}

fn start(backend: Choice) -> Server {
    let settings = sluicegate_io::Settings::default();
    let any = "127.0.0.1:0".parse().unwrap();
    let listeners = Listeners::bind(&[(any, 0)], WORKERS, &settings).unwrap();
    let addr = listeners.bound()[0].0.clone();
    let ledgers: Vec<_> = (0..WORKERS).map(|_| ConnLedger::new()).collect();
    let conns = ledgers.clone();
    let mut net = Net::new("http");
    let machine = move |n: usize| Ok(backend.machine(settings.clone(), Arc::clone(&conns[n]))?);
    let cpu = net.domain("cpu").machine(machine).pinned(WORKERS);
    attach(&mut net, cpu, listeners, Settings::default());
    Server { running: net.run().unwrap(), addr, ledgers }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let Addr::Tcp(addr) = &self.addr else { panic!("{} is no TCP address", self.addr) };
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(LOST)).unwrap();
        stream
    }

    /// Drains, and checks that everything came to its end in time.
    fn end(self, finished: u64) {
        let drained = self.running.drain(LOST);
        assert!(drained.complete, "{drained:?}");
        let ledger = drained.ledger;
        assert!(ledger.balanced() && ledger.in_flight == 0, "{ledger:?}");
        assert_eq!(ledger.finished, finished, "{ledger:?}");
        for conns in &self.ledgers {
            let conns = conns.count();
            assert!(conns.balanced() && conns.open == 0, "{conns:?}");
        }
    }
}

/// Sends all of it with a last request that closes, and takes all that comes.
fn ask(mut stream: TcpStream, requests: &str) -> String {
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{requests}{last}").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn requests_are_answered_and_connections_closed() {
    for backend in backends() {
        let server = start(backend);
        for _ in 0..8 {
            let text = ask(server.connect(), &get("/").repeat(20));
            assert_eq!(statuses(&text), ["200"; 21]);
        }
        let text = ask(server.connect(), &[get("/panic"), get("/shed")].concat());
        assert_eq!(statuses(&text), ["500", "503", "200"]);
        let text = ask(server.connect(), &get("/stream"));
        assert!(text.contains(&"x".repeat(STREAM as usize)));
        let text = ask(server.connect(), &get("/open"));
        let chunk = format!("c350\r\n{}\r\n", "x".repeat(50_000));
        assert!(text.contains(&format!("{}0\r\n\r\nHTTP/1.1 200", chunk.repeat(6))));
        server.end(8 * 21 + 1 + 2 + 2);
    }
}

#[test]
fn a_drain_closes_idle_connections() {
    for backend in backends() {
        let server = start(backend);
        let mut idle: Vec<_> = (0..8).map(|_| server.connect()).collect();
        let mut reply = [0; 17];
        for stream in &mut idle {
            stream.write_all(get("/").as_bytes()).unwrap();
            stream.read_exact(&mut reply).unwrap();
            assert_eq!(&reply, b"HTTP/1.1 200 OK\r\n");
        }
        server.end(8);
    }
}

/// The data of a chunked body, and what follows it.
fn unchunk(mut text: &str) -> (String, &str) {
    let mut data = String::new();
    loop {
        let (size, rest) = text.split_once("\r\n").expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a hexadecimal size");
        data.push_str(&rest[..size]);
        text = rest[size..].strip_prefix("\r\n").expect("the end of a chunk");
        if size == 0 {
            return (data, text);
        }
    }
}

#[test]
fn bodies_are_read_in_pieces_by_other_threads() {
    const PIECES: usize = 200;
    let piece = |n: usize| format!("{n:08} ").repeat(700);
    for backend in backends() {
        let server = start(backend);
        for path in ["/upload", "/mirror"] {
            let stream = server.connect();
            let mut sends = stream.try_clone().unwrap();
            let sender = std::thread::spawn(move || {
                let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n");
                sends.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
                for n in 0..PIECES {
                    let piece = piece(n);
                    sends.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes())?;
                }
                let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                sends.write_all(format!("0\r\n\r\n{last}").as_bytes())
            });
            let mut bytes = Vec::new();
            (&stream).read_to_end(&mut bytes).unwrap();
            sender.join().unwrap().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(statuses(&text), ["200", "200"], "{path}");
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let all: String = (0..PIECES).map(piece).collect();
            match path {
                "/mirror" => assert!(unchunk(body).0 == all),
                _ => assert!(body.starts_with(&format!("{} bytes in pieces", all.len()))),
            }
        }
        server.end(4);
    }
}

#[test]
fn who_leaves_within_a_body_is_heard_of_by_other_threads() {
    for backend in backends() {
        let server = start(backend);
        let mut streams: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for stream in &mut streams {
            let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
            stream.write_all(head.as_bytes()).unwrap();
        }
        drop(streams);
        // Who did not hear of it would keep the drain waiting.
        server.end(0);
    }
}

#[test]
fn bytes_go_through_a_tunnel_in_both_directions() {
    let text: String = (0..100_000).map(|n| format!("{n:09} ")).collect();
    for backend in backends() {
        let server = start(backend);
        let (stream, bytes) = (server.connect(), text.clone());
        let mut sends = stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            sends.write_all(get("/tunnel").as_bytes())?;
            sends.write_all(bytes.as_bytes())?;
            sends.shutdown(std::net::Shutdown::Write)
        });
        let mut back = String::new();
        (&stream).read_to_string(&mut back).unwrap();
        sender.join().unwrap().unwrap();
        assert!(back.strip_prefix("well?\n") == Some(&text));
        server.end(1);
    }
}
