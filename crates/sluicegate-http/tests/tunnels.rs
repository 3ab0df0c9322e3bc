//! Connections that handlers take over, in a simulated network.

mod world;

use sluicegate::Why;
use sluicegate_http::UNREAD_MAX;
use sluicegate_io::How;
use sluicegate_io::sim::SimPeer;
use world::{Setup, World, get, statuses};

/// A world and a client with a tunnel in it.
fn tunnel(path: &str) -> (World, SimPeer) {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    assert_eq!(world.ask(&mut peer, &get(path), 20), "well?\n");
    (world, peer)
}

#[test]
fn bytes_are_bytes_in_both_directions() {
    let (mut world, mut peer) = tunnel("/tunnel");
    for text in ["a", "GET / HTTP/1.1\r\n\r\n", "\0\0\n"] {
        assert_eq!(world.ask(&mut peer, text, 20), text);
    }
    peer.finish();
    world.run(20);
    assert_eq!((peer.recv(), peer.ended()), (vec![], Some(How::Eof)));
    drop(peer);
    assert_eq!(world.even().finished, 1);
}

#[test]
fn what_was_sent_ahead_goes_through_it() {
    let mut world = World::new(1, Setup::default());
    let mut peer = world.connect();
    let text = world.ask(&mut peer, &[&get("/"), &get("/tunnel"), "ahead of it"].concat(), 50);
    assert_eq!(statuses(&text), ["200"]);
    assert!(text.ends_with("hellowell?\nahead of it"), "{text}");
    peer.finish();
    world.run(20);
    drop(peer);
    assert_eq!(world.even().finished, 2);
}

#[test]
fn much_goes_through_it() {
    let (mut world, mut peer) = tunnel("/tunnel");
    let text: String = (0..100_000).map(|n| format!("{n:09} ")).collect();
    let (mut sent, mut back) = (0, Vec::new());
    while back.len() < text.len() {
        sent += peer.send(&text.as_bytes()[sent..]);
        world.run(1);
        back.extend(peer.recv());
    }
    assert!(back == text.as_bytes());
    drop(peer);
    assert_eq!(world.even().ended.total(), 0);
}

#[test]
fn it_may_rest() {
    let (mut world, mut peer) = tunnel("/tunnel");
    world.run(3_600_000);
    assert_eq!(world.ask(&mut peer, "still there?", 20), "still there?");
    drop(peer);
    world.even();
}

#[test]
fn who_leaves_is_heard_of() {
    for path in ["/tunnel", "/deaf"] {
        let (mut world, peer) = tunnel(path);
        peer.reset();
        world.run(20);
        assert_eq!(world.connections().open, 0, "{path}");
        if path == "/tunnel" {
            assert_eq!(world.even().ended[Why::Gone], 1);
        }
    }
}

#[test]
fn who_is_not_read_has_to_wait() {
    let (mut world, mut peer) = tunnel("/deaf");
    let mut sent = 0;
    for _ in 0..1000 {
        sent += peer.send(&[b'x'; 4096]);
        world.run(1);
    }
    // The rest waits in the network, whose window is 64 KiB at each end.
    assert!(sent < UNREAD_MAX + 256 * 1024, "{sent} bytes were taken");
    assert_eq!(peer.ended(), None);
}

#[test]
fn who_does_not_read_is_dropped() {
    let (mut world, mut peer) = tunnel("/tunnel");
    for _ in 0..1000 {
        peer.send(&[b'x'; 4096]);
        world.run(1);
    }
    world.run(100_000);
    assert_eq!(world.connections().open, 0);
    drop(peer);
    assert_eq!(world.even().ended[Why::Gone], 1);
}

#[test]
fn a_drain_waits_for_it() {
    let (mut world, mut peer) = tunnel("/tunnel");
    world.sim.drain();
    world.run(10_000);
    assert_eq!(world.ask(&mut peer, "still there?", 20), "still there?");
    peer.finish();
    world.run(20);
    drop(peer);
    assert_eq!(world.even().finished, 1);
}
