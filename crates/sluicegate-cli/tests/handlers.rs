//! The built-in handlers of the real binary, and what a panic costs.
mod common;

use common::{Client, Scratch, Server, on_each_backend, run, until};
use serde_json::json;
use sluicegate_io::Cpus;
use std::net::TcpStream;

fn all_handlers() -> (Scratch, Server) {
    let site = Scratch::new();
    let mut config = format!("root = \"{}\"\nworkers = 1\n", site.arg());
    for (path, handler, more) in [
        ("/echo", "echo", ""),
        ("/inline", "burn", "domain = \"inline\"\n"),
        ("/pool", "burn", ""),
        ("/sleep", "sleep", ""),
        ("/panic", "panic", ""),
        ("/net", "net", ""),
    ] {
        config.push_str(&format!("[[route]]\npath = \"{path}\"\nhandler = \"{handler}\"\n{more}"));
    }
    site.write("index.html", "home");
    let config = site.write("site.toml", config);
    let server = Server::start(&["--config", &config]);
    (site, server)
}

/// Asks on many connections at once, then reads all the answers.
fn at_once(server: &Server, targets: &[&str]) -> Vec<u16> {
    let ask = |target: &&str| {
        let mut client = server.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        client
    };
    let mut clients: Vec<Client<TcpStream>> = targets.iter().map(ask).collect();
    clients.iter_mut().map(|client| client.response(false).status).collect()
}

#[test]
fn echo_returns_the_body_of_any_method() {
    on_each_backend(|| {
        let (_site, server) = all_handlers();
        let mut client = server.client();
        let large: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
        for body in [&b""[..], b"abc", &large] {
            for method in ["POST", "PUT", "BREW"] {
                let head = format!("{method} /echo HTTP/1.1\r\nHost: t\r\n");
                client.send(format!("{head}Content-Length: {}\r\n\r\n", body.len()));
                client.send(body);
                let response = client.response(false);
                assert!(response.status == 200 && response.body == body, "{method}");
            }
        }
        client.send("POST /echo/below HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        assert_eq!(client.response(false).text(), "abcde");
        server.stop();
    });
}

#[test]
fn a_handler_that_hangs_is_named_while_it_does() {
    let (_site, server) = all_handlers();
    let mut client = server.client();
    // The look after a second comes within a quarter of one.
    client.send("GET /inline?us=2000000 HTTP/1.1\r\nHost: t\r\n\r\n");
    let stall = until("a stall", || server.net()["stalls"].as_array()?.first().cloned());
    let name = (&stall["stage"], &stall["domain"], &stall["worker"]);
    assert_eq!(name, (&json!("burn"), &json!("cpu"), &json!(0)));
    assert!(stall["time_us"].as_u64() >= Some(1_000_000), "{stall}");
    assert_eq!(client.response(false).text(), "burnt 2000000 us\n");
    let net = server.net();
    assert_eq!(net["stalls"], json!([]));
    let stages = net["stages"].as_array().expect("stages");
    let burn = stages.iter().find(|stage| stage["name"] == "burn").expect("it is there");
    // Not once: a machine that keeps a shorter run from its processor adds to it.
    assert!(burn["overruns"].as_u64() >= Some(1), "{burn}");
    drop(client);
    server.signal(rustix::process::Signal::TERM);
    let (_, _, said) = server.end();
    let named = " WARN sluicegate::stall: stage `burn` on cpu/0 has not come back for 1.";
    assert!(said.contains(named) && said.lines().count() == 1, "{said}");
}

#[test]
fn workers_keep_to_the_processors_that_they_are_given() {
    let cpus = Cpus::allowed().unwrap();
    let site = Scratch::new();
    let config = format!("root = \"{}\"\ncpus = \"{cpus}\"\n", site.arg());
    let config = site.write("site.toml", config);
    let server = Server::start(&["--config", &config]);
    let count = cpus.count();
    let line = server.line("workers").to_owned();
    assert!(line.starts_with(&format!("{count} pinned to CPUs {cpus}, ")), "{line}");
    server.stop();
    let none = site.write("none.toml", "listen = \"127.0.0.1:0\"\ncpus = \"1023\"\n");
    for args in [["check", &*none].as_slice(), &["serve", "--config", &none]] {
        let out = run(args);
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success(), "{args:?}");
        assert!(said.contains("`cpus` cannot be used: there is no processor 1023"), "{said}");
        assert!(said.trim_end().ends_with(&format!("; accepted: {cpus}")), "{said}");
    }
}

#[test]
fn burn_and_sleep_do_what_they_are_asked() {
    let (_site, server) = all_handlers();
    let mut client = server.client();
    assert_eq!(client.get("/inline?us=500").text(), "burnt 500 us\n");
    assert_eq!(client.get("/pool?us=500").text(), "burnt 500 us\n");
    assert_eq!(client.get("/sleep?ms=5").text(), "slept 5 ms\n");
    for (target, said) in [
        ("/pool", "`us` is missing; accepted: ?us=N, N from 0 to 10000000\n"),
        ("/sleep?ms=soon", "`ms` is \"soon\"; accepted: ?ms=N, N from 0 to 60000\n"),
    ] {
        let response = client.get(target);
        assert_eq!((response.status, response.text()), (400, said));
    }
    server.stop();
}

#[test]
fn hundreds_sleep_on_one_worker_and_hold_nobody_up() {
    on_each_backend(|| {
        let (_site, server) = all_handlers();
        let sleepers: Vec<Client<TcpStream>> = (0..300)
            .map(|_| {
                let mut client = server.client();
                client.send("GET /sleep?ms=1000 HTTP/1.1\r\nHost: t\r\n\r\n");
                client
            })
            .collect();
        assert_eq!(server.client().get("/").text(), "home");
        for mut sleeper in sleepers {
            assert_eq!(sleeper.response(false).text(), "slept 1000 ms\n");
        }
        server.stop();
    });
}

#[test]
fn a_panic_costs_its_own_request() {
    on_each_backend(|| {
        let (_site, server) = all_handlers();
        let mut targets = Vec::new();
        for _ in 0..20 {
            targets.extend(["/panic", "/", "/sleep?ms=20", "/pool?us=10", "/inline?us=10"]);
        }
        let statuses = at_once(&server, &targets);
        let mut panicked = Vec::new();
        for (target, status) in targets.iter().zip(statuses) {
            match *target {
                "/panic" => panicked.push(status),
                _ => assert_eq!(status, 200, "{target}"),
            }
        }
        let mut client = server.client();
        panicked.push(client.get("/panic").status);
        assert_eq!(client.get("/").status, 200, "the connection goes on");
        // After many in a row the breaker is open, and those that come are to come again later.
        let [lost, later] =
            [500, 503].map(|status| panicked.iter().filter(|&&own| own == status).count());
        assert!(lost >= 16 && lost + later == 21, "{panicked:?}");
        let net = server.net_by_now();
        let stages = net["stages"].as_array().expect("stages");
        let panic = stages.iter().find(|stage| stage["name"] == "panic").expect("it is mounted");
        assert_eq!(panic["panics"], lost, "{panic}");
        assert_eq!(net["ledger"]["ended"]["failed"], lost);
        assert_eq!(net["ledger"]["ended"]["broken"], later);
        assert_eq!(net["http"]["refused"]["500"], lost);
        assert_eq!(net["ledger"]["balanced"], true);
        server.stop();
    });
}

#[test]
fn the_net_is_shown_on_both_listeners() {
    let (_site, server) = all_handlers();
    let mut client = server.client();
    let own = until("the question is in the ledger", || {
        let own = client.get("/net");
        assert_eq!(own.field("content-type"), Some("application/json"));
        let own: serde_json::Value = serde_json::from_slice(&own.body).expect("JSON");
        own["ledger"]["entered"].as_u64().is_some_and(|entered| entered > 0).then_some(own)
    });
    for net in [own, server.net_by_now()] {
        assert_eq!(net["name"], "web");
        for key in ["stages", "wires"] {
            assert!(net[key].as_array().is_some_and(|list| list.len() > 10), "{key}");
        }
        assert_ne!(net["ledger"]["entered"], 0);
        assert_eq!(net["ledger"]["connections"]["balanced"], true);
    }
    let mut admin = Client::connect(&server.address("admin"));
    assert!(admin.get("/").text().contains("<title>Sluicegate</title>"));
    assert_eq!(admin.get("/none").status, 404);
    assert_eq!(admin.ask("DELETE", "/api/net", "").status, 405);
    server.stop();
}

#[test]
fn the_demo_site_has_its_routes() {
    let server = Server::start(&[]);
    assert!(server.line("site").starts_with("the bundled demo site on http://"));
    let mut client = server.client();
    let home = client.get("/");
    assert_eq!(home.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(client.get("/api/net").field("content-type"), Some("application/json"));
    assert_eq!(client.get("/burn?us=1").status, 200);
    assert_eq!(client.get("/sleep?ms=1").status, 200);
    assert_eq!(client.get("/echo").status, 200);
    assert_eq!(client.get("/panic").status, 404);
    let net = server.net();
    let stages = net["stages"].as_array().expect("stages");
    let burn = stages.iter().find(|stage| stage["name"] == "burn-pool").expect("it is mounted");
    assert_eq!(burn["admission"][0]["votes"][0]["target_us"], 50_000, "{burn}");
    server.stop();
}
