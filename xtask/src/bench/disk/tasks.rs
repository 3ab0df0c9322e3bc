//! The first figure of SEDA again: many tasks that each read 8 KiB over and over, as flows of a net
//! and as threads.

use std::fmt::Write;
use std::fs;

use anyhow::Result;

use super::plot::{Line, Plot};
use super::{Bench, Found, repeat, shown};
use crate::bench::figures::Figures;
use crate::bench::stats::Spread;

/// Powers of four up to this of two.
const LARGEST: u32 = 20;
/// From so many on a round of all can take seconds, and one run is enough.
const ONCE: usize = 1 << 14;
const WHO: [&str; 2] = ["flows", "threads"];
/// Tasks with which the device has as much to do as ever.
const FILLED: usize = 1024;
/// Threads that never wait for the device: of 16,000 each has its turn once in tens of seconds, the
/// one that measures too, and nothing was measured in three minutes.
const NEVER_WAITING: usize = 4096;
/// Tasks when it is only to be seen that it works: threads cost the whole machine.
const FEW_FLOWS: [usize; 4] = [1, 64, 1024, 4096];
const FEW_THREADS: [usize; 2] = [1, 16];
/// Mappings of a thread: its stack and that of its signals, each with a guard.
const MAPPINGS: usize = 4;
/// What is left to others of what there is of numbers of processes and of mappings.
const PIDS_LEFT: usize = 4096;
const MAPPINGS_LEFT: usize = 1000;
/// Bytes of a task that waits, and the part of the threads' processor time at so many tasks.
const MEMORY_BOUND: f64 = 200.0;
const CPU_BOUND: (usize, f64) = (1024, 0.5);

pub fn run(bench: &Bench<'_>) -> Result<Found> {
    let (most, limit) = most_threads();
    let limit = format!("Threads end at {most}: {limit}.");
    println!("{limit}");
    let sources = sources(bench);
    let mut cells = Vec::new();
    for (source, path) in &sources {
        for who in WHO {
            for tasks in counts(bench, source, who, most) {
                let words = format!("tasks {who} {tasks} {path}");
                cells.push((tasks, name(source, who, tasks), words));
            }
        }
    }
    let mut figures = Figures::default();
    let (mut large, mut small): (Vec<_>, Vec<_>) =
        cells.into_iter().partition(|(tasks, ..)| *tasks >= ONCE);
    repeat(bench.plan, &mut small, |(_, cell, words)| bench.measure(&mut figures, cell, words))?;
    large.sort();
    for (_, cell, words) in &large {
        bench.measure(&mut figures, cell, words)?;
    }
    let mut tables = String::new();
    for (source, _) in &sources {
        tables += &table(bench, &figures, source, most);
    }
    tables += &claims(bench, &figures, &sources, most);
    let _ = writeln!(tables, "* {limit}");
    let pictures = vec![("tasks", picture(bench, &figures, &sources, most)?)];
    Ok(Found { title: "Tasks that read, as flows and as threads", tables, figures, pictures })
}

/// What is read from, by its name.
fn sources(bench: &Bench<'_>) -> Vec<(&'static str, String)> {
    let ground = &bench.ground;
    let cached = ground.cached.as_ref().ok().map(|path| ("cached", path));
    let all = cached.into_iter().chain([("direct", &ground.file)]);
    all.map(|(name, path)| (name, path.display().to_string())).collect()
}

fn name(source: &str, who: &str, tasks: usize) -> String {
    format!("{source} {who} {tasks}")
}

/// How many tasks are measured.
fn counts(bench: &Bench<'_>, source: &str, who: &str, most: usize) -> Vec<usize> {
    if !bench.plan.keep {
        return if who == "threads" { FEW_THREADS.to_vec() } else { FEW_FLOWS.to_vec() };
    }
    let all = (0..=LARGEST).step_by(2).map(|power| 1 << power);
    match who {
        "threads" => {
            let most = if source == "cached" { most.min(NEVER_WAITING) } else { most };
            let mut fitting: Vec<usize> = all.filter(|tasks| *tasks < most).collect();
            fitting.push(most);
            fitting
        }
        _ => all.collect(),
    }
}

/// How many threads the machine allows beside what others have, in thousands, and what stands in
/// the way of more.
fn most_threads() -> (usize, String) {
    let number = |file: &str| -> Option<usize> {
        fs::read_to_string(file).ok()?.split_whitespace().next()?.parse().ok()
    };
    let running = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running = running.split(['/', ' ']).nth(4).and_then(|n| n.parse().ok()).unwrap_or(0);
    let own = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("Max processes"));
    let own = own.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let taken = running + PIDS_LEFT;
    let limits = [
        ("kernel.pid_max", number("/proc/sys/kernel/pid_max"), taken, 1),
        ("kernel.threads-max", number("/proc/sys/kernel/threads-max"), taken, 1),
        ("RLIMIT_NPROC", own, taken, 1),
        ("pids.max of the cgroup", number("/sys/fs/cgroup/pids.max"), taken, 1),
        ("vm.max_map_count", number("/proc/sys/vm/max_map_count"), MAPPINGS_LEFT, MAPPINGS),
    ];
    let each = limits.into_iter().filter_map(|(name, limit, taken, each)| {
        let limit = limit?;
        let fit = limit.saturating_sub(taken) / each / 1000 * 1000;
        let why = format!("{name} is {limit}, {taken} are left to others, a thread takes {each}");
        Some((fit, why))
    });
    each.min().unwrap_or((1000, "nothing is known of the limits".into()))
}

fn table(bench: &Bench<'_>, figures: &Figures, source: &str, most: usize) -> String {
    let mut table = format!(
        "## {}\n\n| tasks | who | reads/s | mean ms | p99 ms | longest ms | CPU us/read | \
         flows/threads | bytes a task beyond {FILLED} |\n|---|---|---|---|---|---|---|---|---|\n",
        if source == "cached" { "From the buffer cache" } else { "From the device" }
    );
    let mut counts: Vec<usize> =
        WHO.iter().flat_map(|who| counts(bench, source, who, most)).collect();
    counts.sort_unstable();
    counts.dedup();
    for tasks in counts {
        for who in WHO {
            let cell = name(source, who, tasks);
            let Some(rate) = figures.spread(&cell, "per_second") else { continue };
            let ms = |name| {
                let scaled = figures.median(&cell, name).unwrap_or(f64::NAN) / 1e3;
                if scaled < 10.0 { format!("{scaled:.3}") } else { format!("{scaled:.0}") }
            };
            let ratios = figures.ratios(&cell, &name(source, WHO[1], tasks), "cpu_us");
            let ratio = if who == WHO[0] { super::ratio(&ratios) } else { String::new() };
            let _ = writeln!(
                table,
                "| {tasks} | {who} | {} | {} | {} | {} | {} | {ratio} | {} |",
                shown(Some(rate), 0),
                ms("mean_us"),
                ms("p99_us"),
                ms("longest_us"),
                shown(figures.spread(&cell, "cpu_us"), 2),
                memory(figures, source, who, tasks)
                    .map_or("-".into(), |bytes| format!("{bytes:.0}")),
            );
        }
    }
    table.push('\n');
    table
}

/// Resident memory that a task costs beyond those of a number at which all that is in flight is so.
fn memory(figures: &Figures, source: &str, who: &str, tasks: usize) -> Option<f64> {
    let of = |tasks| figures.median(&name(source, who, tasks), "rss_kib");
    let further = tasks.checked_sub(FILLED).filter(|further| *further > 0)?;
    Some((of(tasks)? - of(FILLED)?) * 1024.0 / further as f64)
}

fn claims(
    bench: &Bench<'_>,
    figures: &Figures,
    sources: &[(&'static str, String)],
    most: usize,
) -> String {
    let mut lines = String::from("## What is wanted\n\n");
    let verdict = |holds| if holds { "yes" } else { "**no**" };
    for (source, _) in sources {
        let largest = counts(bench, source, WHO[0], most).into_iter().max().unwrap_or(1);
        if let Some(bytes) = memory(figures, source, WHO[0], largest) {
            let holds = verdict(bytes < MEMORY_BOUND);
            let _ = writeln!(
                lines,
                "* {source}, {largest} flows: {bytes:.0} bytes of memory for each beyond \
                 {FILLED}, under {MEMORY_BOUND}: {holds}"
            );
        }
        let rates = counts(bench, source, WHO[0], most).into_iter().filter(|tasks| *tasks > 16);
        let rates: Vec<f64> = rates
            .filter_map(|tasks| figures.median(&name(source, WHO[0], tasks), "per_second"))
            .collect();
        if let Some(Spread { min, max, .. }) = Spread::of(&rates) {
            let flat = min / max;
            let _ = writeln!(lines, "* {source}, 64 flows and more: slowest/fastest {flat:.2}");
        }
    }
    let (tasks, bound) = CPU_BOUND;
    let [flows, threads] = WHO.map(|who| name("direct", who, tasks));
    let ratios = figures.ratios(&flows, &threads, "cpu_us");
    if let Some(Spread { max, .. }) = Spread::of(&ratios) {
        let _ = writeln!(
            lines,
            "* direct, {tasks} tasks: processor time of flows over that of threads {}, at most \
             {bound}: {}",
            super::ratio(&ratios),
            verdict(max <= bound)
        );
    }
    lines
}

fn picture(
    bench: &Bench<'_>,
    figures: &Figures,
    sources: &[(&'static str, String)],
    most: usize,
) -> Result<String> {
    let lines = |figure: &str, scale: f64| -> Vec<Line> {
        let pairs = sources.iter().flat_map(|(source, _)| WHO.map(|who| (*source, who)));
        let line = |(source, who)| {
            let point = |tasks| {
                let value = figures.median(&name(source, who, tasks), figure)?;
                Some((tasks as f64, value * scale))
            };
            let points = counts(bench, source, who, most).into_iter().filter_map(point).collect();
            Line { name: format!("{who}, {source}"), points }
        };
        pairs.map(line).collect()
    };
    let panels =
        [("reads/s", lines("per_second", 1.0)), ("mean ms a read", lines("mean_us", 1e-3))];
    Plot { title: "Tasks that each read 8 KiB over and over", x: "tasks", panels }.svg()
}
