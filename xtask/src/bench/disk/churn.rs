//! Memory under churn: clients who ask for all of a site as fast as they are answered, from a
//! volume of several times the budget that gets new generations meanwhile.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::{Found, Plan, repeat, shown};
use crate::bench::figures::Figures;
use crate::bench::load::Crowd;
use crate::bench::server::{Launch, Profile, Server};
use crate::bench::stats::Random;
use crate::shell;

/// Bytes that may be kept, how many times as many the site has, and the most of one file.
const BUDGET: u64 = 64 << 20;
const TIMES: u64 = 4;
const LENGTH: u64 = 128 << 10;
/// Clients that ask, each on a connection of its own.
const CLIENTS: usize = 256;
/// One file of so many is another in each new generation.
const CHANGED: usize = 50;
/// How long it lasts, and when it is only to be seen that it works.
const SPAN: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(2);
/// Between two generations, and between two looks at the memory.
const GENERATION: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
/// KiB that the process may have beyond the budget.
const BESIDE_KIB: f64 = (64 << 10) as f64;
const BACKENDS: [&str; 2] = ["uring", "epoll"];

/// A site that changes, gone afterwards.
struct Site {
    home: PathBuf,
    program: PathBuf,
    files: usize,
}

pub fn run(plan: &Plan, profile: Profile) -> Result<Found> {
    let span = if plan.keep { SPAN } else { SHORT };
    let site = Site::prepare(profile.sluicegate()?, plan)?;
    let mut figures = Figures::default();
    // It is long by itself, and memory is no matter of chance.
    let once = Plan { repeats: 1, only: String::new(), ..*plan };
    repeat(&once, &mut BACKENDS.clone(), |io| {
        site.measure(io, span, plan.seed, &mut figures).with_context(|| (*io).to_owned())
    })?;
    let tables = table(&figures, span);
    Ok(Found { title: "Memory under churn", tables, figures, pictures: Vec::new() })
}

impl Site {
    fn prepare(program: PathBuf, plan: &Plan) -> Result<Site> {
        let home = shell::scratch("churn")?;
        let files = (BUDGET * TIMES / (LENGTH / 2)) as usize;
        let site = Site { home, program, files };
        let dir = site.dir();
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("index.html"), "<!doctype html><title>bench</title>\n")?;
        let mut random = Random(plan.seed);
        (0..files).try_for_each(|n| site.write(n, &mut random))?;
        fs::write(site.config(), format!("cache.budget = {BUDGET}\n"))?;
        Ok(site)
    }

    fn dir(&self) -> PathBuf {
        self.home.join("site")
    }

    fn volume(&self) -> PathBuf {
        self.home.join("volume")
    }

    fn config(&self) -> PathBuf {
        self.home.join("config.toml")
    }

    fn write(&self, n: usize, random: &mut Random) -> Result<()> {
        let len = random.below(LENGTH) as usize;
        Ok(fs::write(self.dir().join(format!("{n}.bin")), random.noise(len))?)
    }

    fn pack(&self) -> Result<()> {
        let mut pack = Command::new(&self.program);
        pack.arg("pack").args([self.dir(), self.volume()]).args(["--effort", "off"]);
        shell::read(&mut pack).map(drop)
    }

    fn measure(&self, io: &str, span: Duration, seed: u64, figures: &mut Figures) -> Result<()> {
        let _ = fs::remove_file(self.volume());
        self.pack()?;
        let volume = self.volume();
        let launch = Launch::of(&volume, 2);
        let config = self.config();
        let extra = ["--io", io, "--config", &config.to_string_lossy()];
        let server = launch.sluicegate(&self.program, &extra)?;
        let mut random = Random(seed);
        let mut paths: Vec<String> = (0..self.files).map(|n| format!("/{n}.bin")).collect();
        random.shuffle(&mut paths);
        let mut crowd = Crowd::of(server.address, &paths, CLIENTS)?;
        let over = AtomicBool::new(false);
        let (heard, generations, most) = thread::scope(|scope| {
            let renews = scope.spawn(|| self.renew(&over, &mut random));
            let looks = scope.spawn(|| watch(&server, &over));
            let heard = crowd.drive(span, None);
            over.store(true, Relaxed);
            let generations = renews.join().map_err(|_| anyhow!("who packs panicked"))??;
            let most = looks.join().map_err(|_| anyhow!("who looks panicked"))?;
            anyhow::Ok((heard?, generations, most))
        })?;
        for (name, figure) in [
            ("most_rss_kib", most as f64),
            ("answers_a_second", heard.rate()),
            ("errors", heard.errors as f64),
            ("generations", generations as f64),
        ] {
            figures.add(io, name, figure);
        }
        Ok(())
    }

    /// Packs changed files again and again; returns how often.
    fn renew(&self, over: &AtomicBool, random: &mut Random) -> Result<usize> {
        let mut generations = 0;
        loop {
            for _ in 0..GENERATION.as_millis() / LOOK.as_millis() {
                if over.load(Relaxed) {
                    return Ok(generations);
                }
                thread::sleep(LOOK);
            }
            for _ in 0..self.files / CHANGED {
                self.write(random.below(self.files as u64) as usize, random)?;
            }
            self.pack()?;
            generations += 1;
        }
    }
}

/// The most KiB that the server had until it was over.
fn watch(server: &Server, over: &AtomicBool) -> u64 {
    let mut most = 0;
    while !over.load(Relaxed) {
        most = most.max(server.rss_kib());
        thread::sleep(LOOK);
    }
    most
}

fn table(figures: &Figures, span: Duration) -> String {
    let budget_kib = (BUDGET >> 10) as f64;
    let mut text = format!(
        "{CLIENTS} clients ask for all files of a site of {} MiB one after the other, as fast as \
         they are answered, for {} s; ours has two workers and may keep {} MiB. One file of \
         {CHANGED} changes every {} s, and the site is packed again into the volume that is \
         served. Resident memory is looked at every {} ms.\n\n| | most resident MiB | bound | \
         answers/s | failed | generations | |\n|---|---|---|---|---|---|---|\n",
        (BUDGET * TIMES) >> 20,
        span.as_secs(),
        BUDGET >> 20,
        GENERATION.as_secs(),
        LOOK.as_millis(),
    );
    for io in BACKENDS {
        let of = |name| figures.median(io, name).unwrap_or(f64::NAN);
        let (most, bound) = (of("most_rss_kib"), budget_kib + BESIDE_KIB);
        let holds = if most <= bound { "holds" } else { "**fails**" };
        let answers = shown(figures.spread(io, "answers_a_second"), 0);
        let _ = writeln!(
            text,
            "| {io} | {:.1} | {:.0} | {answers} | {:.0} | {:.0} | {holds} |",
            most / 1024.0,
            bound / 1024.0,
            of("errors"),
            of("generations"),
        );
    }
    text
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}
