//! What it is worth that the stage `disk` sorts a batch and reads neighbours as one.

use std::fmt::Write;

use anyhow::Result;

use super::{Bench, DEPTH, Found, ratio, repeat, shown};
use crate::bench::figures::Figures;

const PATTERNS: [&str; 2] = ["random", "clustered"];
/// What the stage makes of a batch, the first what it is held against.
const ORDERS: [(&str, &str); 3] =
    [("asked", "as asked"), ("sorted", "sorted"), ("merged", "sorted, neighbours as one")];
/// Reads that are waited for: there must be some to be sorted.
const WAITING: usize = 8 * DEPTH;
const SIZES: &str = "4k/100";

pub fn run(bench: &Bench<'_>) -> Result<Found> {
    let mut cells = Vec::new();
    for (device, path) in bench.ground.direct() {
        for pattern in PATTERNS {
            for (order, _) in ORDERS {
                let path = path.display();
                let words =
                    format!("reads ring {SIZES} {pattern} {order} {DEPTH} {WAITING} {path}");
                cells.push((name(device, pattern, order), words));
            }
        }
    }
    let mut figures = Figures::default();
    repeat(bench.plan, &mut cells, |(cell, words)| bench.measure(&mut figures, cell, words))?;
    let tables = table(bench, &figures);
    Ok(Found { title: "Reads sorted and merged", tables, figures, pictures: Vec::new() })
}

fn name(device: &str, pattern: &str, order: &str) -> String {
    format!("{device} {pattern} {order}")
}

fn table(bench: &Bench<'_>, figures: &Figures) -> String {
    let mut table = format!(
        "Reads of 4 KiB by a worker's ring, {WAITING} waited for, {DEPTH} calls in flight. \
         Clustered: eight runs of 16 neighbours at random places at once, each in a random order. \
         Times are from the question to its answer.\n\n| device | pattern | how | reads/s | over \
         as asked | calls/s | bytes/call | CPU us/read | mean us | p99 us |\n\
         |---|---|---|---|---|---|---|---|---|---|\n"
    );
    for (device, _) in bench.ground.direct() {
        for pattern in PATTERNS {
            for (order, told) in ORDERS {
                let (cell, first) =
                    (name(device, pattern, order), name(device, pattern, ORDERS[0].0));
                let median = |name| figures.median(&cell, name).unwrap_or(f64::NAN);
                let rate = shown(figures.spread(&cell, "per_second"), 0);
                let over = ratio(&figures.ratios(&cell, &first, "per_second"));
                let calls = median("per_second") * median("calls_a_read");
                let cpu = shown(figures.spread(&cell, "cpu_us"), 2);
                let [bytes, mean, p99] = ["bytes_a_call", "mean_us", "p99_us"].map(median);
                let _ = writeln!(
                    table,
                    "| {device} | {pattern} | {told} | {rate} | {over} | {calls:.0} | {bytes:.0} \
                     | {cpu} | {mean:.0} | {p99:.0} |",
                );
            }
        }
    }
    table
}
