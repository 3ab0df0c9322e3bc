//! The demo page in a real browser: it draws the net that `/api/net` tells it.
#![forbid(unsafe_code)]

#[path = "../../crates/sluicegate-cli/tests/dashboard/program.rs"]
mod program;

use program::{Program, which};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Time that passes for the page, in milliseconds: enough for several looks at the net.
const PAGE_TIME: u32 = 3000;

/// What the page is told: two stages, one wire, five refused, an even ledger.
const NET: &str = r#"{"name":"test","time_ms":TIME,"age_ms":1,"stages":[
 {"name":"read","domain":"cpu","kind":"pinned","replicas":2,"queued":0,"capacity":0,"served":9,
  "batches":3,"busy_us":10,"parked":0,"parked_now":false,"queue_age_us":0,"in_flight":0,
  "refused":{},"panics":0},
 {"name":"http","domain":"cpu","kind":"pinned","replicas":2,"queued":3,"capacity":1024,"served":9,
  "batches":3,"busy_us":10,"parked":0,"parked_now":false,"queue_age_us":0,"in_flight":0,
  "refused":{"shed":5},"panics":0,"admission":[{"work_us":7,"offered":9,"refused":{"shed":6},
  "votes":[{"law":"overload","target_us":50000},{"law":"memory","target_us":null}]}]}],
 "wires":[{"from":"read","port":"out","to":"http","on_full":"wait","window":null,"returns":false,
  "sent":TIME,"held":0,"refused":0}],
 "ledger":{"entered":4321,"forked":0,"joined":0,"ended":{"finished":4314,"shed":5},"in_flight":2,
  "balanced":true,"age_ms":1,"connections":{"opened":7,"closed":{"eof":6},"open":1}}}"#;

#[test]
fn the_page_draws_the_net_it_is_told() {
    let Some(browser) = which("chromium") else {
        println!("skipped: chromium is not installed");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let over = AtomicBool::new(false);
    let page = std::thread::scope(|scope| {
        let server = scope.spawn(|| serve(&listener, &over));
        let page = render(&browser, &format!("http://{address}/"));
        over.store(true, Relaxed);
        // One more connection, so that the server sees that it is over.
        drop(TcpStream::connect(address));
        server.join().expect("the server ends");
        page
    });
    let holds = |words: &str| assert!(page.contains(words), "no {words:?} in the page:\n{page}");
    holds("Live, 2 stages");
    holds("3 / 1.0k");
    holds("5 refused since the start");
    holds("gate (overload, memory): refused 6 of 9, 7 µs of work wait for a target of 50 ms");
    holds("read.out to http");
    holds("<b>4,321</b><small>entered</small>");
    holds("Even, as of 1 ms ago");
    assert!(!page.contains("Not live"), "the page complains:\n{page}");
}

/// The page's document after a while, as the browser holds it.
fn render(browser: &Path, url: &str) -> String {
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let profile = format!("--user-data-dir={}", profile.display());
    let time = format!("--virtual-time-budget={PAGE_TIME}");
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
        &profile,
        &time,
        "--dump-dom",
        url,
    ];
    let mut said = Vec::new();
    let mut browser = Program::run(browser, &args);
    browser.stdout().read_to_end(&mut said).expect("it says the page");
    String::from_utf8_lossy(&said).into_owned()
}

/// Answers one request a connection until it is over; a browser also opens some without asking.
fn serve(listener: &TcpListener, over: &AtomicBool) {
    std::thread::scope(|scope| {
        for (n, stream) in listener.incoming().enumerate() {
            if over.load(Relaxed) {
                return;
            }
            // A browser that gives up a connection is none of our concern.
            scope.spawn(move || stream.and_then(|stream| answer(stream, n)).ok());
        }
    });
}

fn answer(mut stream: TcpStream, n: usize) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path {
        "/api/net" => ("application/json", NET.replace("TIME", &(1000 + 500 * n).to_string())),
        path => file(path),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn file(path: &str) -> (&'static str, String) {
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let places = ["sluicegate-web/demo", "sluicegate-admin/dashboard"];
    let text = places.iter().find_map(|at| fs::read_to_string(crates.join(at).join(name)).ok());
    let kind = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript",
        Some((_, "css")) => "text/css",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/html",
    };
    (kind, text.unwrap_or_default())
}
