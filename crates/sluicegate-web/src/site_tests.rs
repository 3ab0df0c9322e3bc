//! The whole site in a simulated network: every worker's own loop, in an order drawn from a seed.
use super::*;
use crate::cache::Store;
use crate::config::{Machine, Settings as Typed};
use crate::decode::decode;
use crate::scratch::{Random, Scratch};
use crate::service::Stores;
use sluicegate::sim::{Setup, Troubles};
use sluicegate::{Sim, Time, VirtualTime};
use sluicegate_http::Coding;
use sluicegate_io::sim::{SimNet, SimOptions, SimPeer};
use sluicegate_io::{Addr, How};
use std::time::{Duration, SystemTime};

#[path = "app_tests.rs"]
mod app;
#[path = "live_tests.rs"]
mod live;
#[path = "logged_tests.rs"]
mod logged;
#[path = "overload_tests.rs"]
mod overload;
#[path = "ruled_tests.rs"]
mod ruled;
#[path = "seeds_tests.rs"]
mod seeds;
#[path = "volumes_tests.rs"]
mod volumes;

const BIG: usize = 400_000;

struct World {
    sim: Sim,
    net: SimNet,
    site: Addr,
    admin: Addr,
    watch: Arc<Watch>,
    files: Scratch,
}

impl World {
    /// With all handlers mounted.
    fn new(seed: u64, more: &str) -> World {
        let route = |handler| format!("[[route]]\npath=\"/{handler}\"\nhandler=\"{handler}\"\n");
        let routes = ["echo", "burn", "sleep", "net", "panic"].map(route);
        World::with_routes(seed, more, &routes.concat())
    }

    fn with_routes(seed: u64, more: &str, routes: &str) -> World {
        World::with_app(seed, more, routes, None)
    }

    fn with_app(seed: u64, more: &str, routes: &str, app: Option<Arc<dyn App>>) -> World {
        World::befallen(Setup::seed(seed), |_| Troubles::none(), seed, more, (routes, app))
    }

    fn befallen(
        setup: Setup,
        troubles: impl FnOnce(&Net) -> Troubles,
        seed: u64,
        more: &str,
        (routes, app): (&str, Option<Arc<dyn App>>),
    ) -> World {
        let files = Scratch::new();
        files.write("index.html", "home");
        files.write("a.txt", "0123456789");
        files.write("dir/index.html", "dir");
        files.write("big.bin", vec![b'x'; BIG]);
        let machine = Machine { cpus: 2, memory: 1 << 30, files: 4096 };
        let more = more.replace("$DIR", files.path().to_str().expect("a plain path"));
        let root = files.path().display();
        let mut text = format!("root = \"{root}\"\n{more}\n[cache]\nstream_above = \"64 KiB\"\n");
        if let Some(at) = text.find("[[") {
            // Tables of lists stand behind all keys.
            let lists = text.split_off(at);
            let cache = lists.find("\n[cache]").expect("it was put there");
            text.push_str(&lists[cache..]);
            text.push_str(&lists[..cache].replace("ROOT", &files.path().display().to_string()));
            text.push('\n');
        }
        text.push_str(routes);
        let typed = Typed::from_toml("sim.toml", &text).expect("known settings");
        let config = Config::new(&typed, machine).expect("a complete configuration");
        let store = Store::new(config.cache_budget);
        let plan = Plan::new(&config).expect("the directory is there");
        let loader = Loader::new(plan, store, config.stream_above);
        let loader = Arc::new(loader.coding(config.compression.clone()));
        let stores = Stores { loader, memory: Arc::default() };
        World::on(setup, troubles, seed, &config, (stores, true), files, app)
    }

    /// With what it is to serve.
    fn on(
        setup: Setup,
        troubles: impl FnOnce(&Net) -> Troubles,
        seed: u64,
        config: &Config,
        (stores, reads): (Stores, bool),
        files: Scratch,
        app: Option<Arc<dyn App>>,
    ) -> World {
        let net = SimNet::new(seed, SimOptions::default());
        let addr = |text: &str| text.parse::<Addr>().expect("an address");
        let (site, admin) = (addr("10.0.0.1:80"), addr("10.0.0.1:9900"));
        let watch = Arc::new(Watch::new(config, &stores));
        let Stores { loader, memory } = stores;
        let (sockets, time) = (net.clone(), VirtualTime::default());
        let burnt = time.clone();
        let ground = Ground {
            site: net.listen(&[(site.clone(), 0)], config.workers.into()),
            admin: Some(net.listen(&[(admin.clone(), 0)], 1)),
            machine: move |settings, ledger| Ok(Io::new(sockets.backend(), settings, ledger)),
            clock: |now: Time| SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0),
            burn: Arc::new(move |span| burnt.spend(span)),
            root: files.path().to_owned(),
            seed,
            loader,
            memory,
            reads,
            app,
            log: config.log.as_ref().map(|log| {
                let log = LogFile::new(log.target.clone(), watch.lost());
                log.open().expect("it can be made");
                Arc::new(log)
            }),
            watch: Arc::clone(&watch),
        };
        let built = super::net(config, ground);
        let troubles = troubles(&built);
        let sim = Sim::with(built, setup.time(&time).troubles(troubles));
        let sim = sim.expect("the net is sound");
        watch.open(sim.observer());
        World { sim, net, site, admin, watch, files }
    }

    fn run(&mut self, ms: u64) {
        assert!(self.sim.run_for(Duration::from_millis(ms), 1_000_000), "the net does not rest");
        self.sim.assert_even();
    }

    /// What comes back within `ms` of virtual time.
    fn ask(&mut self, peer: &mut SimPeer, text: &str, ms: u64) -> String {
        String::from_utf8_lossy(&self.ask_bytes(peer, text, ms)).into_owned()
    }

    fn ask_bytes(&mut self, peer: &mut SimPeer, text: &str, ms: u64) -> Vec<u8> {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            bytes = &bytes[peer.send(bytes)..];
            self.run(1);
        }
        let mut came = Vec::new();
        for _ in 0..ms {
            self.run(1);
            came.extend(peer.recv());
        }
        came
    }

    /// Drains; nothing may have vanished.
    fn even(&mut self) {
        self.sim.drain();
        self.run(10_000);
        let ledger = self.sim.ledger();
        assert!(ledger.entered > 0 && ledger.finished > 0, "{ledger:?}");
        assert!(ledger.balanced() && ledger.in_flight == 0 && ledger.places == 0, "{ledger:?}");
        let connections = self.watch.connections();
        assert!(connections.balanced() && connections.open == 0, "{connections:?}");
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect()
}

#[test]
fn every_way_through_the_net_is_answered() {
    let mut world = World::new(1, "");
    let mut peer = world.net.connect(&world.site);
    for (path, status) in [
        ("/", "200"),
        ("/a.txt", "200"),
        ("/dir", "301"),
        ("/dir/", "200"),
        ("/none", "404"),
        ("/.hidden", "404"),
        ("/echo", "200"),
        ("/burn?us=1", "200"),
        ("/sleep?ms=20", "200"),
        ("/net", "200"),
        ("/panic", "500"),
        ("/a.txt", "200"),
    ] {
        let came = world.ask(&mut peer, &get(path), 60);
        assert_eq!(statuses(&came), [status], "{path}: {came}");
    }
    let came = world.ask(&mut peer, &get("/big.bin"), 4_000);
    assert_eq!(statuses(&came), ["200"]);
    assert!(came.ends_with(&"x".repeat(BIG)), "{} bytes", came.len());
    let mut admin = world.net.connect(&world.admin);
    let came = world.ask(&mut admin, &get("/api/net"), 60);
    assert!(came.contains("\"stages\"") && came.contains("\"ledger\""), "{came}");
    drop((peer, admin));
    world.even();
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut world = World::new(2, "");
    let mut peer = world.net.connect(&world.site);
    let paths = ["/a.txt", "/none", "/sleep?ms=5", "/a.txt", "/panic", "/dir", "/"];
    let came = world.ask(&mut peer, &paths.map(get).concat(), 100);
    assert_eq!(statuses(&came), ["200", "404", "200", "200", "500", "301", "200"]);
    drop(peer);
    world.even();
}

#[test]
fn a_changed_file_is_served_anew_after_a_second_and_not_before() {
    let mut world = World::new(3, "workers = 1");
    let mut peer = world.net.connect(&world.site);
    assert!(world.ask(&mut peer, &get("/a.txt"), 20).ends_with("0123456789"));
    world.files.write("a.txt", "changed");
    assert!(world.ask(&mut peer, &get("/a.txt"), 20).ends_with("0123456789"));
    world.run(1000);
    assert!(world.ask(&mut peer, &get("/a.txt"), 20).ends_with("changed"));
    drop(peer);
    world.even();
}

/// Connections refused for their address, and because there was no room, by what the net shows.
fn refused(came: &str) -> (u64, u64) {
    let (_, body) = came.split_once("\r\n\r\n").expect("a body");
    let net: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let refused = &net["ledger"]["connections"]["refused"];
    let count = |of: &str| refused[of].as_u64().expect("a count");
    (count("address"), count("full"))
}

#[test]
fn a_full_site_says_so_where_that_is_asked_for() {
    let full = "workers = 1\n[limits]\nconnections = 2\nwhen_full = \"refuse\"\n";
    let mut world = World::new(4, full);
    let mut peers = [world.net.connect(&world.site), world.net.connect(&world.site)];
    for peer in &mut peers {
        assert_eq!(statuses(&world.ask(peer, &get("/a.txt"), 20)), ["200"]);
    }
    let mut third = world.net.connect(&world.site);
    let came = world.ask(&mut third, &get("/a.txt"), 20);
    assert!(came.starts_with("HTTP/1.1 503 ") && came.contains("\r\nRetry-After: 1\r\n"), "{came}");
    assert_eq!(third.ended(), Some(How::Eof));
    let came = world.ask(&mut peers[0], &get("/net"), 60);
    assert_eq!(refused(&came), (0, 1));
    drop((peers, third));
    world.even();
}

#[test]
fn an_address_has_as_many_connections_as_it_may_and_the_admin_its_own() {
    let mut world = World::new(5, "workers = 2\n[limits]\nper_address = 2\n");
    let mut peers = [world.net.connect(&world.site), world.net.connect(&world.site)];
    for peer in &mut peers {
        assert_eq!(statuses(&world.ask(peer, &get("/a.txt"), 20)), ["200"]);
    }
    let mut third = world.net.connect(&world.site);
    world.run(20);
    assert_eq!((third.recv(), third.ended()), (Vec::new(), Some(How::Reset)));
    let mut admin = world.net.connect(&world.admin);
    let came = world.ask(&mut admin, &get("/api/net"), 60);
    assert_eq!(refused(&came), (1, 0));
    drop((peers, third, admin));
    world.even();
}

#[test]
fn coded_forms_are_made_beside_and_sent_after() {
    let text: String = (0..900).map(|n| format!("line {n}\n")).collect();
    for (seed, coding) in (4..).zip(Coding::ALL) {
        let mut world = World::new(seed, "workers = 2");
        world.files.write("long.txt", &text);
        let mut peer = world.net.connect(&world.site);
        let fields = format!("Accept-Encoding: {}", coding.name());
        let ask = format!("GET /long.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        for _ in 0..2 {
            assert!(world.ask(&mut peer, &ask, 100).ends_with(&text), "as it is at first");
        }
        world.run(1000);
        let came = world.ask_bytes(&mut peer, &ask, 100);
        let end = came.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8_lossy(&came[..end]).into_owned();
        assert!(head.contains(&format!("Content-Encoding: {}\r\n", coding.name())), "{head}");
        assert_eq!(decode(coding, &came[end..]), text.as_bytes());
        let mut admin = world.net.connect(&world.admin);
        let net = world.ask(&mut admin, &get("/api/net"), 60);
        assert!(net.contains("\"made\":1,"), "{net}");
        drop((peer, admin));
        world.even();
    }
}

#[test]
fn several_ranges_of_a_streamed_file() {
    let mut world = World::new(7, "");
    let mut peer = world.net.connect(&world.site);
    let ask = "GET /big.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9,100000-300000\r\n\r\n";
    let came = world.ask(&mut peer, ask, 3000);
    let (head, body) = came.split_once("\r\n\r\n").expect("a whole head");
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let kind = lines.clone().find(|(name, _)| *name == "Content-Type").expect("a type").1;
    let parts = crate::parts::parts(kind, body.as_bytes());
    let sizes: Vec<_> = parts.iter().map(|(_, body)| body.len()).collect();
    assert_eq!(sizes, [10, 200_001]);
    assert!(parts[1].0.ends_with("bytes 100000-300000/400000"), "{}", parts[1].0);
    assert!(world.ask(&mut peer, &get("/a.txt"), 30).ends_with("0123456789"), "it goes on");
    drop(peer);
    world.even();
}

#[test]
fn whatever_clients_do_nothing_vanishes() {
    let paths = [
        "/",
        "/a.txt",
        "/dir",
        "/none",
        "/big.bin",
        "/echo",
        "/burn?us=1",
        "/sleep?ms=30",
        "/net",
        "/panic",
        "/sleep?ms=x",
        "/long.txt",
    ];
    for seed in 10..40 {
        let mut world = World::new(seed, "");
        world.files.write("long.txt", "text ".repeat(500));
        let mut random = Random::new(seed);
        let mut peers: Vec<SimPeer> = Vec::new();
        for _ in 0..120 {
            let n = random.below(peers.len() as u32 + 1) as usize;
            match random.below(12) {
                0..=2 => peers.push(world.net.connect(&world.site)),
                3 if n < peers.len() => peers.swap_remove(n).reset(),
                4 if n < peers.len() => drop(peers.swap_remove(n)),
                5 if n < peers.len() => peers[n].finish(),
                6 if n < peers.len() => drop(peers[n].recv()),
                7 => world.run(u64::from(random.below(50))),
                _ if n < peers.len() => {
                    let path = paths[random.below(paths.len() as u32) as usize];
                    let mut text = get(path);
                    if random.below(2) == 0 {
                        let field = "Accept-Encoding: gzip\r\n";
                        text.insert_str(text.len() - "\r\n".len(), field);
                    }
                    // Sometimes only a part of it.
                    let cut = random.below(8) == 0;
                    let len =
                        if cut { random.below(text.len() as u32) as usize } else { text.len() };
                    peers[n].send(&text.as_bytes()[..len]);
                }
                _ => {}
            }
            world.run(u64::from(random.below(3)));
        }
        drop(peers);
        world.even();
    }
}
