//! The server under test: a process of its own, ended with the value that stands for it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Pid;
use sluicegate_io::{Addr, Asked};

use super::Experiment;
use super::handler::Handler;
use super::machine::Cores;

/// How long a server may take to say where it listens.
pub const START_MAX: Duration = Duration::from_secs(10);
/// Lines in which it says so.
const BANNER_MAX: usize = 64;

/// What is put to the test.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// What it does for a request.
    pub handler: Handler,
    /// What moves its bytes.
    pub io: Asked,
    /// Whether the route has a target, which gives it a gate.
    pub gated: bool,
}

impl System {
    /// Its name, also of files.
    pub fn name(&self) -> String {
        let gate = if self.gated { "" } else { "-ungated" };
        format!("{}-{}{gate}", self.handler.name(), self.backend())
    }

    fn backend(&self) -> &'static str {
        match self.io {
            Asked::Auto => "auto",
            Asked::Uring => "uring",
            Asked::Epoll => "epoll",
        }
    }

    /// The settings of a server; `gated` or, to find its capacity, not.
    pub(super) fn settings(&self, gated: bool, target: Duration) -> String {
        self.handler.routes(gated.then_some(target))
    }

    /// What follows the command.
    pub(super) fn arguments(&self, settings: &Path) -> Vec<String> {
        let settings = settings.display().to_string();
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        all.extend(["--workers", "1", "--io", self.backend(), "--config", &settings]);
        all.into_iter().map(str::to_owned).collect()
    }
}

/// A server that runs until this is dropped.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub address: Addr,
}

impl Server {
    /// Starts one on the server's processor, and waits until it says where it listens.
    pub fn start(
        experiment: &Experiment,
        system: &System,
        cores: &Cores,
        gated: bool,
    ) -> Result<Self, String> {
        let file = |end: &str| experiment.out.join(format!("{}{end}", system.name()));
        let settings = file(if gated || !system.gated { ".toml" } else { "-capacity.toml" });
        let told = |path: &Path, error| format!("cannot write {}: {error}", path.display());
        fs::write(&settings, system.settings(gated, experiment.target))
            .map_err(|error| told(&settings, error))?;
        let log = file(".log");
        let complaints = OpenOptions::new().create(true).append(true).open(&log);
        let complaints = complaints.map_err(|error| told(&log, error))?;
        let mut command = Command::new(&experiment.command);
        command.args(system.arguments(&settings));
        let child = spawn(command, complaints, cores);
        let mut child =
            child.map_err(|e| format!("cannot run {}: {e}", experiment.command.display()))?;
        let said = child.stdout.take().map(first_address);
        // From here on it ends however this function does.
        let mut server = Self { child, address: Addr::Tcp(([127, 0, 0, 1], 0).into()) };
        server.address = said.flatten().ok_or_else(|| no_start(&log))?;
        Ok(server)
    }

    /// Its processes.
    pub fn processes(&self) -> Vec<Pid> {
        vec![Pid::from_child(&self.child)]
    }

    /// The processor time of its threads; none where the kernel does not say.
    pub fn used(&self) -> Option<Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let each = threads.map(|thread| run_time(thread.ok()?.path()));
        each.sum::<Option<u64>>().map(Duration::from_nanos)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process on the processor of the servers, which it inherits from this thread.
fn spawn(mut command: Command, complaints: File, cores: &Cores) -> std::io::Result<Child> {
    let _pinned = cores.server();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(complaints).spawn()
}

/// The address in the line `  site  ... on http://ADDRESS/`; none if it does not come in time.
fn first_address(out: ChildStdout) -> Option<Addr> {
    let (send, found) = channel();
    // Ends when the line has come or the process is gone, which it is soon where none comes.
    std::thread::spawn(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok).take(BANNER_MAX);
        let sites = lines.filter_map(|line| line.trim().strip_prefix("site").map(str::to_owned));
        sites.take(1).for_each(|site| _ = send.send(site));
    });
    let site = found.recv_timeout(START_MAX).ok()?;
    let (_, rest) = site.split_once("http://")?;
    rest.split('/').next()?.parse().ok()
}

fn no_start(log: &PathBuf) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    let said: Vec<&str> = said.lines().map(str::trim).collect();
    format!(
        "the server under test did not start within {START_MAX:?}; in {} it says: {}",
        log.display(),
        if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
    )
}

/// The first number of `schedstat`: nanoseconds that a thread spent on a processor.
fn run_time(thread: PathBuf) -> Option<u64> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
