//! Hits beside misses on a disk that is slowed alike for every server: what a hit waits when a
//! third of all requests must be read first.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::brake::Brake;
use super::{Found, Plan, ratio, repeat, shown};
use crate::bench::client::Client;
use crate::bench::figures::Figures;
use crate::bench::load::{self, Crowd, Heard};
use crate::bench::server::{Launch, NginxLog, Profile, Server};
use crate::bench::stand::LOAD_CORE;
use crate::bench::stats::Random;
use crate::shell;

/// Bytes of each file, and how many are hot: those that are asked for again and again.
const LENGTH: usize = 32 << 10;
const HOT: usize = 512;
/// Bytes that ours may keep, and how many times as many all files have.
const BUDGET: u64 = 64 << 20;
const TIMES: u64 = 4;
/// What every server may use beyond it, in a group of its own, cached files with it.
const BESIDE: u64 = 64 << 20;
/// Bytes a second that the slowed disk gives.
const RATE: u64 = 32 << 20;
/// Connections that ask for hot files, and for the others.
const HOT_ONES: usize = 64;
const COLD_ONES: usize = 1024;
/// How often each hot file is asked for before all others are, once.
const WARM: usize = 4;
/// Times the seconds of the plan that each load lasts.
const SPAN: f64 = 4.0;
/// The file system's MiB: all files as a directory and as a volume.
const IMAGE: u64 = 768;
/// How much longer hits may wait beside misses, and the share of misses from which it counts.
const BOUND: f64 = 1.2;
const SHARE: f64 = 0.3;

/// Who serves.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Ours(&'static str),
    Nginx { threads: bool },
    ServeDir,
}

const ALL: [Who; 5] = [
    Who::Ours("uring"),
    Who::Ours("epoll"),
    Who::Nginx { threads: false },
    Who::Nginx { threads: true },
    Who::ServeDir,
];

/// Requests a second for hot files and for others: what the disk can give, and twice as much.
struct Load {
    name: &'static str,
    told: &'static str,
    hot: f64,
    cold: f64,
}

const LOADS: [Load; 2] = [
    Load { name: "busy", told: "misses for 0.8 of what the disk gives", hot: 1200.0, cold: 800.0 },
    Load { name: "over", told: "misses for twice what the disk gives", hot: 1500.0, cold: 2000.0 },
];

impl Who {
    fn name(self) -> String {
        match self {
            Who::Ours(io) => format!("sluicegate {io}"),
            Who::Nginx { threads: false } => "nginx".into(),
            Who::Nginx { threads: true } => "nginx, aio threads".into(),
            Who::ServeDir => "axum ServeDir".into(),
        }
    }
}

/// The programs, and where they serve from.
struct Stand {
    brake: Brake,
    home: PathBuf,
    ours: PathBuf,
    axum: PathBuf,
    nginx: Option<PathBuf>,
    /// Paths of hot files and of the others.
    hot: Vec<String>,
    cold: Vec<String>,
}

pub fn run(plan: &Plan, profile: Profile) -> Result<Found> {
    load::take_descriptors();
    let mut stand = Stand::prepare(plan, profile)?;
    let mut all: Vec<Who> = ALL.to_vec();
    if stand.nginx.is_none() {
        println!("nginx: skipped: it is not installed");
        all.retain(|who| !matches!(who, Who::Nginx { .. }));
    }
    let mut figures = Figures::default();
    let order = all.clone();
    repeat(plan, &mut all, |who| {
        stand.measure(*who, plan, &mut figures).with_context(|| who.name())
    })?;
    let tables = table(&figures, &order) + "\n" + &stand.brake.describe();
    Ok(Found { title: "Hits beside misses on a slowed disk", tables, figures, pictures: vec![] })
}

impl Stand {
    fn prepare(plan: &Plan, profile: Profile) -> Result<Stand> {
        let (ours, axum) = (profile.sluicegate()?, profile.peer("disk", "serve-dir")?);
        let files = (BUDGET * TIMES) as usize / LENGTH;
        let mut names: Vec<String> = (0..files).map(|n| format!("/{n}.bin")).collect();
        let mut random = Random(plan.seed);
        let brake = Brake::prepare(IMAGE, |mounted| {
            let dir = mounted.join("site");
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("index.html"), "<!doctype html><title>bench</title>\n")?;
            for name in &names {
                fs::write(dir.join(&name[1..]), random.noise(LENGTH))?;
            }
            let mut pack = Command::new(&ours);
            pack.arg("pack").args([&dir, &mounted.join("volume")]).args(["--effort", "off"]);
            println!("{}", shell::read(&mut pack)?.trim());
            Ok(())
        })?;
        random.shuffle(&mut names);
        let cold = names.split_off(HOT);
        let (home, nginx) = (shell::scratch("slowed")?, shell::which("nginx"));
        Ok(Stand { brake, home, ours, axum, nginx, hot: names, cold })
    }

    fn start(&self, who: Who) -> Result<Server> {
        let root = self.brake.mounted.join(if let Who::Ours(_) = who { "volume" } else { "site" });
        let usual = Launch::of(&root, 1);
        let lines = format!("{}    aio threads;\n", usual.nginx_lines);
        let launch = Launch { cores: Some("0"), ..usual };
        match who {
            Who::Ours(io) => {
                let config = self.home.join("config.toml");
                fs::write(&config, format!("cache.budget = {BUDGET}\n"))?;
                let config = config.to_string_lossy();
                launch.sluicegate(&self.ours, &["--io", io, "--config", &config])
            }
            Who::Nginx { threads } => {
                let nginx = self.nginx.as_deref().context("nginx is not installed")?;
                let nginx_lines = if threads { &lines } else { launch.nginx_lines };
                let launch = Launch { nginx_lines, ..launch };
                launch.nginx(nginx, &self.home.join("nginx"), false, NginxLog::Off)
            }
            Who::ServeDir => launch.app(&self.axum, &[&root.to_string_lossy()]),
        }
    }

    /// Measures one server: each load without misses, and with them.
    fn measure(&mut self, who: Who, plan: &Plan, figures: &mut Figures) -> Result<()> {
        self.brake.slow(None)?;
        self.brake.cool()?;
        let server = self.start(who)?;
        for group in self.brake.groups(BUDGET + BESIDE)? {
            server.confine(group)?;
        }
        self.warm(&server, plan.keep)?;
        self.brake.slow(Some(RATE))?;
        let of = |paths: &[String], clients| Crowd::of(server.address, paths, clients);
        let mut hot = of(&self.hot, HOT_ONES)?;
        let (mut hits, mut cold) = (of(&self.hot, COLD_ONES)?, of(&self.cold, COLD_ONES)?);
        let (span, killed) = (Duration::from_secs_f64(plan.seconds * SPAN), self.brake.killed()?);
        for load in &LOADS {
            let cell = |kind: &str| format!("{}, {}, {kind}", who.name(), load.name);
            for (kind, others) in [("hits", &mut hits), ("misses", &mut cold)] {
                let (read, cpu) = (self.brake.read()?, server.cpu_ns());
                let heard = both((&mut hot, load.hot), (others, load.cold), span)?;
                let (read, cpu) = (self.brake.read()? - read, server.cpu_ns().saturating_sub(cpu));
                note(figures, &cell(kind), &heard, (read, cpu));
                figures.add(&cell(kind), "killed", (self.brake.killed()? - killed) as f64);
            }
        }
        figures.add(&who.name(), "rss_kib", server.rss_kib() as f64);
        Ok(())
    }

    /// Hot files are read several times, and of the others each once where it is in earnest.
    fn warm(&self, server: &Server, earnest: bool) -> Result<()> {
        let mut client = Client::connect(server.address)?;
        let (times, cold) = if earnest { (WARM, &self.cold[..]) } else { (1, &[][..]) };
        let again = (0..times).flat_map(|_| &self.hot);
        for path in again.chain(cold).chain(&self.hot) {
            let reply = client.get(path)?;
            ensure!(reply.status == 200, "{path}: {}", reply.status);
            ensure!(reply.body.len() == LENGTH, "{path}: {} bytes", reply.body.len());
        }
        Ok(())
    }
}

/// What those who asked for hot files heard, and the others; bytes read and ns spent meanwhile.
fn note(figures: &mut Figures, cell: &str, (hot, others): &(Heard, Heard), spent: (u64, u64)) {
    let all = (hot.good + hot.late + others.good + others.late) as f64;
    let misses = (others.good + others.late).max(1) as f64;
    let found = [
        ("p50_ms", hot.wait(0.5)),
        ("p99_ms", hot.wait(0.99)),
        ("longest_ms", hot.longest),
        ("failed", hot.errors as f64),
        ("others_p99_ms", others.wait(0.99)),
        ("others_failed", others.errors as f64),
        ("good_a_second", (hot.good + others.good) as f64 / hot.seconds),
        ("others_share", others.good as f64 / (hot.good + others.good) as f64),
        ("read_of_misses", spent.0 as f64 / (misses * LENGTH as f64)),
        ("us_a_request", spent.1 as f64 / 1e3 / all),
    ];
    for (name, figure) in found {
        figures.add(cell, name, figure);
    }
    let [p99, rate] = [1, 6].map(|n| found[n].1);
    println!("{cell}: p99 of hits {p99:.2} ms, {rate:.0} answers/s");
}

/// Two crowds ask at once, each at its rate. The waits of the first are what is looked at: the
/// other stands back, as on one core each would wait for a slice of time of the other.
fn both(
    one: (&mut Crowd, f64),
    other: (&mut Crowd, f64),
    span: Duration,
) -> Result<(Heard, Heard)> {
    let drive = |(crowd, rate): (&mut Crowd, f64)| {
        let _pinned = load::pin(LOAD_CORE)?;
        crowd.drive(span, Some(rate))
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            load::stand_back()?;
            drive(other)
        });
        let one = drive(one)?;
        let other = other.join().map_err(|_| anyhow!("the other crowd panicked"))??;
        Ok((one, other))
    })
}

fn table(figures: &Figures, all: &[Who]) -> String {
    let mut text = format!(
        "{} files of {} KiB on a disk that gives {} MiB/s; ours may keep {} MiB, and each server \
         is in a control group that may use {} MiB, cached files with it. {HOT} files are hot: \
         {HOT_ONES} connections ask for them; {COLD_ONES} others ask for the other files one after \
         the other, or, in the run of hits, for hot ones too. Arrivals are evenly spaced, whatever \
         became of those before. One worker on core 0, the load on core {LOAD_CORE}. Waits are \
         those of the first {HOT_ONES}, from when each request was due.\n",
        BUDGET * TIMES / LENGTH as u64,
        LENGTH >> 10,
        RATE >> 20,
        BUDGET >> 20,
        (BUDGET + BESIDE) >> 20,
    );
    for load in &LOADS {
        let _ = writeln!(
            text,
            "\n## {}: {} hits and {} misses a second\n\n{}.\n\n| | p99 ms, hits alone | p99 ms \
             beside misses | ratio | longest ms | answers/s of {} | misses refused or failed | \
             misses | read a miss | p99 ms of misses | CPU us an answer |\n\
             |---|---|---|---|---|---|---|---|---|---|---|",
            load.name,
            load.hot,
            load.cold,
            load.told,
            load.hot + load.cold,
        );
        for who in all {
            text += &row(figures, *who, load);
        }
    }
    text += &verdict(figures, all);
    text
}

fn row(figures: &Figures, who: Who, load: &Load) -> String {
    let cell = |kind: &str| format!("{}, {}, {kind}", who.name(), load.name);
    let (hits, misses) = (cell("hits"), cell("misses"));
    let of = |name: &str, digits| shown(figures.spread(&misses, name), digits);
    let ratios = figures.ratios(&misses, &hits, "p99_ms");
    let killed = figures.spread(&misses, "killed").is_some_and(|killed| killed.max > 0.0);
    let killed = if killed { ", killed as it wanted more memory: figures until then" } else { "" };
    format!(
        "| {}{killed} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        who.name(),
        shown(figures.spread(&hits, "p99_ms"), 2),
        of("p99_ms", 2),
        ratio(&ratios),
        of("longest_ms", 1),
        of("good_a_second", 0),
        of("others_failed", 0),
        of("others_share", 2),
        of("read_of_misses", 2),
        of("others_p99_ms", 0),
        of("us_a_request", 1),
    )
}

/// What is promised of ours, and whether it held.
fn verdict(figures: &Figures, all: &[Who]) -> String {
    let mut text = String::from("\n");
    for load in &LOADS {
        let cell = |who: &Who, kind: &str| format!("{}, {}, {kind}", who.name(), load.name);
        let rate = |who: &Who| figures.median(&cell(who, "misses"), "good_a_second");
        let others = all.iter().filter(|who| !matches!(who, Who::Ours(_)));
        let best = others.filter_map(rate).fold(0.0, f64::max);
        for who in all.iter().filter(|who| matches!(who, Who::Ours(_))) {
            let share = figures.median(&cell(who, "misses"), "others_share").unwrap_or(0.0);
            let median = |kind| figures.median(&cell(who, kind), "p99_ms").unwrap_or(f64::NAN);
            let (factor, of_best) =
                (median("misses") / median("hits"), rate(who).unwrap_or(0.0) / best);
            let holds = if share > SHARE && factor <= BOUND { "holds" } else { "**fails**" };
            let _ = writeln!(
                text,
                "* {}, {}: hits beside misses wait {factor:.2} times as long at the 99th \
                 percentile (medians; at most {BOUND}, with a share of misses of {share:.2}, more \
                 than {SHARE}): {holds}; {of_best:.2} of the answers of the best peer.",
                who.name(),
                load.name,
            );
        }
    }
    text
}
