//! Bodies that handlers take in pieces, in a simulated network.

mod world;

use sluicegate::Why;
use sluicegate_http::log::LogSettings;
use sluicegate_http::{Limits, UNREAD_MAX};
use sluicegate_io::How;
use sluicegate_io::sim::SimPeer;
use world::{LOGGED, SLEEP, STREAM, Setup, World, get, statuses};

fn post(path: &str, len: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n")
}

fn chunked(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// What has come after so many milliseconds.
fn take(world: &mut World, peer: &mut SimPeer, ms: u64) -> String {
    world.run(ms);
    String::from_utf8_lossy(&peer.recv()).into_owned()
}

#[test]
fn what_came_whole_is_handed_on_whole() {
    let mut setup = Setup::default();
    setup.sim.short = 0;
    let mut world = World::new(1, setup);
    let mut peer = world.connect();
    let asked = post("/upload", 3) + "abc" + &chunked("/upload") + "3\r\nabc\r\n0\r\n\r\n";
    let text = world.ask(&mut peer, &asked, 10);
    assert_eq!(text.matches("3 bytes at once").count(), 2, "{text}");
    drop(peer);
    assert_eq!(world.even().finished, 2);
}

#[test]
fn a_body_is_read_as_it_comes() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    const LEN: usize = 500_000;
    world.send(&mut peer, &post("/upload", LEN));
    for _ in 0..LEN / 50_000 {
        assert_eq!(take(&mut world, &mut peer, 50), "");
        world.send(&mut peer, &"x".repeat(50_000));
    }
    let text = world.ask(&mut peer, &get("/"), 20);
    assert!(text.contains("\r\n\r\n500000 bytes in pieces"), "{text}");
    assert_eq!(statuses(&text), ["200", "200"]);
    world.send(&mut peer, &chunked("/upload"));
    for _ in 0..3 {
        assert_eq!(world.ask(&mut peer, "5\r\nhello\r\n", 50), "");
    }
    let text = world.ask(&mut peer, &("0\r\n\r\n".to_owned() + &get("/")), 20);
    assert!(text.contains("\r\n\r\n15 bytes in pieces"), "{text}");
    assert_eq!(statuses(&text), ["200", "200"]);
    drop(peer);
    assert_eq!(world.even().finished, 4);
}

#[test]
fn what_is_read_can_be_answered_meanwhile() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &chunked("/mirror"), 20);
    assert_eq!(statuses(&text), ["200"]);
    for piece in ["5\r\nhello\r\n", "3\r\nyou\r\n"] {
        assert_eq!(world.ask(&mut peer, piece, 20), piece);
        // Nobody has to speak in a dialogue.
        world.run(60_000);
    }
    let text = world.ask(&mut peer, &("0\r\n\r\n".to_owned() + &get("/")), 20);
    assert!(text.starts_with("0\r\n\r\nHTTP/1.1 200"), "{text}");
    drop(peer);
    assert_eq!(world.even().finished, 2);
}

#[test]
fn a_slow_reader_makes_its_client_wait() {
    const LEN: usize = 2_000_000;
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.send(&mut peer, &post("/later", LEN));
    let body = "x".repeat(LEN);
    let mut sent = 0;
    for _ in 0..900 {
        sent += peer.send(&body.as_bytes()[sent..]);
        world.run(1);
    }
    // The rest waits in the network, whose window is 64 KiB at each end.
    assert!(sent < UNREAD_MAX + 256 * 1024, "{sent} bytes were taken");
    assert_eq!(peer.recv(), []);
    while sent < LEN {
        sent += peer.send(&body.as_bytes()[sent..]);
        world.run(1);
    }
    let text = take(&mut world, &mut peer, 50);
    assert!(text.ends_with("2000000 bytes in pieces"), "{text}");
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn patience_is_for_who_is_waited_for() {
    // Who does not send is waited for; who may not, for the pipe is full, is not.
    let mut world = World::new(1, Setup::default());
    let (mut slow, mut full) = (world.connect(), world.connect());
    world.send(&mut slow, &(post("/upload", 100) + "abc"));
    let text = post("/never", 1_000_000) + &"x".repeat(UNREAD_MAX);
    world.send(&mut full, &text);
    for _ in 0..100 {
        full.send(&[b'x'; 4096]);
        world.run(1);
    }
    assert_eq!(take(&mut world, &mut slow, 9_500), "");
    let text = take(&mut world, &mut slow, 2_000);
    assert!(statuses(&text) == ["408"] && text.contains("Connection: close"), "{text}");
    assert_eq!(slow.ended(), Some(How::Eof));
    world.run(60_000);
    assert_eq!((full.recv(), full.ended()), (vec![], None));
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let limits = Limits { body_in_pieces: Some(100_000), ..Limits::default() };
    let mut world = World::limited(limits);
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &post("/upload", 100_001), 10);
    assert_eq!((statuses(&text), peer.ended()), (vec!["413"], Some(How::Eof)));
    let mut peer = world.connect();
    world.send(&mut peer, &(chunked("/upload") + "186a0\r\n" + &"x".repeat(100_000)));
    let text = world.ask(&mut peer, "\r\n1\r\n", 10);
    assert!(statuses(&text) == ["413"] && text.contains("Connection: close"), "{text}");
    assert_eq!(peer.ended(), Some(How::Eof));
    // Not chunks at all.
    let mut peer = world.connect();
    world.send(&mut peer, &(chunked("/upload") + "1\r\nx"));
    let text = world.ask(&mut peer, &("yz\r\n".to_owned() + &get("/")), 10);
    assert_eq!((statuses(&text), peer.ended()), (vec!["400"], Some(How::Eof)));
    drop(peer);
    assert_eq!(world.even().finished, 2);
}

#[test]
fn the_body_may_be_longer_than_one_that_is_collected() {
    let limits = Limits { body: 1000, ..Limits::default() };
    let mut world = World::limited(limits);
    let mut peer = world.connect();
    world.send(&mut peer, &(post("/upload", 50_000) + &"x".repeat(50_000)));
    assert!(take(&mut world, &mut peer, 10).ends_with("50000 bytes in pieces"));
    let text = world.ask(&mut peer, &post("/echo", 1001), 10);
    assert_eq!(statuses(&text), ["413"]);
    drop(peer);
    world.even();
}

#[test]
fn a_body_that_nobody_reads_is_read_over_where_it_is_short() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &post("/ignore", 50_000), 10);
    assert!(statuses(&text) == ["200"] && !text.contains("Connection: close"), "{text}");
    world.send(&mut peer, &"x".repeat(50_000));
    assert_eq!(statuses(&world.ask(&mut peer, &get("/"), 10)), ["200"]);
    let text = world.ask(&mut peer, &chunked("/ignore"), 10);
    assert_eq!(statuses(&text), ["200"]);
    let text = world.ask(&mut peer, &("3\r\nabc\r\n0\r\n\r\n".to_owned() + &get("/")), 10);
    assert_eq!(statuses(&text), ["200"]);
    let text = world.ask(&mut peer, &post("/ignore", 100_000), 10);
    assert!(statuses(&text) == ["200"] && text.contains("Connection: close"), "{text}");
    assert_eq!(peer.ended(), Some(How::Eof));
    drop(peer);
    assert_eq!(world.even().finished, 5);
    // Chunks are known to be many only when they come.
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    assert_eq!(statuses(&world.ask(&mut peer, &chunked("/ignore"), 10)), ["200"]);
    for _ in 0..17 {
        assert_eq!(peer.ended(), None);
        peer.send(("1000\r\n".to_owned() + &"x".repeat(4096) + "\r\n").as_bytes());
        world.run(5);
    }
    assert_eq!((peer.recv(), peer.ended()), (vec![], Some(How::Eof)));
    drop(peer);
    world.even();
}

#[test]
fn a_stream_is_sent_whatever_becomes_of_the_body() {
    for (len, keeps) in [(50_000, true), (100_000, false)] {
        let mut world = World::new(1, Setup::default());
        let mut peer = world.connect();
        let mut text = world.ask(&mut peer, &post("/ignore-stream", len), 10);
        while text.len() < STREAM as usize {
            text.push_str(&take(&mut world, &mut peer, 5));
        }
        text.push_str(&take(&mut world, &mut peer, 50));
        assert!(text.ends_with(&("\r\n\r\n".to_owned() + &"x".repeat(STREAM as usize))));
        assert_eq!(peer.ended(), (!keeps).then_some(How::Eof));
        if keeps {
            world.send(&mut peer, &"x".repeat(len));
            assert_eq!(statuses(&world.ask(&mut peer, &get("/"), 10)), ["200"]);
        }
        drop(peer);
        assert_eq!(world.even().finished, 1 + u64::from(keeps));
    }
}

#[test]
fn what_comes_in_pieces_is_logged_as_all_else() {
    let mut setup = Setup::default();
    setup.http.log = Some(LogSettings::default());
    let mut world = World::new(1, setup);
    let mut peer = world.connect();
    world.send(&mut peer, &(post("/upload", 6) + "abc"));
    world.ask(&mut peer, &("def".to_owned() + &chunked("/mirror")), 20);
    world.ask(&mut peer, "3\r\nabc\r\n", 20);
    world.ask(&mut peer, &("0\r\n\r\n".to_owned() + &post("/upload", 6) + "abc"), 20);
    peer.reset();
    let mut peer = world.connect();
    world.ask(&mut peer, &get("/tunnel"), 20);
    world.ask(&mut peer, "hello", 20);
    peer.finish();
    world.run(20);
    drop(peer);
    world.even();
    let logged = LOGGED.take();
    let expected = [
        "POST /upload HTTP/1.1 200 17 false",
        // A chunk of three bytes and the last one.
        "POST /mirror HTTP/1.1 200 13 false",
        "POST /upload HTTP/1.1 499 0 true",
        "GET /tunnel HTTP/1.1 101 11 false",
    ];
    assert_eq!(logged, expected);
}

#[test]
fn who_leaves_within_a_body_is_heard_of() {
    for finishes in [true, false] {
        for path in ["/upload", "/mirror"] {
            let mut world = World::new(1, Setup::default());
            let mut peer = world.connect();
            world.ask(&mut peer, &(post(path, 100) + "abc"), 20);
            let left = if finishes {
                peer.finish();
                Some(peer)
            } else {
                peer.reset();
                None
            };
            world.run(20);
            assert_eq!(world.connections().open, 0, "{path} {finishes}");
            drop(left);
            let ledger = world.even();
            assert_eq!((ledger.entered, ledger.ended[Why::Gone]), (1, 1), "{path} {finishes}");
        }
    }
}

#[test]
fn who_asks_before_it_sends_is_told_to() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let head = post("/upload", 3).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let text = world.ask(&mut peer, &head, 10);
    assert_eq!(text, "HTTP/1.1 100 Continue\r\n\r\n");
    let text = world.ask(&mut peer, "abc", 10);
    assert!(text.ends_with("3 bytes in pieces"), "{text}");
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn bodies_in_pieces_have_their_share_of_all_bodies() {
    // Room for two such bodies.
    let mut world = World::limited(Limits { bodies: 2 * UNREAD_MAX, ..Limits::default() });
    let mut peers: Vec<_> = (0..3).map(|_| world.connect()).collect();
    let mut texts = peers.iter_mut().map(|peer| world.ask(peer, &post("/upload", 100), 5));
    assert_eq!((texts.next().unwrap(), texts.next().unwrap()), (String::new(), String::new()));
    assert_eq!(statuses(&texts.next().unwrap()), ["503"]);
    drop(texts);
    let text = world.ask(&mut peers[0], &"x".repeat(100), 5);
    assert_eq!(statuses(&text), ["200"]);
    peers[2] = world.connect();
    assert_eq!(world.ask(&mut peers[2], &post("/upload", 100), 5), "");
    let text = world.ask(&mut peers[2], &"x".repeat(100), 5);
    assert_eq!(statuses(&text), ["200"]);
    drop(peers);
    world.run(10);
    world.even();
}

#[test]
fn a_drain_waits_for_a_body_in_pieces() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.send(&mut peer, &(post("/upload", 6) + "abc"));
    world.sim.drain();
    world.run(SLEEP.as_millis() as u64);
    let text = world.ask(&mut peer, "def", 10);
    assert!(text.ends_with("6 bytes in pieces") && text.contains("Connection: close"), "{text}");
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn nothing_vanishes_whatever_the_clients_do() {
    const PATHS: [&str; 5] = ["/upload", "/later", "/ignore", "/mirror", "/echo"];
    for seed in 0..30 {
        let mut world = World::new(seed, Setup::default());
        let mut peers = Vec::new();
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        for _ in 0..60 {
            let at = below(peers.len().max(1) as u64) as usize;
            match below(9) {
                0 | 1 => peers.push(world.connect()),
                _ if peers.is_empty() => {}
                2 => peers.remove(at).reset(),
                3 => drop(peers.remove(at)),
                4 => peers[at].finish(),
                5 => drop(peers[at].recv()),
                6 => {
                    let head = chunked(PATHS[below(5) as usize]);
                    peers[at].send(head.as_bytes());
                }
                7 => {
                    peers[at].send(b"5\r\nhello\r\n0\r\n\r\n".split_at(below(16) as usize).0);
                }
                _ => {
                    let text = post(PATHS[below(5) as usize], 3000) + &"x".repeat(3000);
                    let cut = text.len() - below(3) as usize * 1000;
                    peers[at].send(&text.as_bytes()[..cut]);
                }
            }
            world.run(below(20));
        }
        drop(peers);
        world.run(2000);
        world.even();
    }
}
