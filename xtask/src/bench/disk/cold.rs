//! Random reads that nothing has in memory, by the stage `disk` and by fio at the same depth.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Bench, DEPTH, Found, ratio, repeat, shown};
use crate::bench::figures::Figures;
use crate::bench::stats::Mean;
use crate::shell;

/// Sizes and how often each is drawn, as fio's `bssplit` has them.
const SIZES: [(&str, &str); 2] =
    [("4 KiB", "4k/100"), ("mix", "4k/30:8k/20:16k/20:32k/15:64k/10:100k/5")];
/// Reads that ours waits for: enough that as many as the depth are in flight all the time, also by
/// threads of which each takes four.
const WAITING: usize = 8 * DEPTH;
/// Ours, and the engine of fio that reads in the same way.
const PAIRS: [(&str, &str); 2] = [("ring", "io_uring"), ("pool", "psync")];
/// The least part of fio's reads that ours may reach.
const BOUND: f64 = 0.9;

/// One thing to measure.
struct Cell {
    device: (&'static str, String),
    sizes: (&'static str, &'static str),
    who: &'static str,
    fio: bool,
}

impl Cell {
    fn name(&self) -> String {
        name(self.device.0, self.sizes.0, self.who)
    }
}

fn name(device: &str, sizes: &str, who: &str) -> String {
    format!("{device} {sizes} {who}")
}

pub fn run(bench: &Bench<'_>) -> Result<Found> {
    if shell::which("fio").is_none() {
        bail!("fio is not installed: `apt-get install fio`");
    }
    let mut cells = Vec::new();
    for (device, path) in bench.ground.direct() {
        for sizes in SIZES {
            let device = (device, path.display().to_string());
            let cell = |who, fio| Cell { device: device.clone(), sizes, who, fio };
            cells.extend(
                PAIRS.iter().flat_map(|(ours, fio)| [cell(*ours, false), cell(*fio, true)]),
            );
        }
    }
    let mut figures = Figures::default();
    repeat(bench.plan, &mut cells, |cell| match cell.fio {
        true => fio(bench, &mut figures, cell),
        false => {
            let (who, sizes, path) = (cell.who, cell.sizes.1, &cell.device.1);
            let words = format!("reads {who} {sizes} random merged {DEPTH} {WAITING} {path}");
            bench.measure(&mut figures, &cell.name(), &words)
        }
    })?;
    let tables = format!("{}\n{}", table(bench, &figures), claims(bench, &figures));
    Ok(Found { title: "Cold random reads beside fio", tables, figures, pictures: Vec::new() })
}

/// Runs fio once, with as many calls in flight, and takes the same figures.
fn fio(bench: &Bench<'_>, figures: &mut Figures, cell: &Cell) -> Result<()> {
    let mut command = Command::new("fio");
    command.args([
        "--name=read",
        "--rw=randread",
        "--direct=1",
        "--norandommap",
        "--blockalign=4k",
    ]);
    command.args(["--thread", "--group_reporting", "--time_based", "--output-format=json"]);
    command.arg(format!("--filename={}", cell.device.1));
    command.arg(format!("--bssplit={}", cell.sizes.1));
    command.arg(format!("--size={}", size(Path::new(&cell.device.1), bench)?));
    command.arg(format!("--runtime={}ms", (bench.plan.seconds * 1e3) as u64));
    command.arg(format!("--randseed={}", bench.plan.seed));
    command.arg(format!("--ioengine={}", cell.who));
    match cell.who {
        "psync" => command.arg(format!("--numjobs={DEPTH}")),
        _ => command.arg(format!("--iodepth={DEPTH}")),
    };
    let told: Value = serde_json::from_str(&shell::read(&mut command)?)?;
    let job = &told["jobs"][0];
    let number = |value: &Value| value.as_f64().with_context(|| format!("fio says {told}"));
    let read = &job["read"];
    let reads = number(&read["total_ios"])?;
    let busy = number(&job["usr_cpu"])? + number(&job["sys_cpu"])?;
    let name = cell.name();
    let mut add = |figure, value| figures.add(&name, figure, value);
    add("per_second", number(&read["iops"])?);
    // Shares of the time of all jobs, in hundredths; that time is in milliseconds.
    add("cpu_us", busy / 100.0 * number(&job["job_runtime"])? * 1e3 / reads);
    add("bytes_a_read", number(&read["io_bytes"])? / reads);
    add("call_mean_us", number(&read["clat_ns"]["mean"])? / 1e3);
    add("call_p99_us", number(&read["clat_ns"]["percentile"]["99.000000"])? / 1e3);
    Ok(())
}

/// Bytes of a file or, where that has none, of the file that the device is made of.
fn size(path: &Path, bench: &Bench<'_>) -> Result<u64> {
    let own = path.metadata()?;
    Ok(if own.is_file() { own.len() } else { bench.ground.file.metadata()?.len() })
}

fn table(bench: &Bench<'_>, figures: &Figures) -> String {
    let mut table = format!(
        "{DEPTH} calls in flight; of ours {WAITING} reads are waited for, sorted and merged as by \
         default. Mean and p99 are of one call.\n\n| device | sizes | who | reads/s \
         | MiB/s | CPU us/read | mean us | p99 us |\n|---|---|---|---|---|---|---|---|\n"
    );
    for (device, _) in bench.ground.direct() {
        for (sizes, _) in SIZES {
            for (ours, fio) in PAIRS {
                for (who, shown_as) in [(ours, "stage, "), (fio, "fio, ")] {
                    let cell = name(device, sizes, who);
                    let median = |name| figures.median(&cell, name).unwrap_or(f64::NAN);
                    let rate = shown(figures.spread(&cell, "per_second"), 0);
                    let mib = median("per_second") * median("bytes_a_read") / f64::from(1 << 20);
                    let cpu = shown(figures.spread(&cell, "cpu_us"), 2);
                    let [mean, p99] = ["call_mean_us", "call_p99_us"].map(median);
                    let _ = writeln!(
                        table,
                        "| {device} | {sizes} | {shown_as}{who} | {rate} | {mib:.0} | {cpu} | \
                         {mean:.0} | {p99:.0} |",
                    );
                }
            }
        }
    }
    table
}

fn claims(bench: &Bench<'_>, figures: &Figures) -> String {
    let mut table = format!(
        "Ours over fio's in the same repeat, mean [95 %]; reads/s are to be {BOUND} at least.\n\n\
         | device | sizes | ours / fio | reads/s | holds | CPU/read |\n|---|---|---|---|---|---|\n"
    );
    for (device, _) in bench.ground.direct() {
        for (sizes, _) in SIZES {
            for (ours, fio) in PAIRS {
                let of = |figure| {
                    figures.ratios(&name(device, sizes, ours), &name(device, sizes, fio), figure)
                };
                let rates = of("per_second");
                let holds = match Mean::of(&rates) {
                    Some(mean) if mean.low >= BOUND => "yes",
                    Some(mean) if mean.high < BOUND => "**no**",
                    _ => "not distinguishable",
                };
                let _ = writeln!(
                    table,
                    "| {device} | {sizes} | {ours} / {fio} | {} | {holds} | {} |",
                    ratio(&rates),
                    ratio(&of("cpu_us")),
                );
            }
        }
    }
    table
}
