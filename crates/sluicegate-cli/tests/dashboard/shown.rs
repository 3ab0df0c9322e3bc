//! Serves the dashboard over nets that were seen twice and run no more, each below its name; over
//! gates, which nobody watches all the time; and over a net of which nothing is pushed yet.

use crate::troubles::Trouble;
use sluicegate::{Changed, Setting, Value};
use sluicegate_admin::metrics::Page;
use sluicegate_admin::model::Flows;
use sluicegate_admin::{Answer, Asked, Health, Look, NotChanged, Seen, Steer, Watcher, answer};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Where the gates are.
pub const GATES: &str = "gates";

/// Where nothing is pushed.
pub const SILENT: &str = "silent";

/// What gates tell: each time a second later, in which a thousand more were served.
const TOLD: &str = r#"{"name": "gates", "stages": [{"name": "search", "kind": "gate",
 "time_ms": TIME, "queued": 1, "capacity": 8, "running": 1, "concurrency": 4, "served": TIME,
 "refused": {}, "ledger": {"entered": TIME, "ended": {"finished": TIME}, "in_flight": 0,
 "balanced": true}}]}"#;

/// Listens until the test ends; its address.
pub fn serve(troubles: &[Trouble]) -> String {
    let shown = troubles.iter().map(|trouble| (trouble.name, Shown::new(trouble)));
    let others = [(GATES, Shown::gates()), (SILENT, Shown::silent())];
    let shown: Arc<HashMap<_, _>> = Arc::new(shown.chain(others).collect());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it listens").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let shown = Arc::clone(&shown);
            // A browser opens some that it does not use, and leaves when it likes.
            std::thread::spawn(move || drop(reply(stream, &shown)));
        }
    });
    address
}

/// What is served below a name.
struct Shown {
    net: String,
    /// What who watches is sent: the same again and again would be.
    event: String,
    watcher: Option<Mutex<Watcher>>,
    /// How often it was asked for.
    asked: AtomicU64,
}

impl Shown {
    fn new(trouble: &Trouble) -> Shown {
        let mut watcher = Watcher::default();
        let [_, event] = trouble.looks.clone().map(|net| {
            watcher.look(Look { net, watched: true, ..Look::default() }).expect("it is watched")
        });
        let [_, mut now] = trouble.looks.clone();
        now.viewers = Some(0);
        let net = now.to_json();
        Shown { net, event, watcher: Some(Mutex::new(watcher)), asked: AtomicU64::new(0) }
    }

    fn gates() -> Shown {
        let (net, event) = (TOLD.to_owned(), String::new());
        Shown { net, event, watcher: None, asked: AtomicU64::new(0) }
    }

    fn silent() -> Shown {
        let net = TOLD.replace("\"stages\"", "\"viewers\": 0, \"stages\"");
        Shown { net, watcher: Some(Mutex::default()), ..Shown::gates() }
    }
}

/// Answers one request.
fn reply(stream: TcpStream, shown: &HashMap<&str, Shown>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut host) = (String::new(), String::new());
    stream.read_line(&mut line)?;
    loop {
        let mut field = String::new();
        if stream.read_line(&mut field)? == 0 {
            return Ok(());
        }
        match field.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("host") => host = value.to_owned(),
            Some(_) => {}
            None => break,
        }
    }
    let target = line.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').map_or((target, None), |(a, b)| (a, Some(b)));
    let (name, path) = path[1..].split_once('/').unwrap_or_default();
    let Some(one) = shown.get(name) else {
        // The browser asks by itself for a picture of the site.
        let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.get_mut().write_all(none.as_bytes());
    };
    let path = format!("/{path}");
    let host = Some(host.as_bytes());
    let answer =
        answer(Asked { method: b"GET", path: &path, query, host, ..Asked::default() }, one);
    let (live, text) = (answer.is_live(), whole(&answer));
    stream.get_mut().write_all(text.as_bytes())?;
    if live {
        stream.get_mut().write_all(one.event.as_bytes())?;
        // The stream lasts for as long as somebody reads it.
        stream.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn whole(answer: &Answer) -> String {
    let mut text =
        format!("HTTP/1.1 {} \r\nContent-Type: {}\r\n", answer.status, answer.content_type);
    for (name, value) in answer.fields() {
        text += &format!("{name}: {value}\r\n");
    }
    if !answer.is_live() {
        text += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    text + "Connection: close\r\n\r\n" + &answer.body
}

const OVER: NotChanged = NotChanged::Forbidden("this net does not run any more");

impl Seen for Shown {
    fn json(&self) -> String {
        let seconds = self.asked.fetch_add(1, Relaxed) + 1;
        self.net.replace("TIME", &(1000 * seconds).to_string())
    }

    fn put_metrics(&self, _: &mut Page) {}

    fn health(&self) -> Health {
        Health::default()
    }

    fn freeze(&self, _: &str, _: &str, _: &str, _: bool) -> Result<(), NotChanged> {
        Err(OVER)
    }

    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    fn changes(&self) -> Vec<Changed> {
        Vec::new()
    }

    fn change(&self, _: &str, _: &[(&str, Value)]) -> Result<(), NotChanged> {
        Err(OVER)
    }

    fn steer(&self, _: &str, _: &str, _: Steer) -> Result<(), NotChanged> {
        Err(OVER)
    }

    fn flows(&self) -> Option<Flows> {
        self.watcher.is_some().then(Flows::default)
    }

    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        self.watcher.as_ref()
    }
}
