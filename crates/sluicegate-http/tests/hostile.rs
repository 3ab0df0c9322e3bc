//! Clients that mean harm: each is bounded, counted and gone by its deadline, and others are
//! answered meanwhile.

mod world;

use sluicegate::Why;
use sluicegate_http::{BLOCK, Limits};
use sluicegate_io::How;
use sluicegate_io::sim::SimPeer;
use std::time::Duration;
use world::{STREAM, Setup, World, get, statuses};

/// Bytes of a pool's buffer in a setup made by `small`.
const BUFFER: usize = 64;

/// Few and small buffers, so that whoever keeps one is found out.
fn small(buffers: usize, limits: Limits) -> World {
    let mut setup = Setup::default();
    setup.sim.short = 0;
    setup.http.limits = limits;
    (setup.io.buffers, setup.io.buffer_size) = (buffers, BUFFER);
    World::new(1, setup)
}

/// An honest client is answered, now.
#[track_caller]
fn others_are_answered(world: &mut World, honest: &mut SimPeer) {
    let text = world.ask(honest, &get("/"), 5);
    assert_eq!(statuses(&text), ["200"], "{text}");
}

#[test]
fn who_drips_a_head_is_gone_by_the_deadline_and_holds_no_buffer() {
    const DRIPPERS: usize = 64;
    let limits = Limits { head_time: Duration::from_secs(2), ..Limits::default() };
    let mut world = small(8, limits);
    let mut honest = world.connect();
    let mut drippers: Vec<_> = (0..DRIPPERS).map(|_| world.connect()).collect();
    let begun = world.sim.now();
    for byte in get("/").bytes().cycle() {
        if drippers.iter().all(|peer| peer.ended().is_some()) {
            break;
        }
        for peer in &mut drippers {
            // Never the byte that ends the head.
            peer.send(&[if byte == b'\r' || byte == b'\n' { b'x' } else { byte }]);
            let text = String::from_utf8_lossy(&peer.recv()).into_owned();
            assert!(text.is_empty() || statuses(&text) == ["408"], "{text}");
        }
        world.run(100);
        others_are_answered(&mut world, &mut honest);
    }
    // Half a second of it for the dripping itself; then the machine lingers.
    assert!(world.sim.now() - begun < Duration::from_millis(2_500), "they stayed too long");
    drop(drippers);
    world.run(3_000);
    assert_eq!(world.connections().open, 1);
    drop(honest);
    world.even();
}

#[test]
fn who_drips_a_body_is_gone_by_its_rate() {
    let limits = Limits { grace: Duration::from_secs(1), rate: 1000, ..Limits::default() };
    let mut world = small(8, limits);
    let mut honest = world.connect();
    let mut drippers: Vec<_> = (0..32).map(|_| world.connect()).collect();
    for peer in &mut drippers {
        world.send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    }
    for _ in 0..15 {
        for peer in &mut drippers {
            peer.send(b"x");
        }
        world.run(100);
        others_are_answered(&mut world, &mut honest);
    }
    for peer in &mut drippers {
        let text = String::from_utf8_lossy(&peer.recv()).into_owned();
        assert_eq!((statuses(&text), peer.ended()), (vec!["408"], Some(How::Eof)));
    }
    drop((drippers, honest));
    world.even();
}

#[test]
fn who_says_nothing_is_closed_after_a_while() {
    let limits = Limits { idle: Duration::from_secs(3), ..Limits::default() };
    let mut world = small(4, limits);
    let silent: Vec<_> = (0..200).map(|_| world.connect()).collect();
    let mut honest = world.connect();
    others_are_answered(&mut world, &mut honest);
    drop(honest);
    world.run(3_500);
    let counts = world.connections();
    assert_eq!((counts.open, counts.closed(How::Timeout)), (0, 200), "{counts:?}");
    drop(silent);
    world.even();
}

#[test]
fn who_never_reads_is_reset_and_others_have_buffers() {
    let limits = Limits {
        grace: Duration::from_secs(1),
        rate: 100_000,
        unsent: 10_000,
        ahead: 2_000,
        ..Limits::default()
    };
    // Fewer buffers than such clients.
    let mut world = small(16, limits);
    let mut honest = world.connect();
    let mut deaf: Vec<_> = (0..40).map(|_| world.connect()).collect();
    for peer in &mut deaf {
        // What follows lies in the buffer with the request that is not answered further.
        peer.send([get("/big"), get("/").repeat(200)].concat().as_bytes());
        world.run(5);
        others_are_answered(&mut world, &mut honest);
    }
    world.run(3_000);
    others_are_answered(&mut world, &mut honest);
    let counts = world.connections();
    assert_eq!((counts.open, counts.closed(How::Slow)), (1, 40), "{counts:?}");
    drop((deaf, honest));
    world.even();
}

#[test]
fn who_waits_for_a_slow_answer_holds_no_buffer() {
    let mut world = small(16, Limits::default());
    let mut honest = world.connect();
    let mut waiting: Vec<_> = (0..40).map(|_| world.connect()).collect();
    for peer in &mut waiting {
        // A body whose end lies in a buffer, and the beginning of a further request behind it.
        let post = "POST /sleep HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
        peer.send(post.as_bytes());
        world.run(2);
        others_are_answered(&mut world, &mut honest);
    }
    world.run(1_500);
    for peer in &mut waiting {
        let text = String::from_utf8_lossy(&peer.recv()).into_owned();
        assert_eq!(statuses(&text), ["200"]);
    }
    drop((waiting, honest));
    world.even();
}

#[test]
fn bodies_that_never_come_take_no_places_from_other_requests() {
    const FLOWS: usize = 16;
    let mut setup = Setup::default();
    setup.http.flows = FLOWS;
    setup.http.limits.bodies = FLOWS / 2 * BLOCK;
    let mut world = World::new(1, setup);
    let mut honest = world.connect();
    let mut announcers: Vec<_> = (0..FLOWS).map(|_| world.connect()).collect();
    let mut refused = 0;
    for peer in &mut announcers {
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
        let text = world.ask(peer, post, 5);
        refused += usize::from(statuses(&text) == ["503"]);
        others_are_answered(&mut world, &mut honest);
    }
    assert_eq!(refused, FLOWS / 2);
    // They leave, and bodies have room again.
    drop(announcers);
    world.run(10);
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for _ in 0..FLOWS {
        assert_eq!(statuses(&world.ask(&mut honest, post, 5)), ["200"]);
    }
    drop(honest);
    world.even();
}

#[test]
fn bodies_have_so_much_memory_and_no_more() {
    let mut setup = Setup::default();
    setup.http.limits.bodies = 4 * BLOCK;
    let mut world = World::new(1, setup);
    let mut peers: Vec<_> = (0..3).map(|_| world.connect()).collect();
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 3 * BLOCK);
    let half = "x".repeat(BLOCK + BLOCK / 2);
    let mut told = Vec::new();
    for peer in &mut peers {
        told.extend(statuses(&world.ask(peer, &head, 2)).first().map(|word| (*word).to_owned()));
        world.send(peer, &half);
        world.run(5);
    }
    // Two hold two blocks each; the third found none.
    assert_eq!(told, ["503"]);
    peers.pop();
    peers.pop();
    world.run(5);
    let text = world.ask(&mut peers[0], &half, 20);
    assert!(text.ends_with(&[half.as_str(), half.as_str()].concat()), "{} bytes", text.len());
    drop(peers);
    world.even();
}

#[test]
fn a_flood_of_resets_leaves_nothing_behind() {
    let mut world = World::new(1, Setup::default());
    let mut honest = world.connect();
    let texts = [
        String::new(),
        "GET / HT".to_owned(),
        get("/"),
        get("/sleep"),
        [get("/stream"), get("/")].concat(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
    ];
    for round in 0..40 {
        for text in &texts {
            let mut peer = world.connect();
            peer.send(text.as_bytes());
            // At some point of what follows.
            world.run(round % 3);
            peer.reset();
        }
        others_are_answered(&mut world, &mut honest);
    }
    world.run(10);
    let counts = world.connections();
    assert_eq!(counts.open, 1, "{counts:?}");
    drop(honest);
    let ledger = world.even();
    assert!(ledger.ended[Why::Gone] > 0, "{ledger:?}");
}

#[test]
fn ten_thousand_requests_in_one_write_do_not_keep_others() {
    const MANY: usize = 10_000;
    let mut setup = Setup::default();
    setup.sim.window = 4 << 20;
    setup.sim.short = 0;
    let mut world = World::new(1, setup);
    let (mut honest, mut flood) = (world.connect(), world.connect());
    let all = get("/").repeat(MANY);
    let (mut sent, mut answered, mut honestly) = (0, 0, 0);
    while answered < MANY {
        sent += flood.send(&all.as_bytes()[sent..]);
        // Between any two looks at the flood's answers the honest client has its own.
        answered += statuses(&String::from_utf8_lossy(&flood.recv())).len();
        others_are_answered(&mut world, &mut honest);
        honestly += 1;
    }
    assert!(honestly > 1, "all were answered before anybody else was");
    drop((honest, flood));
    assert_eq!(world.even().finished, (MANY + honestly) as u64);
}

#[test]
fn segments_of_one_byte_are_put_together() {
    let mut world = small(8, Limits::default());
    let mut peers: Vec<_> = (0..32).map(|_| world.connect()).collect();
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\nabc\r\n0\r\n\r\n";
    let text = [post, &get("/stream")].concat();
    let mut came = vec![String::new(); peers.len()];
    for byte in text.bytes() {
        for peer in &mut peers {
            peer.send(&[byte]);
        }
        world.run(1);
    }
    for _ in 0..200 {
        world.run(5);
        for (peer, came) in peers.iter_mut().zip(&mut came) {
            came.push_str(&String::from_utf8_lossy(&peer.recv()));
        }
    }
    for came in &came {
        assert_eq!(statuses(came), ["200", "200"]);
        assert!(came.contains("\r\n\r\nabc") && came.ends_with(&"x".repeat(STREAM as usize)));
    }
    drop(peers);
    world.even();
}
