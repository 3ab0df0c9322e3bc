//! `bench kernel`: what a hop, a wire between two workers and a stage cost, beside channels. The
//! program that is measured is `bench/peers/kernel`; each measurement is a process of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::figures::Figures;
use super::server::Profile;
use super::stats::Random;
use super::{Options, instructions, machine, report};
use crate::shell;

mod tables;

/// Stages between the source and itself.
const CHAINS: [usize; 3] = [1, 10, 100];
/// Events that go through the chain together.
const BATCHES: [usize; 4] = [1, 4, 16, 64];
/// Batches of the sender between workers, and how many times the best channel's rate is wanted.
const STREAMS: [(usize, Option<f64>); 3] = [(1, None), (8, Some(1.0)), (64, Some(4.0))];
const OURS: [&str; 2] = ["flows", "forks"];
const CHANNELS: [&str; 5] = ["crossbeam", "flume", "kanal", "tokio", "async-channel"];
/// Stages of the large nets, and the ports of each.
const SIZES: [(usize, usize); 2] = [(10_000, 1), (10_000, 10)];
/// Stages of the net that is looked at.
const LOOKED_AT: usize = 1000;
/// Events of the shorter of the two runs whose difference is what is counted.
const COUNTED: usize = 64_000;
/// Groups of measurements.
const GROUPS: [&str; 6] = ["hop", "stream", "wakes", "size", "look", "instructions"];

/// What is to be measured.
pub struct Plan {
    repeats: usize,
    seconds: f64,
    only: String,
    seed: u64,
    keep: bool,
}

impl Plan {
    pub fn from(options: &mut Options<'_>) -> Result<Plan> {
        let quick = options.flag("--quick");
        let (repeats, seconds) = if quick { (1, 0.1) } else { (11, 1.0) };
        Ok(Plan {
            repeats: options.value("--repeats")?.unwrap_or(repeats),
            seconds: options.value("--seconds")?.unwrap_or(seconds),
            only: options.value("--only")?.unwrap_or_default(),
            seed: options.value("--seed")?.unwrap_or(1),
            keep: !quick,
        })
    }

    /// Short runs, to see that it works.
    pub fn smoke() -> Plan {
        Plan { repeats: 1, seconds: 0.05, only: String::new(), seed: 1, keep: false }
    }

    fn asks(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.split(',').any(|name| name == group)
    }

    /// What the program is asked for in each repeat.
    fn cells(&self) -> Vec<String> {
        let (seconds, mut cells) = (self.seconds, Vec::new());
        if self.asks("hop") {
            let pairs = CHAINS.iter().flat_map(|chain| BATCHES.map(|batch| (chain, batch)));
            cells.extend(pairs.map(|(n, batch)| format!("hop {n} {batch} --seconds {seconds}")));
        }
        if self.asks("stream") {
            let all = OURS.iter().chain(&CHANNELS);
            let pairs = all.flat_map(|who| STREAMS.map(|(batch, _)| (who, batch)));
            cells.extend(pairs.map(|(who, n)| format!("stream {who} {n} --seconds {seconds}")));
        }
        if self.asks("wakes") {
            cells.extend(STREAMS.map(|(batch, _)| format!("wakes {batch} --rounds 100")));
        }
        if self.asks("size") {
            cells.extend(SIZES.map(|(stages, ports)| format!("size {stages} {ports}")));
        }
        if self.asks("look") {
            cells.push(format!("look {LOOKED_AT}"));
        }
        cells
    }
}

/// Runs the program once. What a cell is called does not say how long it is measured.
fn measure(figures: &mut Figures, program: &Path, cell: &str) -> Result<()> {
    let text = shell::read(Command::new(program).args(cell.split(' ')))?;
    figures.take(cell.split(" --").next().unwrap_or(cell), &text)
}

/// Measures, prints the tables, and keeps them below `bench/results` if asked to.
pub fn run(plan: Plan, profile: Profile, options: &Options<'_>) -> Result<()> {
    options.end()?;
    for name in plan.only.split(',').filter(|name| !name.is_empty()) {
        ensure!(GROUPS.contains(&name), "--only {name}: accepted are {}", GROUPS.join(", "));
    }
    let program = profile.peer("kernel", "kernel-peer")?;
    let (mut figures, mut random) = (Figures::default(), Random(plan.seed));
    let mut cells = plan.cells();
    for repeat in 1..=plan.repeats {
        random.shuffle(&mut cells);
        for cell in &cells {
            measure(&mut figures, &program, cell)?;
        }
        println!("{repeat} of {} runs", plan.repeats);
    }
    if plan.asks("instructions") && plan.keep {
        count(&program, &mut figures)?;
    }
    write(&plan, &figures)
}

/// Instructions a hop, by callgrind where it is installed: those of one run more than of another
/// that is half as long.
fn count(program: &Path, figures: &mut Figures) -> Result<()> {
    if shell::which("valgrind").is_none() {
        println!("valgrind is not installed: no instructions are counted");
        return Ok(());
    }
    let out = shell::scratch("kernel")?.join("callgrind.out");
    for chain in CHAINS {
        for batch in BATCHES {
            let counted = |rounds: usize| -> Result<f64> {
                let mut valgrind = Command::new("valgrind");
                valgrind.arg("--tool=callgrind");
                valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program);
                let cell = format!("hop {chain} {batch} --rounds {rounds}");
                shell::read(valgrind.args(cell.split(' ')))?;
                instructions::counted(&out)
            };
            let rounds = COUNTED.div_ceil(batch * (chain + 1));
            let hops = (rounds * batch * (chain + 1)) as f64;
            let each = (counted(2 * rounds)? - counted(rounds)?) / hops;
            figures.add(&format!("hop {chain} {batch}"), "instructions", each);
        }
    }
    Ok(())
}

fn write(plan: &Plan, figures: &Figures) -> Result<()> {
    let tables = tables::all(figures);
    if tables.is_empty() {
        bail!("nothing was measured");
    }
    println!("\n{tables}");
    let dir = match plan.keep {
        true => report::results("kernel")?,
        false => shell::scratch("results")?,
    };
    let Plan { repeats, seconds, only, seed, .. } = plan;
    let only = if only.is_empty() { String::new() } else { format!(" --only {only}") };
    let summary = format!(
        "# What the kernel costs\n\n`cargo xtask bench kernel --repeats {repeats} --seconds \
         {seconds} --seed {seed}{only}`\n\nMedian [least..greatest] of the runs. Bodies of 64 \
         bytes, with tags, ledger and counters.\n\n{tables}\n## Machine\n\n{}",
        machine::describe()
    );
    fs::write(dir.join("summary.md"), summary)?;
    fs::write(dir.join("raw.csv"), figures.csv())?;
    println!("written to {}", dir.display());
    Ok(())
}
