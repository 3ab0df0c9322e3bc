//! `bench http`: CPU per request of ours, of nginx and of the bare loop, interleaved at random.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Options;
use super::report;
use super::server::{Launch, NginxLog, Profile, Server, free_port};
use super::stats::Random;
use super::wrk::{Drive, Figures};
use crate::shell;

/// Seconds of load before each measurement.
const WARM_UP: u64 = 1;

/// After a warm-up of many connections their ports cannot be used again for a second, and wrk would
/// spend its own looking for others.
const MANY: usize = 4000;
const PORTS_REST: Duration = Duration::from_millis(1100);

/// What a server of ours moves its bytes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    Epoll,
    Uring,
}

impl Io {
    pub const BOTH: [Io; 2] = [Io::Epoll, Io::Uring];

    /// As `--io` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Io::Epoll => "epoll",
            Io::Uring => "uring",
        }
    }
}

/// Each server of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Ours(Io),
    /// Without the kernel.
    Bare(Io),
    /// Which measures no distributions and traces no flows.
    OursOff(Io),
    /// With its access log, in the combined format.
    OursLog(Io),
    /// An app of axum's, by its own server.
    Axum,
    /// The same behind our gate.
    Gate,
    /// The same by our server, without a gate and with one.
    Serve(Io),
    ServeGated(Io),
    Nginx,
    /// With `tcp_nopush`, as Debian's own configuration has it: head and body in one segment.
    NginxCorked,
    /// With its access log through a buffer of 64 KiB that is written once a second.
    NginxLog,
    /// With a write for each line of its access log.
    NginxLogUnbuffered,
}

impl Who {
    pub fn name(self) -> String {
        match self {
            Who::Ours(io) => format!("sluicegate {}", io.name()),
            Who::Bare(io) => format!("bare {}", io.name()),
            Who::OursOff(io) => format!("sluicegate {} off", io.name()),
            Who::OursLog(io) => format!("sluicegate {} log", io.name()),
            Who::Axum => "axum::serve".into(),
            Who::Gate => "axum::serve gate".into(),
            Who::Serve(io) => format!("serve {}", io.name()),
            Who::ServeGated(io) => format!("serve {} gate", io.name()),
            Who::Nginx => "nginx".into(),
            Who::NginxCorked => "nginx nopush".into(),
            Who::NginxLog => "nginx log".into(),
            Who::NginxLogUnbuffered => "nginx log each".into(),
        }
    }

    /// Whether it serves an app, and no files.
    fn is_app(self) -> bool {
        matches!(self, Who::Axum | Who::Gate | Who::Serve(_) | Who::ServeGated(_))
    }

    fn nginx_log(self) -> NginxLog {
        match self {
            Who::NginxLog => NginxLog::Buffered,
            Who::NginxLogUnbuffered => NginxLog::EachLine,
            _ => NginxLog::Off,
        }
    }
}

/// One way to drive the servers.
pub struct Cell {
    pub name: &'static str,
    path: &'static str,
    connections: usize,
    depth: usize,
    workers: usize,
    pub servers: &'static [Who],
}

const fn cell(
    name: &'static str,
    path: &'static str,
    (connections, depth, workers): (usize, usize, usize),
    servers: &'static [Who],
) -> Cell {
    Cell { name, path, connections, depth, workers, servers }
}

const OURS: &[Who] = &[Who::Ours(Io::Epoll), Who::Ours(Io::Uring)];

const ALL: &[Who] = &[
    Who::Ours(Io::Epoll),
    Who::Ours(Io::Uring),
    Who::Bare(Io::Epoll),
    Who::Bare(Io::Uring),
    Who::Nginx,
    Who::NginxCorked,
];

const LOGGING: &[Who] = &[Who::OursLog(Io::Epoll), Who::OursLog(Io::Uring), Who::NginxLog];

const LOGGING_EACH: &[Who] =
    &[Who::OursLog(Io::Epoll), Who::OursLog(Io::Uring), Who::NginxLog, Who::NginxLogUnbuffered];

/// The bare loop has one thread.
const SEVERAL: &[Who] = &[Who::Ours(Io::Epoll), Who::Ours(Io::Uring), Who::Nginx];

/// Everything on that is by default where there is an admin listener, and everything off.
const WATCHED: &[Who] =
    &[Who::Ours(Io::Epoll), Who::Ours(Io::Uring), Who::OursOff(Io::Epoll), Who::OursOff(Io::Uring)];

/// An app that says hello.
const APPS: &[Who] = &[
    Who::Axum,
    Who::Gate,
    Who::Serve(Io::Epoll),
    Who::Serve(Io::Uring),
    Who::ServeGated(Io::Epoll),
    Who::ServeGated(Io::Uring),
];

/// nginx stalls under pipelining, so it stands in no such cell.
pub const CELLS: [Cell; 22] = [
    cell("1k-64", SMALL, (64, 1, 1), ALL),
    cell("1k-1000", SMALL, (1000, 1, 1), ALL),
    cell("1k-8000", SMALL, (8000, 1, 1), ALL),
    cell("100k-64", LARGE, (64, 1, 1), ALL),
    cell("1k-64-pipelined-16", SMALL, (64, 16, 1), OURS),
    cell("1k-64-workers-2", SMALL, (64, 1, 2), SEVERAL),
    cell("1k-1000-workers-2", SMALL, (1000, 1, 2), SEVERAL),
    cell("1k-8000-workers-2", SMALL, (8000, 1, 2), SEVERAL),
    cell("100k-64-workers-2", LARGE, (64, 1, 2), SEVERAL),
    cell("1k-64-watched", SMALL, (64, 1, 1), WATCHED),
    cell("1k-64-watched-workers-2", SMALL, (64, 1, 2), WATCHED),
    cell("hello-1", "/", (1, 1, 1), APPS),
    cell("hello-16", "/", (16, 1, 1), APPS),
    cell("hello-64", "/", (64, 1, 1), APPS),
    cell("1k-64-log", SMALL, (64, 1, 1), LOGGING_EACH),
    cell("1k-1000-log", SMALL, (1000, 1, 1), LOGGING),
    cell("1k-8000-log", SMALL, (8000, 1, 1), LOGGING),
    cell("100k-64-log", LARGE, (64, 1, 1), LOGGING),
    cell("1k-64-log-workers-2", SMALL, (64, 1, 2), LOGGING),
    cell("1k-1000-log-workers-2", SMALL, (1000, 1, 2), LOGGING),
    cell("1k-8000-log-workers-2", SMALL, (8000, 1, 2), LOGGING),
    cell("100k-64-log-workers-2", LARGE, (64, 1, 2), LOGGING),
];

/// Milliseconds to which the gates hold apps.
const TARGET: &str = "50";

const SMALL: &str = "/1k.txt";
const LARGE: &str = "/100k.bin";

/// How much is measured.
pub struct Plan {
    pub repeats: usize,
    pub seconds: u64,
    seed: u64,
    only: String,
    /// The servers that are measured, by the beginnings of their names; none: all.
    who: String,
    /// Whether the result is kept beside the sources.
    keep: bool,
}

impl Plan {
    pub fn from(options: &mut Options) -> Result<Plan> {
        let quick = options.flag("--quick");
        let repeats = options.value("--repeats")?.unwrap_or(if quick { 2 } else { 5 });
        let seconds = options.value("--seconds")?.unwrap_or(if quick { 1 } else { 3 });
        let seed = options.value("--seed")?.unwrap_or(1);
        let only = options.value("--only")?.unwrap_or_default();
        let who = options.value("--who")?.unwrap_or_default();
        ensure!((1..=1000).contains(&repeats), "--repeats: 1 to 1000 are accepted");
        ensure!((1..=600).contains(&seconds), "--seconds: 1 to 600 are accepted");
        Ok(Plan { repeats, seconds, seed, only, who, keep: !quick })
    }

    /// Just enough to see that it works.
    pub fn smoke() -> Plan {
        let (only, who) = ("1k-64".into(), String::new());
        Plan { repeats: 1, seconds: 1, seed: 1, only, who, keep: false }
    }
}

/// One measurement.
pub struct Sample {
    pub repeat: usize,
    pub cell: &'static Cell,
    pub who: Who,
    pub cpu_ns: u64,
    pub figures: Figures,
}

impl Sample {
    pub fn us_per_request(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.figures.requests as f64
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.figures.requests as f64 / self.figures.seconds
    }
}

/// What stays the same over all runs.
struct Bench {
    home: PathBuf,
    www: PathBuf,
    sluicegate: PathBuf,
    bare: PathBuf,
    /// Where apps are asked for.
    apps: Option<PathBuf>,
    nginx: PathBuf,
}

/// Measures all cells and writes the report.
pub fn run(plan: Plan, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let apps = runs(&plan).iter().any(|(_, who)| who.is_app());
    let bench = Bench::prepare(profile, apps)?;
    println!("nginx is configured so:\n{}", bench.nginx_configs()?);
    println!("sluicegate logs so:\n{}", bench.our_log());
    let mut samples = Vec::new();
    let mut random = Random(plan.seed);
    for repeat in 1..=plan.repeats {
        let mut runs = runs(&plan);
        ensure!(!runs.is_empty(), "no cell of {:?} has a server {:?}", plan.only, plan.who);
        random.shuffle(&mut runs);
        for (cell, who) in runs {
            let sample = bench.measure(repeat, cell, who, plan.seconds);
            let sample = sample.with_context(|| format!("{} at {}", who.name(), cell.name))?;
            println!("{}", report::line(&sample));
            samples.push(sample);
        }
    }
    let configs = format!("{}\n# sluicegate-log:\n{}", bench.nginx_configs()?, bench.our_log());
    report::write(&plan_words(&plan), &configs, &samples, plan.keep)
}

fn plan_words(plan: &Plan) -> String {
    let Plan { repeats, seconds, seed, only, who, .. } = plan;
    let only = if only.is_empty() { String::new() } else { format!(" --only {only}") };
    let who = if who.is_empty() { String::new() } else { format!(" --who '{who}'") };
    format!(
        "cargo xtask bench http --repeats {repeats} --seconds {seconds} --seed {seed}{only}{who}"
    )
}

/// Each server in each cell that was asked for.
fn runs(plan: &Plan) -> Vec<(&'static Cell, Who)> {
    let Plan { only, who, .. } = plan;
    let cell_asked = |cell: &str| only.is_empty() || only.split(',').any(|name| name == cell);
    let asked = |server: Who| who.split(',').any(|name| server.name().starts_with(name));
    let cells = CELLS.iter().filter(|cell| cell_asked(cell.name));
    let all = cells.flat_map(|cell| cell.servers.iter().map(move |who| (cell, *who)));
    all.filter(|(_, server)| asked(*server)).collect()
}

impl Bench {
    fn prepare(profile: Profile, apps: bool) -> Result<Bench> {
        for program in ["wrk", "nginx", "taskset"] {
            ensure!(shell::which(program).is_some(), "{program} is not installed");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        ensure!(cores >= 2, "server and wrk need a core each; this machine gives us {cores}");
        let home = shell::scratch("http")?;
        let www = home.join("www");
        fs::create_dir_all(&www)?;
        fs::write(www.join("index.html"), "<!doctype html><title>bench</title>\n")?;
        fs::write(www.join("1k.txt"), "x".repeat(1024))?;
        fs::write(www.join("100k.bin"), "x".repeat(100 * 1024))?;
        let bare = profile.peer("bare", "bare")?;
        let nginx = shell::which("nginx").context("nginx is not installed")?;
        let apps = apps.then(|| profile.peer("overload", "overload-peer")).transpose()?;
        Ok(Bench { home, www, sluicegate: profile.sluicegate()?, bare, apps, nginx })
    }

    /// The configuration without a log, and the lines that differ where there is one.
    fn nginx_configs(&self) -> Result<String> {
        let launch = Launch::of(&self.www, 1);
        let home = self.home.join("nginx");
        let mut text = launch.nginx_config(&home, free_port()?, false, NginxLog::Off);
        for who in [Who::NginxLog, Who::NginxLogUnbuffered] {
            text.push_str(&format!("# {}: {}\n", who.name(), who.nginx_log().line(&home)));
        }
        Ok(text)
    }

    /// The settings of our log, in the same format as nginx's.
    fn our_log(&self) -> String {
        let path = self.home.join("access.log");
        format!("[log]\naccess = \"{}\"\nformat = \"combined\"\n", path.display())
    }

    /// A fresh server, a warm-up, then the measurement.
    fn measure(
        &self,
        repeat: usize,
        cell: &'static Cell,
        who: Who,
        seconds: u64,
    ) -> Result<Sample> {
        // Two workers share both cores with wrk; one has core 0 for itself.
        let (server_cores, wrk_cores) = if cell.workers > 1 { ("0,1", "0,1") } else { ("0", "1") };
        let launch = Launch { cores: Some(server_cores), ..Launch::of(&self.www, cell.workers) };
        let server = self.start(&launch, who)?;
        let url = format!("http://{}{}", server.address, cell.path);
        let drive = |seconds| Drive {
            cores: wrk_cores,
            connections: cell.connections,
            depth: cell.depth,
            seconds,
            url: &url,
        };
        drive(WARM_UP).run(&self.home)?;
        if cell.connections >= MANY {
            std::thread::sleep(PORTS_REST);
        }
        let before = server.cpu_ns();
        let figures = drive(seconds).run(&self.home)?;
        let cpu_ns = server.cpu_ns().saturating_sub(before);
        Ok(Sample { repeat, cell, who, cpu_ns, figures })
    }

    fn apps(&self) -> Result<&Path> {
        self.apps.as_deref().context("apps were not asked for")
    }

    fn start(&self, launch: &Launch, who: Who) -> Result<Server> {
        let nginx = |corked| {
            let home = self.home.join("nginx");
            // Each run writes a log of its own, so that none grows over all of them.
            let _ = fs::remove_file(home.join("access.log"));
            launch.nginx(&self.nginx, &home, corked, who.nginx_log())
        };
        match who {
            Who::Ours(io) => launch.sluicegate(&self.sluicegate, &["--io", io.name()]),
            Who::OursOff(io) => {
                let server = launch.sluicegate(&self.sluicegate, &["--io", io.name()])?;
                server.unwatched()?;
                Ok(server)
            }
            Who::OursLog(io) => {
                let _ = fs::remove_file(self.home.join("access.log"));
                let config = self.home.join("log.toml");
                fs::write(&config, self.our_log())?;
                let config = config.to_str().context("the path of a configuration is text")?;
                launch.sluicegate(&self.sluicegate, &["--io", io.name(), "--config", config])
            }
            Who::NginxCorked => nginx(true),
            Who::Nginx | Who::NginxLog | Who::NginxLogUnbuffered => nginx(false),
            Who::Bare(io) => launch.bare(&self.bare, io.name()),
            Who::Axum => launch.app(self.apps()?, &["axum", "inline"]),
            Who::Gate => launch.app(self.apps()?, &["axum", "inline", "--target", TARGET]),
            Who::Serve(io) => launch.app(self.apps()?, &["serve", "inline", "--io", io.name()]),
            Who::ServeGated(io) => {
                let words = ["serve", "inline", "--io", io.name(), "--target", TARGET];
                launch.app(self.apps()?, &words)
            }
        }
    }
}
