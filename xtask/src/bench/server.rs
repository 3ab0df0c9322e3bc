//! Servers under measurement: built, started on free ports, and always ended.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::client::Client;
use crate::shell::{self, root, target};

/// How long a server may take to answer its first request, or to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a server that starts or ends is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// The cargo profile that programs are built with.
#[derive(Clone, Copy)]
pub enum Profile {
    Release,
    Quick,
}

impl Profile {
    pub fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Quick => "quick",
        }
    }

    /// Builds our server and returns its path.
    pub fn sluicegate(self) -> Result<PathBuf> {
        let mut build = shell::cargo(&["build", "--profile", self.name(), "-p", "sluicegate-cli"]);
        ensure!(build.status()?.success(), "sluicegate does not build");
        Ok(target().join(self.name()).join("sluicegate"))
    }

    /// Builds the program of peers, a workspace of its own below `bench/peers`.
    pub fn peer(self, workspace: &str, program: &str) -> Result<PathBuf> {
        let dir = target().join(workspace);
        let mut build = shell::cargo(&["build", "--locked", "--profile", self.name()]);
        let home = root().join("bench/peers").join(workspace);
        build.current_dir(home).env("CARGO_TARGET_DIR", &dir);
        ensure!(build.status()?.success(), "bench/peers/{workspace} does not build");
        Ok(dir.join(self.name()).join(program))
    }
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Where it serves.
    pub address: SocketAddr,
    /// Where its admin listener is, if it has one.
    pub admin: SocketAddr,
}

/// How a server is started.
pub struct Launch<'a> {
    /// The cores it may use, as taskset writes them; none: all.
    pub cores: Option<&'a str>,
    /// Served directory.
    pub dir: &'a Path,
    /// How many workers it gets.
    pub workers: usize,
    /// Descriptors it may have; none: as many as we.
    pub files: Option<u32>,
    /// Where callgrind writes what it counted, a file a thread, where the server runs under it.
    pub callgrind: Option<&'a Path>,
    /// Further lines for nginx, and another time to keep idle connections.
    pub nginx_lines: &'a str,
}

/// How nginx logs.
#[derive(Clone, Copy)]
pub enum NginxLog {
    Off,
    Buffered,
    EachLine,
}

impl NginxLog {
    /// The line of its configuration.
    pub fn line(self, home: &Path) -> String {
        let path = home.join("access.log");
        match self {
            NginxLog::Off => "access_log off;".to_owned(),
            NginxLog::Buffered => {
                format!("access_log {} combined buffer=64k flush=1s;", path.display())
            }
            NginxLog::EachLine => format!("access_log {} combined;", path.display()),
        }
    }
}

impl<'a> Launch<'a> {
    /// Of a server on all cores, as it is by default.
    pub fn of(dir: &'a Path, workers: usize) -> Launch<'a> {
        let nginx_lines = "    keepalive_timeout 75s;\n";
        Launch { cores: None, dir, workers, files: None, callgrind: None, nginx_lines }
    }

    /// Our own server; `extra` holds further arguments.
    pub fn sluicegate(&self, program: &Path, extra: &[&str]) -> Result<Server> {
        let (address, admin) = (free_port()?, free_port()?);
        let mut command = self.pinned(program);
        command.arg("serve").arg(self.dir);
        command.args(["--listen", &address.to_string(), "--admin", &admin.to_string()]);
        command.args(["--workers", &self.workers.to_string()]).args(extra);
        Server::start(command, address, admin)
    }

    /// The peer without the kernel: always one worker.
    pub fn bare(&self, program: &Path, io: &str) -> Result<Server> {
        let address = free_port()?;
        let mut command = self.pinned(program);
        command.arg(self.dir).args(["--listen", &address.to_string(), "--io", io]);
        Server::start(command, address, address)
    }

    /// A server of an app, from the program of the peers.
    pub fn app(&self, program: &Path, words: &[&str]) -> Result<Server> {
        let address = free_port()?;
        let mut command = self.pinned(program);
        command.args(words).args(["--listen", &address.to_string()]);
        Server::start(command, address, address)
    }

    /// Debian's nginx with a configuration of its own in `home`.
    /// `corked` adds `tcp_nopush`.
    pub fn nginx(
        &self,
        program: &Path,
        home: &Path,
        corked: bool,
        log: NginxLog,
    ) -> Result<Server> {
        let address = free_port()?;
        fs::create_dir_all(home)?;
        let config = home.join("nginx.conf");
        fs::write(&config, self.nginx_config(home, address, corked, log))?;
        let mut command = self.pinned(program);
        command.arg("-p").arg(home).arg("-c").arg(&config).arg("-e").arg(home.join("error.log"));
        Server::start(command, address, address)
    }

    /// nginx at its best for small files: open files kept, sendfile. The user is named so that a
    /// worker of a root's nginx may read a directory that only root may.
    pub fn nginx_config(
        &self,
        home: &Path,
        address: SocketAddr,
        corked: bool,
        log: NginxLog,
    ) -> String {
        let log = log.line(home);
        let corked = if corked { "    tcp_nopush on;\n" } else { "" };
        let (dir, home, workers) = (self.dir.display(), home.display(), self.workers);
        let lines = self.nginx_lines;
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temp: String =
            temp.iter().map(|name| format!("    {name}_temp_path {home}/{name};\n")).collect();
        format!(
            "user root;\nworker_processes {workers};\ndaemon off;\npid {home}/nginx.pid;\n\
             error_log {home}/error.log warn;\n\
             events {{\n    use epoll;\n    worker_connections 20000;\n}}\n\
             http {{\n    {log}\n    sendfile on;\n{corked}    \
             tcp_nodelay on;\n{lines}    keepalive_requests 1000000000;\n    \
             open_file_cache max=10000 inactive=60s;\n    open_file_cache_valid 60s;\n    \
             default_type text/plain;\n{temp}    \
             server {{\n        listen {address} backlog=4096;\n        root {dir};\n    }}\n}}\n"
        )
    }

    fn pinned(&self, program: &Path) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(cores) = self.cores {
            words.extend(["taskset", "-c", cores].map(OsString::from));
        }
        if let Some(files) = self.files {
            words.extend(["prlimit".into(), format!("--nofile={files}:{files}").into()]);
        }
        if let Some(out) = self.callgrind {
            let tool = ["valgrind", "--tool=callgrind", "--separate-threads=yes"];
            words.extend(tool.map(OsString::from));
            words.push(format!("--callgrind-out-file={}", out.display()).into());
        }
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}

impl Server {
    /// Starts it with its output in a log, which is told when it does not answer.
    fn start(mut command: Command, address: SocketAddr, admin: SocketAddr) -> Result<Server> {
        let shown = format!("{command:?}").replace('"', "");
        let log = shell::scratch("logs")?.join(format!("{}.log", address.port()));
        let output = fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
        let mut server = Server { child, log, address, admin };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = server.child.try_wait()? {
                bail!("{shown} ended at once ({status}): {}", server.said());
            }
            if Client::connect(address).and_then(|mut client| client.get("/")).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(GLANCE);
        }
        bail!("{shown} does not answer on {address} within {PATIENCE:?}: {}", server.said());
    }

    /// The process it was started as.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Moves it with its children into a control group, by the group's directory.
    pub fn confine(&self, group: &Path) -> Result<()> {
        for pid in family(self.child.id()) {
            fs::write(group.join("cgroup.procs"), pid.to_string())
                .with_context(|| format!("{} takes no process", group.display()))?;
        }
        Ok(())
    }

    /// Nanoseconds of processor time that all its threads and children have used.
    pub fn cpu_ns(&self) -> u64 {
        family(self.child.id()).into_iter().flat_map(threads).map(|task| run_time(&task)).sum()
    }

    /// Resident memory of the process and its children in KiB.
    pub fn rss_kib(&self) -> u64 {
        self.memory("status", "VmRSS:")
    }

    /// The same, with shared pages counted in parts.
    pub fn pss_kib(&self) -> u64 {
        self.memory("smaps_rollup", "Pss:")
    }

    fn memory(&self, file: &str, name: &str) -> u64 {
        let of = |pid: u32| -> Option<u64> {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        family(self.child.id()).into_iter().filter_map(of).sum()
    }

    /// Has one of ours measure no distributions and trace no flows.
    pub fn unwatched(&self) -> Result<()> {
        self.set("distributions.measured=0")?;
        self.untraced()
    }

    /// Has one of ours trace no flows.
    pub fn untraced(&self) -> Result<()> {
        self.set("traces.slow=0&traces.failed=0&traces.one_in=0&traces.slowest=0")
    }

    fn set(&self, settings: &str) -> Result<()> {
        let path = format!("/api/settings?{settings}");
        let begun = Instant::now();
        loop {
            let reply = Client::connect(self.admin)?.ask("POST", &path, &[])?;
            // It answers a little before it can be looked at.
            if reply.status == 409 && begun.elapsed() < PATIENCE {
                std::thread::sleep(GLANCE);
                continue;
            }
            let said = String::from_utf8_lossy(&reply.body);
            ensure!(reply.status == 200, "{path}: {}: {said}", reply.status);
            return Ok(());
        }
    }

    /// Asks it to end, as an operator would.
    pub fn terminate(&self) -> Result<()> {
        self.signal("TERM")
    }

    /// Sends it a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(name, self.child.id())
    }

    /// All that it printed so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(GLANCE);
        }
        bail!("the server has not ended {PATIENCE:?} after SIGTERM")
    }
}

impl Drop for Server {
    /// Ends it in good order where it still listens, else by force; children go first.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let children = family(self.child.id()).split_off(1);
        let _ = self.terminate();
        if self.ended().is_ok() {
            return;
        }
        for child in children {
            let _ = signal("KILL", child);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(probe.local_addr()?)
}

/// A process and its children (not their children: no server here has any).
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    for task in threads(pid) {
        let children = fs::read_to_string(task.join("children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    family
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let Ok(dir) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    dir.map_while(|entry| Some(entry.ok()?.path())).collect()
}

/// The first number of `schedstat`: nanoseconds spent on a processor.
fn run_time(task: &Path) -> u64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn signal(name: &str, pid: u32) -> Result<()> {
    let kill = format!("kill -{name} {pid}");
    ensure!(Command::new("sh").args(["-c", &kill]).status()?.success(), "{kill} failed");
    Ok(())
}
