//! Clients that leave, and deadlines, over real sockets: what nobody waits for is not begun.
mod common;

use common::{Client, Response, Scratch, Server, on_each_backend, until};
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What keeps the only thread of the pool busy while others come, wait and leave.
const LONG: &str = "/work?us=1500000";

/// A server with one thread that burns, behind a plain queue.
fn serve(site: &Scratch, more: &str) -> Server {
    site.write("www/index.html", "home");
    site.write("www/late.html", "<p>too late");
    let route = "[[route]]\npath = \"/work\"\nhandler = \"burn\"\n";
    let text = format!("root = \"{}/www\"\nworkers = 1\n{more}{route}", site.arg());
    let config = site.write("site.toml", text);
    Server::start(&["--config", &config])
}

fn stage(server: &Server, name: &str) -> Value {
    let net = server.net();
    let mut stages = net["stages"].as_array().expect("stages").iter();
    stages.find(|stage| stage["name"] == name).expect("it is in the net").clone()
}

/// How many requests came to the burning stage so far.
fn came(server: &Server) -> u64 {
    let net = server.net();
    let mut wires = net["wires"].as_array().expect("wires").iter();
    let wire = wires.find(|wire| wire["to"] == "burn-pool").expect("it is in the net");
    wire["sent"].as_u64().expect("a count")
}

/// A client whose request has come to the burning stage.
fn asks(server: &Server, target: &str, fields: &str) -> Client<TcpStream> {
    let before = came(server);
    let mut client = server.client();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    until("the request comes to its queue", || (came(server) > before).then_some(()));
    client
}

fn statuses(clients: Vec<Client<TcpStream>>) -> Vec<u16> {
    clients.into_iter().map(|mut client| client.response(false).status).collect()
}

#[test]
fn who_has_left_is_not_worked_for_and_who_finished_sending_is() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = serve(&site, "");
        let mut first = asks(&server, LONG, "");
        let half = asks(&server, "/work?us=1", "");
        half.stream().shutdown(Shutdown::Write).expect("the connection stands");
        let leaves = asks(&server, "/work?us=2", "");
        // Who finished sending before it leaves, and whose further requests are not read.
        let finishes = asks(&server, "/work?us=3", "");
        finishes.stream().shutdown(Shutdown::Write).expect("the connection stands");
        let mut floods = asks(&server, "/work?us=4", "");
        floods.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000));
        for client in [leaves, finishes, floods] {
            set_socket_linger(client.stream(), Some(Duration::ZERO)).expect("a plain socket");
        }
        until("three resets are seen", || {
            let closed = server.net()["ledger"]["connections"]["closed"]["reset"].as_u64()?;
            (closed == 3).then_some(())
        });
        assert_eq!(stage(&server, "burn-pool")["queued"], 4, "they wait behind the first");
        assert_eq!(first.response(false).text(), "burnt 1500000 us\n");
        let mut half = half;
        assert_eq!(half.response(false).text(), "burnt 1 us\n");
        until("all have ended", || {
            let ended = server.net()["ledger"]["ended"]["gone"].as_u64()?;
            (ended == 3).then_some(())
        });
        let burns = stage(&server, "burn-pool");
        assert_eq!((&burns["served"], &burns["refused"]["gone"]), (&2.into(), &3.into()));
        server.stop();
    });
}

#[test]
fn work_that_is_late_is_answered_504_and_not_begun() {
    let more = "[errors]\n504 = \"/late.html\"\n[deadline]\nheaders = [\"grpc-timeout\", \
                \"X-Request-Timeout\"]\n[[route]]\npath = \"/hurry\"\nhandler = \"burn\"\n\
                deadline = \"20ms\"\n";
    on_each_backend(|| {
        let site = Scratch::new();
        let server = serve(&site, more);
        let long = asks(&server, LONG, "");
        let late = [
            ("/work?us=1", "Grpc-Timeout: 20m\r\n"),
            ("/work?us=1", "X-Request-Timeout: 20\r\n"),
            ("/work?us=1", "X-Request-Timeout: 60s\r\nGrpc-Timeout: 20m\r\n"),
            ("/hurry?us=1", ""),
            // A client can only bring its end nearer.
            ("/hurry?us=1", "X-Request-Timeout: 60s\r\n"),
        ];
        let late = late.map(|(target, fields)| asks(&server, target, fields));
        let on_time = [
            ("/work?us=1", ""),
            ("/work?us=1", "Grpc-Timeout: 1M\r\n"),
            // Not to be read, and so no deadline.
            ("/work?us=1", "Grpc-Timeout: soon\r\n"),
            ("/work?us=1", "X-Request-Timeout: -1\r\nX-Request-Timeout: 0.001\r\n"),
            // Nobody said that this one is to be believed.
            ("/work?us=1", "X-Timeout: 1\r\n"),
        ];
        let on_time = on_time.map(|(target, fields)| asks(&server, target, fields));
        assert_eq!(statuses(vec![long]), [200]);
        for mut client in late {
            let response: Response = client.response(false);
            assert_eq!((response.status, response.text()), (504, "<p>too late"));
            assert_eq!(client.get("/").text(), "home", "the connection goes on");
        }
        assert_eq!(statuses(on_time.into()), [200; 5]);
        let net = server.net_by_now();
        assert_eq!(net["http"]["refused"]["504"], 5);
        assert_eq!(net["http"]["deadlines_ignored"], 3);
        assert_eq!(net["ledger"]["ended"]["expired"], 5);
        assert_eq!(stage(&server, "burn-pool")["refused"]["expired"], 5);
        server.stop();
    });
}
