//! SIGHUP: the settings are read again, all or nothing, and nobody is cut off.
mod common;

use common::{Scratch, Server, on_each_backend, until};
use rustix::process::Signal;

const SLEEP: &str = "[[route]]\npath = \"/sleep\"\nhandler = \"sleep\"\n";

/// A server of the directory `old`, with a file of settings to be changed.
fn server(more: &str) -> (Scratch, String, Server) {
    let site = Scratch::new();
    site.write("old/page.txt", "old");
    site.write("new/page.txt", "new");
    let config = site.write("site.toml", format!("root = \"old\"\n{more}{SLEEP}"));
    let server = Server::start(&["--config", &config]);
    (site, config, server)
}

fn reload(server: &mut Server) -> String {
    server.signal(Signal::HUP);
    server.says()
}

#[test]
fn other_settings_take_over_and_what_was_begun_is_answered() {
    on_each_backend(|| {
        let (site, _, mut server) = server("workers = 2\n");
        let (mut idle, mut busy) = (server.client(), server.client());
        assert_eq!(idle.get("/page.txt").text(), "old");
        busy.send("GET /sleep?ms=700 HTTP/1.1\r\nHost: t\r\n\r\n");
        until("a request in flight", || {
            let net = server.net();
            let stage = net["stages"].as_array()?.iter().find(|stage| stage["name"] == "sleep")?;
            (stage["served"].as_i64()? >= 1).then_some(())
        });
        let text = "root = \"new\"\nworkers = 2\n[[route]]\npath = \"/echo\"\nhandler = \"echo\"\n";
        site.write("site.toml", text);
        assert_eq!(reload(&mut server), "SIGHUP: the settings were read again");
        let mut client = server.client();
        assert_eq!(client.get("/page.txt").text(), "new");
        assert_eq!(client.get("/echo").status, 200);
        assert_eq!(client.get("/sleep?ms=1").status, 404, "it is mounted no more");
        let response = busy.response(false);
        assert_eq!((response.status, response.text()), (200, "slept 700 ms\n"));
        assert!(idle.rest().is_empty(), "an idle connection is closed in good order");
        drop((idle, busy, client));
        server.stop();
    });
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let (site, config, mut server) = server("");
    let mut client = server.client();
    for (text, complaint) in [
        ("root = \"none\"\n", "cannot serve `"),
        ("rot = \"new\"\n", "site.toml:1:1: unknown key `rot`; did you mean `root`?"),
        ("root = \"new\"\nworkers = 63\n", "workers cannot change while the service runs"),
    ] {
        site.write("site.toml", text);
        assert_eq!(reload(&mut server), "SIGHUP: the former settings hold on", "{complaint}");
        assert_eq!(client.get("/page.txt").text(), "old", "the connection stands");
        assert_eq!(server.client().get("/page.txt").text(), "old");
    }
    drop(client);
    site.write("site.toml", "root = \"new\"\n");
    assert_eq!(reload(&mut server), "SIGHUP: the settings were read again");
    assert_eq!(server.client().get("/page.txt").text(), "new");
    server.signal(Signal::TERM);
    let (status, said, complaints) = server.end();
    assert!(status.success() && said.contains("both ledgers are even"), "{said}{complaints}");
    for complaint in ["cannot serve `", "unknown key `rot`", "workers cannot change"] {
        assert!(complaints.contains(complaint), "{complaint} is not in {complaints} of {config}");
    }
}

#[test]
fn a_unix_socket_is_passed_on() {
    let site = Scratch::new();
    site.write("www/page.txt", "page");
    let socket = site.path().join("site.sock");
    let listen = format!("unix:{}", socket.display());
    let www = site.path().join("www").display().to_string();
    let args = ["serve", &www, "--listen", &listen, "--listen", "127.0.0.1:0"];
    let all: Vec<&str> = args.into_iter().chain(["--admin", "127.0.0.1:0"]).collect();
    let mut server = Server::start_with(&all);
    for _ in 0..3 {
        let stream = std::os::unix::net::UnixStream::connect(&socket).expect("it listens");
        assert_eq!(common::Client::over(stream).get("/page.txt").text(), "page");
        assert_eq!(reload(&mut server), "SIGHUP: the settings were read again");
    }
    assert!(socket.exists());
    server.stop();
    assert!(!socket.exists(), "its file is removed in the end");
}
