//! A site of many files served from a volume beside the same from its directory: how soon it
//! answers, and what a request costs.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::{Found, Plan, ratio, repeat, shown};
use crate::bench::figures::Figures;
use crate::bench::server::{Launch, Profile};
use crate::bench::stats::Random;
use crate::bench::wrk::Drive;
use crate::shell;

/// Files of the site, in directories of so many; of few when it is only to be seen that it works.
const FILES: usize = 100_000;
const FEW: usize = 1000;
const TOGETHER: usize = 100;
/// The most bytes of one.
const LENGTH: u64 = 1000;
const ROOTS: [&str; 2] = ["volume", "directory"];
/// What is asked for again and again, by so many connections.
const PAGES: [(&str, &str, usize); 2] = [("1k", "1k.txt", 1024), ("100k", "100k.bin", 100 << 10)];
const CONNECTIONS: usize = 64;
/// Seconds without measurement, and with it.
const WARM: u64 = 1;
const DRIVEN: u64 = 2;
/// Milliseconds in which a volume is to answer.
const BOUND: f64 = 1000.0;

/// A directory with what is served, gone afterwards.
struct Site(PathBuf);

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Site {
    fn prepare(files: usize, seed: u64, program: &Path) -> Result<Site> {
        let site = Site(shell::scratch("site")?);
        let (root, mut random) = (site.root(ROOTS[1]), Random(seed));
        fs::create_dir_all(&root)?;
        fs::write(root.join("index.html"), "<!doctype html><title>bench</title>\n")?;
        for (_, name, len) in PAGES {
            fs::write(root.join(name), "x".repeat(len))?;
        }
        for n in 0..files {
            let dir = root.join(format!("{}", n / TOGETHER));
            if n.is_multiple_of(TOGETHER) {
                fs::create_dir_all(&dir)?;
            }
            let len = random.below(LENGTH) + 1;
            let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
            fs::write(dir.join(format!("{n}.bin")), bytes)?;
        }
        let mut pack = Command::new(program);
        pack.arg("pack").args([&root, &site.root(ROOTS[0])]).args(["--effort", "off"]);
        println!("{}", shell::read(&mut pack)?.trim());
        Ok(site)
    }

    fn root(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

pub fn run(plan: &Plan, profile: Profile) -> Result<Found> {
    for program in ["wrk", "taskset"] {
        ensure!(shell::which(program).is_some(), "{program} is not installed");
    }
    let program = profile.sluicegate()?;
    let files = if plan.keep { FILES } else { FEW };
    let site = Site::prepare(files, plan.seed, &program)?;
    let (mut figures, scripts) = (Figures::default(), shell::scratch("site-wrk")?);
    repeat(plan, &mut ROOTS.clone(), |root| {
        let path = site.root(root);
        let launch = Launch { cores: Some("0"), ..Launch::of(&path, 1) };
        let begun = Instant::now();
        let server = launch.sluicegate(&program, &[])?;
        figures.add(root, "start_ms", begun.elapsed().as_secs_f64() * 1e3);
        figures.add(root, "rss_kib", server.rss_kib() as f64);
        for (page, file, _) in PAGES {
            let url = format!("http://{}/{file}", server.address);
            let drive = |seconds| {
                let (cores, connections, depth, url) = ("1", CONNECTIONS, 1, url.as_str());
                Drive { cores, connections, depth, seconds, url }.run(&scripts)
            };
            drive(WARM)?;
            let before = server.cpu_ns();
            let driven = drive(DRIVEN)?;
            let spent = (server.cpu_ns() - before) as f64 / 1e3;
            ensure!(driven.errors() == 0, "{} requests of {page} failed", driven.errors());
            let (requests, cell) = (driven.requests as f64, format!("{root} {page}"));
            figures.add(&cell, "us_a_request", spent / requests);
            figures.add(&cell, "per_second", requests / driven.seconds);
        }
        Ok(())
    })
    .context("is the program one that serves volumes?")?;
    let tables = table(&figures, files);
    Ok(Found { title: "A volume beside its directory", tables, figures, pictures: Vec::new() })
}

fn table(figures: &Figures, files: usize) -> String {
    let mut table = format!(
        "{files} files of 1 to {LENGTH} bytes, one worker on core 0, {CONNECTIONS} connections of \
         wrk on core 1. Start-up is from the start of the process to its first answer, looked for \
         every 10 ms.\n\n| | {} | {} | {} / {} |\n|---|---|---|---|\n",
        ROOTS[0], ROOTS[1], ROOTS[0], ROOTS[1]
    );
    let mut row = |told: &str, cells: [String; 2], figure, digits| {
        let [volume, directory] = cells.clone().map(|cell| figures.spread(&cell, figure));
        let ratios = figures.ratios(&cells[0], &cells[1], figure);
        let [volume, directory] = [volume, directory].map(|spread| shown(spread, digits));
        let _ = writeln!(table, "| {told} | {volume} | {directory} | {} |", ratio(&ratios));
    };
    row("start-up ms", ROOTS.map(str::to_owned), "start_ms", 0);
    row("resident KiB then", ROOTS.map(str::to_owned), "rss_kib", 0);
    for (page, ..) in PAGES {
        let cells = || ROOTS.map(|root| format!("{root} {page}"));
        row(&format!("{page}: requests/s"), cells(), "per_second", 0);
        row(&format!("{page}: CPU us/request"), cells(), "us_a_request", 2);
    }
    let longest = figures.spread(ROOTS[0], "start_ms").map_or(f64::NAN, |spread| spread.max);
    let holds = if longest < BOUND { "yes" } else { "**no**" };
    let _ = writeln!(table, "\nThe volume's start-up under {BOUND} ms each time: {holds}.");
    table
}
