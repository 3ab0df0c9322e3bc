//! A route with a target, asked for more than it can do, over real sockets.
mod common;

use common::{Client, Response, Scratch, Server, on_each_backend, until};
use rustix::net::{self, AddressFamily, SocketType};
use serde_json::Value;
use std::net::{SocketAddrV4, TcpStream};

/// Connections that ask at the same time, each for so much CPU: a second's work of two threads.
const CLIENTS: usize = 100;
const ASK: &str = "/work?us=20000";
/// Rounds after which a server that was too fast for its clients has failed the test.
const ROUNDS: usize = 20;

fn serve(site: &Scratch, more: &str) -> Server {
    start(site, more, "target = \"20ms\"\n", "")
}

/// With settings before the route, of the route, and behind it.
fn start(site: &Scratch, more: &str, route: &str, tables: &str) -> Server {
    site.write("www/index.html", "home");
    let root = format!("root = \"{}/www\"\nworkers = 2\n", site.arg());
    let route = format!("[[route]]\npath = \"/work\"\nhandler = \"burn\"\n{route}");
    let config = site.write("site.toml", format!("{root}{more}{route}{tables}"));
    Server::start(&["--config", &config])
}

/// Asks on all connections before any answer is read.
fn at_once(clients: &mut [Client<TcpStream>]) -> Vec<Response> {
    for client in &mut *clients {
        client.send(format!("GET {ASK} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }
    clients.iter_mut().map(|client| client.response(false)).collect()
}

/// Asks until some were refused; all that was answered.
fn overload(clients: &mut [Client<TcpStream>]) -> Vec<Response> {
    let mut all: Vec<Response> = Vec::new();
    for _ in 0..ROUNDS {
        all.extend(at_once(clients));
        if all.iter().any(|response| response.status == 503) {
            return all;
        }
    }
    panic!("{} requests were handled and none refused", all.len());
}

/// What the gate of the handler says.
fn gate(net: &Value) -> Value {
    let stages = net["stages"].as_array().expect("stages");
    let gates = |stage: &Value| stage["admission"].as_array().cloned().unwrap_or_default();
    let mut gates: Vec<Value> = stages.iter().flat_map(gates).collect();
    assert_eq!(gates.len(), 1, "a pool has one queue, and nothing else has a gate");
    gates.remove(0)
}

fn total(counts: &Value) -> u64 {
    counts.as_object().expect("counts").values().filter_map(Value::as_u64).sum()
}

#[test]
fn all_are_answered_and_the_refused_are_counted() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = serve(&site, "");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        let all = overload(&mut clients);
        let (mut served, mut refused) = (0, 0);
        for response in &all {
            match response.status {
                200 => served += 1,
                503 => {
                    refused += 1;
                    let seconds = response.field("retry-after").expect("when to come again");
                    assert!(["1", "2", "3"].contains(&seconds), "{seconds}");
                    assert_eq!(response.text(), "Service Unavailable");
                }
                other => panic!("{other}: {}", response.head),
            }
        }
        assert!(served > 0, "somebody is served in any case");
        let net = server.net();
        let gate = gate(&net);
        let vote = &gate["votes"][0];
        assert_eq!(
            (vote["law"].as_str(), vote["target_us"].as_u64()),
            (Some("overload"), Some(20_000))
        );
        assert_eq!(
            (gate["offered"].as_u64(), total(&gate["refused"])),
            (Some(served + refused), refused)
        );
        assert_eq!(net["http"]["refused"]["503"], refused);
        // A request ends when its reply is written: the last ones may not have been told yet.
        until("all have ended", || {
            let ended = &server.net()["ledger"]["ended"];
            let finished = ended["finished"].as_u64()?;
            // What looks at the net is in its ledger too.
            (finished >= served && total(ended) - finished == refused).then_some(())
        });
        for client in &mut clients {
            assert_eq!(client.get("/").text(), "home", "the connection goes on");
        }
        server.stop();
    });
}

#[test]
fn out_of_service_all_is_refused_and_nothing_handled() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = start(&site, "", "target = \"20ms\"\nrefuse = true\n", "");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        let all = at_once(&mut clients);
        assert!(all.iter().all(|response| response.status == 503));
        assert!(all.iter().all(|response| response.field("retry-after").is_some()));
        let gate = gate(&server.net());
        assert_eq!(
            (gate["votes"][0]["law"].as_str(), &gate["bounds"]["events"]),
            (Some("limit"), &0.into())
        );
        assert_eq!(total(&gate["refused"]), CLIENTS as u64);
        assert_eq!(clients[0].get("/").text(), "home", "the site goes on");
        server.stop();
    });
}

#[test]
fn a_page_for_the_refused_says_when_to_come_again_too() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/busy.html", "<p>soon");
        let server = serve(&site, "[errors]\n503 = \"/busy.html\"\n");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        for response in overload(&mut clients) {
            if response.status == 503 {
                assert_eq!(response.text(), "<p>soon");
                let seconds = response.field("retry-after").expect("when to come again");
                assert!(["1", "2", "3"].contains(&seconds), "{seconds}");
            }
        }
        server.stop();
    });
}

/// What the gate says of each of its laws: the share that it refuses, and whether it is frozen.
fn votes(server: &Server) -> Vec<(String, f64, bool)> {
    let gate = gate(&server.net());
    let votes = gate["votes"].as_array().expect("votes").iter().map(|vote| {
        let law = vote["law"].as_str().expect("a name").to_owned();
        let share = vote["bounds"]["share"].as_f64().unwrap_or(0.0);
        (law, share, vote["frozen"].as_bool().expect("yes or no"))
    });
    votes.collect()
}

#[test]
fn a_budget_of_memory_that_is_used_up_refuses_though_nothing_waits() {
    on_each_backend(|| {
        let site = Scratch::new();
        // No process is so small.
        let server = serve(&site, "[resources]\nmemory = \"1 MiB\"\nrun_delay = \"10s\"\n");
        let mut client = server.client();
        // The first reading may be yet to come, and the gate's look at it.
        until("it is refused", || (client.get("/work?us=1").status == 503).then_some(()));
        for _ in 0..10 {
            let refused = client.get("/work?us=1");
            assert_eq!(refused.status, 503);
            assert!(refused.field("retry-after").is_some());
        }
        let laws = [("overload", 0.0), ("memory", 1.0), ("run-delay", 0.0)];
        let laws = laws.map(|(law, share)| (law.to_owned(), share, false));
        assert_eq!(votes(&server), laws);
        let net = server.net();
        let used = net["resources"][0]["used"].as_f64().expect("it is read");
        assert!(used > 1.0, "{}", net["resources"]);
        if std::path::Path::new("/proc/self/schedstat").exists() {
            // The first reading may have come before a worker had started: its wait is null then.
            let used = || server.net()["resources"][1]["used"].as_f64();
            until("the workers' waits are read", used);
        }
        let unit = |n: usize| net["resources"][n]["unit"].as_str().expect("a unit").to_owned();
        assert_eq!((unit(0), unit(1)), ("bytes".to_owned(), "us".to_owned()));
        assert_eq!(client.get("/").text(), "home", "what has no target goes on");
        server.stop();
    });
}

#[test]
fn laws_are_frozen_one_by_one_over_the_admin_listener_and_nowhere_else() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = serve(&site, "");
        let frozen = || votes(&server).into_iter().map(|vote| vote.2).collect::<Vec<_>>();
        let mut admin = Client::connect(&server.address("admin"));
        let address = server.address("admin");
        let own = format!("Origin: http://{address}\r\n");
        let mut freeze = |law: &str, how: &str, fields: &str| {
            let target = format!("/api/freeze?stage=burn-pool&law={law}&frozen={how}");
            let host = format!("POST {target} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n");
            admin.send(host);
            admin.response(false)
        };
        assert_eq!(frozen(), [false, false]);
        let done = freeze("overload", "true", "");
        assert_eq!((done.status, done.field("content-type")), (200, Some("application/json")));
        let said: Value = serde_json::from_slice(&done.body).expect("JSON");
        assert_eq!(said["law"], "overload");
        assert_eq!(frozen(), [true, false]);
        assert_eq!(freeze("memory", "true", &own).status, 200);
        assert_eq!(frozen(), [true, true]);
        assert_eq!(freeze("overload", "false", "").status, 200);
        assert_eq!(frozen(), [false, true]);

        for (law, how, fields, status) in [
            ("memory", "false", "Origin: http://evil.example\r\n", 403),
            ("memory", "false", "Origin: null\r\n", 403),
            ("memory", "maybe", "", 400),
            ("seda", "true", "", 404),
        ] {
            let refused = freeze(law, how, fields);
            assert_eq!(refused.status, status, "{law} {how} {fields}");
            assert!(refused.text().contains("accepted: "), "{}", refused.text());
        }
        let none = freeze("seda", "true", "");
        assert!(none.text().contains("stage=burn-pool&law=overload"), "{}", none.text());
        let change = "/api/freeze?stage=burn-pool&law=memory&frozen=false";
        let mut admin = Client::connect(&server.address("admin"));
        let got = admin.get(change);
        assert_eq!((got.status, got.field("allow")), (405, Some("POST")));
        let on_site = server.client().ask("POST", change, "").status;
        assert!([404, 405].contains(&on_site), "{on_site}");
        assert_eq!(frozen(), [false, true], "all that was in vain");
        assert_eq!(server.client().get("/work?us=1").status, 200);
        server.stop();
    });
}

#[test]
fn settings_change_over_the_admin_listener_and_nowhere_else() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = serve(&site, "");
        let target = "stages.burn-pool.gate.overload.target";
        let address = server.address("admin");
        let value = || {
            let listed = Client::connect(&address).get(&format!("/api/settings?under={target}"));
            let listed: Value = serde_json::from_slice(&listed.body).expect("JSON");
            listed["settings"][0]["value"].as_f64()
        };
        let before = value();
        assert!(before.is_some());
        let change = format!("/api/settings?{target}=30000&stages.burn-pool.batch=2");
        let post = |fields: &str| {
            let mut admin = Client::connect(&address);
            admin.send(format!("POST {change} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n"));
            admin.response(false)
        };
        assert_eq!(post("Origin: http://evil.example\r\n").status, 403);
        assert_eq!(Client::connect(&address).get(&change).status, 200, "it lists");
        let on_site = server.client().ask("POST", &change, "").status;
        assert!([404, 405].contains(&on_site), "{on_site}");
        assert_eq!(value(), before, "all that was in vain");
        assert_eq!(post("").status, 200);
        assert_eq!(value(), Some(30_000.0));
        assert_eq!(server.client().get("/work?us=1").status, 200);
        assert_eq!(votes(&server)[0].0, "overload");
        server.stop();
    });
}

#[test]
fn a_stage_is_held_still_over_the_admin_listener() {
    on_each_backend(|| {
        let site = Scratch::new();
        // Nothing that waits is refused meanwhile.
        let server = start(&site, "", "target = \"60s\"\n", "");
        let address = server.address("admin");
        let post = |target: &str, fields: &str| {
            let mut admin = Client::connect(&address);
            admin.send(format!("POST {target} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n"));
            admin.response(false)
        };
        let paused = || {
            let net = server.net();
            let stages = net["stages"].as_array().expect("stages").clone();
            stages.into_iter().find(|stage| stage["name"] == "burn-pool").expect("it is there")
        };
        let at = |verb: &str| format!("/api/stages/burn-pool/{verb}");
        let foreign = "Origin: http://evil.example\r\n";
        assert_eq!(post(&at("pause"), foreign).status, 403);
        assert_eq!(Client::connect(&address).get(&at("pause")).status, 405);
        let own = post("/api/stages/admin-http/pause", "");
        assert_eq!(own.status, 403, "{}", own.text());
        assert_eq!(post("/api/stages/nothing/pause", "").status, 404);
        assert_eq!(post(&at("step"), "").status, 409);
        assert_eq!(paused()["paused"], false);
        assert_eq!(post(&at("pause?by=anna"), "").status, 200);
        assert_eq!(paused()["paused"], true);
        let mut held = server.client();
        held.send(format!("GET /work?us=1 HTTP/1.1\r\nHost: {}\r\n\r\n", server.address("site")));
        until("it waits", || (paused()["queued"] == 1).then_some(()));
        assert_eq!(server.client().get("/").text(), "home", "all else goes on");
        assert_eq!(post(&at("step"), "").status, 200);
        assert_eq!(held.response(false).status, 200);
        assert_eq!(paused()["paused"], true);
        assert_eq!(post(&at("resume"), "").status, 200);
        assert_eq!(server.client().get("/work?us=1").status, 200);
        server.stop();
    });
}

/// Requests of each kind that are sent together, the last ones behind all others.
const LAST: usize = 3;

#[test]
fn who_is_important_goes_first_and_who_only_says_so_does_not() {
    on_each_backend(|| {
        let site = Scratch::new();
        let classes = "[[class]]\nclass = 9\ncookie = \"tier\"\nvalue = \"gold\"\n\
                       address = [\"127.0.0.0/8\"]\n\
                       [[class]]\nclass = 9\nheader = \"X-Plan\"\nvalue = \"gold\"\n\
                       address = \"10.0.0.0/8\"\n";
        let server = start(&site, "", "target = \"1s\"\n", classes);
        let clients = |n| (0..n).map(|_| server.client()).collect::<Vec<_>>();
        let (mut many, mut last) = (clients(CLIENTS), clients(LAST));
        let ask = |fields: &str| format!("GET {ASK} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        let refused = (0..ROUNDS).any(|_| {
            for client in &mut many {
                // Not from where it would be believed; and no name, value or byte quite right.
                client.send(ask("X-Plan: gold\r\nCookie: tier=gold\u{e9}; Tier=gold; ;=;tier\r\n"));
            }
            for client in &mut last {
                client.send(ask("Cookie: a=b; tier=gold\r\n"));
            }
            for client in &mut last {
                assert_eq!(client.response(false).status, 200, "they come last and go first");
            }
            let statuses = many.iter_mut().map(|client| client.response(false).status);
            statuses.filter(|status| *status == 503).count() > LAST
        });
        assert!(refused, "nobody was refused: who went first does not show");
        server.stop();
    });
}

#[test]
fn a_page_stands_in_the_place_of_a_refusal() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/busy.html", "<p>busy");
        let more = "target = \"20ms\"\ninstead = \"/busy.html\"\n";
        let server = start(&site, "", more, "");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        let mut pages = 0;
        for _ in 0..ROUNDS {
            for response in at_once(&mut clients) {
                let late = response.status == 503;
                assert!(late || response.status == 200, "{}", response.head);
                if response.text() == "<p>busy" {
                    assert_eq!(response.field("cache-control"), Some("no-store"));
                    assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"));
                    pages += 1;
                } else {
                    assert!(late || response.text().starts_with("burnt "), "{}", response.text());
                }
            }
            if pages > 0 {
                break;
            }
        }
        assert!(pages > 0, "nothing was refused");
        let net = server.net();
        let served = |stage: &Value| (stage["name"] == "instead").then(|| stage["served"].as_u64());
        let stages = net["stages"].as_array().expect("stages");
        assert_eq!(stages.iter().find_map(served), Some(Some(pages)));
        let diverted =
            |wire: &Value| (wire["port"] == "burn_pool").then(|| wire["diverted"].as_u64());
        let wires = net["wires"].as_array().expect("wires");
        assert_eq!(wires.iter().find_map(diverted), Some(Some(pages)));
        assert!(total(&gate(&net)["refused"]) >= pages, "the gate counts them as ever");
        server.stop();
    });
}

/// A connection from an address of its own.
fn from(server: &Server, source: [u8; 4]) -> Client<TcpStream> {
    let to: SocketAddrV4 = server.address("site").parse().expect("an address");
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    net::bind(&socket, &SocketAddrV4::new(source.into(), 0)).expect("all of 127/8 is ours");
    net::connect(&socket, &to).expect("it listens");
    Client::over(TcpStream::from(socket))
}

#[test]
fn the_greedy_address_sees_429_and_the_quiet_ones_are_served() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/enough.html", "<p>enough");
        // Many times what a mouse waits for the events in the handlers' hands.
        let server = start(&site, "[errors]\n429 = \"/enough.html\"\n", "target = \"500ms\"\n", "");
        let mut elephant: Vec<_> = (0..CLIENTS).map(|_| from(&server, [127, 0, 0, 2])).collect();
        let mut mice: Vec<_> = (0..5).map(|n| from(&server, [127, 0, 1, n + 1])).collect();
        let mut greedy = 0;
        for _ in 0..ROUNDS {
            let ask = format!("GET {ASK} HTTP/1.1\r\nHost: test\r\n\r\n");
            elephant.iter_mut().for_each(|client| client.send(&ask));
            // Each of them while the greedy one's wait, and one at a time.
            for mouse in &mut mice {
                let response = mouse.get("/work?us=100");
                assert_eq!(response.status, 200, "{}", response.head);
            }
            for response in elephant.iter_mut().map(|client| client.response(false)) {
                if response.status == 429 {
                    greedy += 1;
                    assert_eq!(response.text(), "<p>enough");
                    let seconds = response.field("retry-after").expect("when to come again");
                    assert!(["1", "2", "3"].contains(&seconds), "{seconds}");
                }
            }
            if greedy > 0 {
                break;
            }
        }
        assert!(greedy > 0, "the greedy one was never told so");
        let net = server.net();
        assert_eq!(net["http"]["refused"]["429"], greedy);
        assert_eq!(gate(&net)["refused"]["greedy"], greedy);
        server.stop();
    });
}
