//! Who watches the real binary over real sockets.
mod common;

use common::{Client, Scratch, Server, on_each_backend, until};
use rustix::process::Signal;
use serde_json::Value;
use std::net::TcpStream;

/// Somebody who watches.
struct Viewer {
    client: Client<TcpStream>,
    came: Vec<u8>,
}

impl Viewer {
    fn of(server: &Server) -> Viewer {
        let mut client = Client::connect(&server.address("admin"));
        client.send("GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let head = client.head();
        assert!(head.contains("Content-Type: text/event-stream\r\n"), "{head}");
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        Viewer { client, came: Vec::new() }
    }

    /// The next chunk; empty at the end.
    fn chunk(&mut self) -> Vec<u8> {
        let line = self.client.line();
        let size = usize::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
        let mut chunk = self.client.bytes(size + 2);
        assert!(chunk.ends_with(b"\r\n"));
        chunk.truncate(size);
        chunk
    }

    /// The next event.
    fn event(&mut self) -> Value {
        loop {
            let text = String::from_utf8(std::mem::take(&mut self.came)).expect("text");
            if let Some(data) =
                text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n"))
            {
                return serde_json::from_str(data).expect("JSON");
            }
            assert!(text.is_empty() || text == "retry: 2000\n\n", "{text}");
            self.came = self.chunk();
            assert!(!self.came.is_empty(), "the stream ended");
        }
    }
}

#[test]
fn many_are_sent_the_same_and_a_stop_waits_for_none() {
    on_each_backend(|| {
        let site = Scratch::new();
        let config = site.write("site.toml", "drain = \"1h\"\n");
        let server = Server::start(&["--config", &config, site.arg()]);
        let mut viewers: Vec<_> = (0..100).map(|_| Viewer::of(&server)).collect();
        // Of some the first event may have been on its way before the last one came.
        let first = viewers[99].event()["net"]["time_ms"].as_u64().expect("a time");
        for viewer in &mut viewers {
            let time = |event: Value| event["net"]["time_ms"].as_u64().expect("a time");
            until("the same event", || (time(viewer.event()) >= first).then_some(()));
        }
        // One leaves, and one does not read any more.
        drop(viewers.pop());
        server.signal(Signal::TERM);
        for mut viewer in viewers.drain(1..) {
            while !viewer.chunk().is_empty() {}
            assert!(viewer.client.rest().is_empty(), "the connection is closed behind it");
        }
        let (status, said, complaints) = server.end();
        assert!(status.success(), "{status}: {said}{complaints}");
        assert!(said.trim_end().ends_with("both ledgers are even"), "{said}");
    });
}

#[test]
fn a_reload_keeps_the_history_and_ends_what_is_watched() {
    let site = Scratch::new();
    let config = site.write("site.toml", "");
    let mut server = Server::start(&["--config", &config, site.arg()]);
    let history = |server: &Server| -> Value {
        let said = Client::connect(&server.address("admin")).get("/api/history");
        serde_json::from_slice(&said.body).expect("JSON")
    };
    let mut viewer = Viewer::of(&server);
    viewer.event();
    server.signal(Signal::HUP);
    assert_eq!(server.says(), "SIGHUP: the settings were read again");
    while !viewer.chunk().is_empty() {}
    until("the new net is seen", || {
        let told = Client::connect(&server.address("admin")).get("/api/incidents");
        let told: Value = serde_json::from_slice(&told.body).expect("JSON");
        let mut all = told["incidents"].as_array().into_iter().flatten();
        all.any(|one| one["kind"] == "restart").then_some(())
    });
    let history = history(&server);
    let times: Vec<_> = history["t"].as_array().into_iter().flatten().collect();
    assert!(times.len() > 1, "a row of each net: {history}");
    server.stop();
}
