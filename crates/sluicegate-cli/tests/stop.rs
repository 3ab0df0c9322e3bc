//! How the real binary ends: drained, cut off, or at once.
mod common;

use common::{Scratch, Server, on_each_backend, until};
use rustix::process::Signal;

fn sleeper(more: &str) -> (Scratch, Server) {
    let site = Scratch::new();
    let text = format!("{more}\n[[route]]\npath = \"/sleep\"\nhandler = \"sleep\"\n");
    let config = site.write("site.toml", text);
    let server = Server::start(&["--config", &config, site.arg()]);
    (site, server)
}

/// Waits until so many requests are in the net beside the one that looks.
fn in_flight(server: &Server, flows: i64) {
    until("requests in flight", || {
        let net = server.net();
        let stage = net["stages"].as_array()?.iter().find(|stage| stage["name"] == "sleep")?;
        (stage["served"].as_i64()? >= flows).then_some(())
    });
}

#[test]
fn what_was_begun_is_answered() {
    on_each_backend(|| {
        for signal in [Signal::TERM, Signal::INT] {
            let (_site, mut server) = sleeper("");
            let mut client = server.client();
            client.send("GET /sleep?ms=700 HTTP/1.1\r\nHost: t\r\n\r\n");
            in_flight(&server, 1);
            server.signal(signal);
            let said = server.says();
            assert!(said.ends_with(": answering what was begun, 5s at most"), "{said}");
            let response = client.response(false);
            assert_eq!((response.status, response.text()), (200, "slept 700 ms\n"));
            assert!(client.rest().is_empty(), "the connection is closed behind it");
            // Until the client closes too, the server lingers to read what may still come.
            drop(client);
            let (status, said, complaints) = server.end();
            assert_eq!((status.code(), complaints.as_str()), (Some(0), ""));
            assert!(
                said.starts_with("answered ") && said.contains("; both ledgers are even"),
                "{said}"
            );
        }
    });
}

#[test]
fn a_request_that_takes_too_long_is_cut_off_and_counted() {
    on_each_backend(|| {
        let (_site, server) = sleeper("drain = \"100ms\"");
        let mut client = server.client();
        client.send("GET /sleep?ms=60000 HTTP/1.1\r\nHost: t\r\n\r\n");
        in_flight(&server, 1);
        server.signal(Signal::TERM);
        let (status, said, _) = server.end();
        assert_eq!(status.code(), Some(1));
        assert!(said.contains(", 1 cut off; both ledgers are even"), "{said}");
    });
}

#[test]
fn a_second_signal_ends_at_once() {
    for (second, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (_site, mut server) = sleeper("drain = \"1h\"");
        let mut client = server.client();
        client.send("GET /sleep?ms=60000 HTTP/1.1\r\nHost: t\r\n\r\n");
        in_flight(&server, 1);
        server.signal(Signal::TERM);
        assert!(server.says().starts_with("SIGTERM: "));
        server.signal(second);
        assert_eq!(server.end().0.code(), Some(code));
    }
}

#[test]
fn whoever_was_killed_can_be_started_again_at_once() {
    on_each_backend(|| {
        let site = Scratch::new();
        let mut server = Server::start(&[site.arg()]);
        let address = server.address("site");
        for _ in 0..3 {
            assert_eq!(server.client().get("/nosuch").status, 404);
            server.signal(Signal::KILL);
            let (status, ..) = server.end();
            assert!(!status.success());
            let again = ["serve", "--listen", &address, "--admin", "127.0.0.1:0", site.arg()];
            server = Server::start_with(&again);
        }
        server.stop();
    });
}
