//! Sites at many times what they can do: what has a target keeps it, and refuses the rest.
use super::*;
use sluicegate_http::RETRY_AFTER;

/// What one request costs, and how many of them a worker or thread can do in a second.
const COST_US: u64 = 2000;
const RATE: u64 = 1_000_000 / COST_US;
const TARGET_MS: u64 = 50;

/// What became of a request.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    path: &'static str,
    status: u16,
    ms: u64,
    /// Whether it is not to be kept: a page in the place of the handler's answer.
    page: bool,
}

/// Clients that ask at a rate, whatever comes back, on connections that are used again.
#[derive(Default)]
struct Clients {
    idle: Vec<SimPeer>,
    busy: Vec<Asked>,
    seen: Vec<Outcome>,
}

/// A request on its way: the network takes and gives it in parts.
struct Asked {
    peer: SimPeer,
    path: &'static str,
    since: u64,
    unsent: Vec<u8>,
    came: Vec<u8>,
}

impl Clients {
    /// Offers each path so many times a second, for `span_ms`, and then waits for all answers.
    fn offer(world: &mut World, load: &[(&'static str, u64)], span_ms: u64) -> Vec<Outcome> {
        let mut clients = Clients::default();
        let mut due = vec![0; load.len()];
        for now in 0..span_ms {
            for (due, (path, rate)) in due.iter_mut().zip(load) {
                *due += rate;
                while *due >= 1000 {
                    *due -= 1000;
                    clients.ask(world, path, now);
                }
            }
            clients.run(world, now);
        }
        for now in span_ms..span_ms + 10_000 {
            clients.run(world, now);
        }
        assert!(clients.busy.is_empty(), "{} were not answered", clients.busy.len());
        clients.seen
    }

    fn ask(&mut self, world: &World, path: &'static str, since: u64) {
        let peer = self.idle.pop().unwrap_or_else(|| world.net.connect(&world.site));
        let and = if path.contains('?') { '&' } else { '?' };
        let unsent = get(&format!("{path}{and}us={COST_US}")).into_bytes();
        self.busy.push(Asked { peer, path, since, unsent, came: Vec::new() });
    }

    /// Runs for a millisecond and takes what came.
    fn run(&mut self, world: &mut World, now: u64) {
        if self.busy.is_empty() {
            return;
        }
        world.run(1);
        for mut asked in std::mem::take(&mut self.busy) {
            let sent = asked.peer.send(&asked.unsent);
            asked.unsent.drain(..sent);
            asked.came.extend(asked.peer.recv());
            let came = String::from_utf8_lossy(&asked.came);
            if !is_whole(&came) {
                self.busy.push(asked);
                continue;
            }
            let status = statuses(&came)[0].parse().expect("a status");
            assert!(status == 200 || is_refusal(&came), "{came}");
            let page = came.contains("\r\nCache-Control: no-store\r\n");
            self.seen.push(Outcome { path: asked.path, status, ms: now + 1 - asked.since, page });
            self.idle.push(asked.peer);
        }
    }
}

fn is_whole(came: &str) -> bool {
    let Some((head, body)) = came.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.expect("a length").parse() == Ok(body.len())
}

/// Whether it is a 503 that says when to come again, and leaves the connection open.
fn is_refusal(came: &str) -> bool {
    let line = came.lines().find_map(|line| line.strip_prefix("Retry-After: "));
    let in_time = line.is_some_and(|s| s.parse().is_ok_and(|s| RETRY_AFTER.contains(&s)));
    let closes = came.contains("\r\nConnection: close\r\n");
    in_time && !closes && came.ends_with("\r\n\r\nService Unavailable")
}

fn count(seen: &[Outcome], path: &str, status: u16) -> u64 {
    seen.iter().filter(|one| one.path == path && one.status == status).count() as u64
}

/// Below how many milliseconds this share of them was answered.
fn quantile(seen: &[Outcome], path: &str, status: u16, share: f64) -> u64 {
    let of = seen.iter().filter(|one| one.path == path && one.status == status);
    let mut times: Vec<u64> = of.map(|one| one.ms).collect();
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share) as usize]
}

fn burn(path: &str, domain: &str, more: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\nhandler = \"burn\"\ndomain = \"{domain}\"\n{more}\n")
}

/// A stage as the net shows it.
fn stage_of(world: &mut World, name: &str) -> serde_json::Value {
    let mut admin = world.net.connect(&world.admin);
    let came = world.ask(&mut admin, &get("/api/net"), 60);
    let (_, body) = came.split_once("\r\n\r\n").expect("a body");
    let net: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let stages = net["stages"].as_array().expect("stages");
    stages.iter().find(|one| one["name"] == name).expect("it is mounted").clone()
}

/// The gates of a stage as the net shows them: what they were offered, and what they refused.
fn gates(world: &mut World, stage: &str) -> (u64, u64) {
    let shown = stage_of(world, stage);
    let (mut offered, mut refused) = (0, 0);
    for gate in shown["admission"].as_array().expect("gates") {
        let vote = &gate["votes"][0];
        assert_eq!((&vote["law"], &vote["frozen"]), (&"overload".into(), &false.into()));
        assert_eq!(vote["target_us"], TARGET_MS * 1000);
        let work = gate["bounds"]["work_us"].as_u64().expect("a bound");
        assert!([500, 650].contains(&(work / TARGET_MS)), "of a queue that stands, or of a burst");
        assert!(gate["bounds"]["events"].is_null(), "{gate}");
        assert_eq!(gate["cost_us"].as_f64().map(|us| us as u64 / 100), Some(COST_US / 100));
        offered += gate["offered"].as_u64().expect("a count");
        let counts = gate["refused"].as_object().expect("counts");
        refused += counts.values().filter_map(serde_json::Value::as_u64).sum::<u64>();
    }
    (offered, refused)
}

const TARGET: &str = "target = \"50ms\"";

#[test]
fn a_route_with_a_target_keeps_it_under_overload_and_refuses_the_rest() {
    let stages = [("pool", "burn-pool", 3), ("inline", "burn", 3)];
    let ten = stages.map(|(domain, stage, _)| (domain, stage, 10));
    for (seed, (domain, stage, times)) in (1..).zip(stages.into_iter().chain(ten)) {
        let mut world = World::with_routes(seed, "workers = 2", &burn("/work", domain, TARGET));
        let (rate, span) = (2 * RATE * times, 1000);
        let seen = Clients::offer(&mut world, &[("/work", rate)], span);
        let [served, refused] = [200, 503].map(|status| count(&seen, "/work", status));
        assert_eq!(served + refused, rate * span / 1000, "{domain}");
        let capacity = 2 * RATE * span / 1000;
        let p99 = quantile(&seen, "/work", 200, 0.99);
        println!("{domain}: {served} of {capacity} served, p99 {p99} ms, {refused} refused");
        assert!(served * 100 >= capacity * 90, "{domain}: {served} of {capacity}");
        assert!(p99 <= TARGET_MS, "{domain}: {p99} ms");
        assert_eq!(gates(&mut world, stage), (served + refused, refused), "{domain}");
        world.even();
    }
}

#[test]
fn below_what_it_can_do_a_target_refuses_nothing() {
    for (seed, domain) in (1..).zip(["pool", "inline"]) {
        let mut world = World::with_routes(seed, "workers = 2", &burn("/work", domain, TARGET));
        let seen = Clients::offer(&mut world, &[("/work", RATE)], 1000);
        assert_eq!(count(&seen, "/work", 200), RATE, "{domain}");
        world.even();
    }
}

#[test]
fn the_higher_class_goes_first_and_the_lower_is_refused() {
    for (seed, domain) in (1..).zip(["pool", "inline"]) {
        let high = burn("/high", domain, "target = \"50ms\"\nclass = 7");
        let routes = [burn("/low", domain, TARGET), high].concat();
        let mut world = World::with_routes(seed, "workers = 2", &routes);
        let load = [("/low", 2 * RATE * 3), ("/high", RATE)];
        let seen = Clients::offer(&mut world, &load, 1000);
        let [high, low] = ["/high", "/low"].map(|path| count(&seen, path, 200));
        let last_high = quantile(&seen, "/high", 200, 0.99);
        let most_low = quantile(&seen, "/low", 200, 0.5);
        println!("{domain}: {high} in {last_high} ms, {low} of class 0 in {most_low} ms");
        assert!(high * 100 >= RATE * 99, "{domain}: {high} of {RATE}");
        assert!(low * 10 >= RATE * 7, "{domain}: what is left serves others: {low}");
        assert!(last_high < most_low, "{domain}: {last_high} ms, class 0 {most_low} ms");
        world.even();
    }
}

/// The readings and the shares that the laws of the gate in the pool refuse, by name.
fn resources(world: &mut World) -> (serde_json::Value, Vec<(String, f64)>) {
    let mut admin = world.net.connect(&world.admin);
    let came = world.ask(&mut admin, &get("/api/net"), 60);
    let (_, body) = came.split_once("\r\n\r\n").expect("a body");
    let net: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let stages = net["stages"].as_array().expect("stages");
    let shown = stages.iter().find(|one| one["name"] == "burn-pool").expect("it is mounted");
    let votes = shown["admission"][0]["votes"].as_array().expect("votes").iter().map(|vote| {
        let law = vote["law"].as_str().expect("a name").to_owned();
        (law, vote["bounds"]["share"].as_f64().unwrap_or(0.0))
    });
    let votes: Vec<_> = votes.collect();
    let rules = shown["admission"][0]["bounds"]["share"].as_f64().unwrap_or(0.0);
    let strictest = votes.iter().map(|vote| vote.1).fold(0.0, f64::max);
    assert_eq!(rules, strictest, "{shown}");
    (net["resources"].clone(), votes)
}

#[test]
fn the_page_budget_follows_memory_and_who_looks_is_told() {
    let mut world = World::with_routes(3, "workers = 1\n[resources]\nmemory = \"100 MiB\"", "");
    let mut look = |resident_mib: u64, free_kib: u64| {
        world.files.write("proc/self/status", format!("VmRSS: {} kB\n", resident_mib * 1024));
        let free = format!("MemTotal: 1000 kB\nMemAvailable: {free_kib} kB\n");
        world.files.write("proc/meminfo", free);
        world.run(2500);
        let mut admin = world.net.connect(&world.admin);
        let came = world.ask(&mut admin, &get("/api/net"), 60);
        let (_, body) = came.split_once("\r\n\r\n").expect("a body");
        let net: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let levels = net["resources"].as_array().expect("resources").iter();
        let levels = levels.filter(|one| one["level"] != "calm");
        let levels: Vec<_> = levels.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (net["cache"]["budget"].as_u64().expect("a number") * 4 / (256 << 20), levels)
    };
    let none: [&str; 0] = [];
    let found = |parts, levels: &[&str]| (parts, levels.iter().map(|&n| n.to_owned()).collect());
    assert_eq!(look(84, 90), found(4, &none), "below the thresholds nothing is done");
    assert_eq!(look(90, 90), found(2, &["memory"]));
    assert_eq!(look(90, 20), found(1, &["memory", "system-memory"]), "the worse of them counts");
    assert_eq!(look(80, 300), found(2, &["memory"]), "until a tenth less is used");
    assert_eq!(look(50, 500), found(4, &none));
    world.even();
}

#[test]
fn what_runs_short_is_refused_before_work_alone_would_be_and_let_in_again() {
    let budget = "workers = 2\n[resources]\nmemory = \"100 MiB\"\ncpu_pressure = 50";
    let high = burn("/high", "pool", "target = \"50ms\"\nclass = 7");
    let routes = [burn("/low", "pool", TARGET), high].concat();
    let mut world = World::with_routes(11, budget, &routes);
    let mut second = |resident_mib: Option<u64>| {
        match resident_mib {
            Some(mib) => {
                let status = format!("Name:\tx\nVmRSS:\t{} kB\n", mib * 1024);
                world.files.write("proc/self/status", status);
            }
            None => world.files.write("proc/self/status", "garbage"),
        }
        world.run(120);
        // A quarter of what it can do, each of two classes.
        let load = [("/low", RATE / 4), ("/high", RATE / 4)];
        let seen = Clients::offer(&mut world, &load, 1000);
        let (gauges, votes) = resources(&mut world);
        let names: Vec<_> = votes.iter().map(|vote| &vote.0[..]).collect();
        assert_eq!(names, ["overload", "memory", "cpu-pressure"]);
        assert_eq!((votes[0].1, votes[2].1), (0.0, 0.0), "there is no pressure to be read");
        assert!(gauges[1]["used"].is_null() && gauges[1]["budget"] == 50, "{gauges}");
        let refused = ["/low", "/high"].map(|path| count(&seen, path, 503) * 4 * 100 / RATE);
        (gauges[0]["used"].as_f64(), refused)
    };
    assert_eq!(second(None), (None, [0, 0]), "what is not told is no reason");
    assert_eq!(second(Some(84)), (Some(0.84), [0, 0]));
    let (used, refused) = second(Some(90));
    assert_eq!(used, Some(0.9));
    assert!((92..=100).contains(&refused[0]) && refused[1] <= 8, "half goes: {refused:?} %");
    assert_eq!(second(Some(95)), (Some(0.95), [100, 100]));
    assert_eq!(second(Some(20)), (Some(0.2), [0, 0]));
    world.even();
}

#[test]
fn a_page_stands_in_the_place_of_what_is_refused_and_all_is_counted() {
    for (seed, (domain, stage)) in (1..).zip([("pool", "burn-pool"), ("inline", "burn")]) {
        let work = burn("/work", domain, "target = \"50ms\"\ninstead = \"/a.txt\"");
        let other = burn("/other", domain, TARGET);
        let mut world = World::with_routes(seed, "workers = 2", &[work, other].concat());
        let load = [("/work", 2 * RATE * 3), ("/other", RATE)];
        let seen = Clients::offer(&mut world, &load, 1000);
        let (pages, rest): (Vec<_>, Vec<_>) = seen.into_iter().partition(|one| one.page);
        let [refused, others] = ["/work", "/other"].map(|path| count(&rest, path, 503));
        let handled = count(&rest, "/work", 200) + count(&rest, "/other", 200);
        println!("{domain}: {handled} handled, {} pages, {refused} refused", pages.len());
        // Whoever had a place and lost it has no page: few did, for the handlers are as fast as
        // ever.
        assert!(pages.len() as u64 > 2 * RATE && refused * 50 < pages.len() as u64, "{refused}");
        assert_eq!(count(&pages, "/work", 200), pages.len() as u64, "and none for /other");
        assert!(others > 0 && handled * 100 >= 2 * RATE * 90, "{others} {handled}");
        for path in ["/work", "/other"] {
            assert!(quantile(&rest, path, 200, 0.99) <= TARGET_MS, "{domain} {path}");
        }
        let (offered, kept_out) = gates(&mut world, stage);
        let all = pages.len() as u64 + refused + others;
        assert_eq!((offered, kept_out), (2 * RATE * 3 + RATE, all), "{domain}");
        world.even();
    }
}

#[test]
fn a_page_that_is_not_there_leaves_the_refusal() {
    let work = burn("/work", "pool", "target = \"50ms\"\ninstead = \"/none.html\"");
    let mut world = World::with_routes(1, "workers = 2", &work);
    let seen = Clients::offer(&mut world, &[("/work", 2 * RATE * 3)], 300);
    let [served, refused] = [200, 503].map(|status| count(&seen, "/work", status));
    assert!(served > 0 && refused > 0, "{served} {refused}");
    assert_eq!(served + refused, seen.len() as u64);
    assert_eq!(gates(&mut world, "burn-pool"), (served + refused, refused));
    world.even();
}

#[test]
fn the_page_is_also_for_who_finds_a_handler_out_of_service() {
    let all = ["pool", "inline"].map(|domain| [(domain, TARGET), (domain, "")]);
    for (seed, &(domain, target)) in (1..).zip(all.as_flattened()) {
        let settings = [target, "\nrefuse = true\ninstead = \"/a.txt\""].concat();
        let mut world = World::with_routes(seed, "workers = 1", &burn("/work", domain, &settings));
        let mut peer = world.net.connect(&world.site);
        let read = world.ask(&mut peer, &get("/work?us=1"), 60);
        assert!(read.contains("\r\nCache-Control: no-store\r\n"), "{domain}: {read}");
        let post = "POST /work?us=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(statuses(&read), ["200"], "{domain}");
        assert_eq!(statuses(&world.ask(&mut peer, post, 60)), ["503"], "{domain}");
        world.even();
    }
}

#[test]
fn who_gets_no_page_is_told_why_the_gate_refused_it() {
    let ask = |method: &str, key: &str| {
        format!("{method} /work?us=2000 HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\n\r\n")
    };
    for (seed, page, method) in [(1, "/a.txt", "POST"), (2, "/none.html", "GET")] {
        let settings = "target = \"50ms\"\nclients = \"header:X-Key\"\ninstead = ";
        let work = burn("/work", "pool", &format!("{settings}\"{page}\""));
        let mut world = World::with_routes(seed, "workers = 1", &work);
        // So that the gate knows at the door what a request costs.
        let mut first = world.net.connect(&world.site);
        for _ in 0..10 {
            assert_eq!(statuses(&world.ask(&mut first, &get("/work?us=2000"), 60)), ["200"]);
        }
        // A quiet one, and one that sends more than there is room for.
        let keys = [["quiet"; 3].as_slice(), &["greedy"; 60]].concat();
        let asked = |key: &&str| (world.net.connect(&world.site), ask(method, key), String::new());
        let mut peers: Vec<_> = keys.iter().map(asked).collect();
        for _ in 0..500 {
            for (peer, unsent, came) in &mut peers {
                let sent = peer.send(unsent.as_bytes());
                unsent.drain(..sent);
                came.push_str(&String::from_utf8_lossy(&peer.recv()));
            }
            world.run(1);
        }
        let told: Vec<_> = peers.iter().map(|(.., came)| statuses(came).join(" ")).collect();
        let count = |want: &str| told.iter().filter(|status| *status == want).count();
        let [served, greedy, shed] = ["200", "429", "503"].map(count);
        println!("{method}: {served} served, {greedy} greedy, {shed} refused");
        assert!(served > 5 && greedy > 10 && served + greedy + shed == peers.len(), "{told:?}");
        let shown = stage_of(&mut world, "burn-pool");
        let refused = &shown["admission"][0]["refused"];
        assert_eq!((&refused["greedy"], &refused["shed"]), (&greedy.into(), &shed.into()));
        assert!(told[..3].iter().all(|status| status != "429"), "{told:?}");
        drop((first, peers));
        world.even();
    }
}

#[test]
fn what_would_be_late_is_told_so_and_gets_no_page() {
    let settings = "target = \"50ms\"\ninstead = \"/a.txt\"\ndeadline = \"10ms\"";
    for (seed, domain) in (1..).zip(["pool", "inline"]) {
        let mut world = World::with_routes(seed, "workers = 1", &burn("/work", domain, settings));
        let mut peer = world.net.connect(&world.site);
        let mut ask = || statuses(&world.ask(&mut peer, &get("/work?us=20000"), 60))[0].to_owned();
        // Before the first nobody knows what a request costs.
        assert_eq!([ask(), ask(), ask()], ["200", "504", "504"], "{domain}");
        world.even();
    }
}

#[test]
fn who_can_do_with_less_is_served_at_several_times_the_capacity() {
    for (seed, domain) in (1..).zip(["pool", "inline"]) {
        let mut world = World::with_routes(seed, "workers = 2", &burn("/work", domain, TARGET));
        let load = [("/work?least=20", 2 * RATE * 3)];
        let seen = Clients::offer(&mut world, &load, 1500);
        let served = count(&seen, load[0].0, 200);
        println!("{domain}: {served} of {}", seen.len());
        assert!(served * 10 >= seen.len() as u64 * 9, "{domain}: {served} of {}", seen.len());
        assert!(quantile(&seen, load[0].0, 200, 0.99) <= TARGET_MS, "{domain}");
        world.even();
    }
}

#[test]
fn a_pool_of_handlers_has_the_threads_that_it_is_given() {
    let two = "workers = 1\n[pool]\nhandlers = ";
    for (seed, (handlers, all)) in (1..).zip([("2", 2), ("\"1..3\"", 3)]) {
        let more = format!("{two}{handlers}");
        let mut world = World::with_routes(seed, &more, &burn("/work", "pool", TARGET));
        let seen = Clients::offer(&mut world, &[("/work", RATE * 3 / 2)], 1000);
        let served = count(&seen, "/work", 200);
        println!("{handlers}: {served} of {}", seen.len());
        // One thread could do two thirds of them; a range begins with one.
        assert!(served * 100 > RATE * if all == 2 { 149 } else { 80 }, "{served}");
        assert_eq!(stage_of(&mut world, "burn-pool")["replicas"], all);
        world.even();
    }
}
