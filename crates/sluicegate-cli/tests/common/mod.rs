//! The real binary under test, and a client that is too simple to be wrong.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nothing in these tests takes so long: a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// What `--io` says to the servers of this test.
    static BACKEND: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs a test with servers on each backend that works here.
pub fn on_each_backend(test: impl Fn()) {
    BACKEND.set(Some("epoll"));
    test();
    match sluicegate_io::Choice::new(sluicegate_io::Asked::Uring) {
        Ok(_) => {
            BACKEND.set(Some("uring"));
            test();
        }
        // Past the test harness, which keeps what is printed by a test that passes.
        Err(unfit) => _ = writeln!(std::io::stderr(), "skipped: {unfit}"),
    }
    BACKEND.set(None);
}

/// The command, to be given arguments.
pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sluicegate"))
}

/// Runs the command to its end.
pub fn run(args: &[&str]) -> Output {
    command().args(args).output().expect("the binary runs")
}

/// A running server, killed when the test ends early.
pub struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    /// Reads its stderr all the time, so that it never blocks on it.
    complaints: Option<JoinHandle<String>>,
    /// What it said at the start.
    pub banner: Vec<String>,
}

impl Server {
    /// Serves on a free port of the loopback device, and waits until it says so.
    pub fn start(args: &[&str]) -> Server {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        all.extend(args);
        Server::start_with(&all)
    }

    /// The same with all arguments given.
    pub fn start_with(args: &[&str]) -> Server {
        Server::start_as(command(), args)
    }

    /// The same, run by another command.
    pub fn start_as(mut command: Command, args: &[&str]) -> Server {
        let mut child = command
            .args(args)
            .args(BACKEND.get().into_iter().flat_map(|backend| ["--io", backend]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("stderr is text");
            text
        });
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = Vec::new();
        while banner.last().is_none_or(|line: &String| !line.starts_with("  settings")) {
            let mut line = String::new();
            if out.read_line(&mut line).expect("stdout is text") == 0 {
                panic!("it did not start: {:?}", complaints.join());
            }
            banner.push(line.trim_end().to_owned());
        }
        Server { child, out, complaints: Some(complaints), banner }
    }

    /// The line of the banner with this name, without it.
    pub fn line(&self, name: &str) -> &str {
        let found = self.banner.iter().find_map(|line| line.trim().strip_prefix(name));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.banner)).trim()
    }

    /// The first TCP address of a line.
    pub fn address(&self, name: &str) -> String {
        let (_, rest) = self.line(name).split_once("http://").expect("an address is shown");
        rest.split('/').next().expect("it ends with a slash").to_owned()
    }

    /// A connection to the site.
    pub fn client(&self) -> Client<TcpStream> {
        Client::connect(&self.address("site"))
    }

    /// The net as the admin listener shows it.
    pub fn net(&self) -> serde_json::Value {
        let response = Client::connect(&self.address("admin")).get("/api/net");
        serde_json::from_slice(&response.body).expect("JSON")
    }

    /// The same, once each worker has told what it did until now: where one is late, an older
    /// ledger is shown that fits together.
    pub fn net_by_now(&self) -> serde_json::Value {
        let asked = Instant::now();
        until("all workers tell", || {
            let net = self.net();
            let age = Duration::from_secs_f64(net["age_ms"].as_f64()? / 1000.0);
            (age <= asked.elapsed()).then_some(net)
        })
    }

    /// The memory of the process that the kernel may move bytes to at any time, in KiB.
    pub fn pinned_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let pinned = status.lines().find_map(|line| line.strip_prefix("VmPin:"));
        pinned.and_then(|kib| kib.split_whitespace().next()?.parse().ok()).expect("a number")
    }

    /// Sends SIGTERM or SIGINT.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Waits for its end: how it ended, the rest of what it said, and its complaints.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("stdout is text");
        let complaints = self.complaints.take().expect("taken once").join().expect("no panic");
        (self.child.wait().expect("it was started"), said, complaints)
    }

    /// The next line that it says.
    pub fn says(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("stdout is text");
        line.trim_end().to_owned()
    }

    /// Stops it by SIGTERM; it has to end well, with even ledgers.
    pub fn stop(self) {
        self.signal(rustix::process::Signal::TERM);
        let (status, said, complaints) = self.end();
        assert!(status.success(), "{status}: {said}{complaints}");
        assert!(said.trim_end().ends_with("both ledgers are even"), "{said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection.
pub struct Client<S> {
    stream: BufReader<S>,
}

/// A reply.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Client<TcpStream> {
    pub fn connect(address: &str) -> Client<TcpStream> {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a plain socket");
        stream.set_nodelay(true).expect("a plain socket");
        Client::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Client<S> {
        Client { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the connection stands");
    }

    pub fn get(&mut self, target: &str) -> Response {
        self.ask("GET", target, "")
    }

    /// Asks without a body; `fields` are lines with their ends.
    pub fn ask(&mut self, method: &str, target: &str, fields: &str) -> Response {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
        self.response(method == "HEAD")
    }

    /// Reads one reply. The body ends where its length says.
    pub fn response(&mut self, without_body: bool) -> Response {
        let head = self.head();
        let status = head.get(9..12).and_then(|code| code.parse().ok());
        let mut response = Response { status: status.expect("a status"), head, body: Vec::new() };
        if !without_body && response.status != 304 && response.status != 204 {
            let len =
                response.field("content-length").expect("a length").parse().expect("a number");
            response.body.resize(len, 0);
            self.stream.read_exact(&mut response.body).expect("the whole body");
        }
        response
    }

    /// Reads the head of a reply.
    pub fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let n = self.stream.read_line(&mut head).expect("a head comes");
            assert!(n > 0, "the connection ended within a head: {head:?}");
        }
        head
    }

    /// Reads one line.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a line comes");
        line
    }

    /// Reads so many bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.stream.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// Reads to the end of the connection; how it ends does not matter.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }

    pub fn stream(&self) -> &S {
        self.stream.get_ref()
    }
}

impl Response {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim_start())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// A directory for one test, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sluicegate-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary directory can be written");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its path as an argument.
    pub fn arg(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }

    /// Writes a file, making its directories, and returns its path as an argument.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a name inside")).expect("directories are made");
        fs::write(&path, content).expect("the file is written");
        path.to_str().expect("a plain path").to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Asks again and again until the answer is as it has to become; a bounded number of times.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    const TRIES: u32 = 3000;
    for _ in 0..TRIES {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::park_timeout(PATIENCE / TRIES);
    }
    panic!("{what} did not happen");
}
