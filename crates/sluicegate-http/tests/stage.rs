//! The stage between io's stages and handlers, in a simulated network.

mod world;

use sluicegate::Why;
use sluicegate_http::{Head, Limits, Pages, Reply};
use sluicegate_io::How;
use std::sync::Arc;
use world::{STREAM, Setup, World, get, statuses};

#[test]
fn requests_are_answered_one_after_the_other() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let first = world.ask(&mut peer, &get("/"), 2);
    assert!(first.ends_with("\r\n\r\nhello"), "{first}");
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert!(world.ask(&mut peer, post, 2).ends_with("\r\n\r\nabc"));
    let last = world.ask(&mut peer, "GET / HTTP/1.0\r\n\r\n", 5);
    assert_eq!((statuses(&last), peer.ended()), (vec!["200"], Some(How::Eof)));
    drop(peer);
    assert_eq!(world.even().finished, 3);
}

#[test]
fn replies_that_are_ready_together_leave_together() {
    let mut setup = Setup::default();
    setup.sim.short = 0;
    let mut world = World::new(1, setup);
    let mut peer = world.connect();
    peer.send(get("/").repeat(16).as_bytes());
    let mut text = String::new();
    while text.is_empty() {
        assert!(world.sim.run_for(std::time::Duration::from_micros(10), 10_000));
        text = String::from_utf8_lossy(&peer.recv()).into_owned();
    }
    assert_eq!(statuses(&text).len(), 16);
    drop(peer);
    assert_eq!(world.even().finished, 16);
}

#[test]
fn a_slow_request_does_not_keep_the_reply_before_it() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &[get("/"), get("/sleep"), get("/")].concat(), 20);
    assert_eq!(statuses(&text), ["200"]);
    let text = world.ask(&mut peer, "", 1000);
    assert_eq!(statuses(&text), ["200", "200"]);
    drop(peer);
    world.even();
}

#[test]
fn who_asked_is_told_what_became_of_it() {
    for (path, status) in
        [("/shed", "503"), ("/expire", "504"), ("/drop", "500"), ("/panic", "500")]
    {
        let mut world = World::new(1, Setup::default());
        let mut peer = world.connect();
        let text = world.ask(&mut peer, &[get(path), get("/")].concat(), 30);
        assert_eq!(statuses(&text), [status, "200"], "{path}");
        drop(peer);
        let ledger = world.even();
        assert_eq!((ledger.finished, ledger.ended.total()), (1, 1), "{path}");
    }
}

/// Pages of hosts, by the length of their names; the shortest has none.
#[derive(Debug)]
struct ByHost;

impl Pages for ByHost {
    fn whose(&self, head: &Head) -> u16 {
        head.host().map_or(0, |host| host.len() as u16)
    }

    fn reply(&self, whose: u16, status: u16) -> Option<Reply> {
        (whose > 1).then(|| Reply::text(status, format!("{whose} {status}")).header("X-Own", "1"))
    }
}

#[test]
fn what_nobody_answers_is_answered_by_a_page() {
    for (path, status) in
        [("/shed", "503"), ("/expire", "504"), ("/drop", "500"), ("/panic", "500")]
    {
        let mut setup = Setup::default();
        setup.http.pages = Some(Arc::new(ByHost));
        let mut world = World::new(1, setup);
        let mut peer = world.connect();
        let lost =
            |method: &str, host: &str| format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let text = world.ask(&mut peer, &lost("GET", "abc"), 30);
        assert!(text.contains("\r\nX-Own: 1\r\n"), "{text}");
        assert!(text.contains("\r\nContent-Length: 5\r\n"), "{text}");
        // Only of what is too much a client can know that it will pass.
        assert_eq!(text.contains("\r\nRetry-After: "), status == "503", "{text}");
        assert!(text.ends_with(&format!("\r\n\r\n3 {status}")), "{text}");
        let text = world.ask(&mut peer, &lost("HEAD", "abcd"), 30);
        assert_eq!(statuses(&text), [status]);
        assert!(text.contains("\r\nContent-Length: 5\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        let text = world.ask(&mut peer, &[lost("GET", "a"), get("/")].concat(), 30);
        assert_eq!(statuses(&text), [status, "200"], "the connection goes on");
        assert!(!text.contains("X-Own"), "{text}");
        drop(peer);
        world.even();
    }
}

#[test]
fn a_page_for_a_body_that_is_not_read_ends_the_connection() {
    let mut setup = Setup::default();
    setup.http.pages = Some(Arc::new(ByHost));
    setup.http.flows = 1;
    let mut world = World::new(1, setup);
    let (mut slow, mut other) = (world.connect(), world.connect());
    assert_eq!(world.ask(&mut slow, &get("/sleep"), 5), "");
    let post = "POST /echo HTTP/1.1\r\nHost: ab\r\nContent-Length: 3\r\n\r\n";
    let text = world.ask(&mut other, post, 10);
    assert!(text.contains("\r\nConnection: close\r\n") && text.ends_with("2 503"), "{text}");
    assert_eq!(other.ended(), Some(How::Eof));
    assert_eq!(statuses(&world.ask(&mut slow, "", 1000)), ["200"]);
    drop((slow, other));
    world.even();
}

#[test]
fn an_answer_that_comes_too_late_answers_nothing_else() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &[get("/late"), get("/sleep")].concat(), 2000);
    assert_eq!(statuses(&text), ["503", "200"]);
    drop(peer);
    world.even();
}

#[test]
fn a_full_net_is_answered_for() {
    let mut setup = Setup::default();
    setup.http.flows = 1;
    let mut world = World::new(1, setup);
    let (mut slow, mut other) = (world.connect(), world.connect());
    assert_eq!(world.ask(&mut slow, &get("/sleep"), 5), "");
    let text = world.ask(&mut other, &get("/").repeat(3), 5);
    assert_eq!(statuses(&text), ["503", "503", "503"]);
    assert_eq!(text.matches("\r\nRetry-After: ").count(), 3, "{text}");
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(statuses(&world.ask(&mut other, post, 10)), ["503"]);
    assert_eq!(other.ended(), Some(How::Eof));
    assert_eq!(statuses(&world.ask(&mut slow, "", 1000)), ["200"]);
    drop((slow, other));
    assert_eq!(world.even().entered, 1);
}

#[test]
fn what_was_asked_by_a_client_that_left_ends_as_gone() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.ask(&mut peer, &[get("/sleep"), get("/")].concat(), 5);
    peer.reset();
    world.run(5);
    // A flow of a body that never came, and one of a stream that nobody reads.
    for text in ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", &get("/stream")] {
        let mut peer = world.connect();
        world.send(&mut peer, text);
        world.run(5);
        peer.reset();
        world.run(5);
    }
    let ledger = world.even();
    assert_eq!((ledger.entered, ledger.ended[Why::Gone]), (3, 3));
}

/// What a slow reader gets of a stream at `path`, and of the page behind it.
fn read_slowly(path: &str) -> String {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.send(&mut peer, &[get(path), get("/")].concat());
    world.run(100);
    let mut text = String::from_utf8_lossy(&peer.recv()).into_owned();
    assert!(text.len() < STREAM as usize / 2, "{} bytes wait for their reader", text.len());
    for _ in 0..100 {
        world.run(5);
        text.push_str(&String::from_utf8_lossy(&peer.recv()));
    }
    assert_eq!(statuses(&text), ["200", "200"]);
    drop(peer);
    assert_eq!(world.even().finished, 2);
    text
}

#[test]
fn a_stream_waits_for_its_reader() {
    let text = read_slowly("/stream");
    assert!(text.contains(&format!("\r\n\r\n{}HTTP/1.1", "x".repeat(STREAM as usize))));
}

#[test]
fn a_stream_of_unknown_length_waits_for_its_reader() {
    let text = read_slowly("/open");
    let chunk = format!("c350\r\n{}\r\n", "x".repeat(50_000));
    assert!(text.contains(&format!("\r\n\r\n{}0\r\n\r\nHTTP/1.1", chunk.repeat(6))));
}

#[test]
fn the_old_version_sees_the_end_of_a_stream_by_that_of_the_connection() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let mut text = world.ask(&mut peer, "GET /open HTTP/1.0\r\n\r\n", 5);
    while peer.ended().is_none() {
        world.run(5);
        text.push_str(&String::from_utf8_lossy(&peer.recv()));
    }
    assert!(text.ends_with(&format!("\r\n\r\n{}", "x".repeat(STREAM as usize))));
    assert_eq!(peer.ended(), Some(How::Eof));
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn who_asks_much_waits_for_its_own_replies() {
    // Twice what may be unsent on one connection.
    const ASKED: usize = 28;
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.send(&mut peer, &get("/big").repeat(ASKED));
    let mut text = String::new();
    while statuses(&text).len() < ASKED || text.len() < ASKED * STREAM as usize {
        assert_eq!(peer.ended(), None, "{} bytes came", text.len());
        world.run(1);
        text.push_str(&String::from_utf8_lossy(&peer.recv()));
    }
    drop(peer);
    assert_eq!(world.even().finished, ASKED as u64);
}

#[test]
fn a_stream_that_fails_is_broken_off() {
    for path in ["/fails", "/open-fails"] {
        let mut world = World::new(1, Setup::default());
        let mut peer = world.connect();
        world.send(&mut peer, &get(path));
        let mut len = 0;
        for _ in 0..20 {
            world.run(2);
            len += peer.recv().len();
        }
        assert_eq!(peer.ended(), Some(How::Reset), "{path}");
        assert!(len < STREAM as usize, "{path}");
        drop(peer);
        assert_eq!(world.even().ended[Why::Gone], 1, "{path}");
    }
}

#[test]
fn patience_ends() {
    let mut world = World::new(1, Setup::default());
    let (mut idle, mut drip, mut body) = (world.connect(), world.connect(), world.connect());
    world.send(&mut drip, "GET /");
    world.send(&mut body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    world.run(9_900);
    assert_eq!((drip.recv(), body.recv()), (vec![], vec![]));
    world.run(200);
    for peer in [&mut drip, &mut body] {
        assert_eq!(statuses(&String::from_utf8_lossy(&peer.recv())), ["408"]);
        assert_eq!(peer.ended(), Some(How::Eof));
    }
    assert_eq!(idle.recv(), []);
    assert_eq!(idle.ended(), None);
    world.run(65_000);
    assert_eq!((idle.recv(), idle.ended()), (vec![], Some(How::Eof)));
    drop((idle, drip, body));
    let ledger = world.even();
    assert_eq!((ledger.entered, ledger.finished), (1, 1));
}

#[test]
fn a_reader_that_stops_is_dropped() {
    let last = "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for request in [&get("/stream"), &get("/big"), last] {
        let mut world = World::new(1, Setup::default());
        let mut peer = world.connect();
        world.send(&mut peer, request);
        world.run(9_000);
        assert_eq!(world.connections().open, 1);
        world.run(100_000);
        assert_eq!(world.connections().open, 0, "{request}");
        drop(peer);
        assert_eq!(world.even().ended[Why::Gone], 1);
    }
}

#[test]
fn nonsense_is_answered_once() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &["GET / HTTP/1.1\r\n\r\n", &get("/")].concat(), 10);
    assert_eq!((statuses(&text), peer.ended()), (vec!["400"], Some(How::Eof)));
    drop(peer);
    assert_eq!(world.even().entered, 0);
}

#[test]
fn only_so_much_waits_behind_a_request() {
    let mut world = World::limited(Limits { ahead: 8 * 1024, ..Limits::default() });
    let mut peer = world.connect();
    world.send(&mut peer, &get("/sleep"));
    let (line, mut sent) = (get("/").repeat(100), 0);
    for _ in 0..200 {
        sent += peer.send(&line.as_bytes()[sent % line.len()..]);
        world.run(1);
    }
    // The rest waits in the network, whose window is 64 KiB at each end.
    assert!(sent < 256 * 1024, "{sent} bytes were taken from a client that waits");
    let asked = 1 + sent / get("/").len();
    let mut text = String::new();
    for _ in 0..3000 {
        world.run(1);
        text.push_str(&String::from_utf8_lossy(&peer.recv()));
    }
    assert_eq!(statuses(&text).len(), asked);
    drop(peer);
    world.even();
}

#[test]
fn a_drain_answers_all_that_was_begun() {
    let mut world = World::new(1, Setup::default());
    let (mut idle, mut busy, mut begun) = (world.connect(), world.connect(), world.connect());
    let mut late = world.connect();
    world.ask(&mut idle, &get("/"), 5);
    world.ask(&mut busy, &get("/sleep"), 5);
    world.ask(&mut begun, "GET / HT", 5);
    world.sim.drain();
    world.send(&mut late, &get("/"));
    world.run(50);
    let closing = |text: &str| text.contains("Connection: close");
    let text = String::from_utf8_lossy(&late.recv()).into_owned();
    assert!(statuses(&text) == ["200"] && closing(&text), "{text}");
    let text = world.ask(&mut begun, "TP/1.1\r\nHost: a\r\n\r\n", 5);
    assert!(statuses(&text) == ["200"] && closing(&text), "{text}");
    world.run(300);
    assert_eq!((idle.recv(), idle.ended()), (vec![], Some(How::Eof)));
    let text = world.ask(&mut busy, "", 1000);
    assert!(statuses(&text) == ["200"] && closing(&text), "{text}");
    drop((idle, busy, begun, late));
    assert_eq!(world.even().finished, 4);
}

#[test]
fn nothing_vanishes_whatever_the_clients_do() {
    const PATHS: [&str; 8] =
        ["/", "/open", "/sleep", "/panic", "/drop", "/shed", "/stream", "/fails"];
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
            match below(8) {
                0 | 1 => peers.push(world.connect()),
                2 if !peers.is_empty() => peers.remove(below(peers.len() as u64) as usize).reset(),
                3 if !peers.is_empty() => drop(peers.remove(below(peers.len() as u64) as usize)),
                4 if !peers.is_empty() => {
                    let at = below(peers.len() as u64) as usize;
                    peers[at].recv();
                }
                _ if !peers.is_empty() => {
                    let at = below(peers.len() as u64) as usize;
                    let text = get(PATHS[below(PATHS.len() as u64) as usize]);
                    let text = text.repeat(1 + below(3) as usize);
                    let cut = text.len() - below(2) as usize;
                    peers[at].send(&text.as_bytes()[..cut]);
                }
                _ => {}
            }
            world.run(below(20));
        }
        drop(peers);
        world.run(200);
        world.even();
    }
}

/// How many requests came to the stage behind the one where they slept.
fn worked(world: &mut World) -> u64 {
    let stages = world.sim.snapshot().stages;
    stages.iter().find(|stage| stage.name == "work").map_or(0, |stage| stage.served)
}

#[test]
fn work_for_who_has_left_is_not_begun() {
    // The last sends so much more that reading stops until it is answered.
    let more = get("/").repeat(1000);
    for (finishes, more) in [(false, ""), (true, ""), (false, more.as_str())] {
        let mut world = World::new(1, Setup::default());
        let (mut leaves, mut stays) = (world.connect(), world.connect());
        world.send(&mut stays, &get("/work"));
        world.send(&mut leaves, &(get("/work") + more));
        if finishes {
            leaves.finish();
            world.run(10);
        }
        leaves.reset();
        world.run(10);
        assert_eq!(world.connections().open, 1, "{finishes}");
        assert!(world.ask(&mut stays, "", 2000).ends_with("worked"));
        assert_eq!(worked(&mut world), 1, "{finishes}");
        drop(stays);
        let ledger = world.even();
        assert_eq!((ledger.finished, ledger.ended[Why::Gone]), (1, 1), "{finishes}");
    }
}

#[test]
fn who_has_finished_sending_is_answered() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    world.send(&mut peer, &get("/work"));
    peer.finish();
    assert!(world.ask(&mut peer, "", 2000).ends_with("worked"));
    assert_eq!((peer.ended(), worked(&mut world)), (Some(How::Eof), 1));
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn who_has_finished_sending_may_be_taken_to_have_left() {
    let mut setup = Setup::default();
    setup.http.half_close = false;
    let mut world = World::new(1, setup);
    let (mut leaves, mut stays) = (world.connect(), world.connect());
    world.send(&mut stays, &get("/work"));
    world.send(&mut leaves, &get("/work"));
    leaves.finish();
    world.run(10);
    assert_eq!((leaves.recv(), leaves.ended()), (vec![], Some(How::Eof)));
    assert_eq!(world.connections().open, 1);
    assert!(world.ask(&mut stays, "", 2000).ends_with("worked"));
    assert_eq!(worked(&mut world), 1);
    // Who asks nothing is just closed.
    stays.finish();
    world.run(10);
    assert_eq!((stays.recv(), stays.ended()), (vec![], Some(How::Eof)));
    drop((leaves, stays));
    let ledger = world.even();
    assert_eq!((ledger.finished, ledger.ended[Why::Gone]), (1, 1));
}

#[test]
fn a_late_reply_to_an_earlier_request_does_not_bring_back_who_has_left() {
    let mut setup = Setup::default();
    // A reply of 300 KB waits to be sent while the next request is worked on.
    setup.http.limits.unsent = usize::MAX;
    let mut world = World::new(1, setup);
    let mut peer = world.connect();
    world.send(&mut peer, &[get("/big"), get("/work")].concat());
    world.run(10);
    peer.reset();
    world.run(2000);
    assert_eq!(worked(&mut world), 0);
    assert_eq!(world.even().ended[Why::Gone], 2);
}
