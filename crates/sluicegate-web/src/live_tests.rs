//! Who watches the service, in a simulated network.
use super::*;
use serde_json::Value;

/// Has somebody watch; who was answered with a head.
fn watch(world: &mut World) -> SimPeer {
    let mut peer = world.net.connect(&world.admin);
    let text = "GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let head = world.ask(&mut peer, text, 20);
    for part in [
        "HTTP/1.1 200 OK\r\n",
        "Content-Type: text/event-stream\r\n",
        "Cache-Control: no-store\r\n",
        "retry: 2000\n\n",
    ] {
        assert!(head.contains(part), "{head}");
    }
    peer
}

/// The events in what came, all of which came whole.
fn events(came: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(came);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

/// What the admin listener answers to a request.
fn admin(world: &mut World, method: &str, target: &str) -> Value {
    let mut peer = world.net.connect(&world.admin);
    let text =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let came = world.ask(&mut peer, &text, 60);
    let (head, body) = came.split_once("\r\n\r\n").expect("a reply");
    assert!(head.starts_with("HTTP/1.1 200"), "{target}: {came}");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn who_watches_is_sent_the_net_once_a_second() {
    let mut world = World::new(1, "");
    let mut peer = watch(&mut world);
    let mut site = world.net.connect(&world.site);
    for second in 1..5 {
        assert!(world.ask(&mut site, &get("/a.txt"), 100).starts_with("HTTP/1.1 200"));
        world.run(900);
        let seen = events(&peer.recv());
        assert_eq!(seen.len(), 1, "in second {second}");
        let names = |list: &Value| -> Vec<String> {
            let all = list.as_array().into_iter().flatten();
            all.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
        };
        assert_eq!(names(&seen[0]["net"]["stages"]), names(&seen[0]["rates"]["stages"]));
        let rates = seen[0]["rates"]["stages"].as_array().expect("a list");
        let route = rates.iter().find(|one| one["name"] == "route").expect("it is there");
        assert_eq!(route["served_s"], 1.0);
        assert!(seen[0]["diagnosis"]["words"].is_string());
    }
    drop((peer, site));
    world.even();
}

#[test]
fn a_hundred_are_sent_the_same() {
    let mut world = World::new(2, "");
    let mut peers: Vec<_> = (0..100).map(|_| watch(&mut world)).collect();
    peers.iter_mut().for_each(|peer| drop(peer.recv()));
    world.run(2_000);
    let came: Vec<_> = peers.iter_mut().map(SimPeer::recv).collect();
    assert_eq!(events(&came[0]).len(), 2);
    assert!(came.iter().all(|one| *one == came[0]));
    drop(peers);
    world.even();
}

/// One who reads and one who takes nothing, for so many seconds at most; how long the second one
/// was there.
fn beside_a_stuck_one(seconds: u64) -> (World, SimPeer, SimPeer, u64) {
    let mut world = World::new(3, "");
    let (stuck, mut peer) = (watch(&mut world), watch(&mut world));
    let mut lasted = 0;
    while lasted < seconds && world.watch.connections().open == 2 {
        world.run(1_000);
        assert!(!peer.recv().is_empty(), "others are sent what they were");
        lasted += 1;
    }
    (world, peer, stuck, lasted)
}

#[test]
fn who_takes_nothing_is_let_go() {
    let (mut world, peer, mut stuck, _) = beside_a_stuck_one(300);
    assert_eq!(world.watch.connections().closed(How::Slow), 1);
    // What waited for it was bounded by the network, and not kept here.
    let came = stuck.recv();
    assert!(came.len() < 512 * 1024, "{} bytes", came.len());
    assert_eq!(admin(&mut world, "GET", "/api/net")["viewers"], 1);
    drop((stuck, peer));
    world.even();
}

#[test]
fn who_leaves_is_forgotten() {
    let mut world = World::new(4, "");
    let (peer, other) = (watch(&mut world), watch(&mut world));
    assert_eq!(world.sim.ledger().in_flight, 2);
    assert_eq!(admin(&mut world, "GET", "/api/net")["viewers"], 2);
    peer.reset();
    drop(other);
    // A reset is heard at once, and a close when something more is sent.
    world.run(2_100);
    assert_eq!((world.sim.ledger().in_flight, world.watch.connections().open), (0, 0));
    assert_eq!(admin(&mut world, "GET", "/api/net")["viewers"], 0);
    world.even();
}

#[test]
fn a_drain_waits_for_nobody_who_watches() {
    let (_, _, _, lasts) = beside_a_stuck_one(300);
    let (mut world, mut peer, _stuck, _) = beside_a_stuck_one(lasts - 3);
    assert_eq!(world.watch.connections().open, 2, "that one is still waited for");
    world.sim.drain();
    world.run(100);
    let came = String::from_utf8_lossy(&peer.recv()).into_owned();
    assert!(came.ends_with("0\r\n\r\n"), "the stream has an end: {came:?}");
    drop(peer);
    world.run(1_500);
    let connections = world.watch.connections();
    assert_eq!((connections.open, connections.closed(How::Slow)), (0, 1));
    assert!(world.sim.ledger().balanced() && world.sim.ledger().in_flight == 0);
}

#[test]
fn history_and_incidents_are_of_what_happened() {
    let mut world = World::new(6, "");
    let mut site = world.net.connect(&world.site);
    assert!(world.ask(&mut site, &get("/burn?us=5"), 500).starts_with("HTTP/1.1 200"));
    world.run(1_000);
    admin(&mut world, "POST", "/api/stages/burn-pool/pause?by=anna");
    world.run(1_000);
    admin(&mut world, "POST", "/api/stages/burn-pool/resume?by=anna");
    assert!(world.ask(&mut site, &get("/panic"), 1_000).starts_with("HTTP/1.1 500"));
    let told = admin(&mut world, "GET", "/api/incidents");
    let told: Vec<_> = told["incidents"].as_array().expect("a list").iter().collect();
    let kinds: Vec<_> = told.iter().filter_map(|one| one["kind"].as_str()).collect();
    for kind in ["paused", "resumed", "panic"] {
        assert!(kinds.contains(&kind), "{kind}: {told:?}");
    }
    let paused = told.iter().find(|one| one["kind"] == "paused").expect("it was found");
    assert_eq!(
        (&paused["stage"], &paused["words"]),
        (&"burn-pool".into(), &"anna paused burn-pool".into())
    );
    let burn = admin(&mut world, "GET", "/api/history?stage=burn-pool");
    assert_eq!(burn["served_s"].as_array().map(Vec::len), burn["t"].as_array().map(Vec::len));
    assert_eq!(burn["served_s"][0], 1.0);
    assert_eq!(burn["served_s"][1], 0.0);
    let whole = admin(&mut world, "GET", "/api/history");
    assert!(whole["t"].as_array().is_some_and(|t| t.len() >= 3), "{whole}");
    drop(site);
    world.even();
}
