//! A route with a target, asked for more than it can do, over real sockets.
mod common;

use common::{Client, Response, Scratch, Server, on_each_backend, until};
use serde_json::Value;
use std::net::TcpStream;

/// Connections that ask at the same time, each for so much CPU: a second's work of two threads.
const CLIENTS: usize = 100;
const ASK: &str = "/work?us=20000";
/// Rounds after which a server that was too fast for its clients has failed the test.
const ROUNDS: usize = 20;

fn serve(site: &Scratch, more: &str, route: &str) -> Server {
    site.write("www/index.html", "home");
    let root = format!("root = \"{}/www\"\nworkers = 2\n", site.arg());
    let burn = "[[route]]\npath = \"/work\"\nhandler = \"burn\"\ntarget = \"20ms\"\n";
    let config = site.write("site.toml", format!("{root}{more}{burn}{route}"));
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
        let server = serve(&site, "", "");
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
        assert_eq!(
            (gate["law"].as_str(), gate["target_us"].as_u64()),
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
        let server = serve(&site, "", "refuse = true\n");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        let all = at_once(&mut clients);
        assert!(all.iter().all(|response| response.status == 503));
        assert!(all.iter().all(|response| response.field("retry-after").is_some()));
        let gate = gate(&server.net());
        assert_eq!((gate["law"].as_str(), &gate["bounds"]["events"]), (Some("limit"), &0.into()));
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
        let server = serve(&site, "[errors]\n503 = \"/busy.html\"\n", "");
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
