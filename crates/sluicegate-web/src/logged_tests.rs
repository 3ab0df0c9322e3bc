//! The access log of a site in a simulated network.
use super::*;

#[test]
fn every_answer_is_logged_once() {
    let mut world = World::new(3, "[log]\naccess = \"$DIR/log\"\nrequest_id = true\n");
    let mut peer = world.net.connect(&world.site);
    let asked = ["/a.txt", "/a.txt", "/none", "/panic", "/sleep?ms=5", "/echo"];
    for path in asked {
        world.ask(&mut peer, &get(path), 60);
    }
    world.ask(&mut peer, &get("/a.txt").repeat(20), 60);
    world.ask(&mut peer, &get("/big.bin"), 4_000);
    world.ask(&mut peer, "GET /bad HTTP/1.1\r\n\r\n", 10);
    let mut other = world.net.connect(&world.site);
    world.ask(&mut other, "nonsense\r\n\r\n", 10);
    let mut gone = world.net.connect(&world.site);
    world.ask(&mut gone, &get("/sleep?ms=500"), 5);
    gone.reset();
    let mut slow = world.net.connect(&world.site);
    world.ask(&mut slow, &get("/big.bin"), 0);
    world.run(20);
    slow.reset();
    drop((peer, other));
    world.run(1);
    world.even();
    let log = std::fs::read_to_string(world.files.path().join("log")).expect("a log");
    let field = |line: &str, at: usize| line.split('"').nth(at).expect("a field").to_owned();
    let mut seen: Vec<_> = log.lines().map(|line| (field(line, 1), field(line, 2))).collect();
    let ids: std::collections::BTreeSet<_> = log.lines().map(|line| field(line, 7)).collect();
    assert_eq!(ids.len(), seen.len(), "every request has an id of its own");
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
    let bytes = |(request, end): &(String, String)| -> Option<usize> {
        let sent = end.trim().strip_prefix("200 ").filter(|_| request.contains("/big.bin"));
        sent?.parse().ok()
    };
    let broken = seen.iter().position(|line| bytes(line).is_some_and(|sent| sent < BIG));
    let broken = seen.remove(broken.expect("a reply that did not reach its end"));
    assert!(bytes(&broken) > Some(0), "{broken:?}");
    let line = |path: &str, end: &str| (format!("GET {path} HTTP/1.1"), format!(" {end} "));
    let mut expected = vec![
        line("/a.txt", "200 10"),
        line("/a.txt", "200 10"),
        line("/none", "404 9"),
        line("/panic", "500 21"),
        line("/sleep?ms=5", "200 11"),
        line("/echo", "200 0"),
    ];
    expected.extend((0..20).map(|_| line("/a.txt", "200 10")));
    expected.push(line("/big.bin", &format!("200 {BIG}")));
    expected.push(line("/bad", "400 25"));
    expected.push(("-".to_owned(), " 400 48 ".to_owned()));
    expected.push(line("/sleep?ms=500", "499 0"));
    // Each worker has its own order.
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(world.watch.lost().total(), 0);
}

#[test]
fn whatever_clients_do_every_answer_is_logged() {
    for seed in 0..20 {
        let mut world = World::new(seed, "[log]\naccess = \"$DIR/log\"\nformat = \"json\"\n");
        let mut peers = vec![world.net.connect(&world.site)];
        assert_eq!(statuses(&world.ask(&mut peers[0], &get("/"), 60)), ["200"]);
        for path in ["/a.txt", "/sleep?ms=20", "/big.bin", "/panic", "/none", "/echo"] {
            let mut peer = world.net.connect(&world.site);
            peer.send(get(path).repeat(3).as_bytes());
            world.run(seed % 7);
            match seed % 3 {
                0 => peer.reset(),
                _ => peers.push(peer),
            }
            world.run(seed % 5);
        }
        world.run(seed * 10);
        drop(peers);
        world.run(100);
        world.even();
        let ledger = world.sim.ledger();
        let log = std::fs::read_to_string(world.files.path().join("log")).expect("a log");
        let asked = log.lines().filter(|line| !line.contains("\"request\":null")).count() as u64;
        assert_eq!(asked, ledger.entered, "seed {seed}: {ledger:?}");
        let lines = log.lines().map(serde_json::from_str::<serde_json::Value>);
        assert!(lines.into_iter().all(|line| line.is_ok_and(|line| line["status"].is_u64())));
    }
}
