//! The tables of `bench http`, and the files they are kept in.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::http::{CELLS, Cell, Sample, Who};
use super::machine;
use super::stats::{Mean, Spread};
use crate::shell;

/// A ratio of CPU per request that the project holds itself to.
struct Claim {
    /// Cell and server above the line.
    above: (&'static str, Who),
    /// Cell and server below the line.
    below: (&'static str, Who),
    /// The greatest ratio that is good.
    bound: f64,
}

const CLAIMS: [Claim; 11] = [
    Claim { above: ("1k-64", Who::Ours), below: ("1k-64", Who::Nginx), bound: 0.65 },
    Claim { above: ("1k-64", Who::Ours), below: ("1k-64", Who::NginxCorked), bound: 0.65 },
    Claim { above: ("1k-64", Who::Ours), below: ("1k-64", Who::Bare), bound: 1.08 },
    Claim { above: ("1k-1000", Who::Ours), below: ("1k-1000", Who::Nginx), bound: 0.65 },
    Claim { above: ("1k-1000", Who::Ours), below: ("1k-1000", Who::NginxCorked), bound: 0.65 },
    Claim { above: ("1k-1000", Who::Ours), below: ("1k-1000", Who::Bare), bound: 1.08 },
    Claim { above: ("1k-64-pipelined-16", Who::Ours), below: ("1k-64", Who::Ours), bound: 0.25 },
    Claim { above: ("1k-64-workers-2", Who::Ours), below: ("1k-64", Who::Ours), bound: 1.15 },
    Claim { above: ("1k-1000-workers-2", Who::Ours), below: ("1k-1000", Who::Ours), bound: 1.15 },
    Claim { above: ("1k-64-log", Who::OursLog), below: ("1k-64-log", Who::NginxLog), bound: 0.65 },
    Claim {
        above: ("1k-1000-log", Who::OursLog),
        below: ("1k-1000-log", Who::NginxLog),
        bound: 0.65,
    },
];

/// One measurement as it is made.
pub fn line(sample: &Sample) -> String {
    let Sample { repeat, cell, who, figures, .. } = sample;
    let rate = figures.requests as f64 / figures.seconds;
    format!(
        "{repeat:>3} {:<20} {:<12} {:>7.2} us/request {rate:>9.0} requests/s p99 {:>7.2} ms, \
         errors {}",
        cell.name,
        who.name(),
        sample.us_per_request(),
        figures.p99_ms,
        figures.errors(),
    )
}

/// Prints the tables; keeps them with the raw figures below `bench/results/` if asked to.
pub fn write(command: &str, nginx: &str, samples: &[Sample], keep: bool) -> Result<()> {
    let tables = format!("{}\n{}", figures(samples), claims(samples));
    println!("\n{tables}");
    let dir = match keep {
        true => results("http")?,
        false => shell::scratch("results")?,
    };
    let summary = format!(
        "# CPU per request over HTTP\n\n`{command}`\n\n{tables}\n## Machine\n\n{}\n\
         ## nginx\n\n```nginx\n{nginx}```\n",
        machine::describe()
    );
    fs::write(dir.join("summary.md"), summary)?;
    fs::write(dir.join("raw.csv"), csv(samples))?;
    println!("written to {}", dir.display());
    Ok(())
}

/// A new directory `bench/results/NAME-DATE`, numbered if there is one of today already.
pub fn results(name: &str) -> Result<PathBuf> {
    let parent = shell::root().join("bench/results");
    fs::create_dir_all(&parent)?;
    let base = format!("{name}-{}", shell::today());
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let mut names = std::iter::once(base.clone()).chain(numbered).map(|name| parent.join(name));
    let dir = names.find(|dir| !dir.exists()).unwrap_or_else(|| parent.join(&base));
    fs::create_dir(&dir)?;
    Ok(dir)
}

fn figures(samples: &[Sample]) -> String {
    let mut table = String::from(
        "| cell | server | CPU us/request, median [min..max] | requests/s | p50 ms | p99 ms | runs \
         | failed requests |\n|---|---|---|---|---|---|---|---|\n",
    );
    for cell in &CELLS {
        for who in cell.servers {
            let of: Vec<&Sample> = chosen(samples, cell.name, *who).collect();
            let spread = |pick: fn(&Sample) -> f64| {
                Spread::of(&of.iter().map(|sample| pick(sample)).collect::<Vec<f64>>())
            };
            let Some(cpu) = spread(Sample::us_per_request) else { continue };
            let median = |pick| spread(pick).map_or(f64::NAN, |spread| spread.median);
            let _ = writeln!(
                table,
                "| {} | {} | {:.2} [{:.2}..{:.2}] | {:.0} | {} | {} | {} | {} |",
                cell.name,
                who.name(),
                cpu.median,
                cpu.min,
                cpu.max,
                median(|sample| sample.figures.requests as f64 / sample.figures.seconds),
                known(median(|sample| sample.figures.p50_ms)),
                known(median(|sample| sample.figures.p99_ms)),
                of.len(),
                of.iter().map(|sample| sample.figures.errors()).sum::<u64>(),
            );
        }
    }
    table
}

/// wrk tells zero where it lost count, as it does of pipelined requests.
fn known(ms: f64) -> String {
    if ms > 0.0 { format!("{ms:.2}") } else { "unknown".into() }
}

fn claims(samples: &[Sample]) -> String {
    let mut table = String::from(
        "| ratio of CPU per request | of medians | paired: mean [95 %] | paired: median \
         [min..max] | at most | |\n|---|---|---|---|---|---|\n",
    );
    for Claim { above, below, bound } in &CLAIMS {
        let pairs = paired(samples, *above, *below);
        let (Some(spread), Some(ratio)) = (Spread::of(&pairs), of_medians(samples, *above, *below))
        else {
            continue;
        };
        let mean = Mean::of(&pairs);
        let shown = mean.map_or("one pair".into(), |Mean { value, low, high }| {
            format!("{value:.3} [{low:.3}..{high:.3}]")
        });
        let _ = writeln!(
            table,
            "| {} {} / {} {} | {ratio:.3} | {shown} | {:.3} [{:.3}..{:.3}] | {bound} | {} |",
            above.1.name(),
            above.0,
            below.1.name(),
            below.0,
            spread.median,
            spread.min,
            spread.max,
            verdict(mean, pairs.len(), *bound),
        );
    }
    table
}

/// So many pairs decide about any difference; fewer only about one greater than the noise.
const PAIRS_ENOUGH: usize = 20;
const NOISE: f64 = 0.15;

/// What may be said: only an interval that excludes the bound decides.
fn verdict(mean: Option<Mean>, pairs: usize, bound: f64) -> &'static str {
    let clear = |mean: &Mean| pairs >= PAIRS_ENOUGH || (mean.value / bound - 1.0).abs() > NOISE;
    match mean.filter(clear) {
        Some(mean) if mean.high <= bound => "holds",
        Some(mean) if mean.low > bound => "does not hold",
        _ => "not distinguishable",
    }
}

fn of_medians(samples: &[Sample], above: (&str, Who), below: (&str, Who)) -> Option<f64> {
    let median = |(cell, who): (&str, Who)| {
        let values: Vec<f64> = chosen(samples, cell, who).map(Sample::us_per_request).collect();
        Spread::of(&values).map(|spread| spread.median)
    };
    Some(median(above)? / median(below)?)
}

/// The ratio in each repeat that measured both.
fn paired(samples: &[Sample], above: (&str, Who), below: (&str, Who)) -> Vec<f64> {
    let tops = chosen(samples, above.0, above.1);
    let ratios = tops.filter_map(|top| {
        let mut fitting = chosen(samples, below.0, below.1).filter(|s| s.repeat == top.repeat);
        Some(top.us_per_request() / fitting.next()?.us_per_request())
    });
    ratios.collect()
}

fn chosen<'a>(samples: &'a [Sample], cell: &str, who: Who) -> impl Iterator<Item = &'a Sample> {
    samples.iter().filter(move |sample| sample.cell.name == cell && sample.who == who)
}

fn csv(samples: &[Sample]) -> String {
    let mut csv = String::from(
        "repeat,cell,server,requests,seconds,bytes,cpu_ns,us_per_request,p50_ms,p99_ms,\
         connect_errors,read_errors,write_errors,timeouts,bad_status\n",
    );
    for Sample { repeat, cell: Cell { name, .. }, who, cpu_ns, figures: f } in samples {
        let us = *cpu_ns as f64 / 1e3 / f.requests as f64;
        let _ = writeln!(
            csv,
            "{repeat},{name},{},{},{:.3},{},{cpu_ns},{us:.4},{:.3},{:.3},{},{},{},{},{}",
            who.name(),
            f.requests,
            f.seconds,
            f.bytes,
            f.p50_ms,
            f.p99_ms,
            f.connect,
            f.read,
            f.write,
            f.timeout,
            f.status,
        );
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pairs_decide_only_about_great_differences() {
        let mean = |value| Some(Mean { value, low: value - 0.01, high: value + 0.01 });
        assert_eq!(verdict(mean(0.60), 5, 0.65), "not distinguishable");
        assert_eq!(verdict(mean(0.60), 20, 0.65), "holds");
        assert_eq!(verdict(mean(0.50), 5, 0.65), "holds");
        assert_eq!(verdict(mean(0.70), 20, 0.65), "does not hold");
        assert_eq!(verdict(mean(0.65), 99, 0.65), "not distinguishable");
        assert_eq!(verdict(None, 1, 0.65), "not distinguishable");
    }
}
