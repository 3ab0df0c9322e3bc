//! The tables of `bench http`, and the files they are kept in.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::http::{CELLS, Cell, Io, Sample, Who};
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

/// Of nginx, by the number of connections and the size of what is asked for.
const OF_NGINX: [(&str, f64); 8] = [
    ("1k-64", 0.60),
    ("1k-1000", 0.60),
    ("1k-8000", 0.66),
    ("100k-64", 0.82),
    ("1k-64-workers-2", 0.60),
    ("1k-1000-workers-2", 0.60),
    ("1k-8000-workers-2", 0.66),
    ("100k-64-workers-2", 0.82),
];

/// The same of a server that logs.
const OF_NGINX_LOG: [(&str, f64); 8] = [
    ("1k-64-log", 0.60),
    ("1k-1000-log", 0.60),
    ("1k-8000-log", 0.66),
    ("100k-64-log", 0.82),
    ("1k-64-log-workers-2", 0.60),
    ("1k-1000-log-workers-2", 0.60),
    ("1k-8000-log-workers-2", 0.66),
    ("100k-64-log-workers-2", 0.82),
];

/// Of the bare loop on the same backend: what staging may cost.
const OF_BARE: [(&str, f64); 4] =
    [("1k-64", 1.05), ("1k-1000", 1.05), ("1k-8000", 1.05), ("100k-64", 1.05)];

/// Of ours with everything off: what it may cost to be watched, which is to be within the noise.
const OF_OFF: [(&str, f64); 2] = [("1k-64-watched", 1.1), ("1k-64-watched-workers-2", 1.1)];

/// Of `axum::serve` with the same app: what our server may cost, with a gate and without.
const OF_AXUM: [(&str, f64); 3] = [("hello-1", 0.90), ("hello-16", 0.90), ("hello-64", 0.90)];

/// Of ourselves in another cell.
const OF_OURS: [(&str, &str, f64); 3] = [
    ("1k-64-pipelined-16", "1k-64", 0.25),
    ("1k-64-workers-2", "1k-64", 1.15),
    ("1k-1000-workers-2", "1k-1000", 1.15),
];

fn all_claims() -> Vec<Claim> {
    let mut all = Vec::new();
    for io in Io::BOTH {
        let (ours, log) = (Who::Ours(io), Who::OursLog(io));
        let of = |who, below| {
            move |&(cell, bound)| Claim { above: (cell, who), below: (cell, below), bound }
        };
        all.extend(OF_NGINX.iter().map(of(ours, Who::Nginx)));
        all.extend(OF_NGINX_LOG.iter().map(of(log, Who::NginxLog)));
        all.extend(OF_BARE.iter().map(of(ours, Who::Bare(io))));
        all.extend(OF_OFF.iter().map(of(ours, Who::OursOff(io))));
        all.extend(OF_AXUM.iter().map(of(Who::Serve(io), Who::Axum)));
        all.extend(OF_AXUM.iter().map(of(Who::ServeGated(io), Who::Axum)));
        all.extend(OF_OURS.iter().map(|&(cell, other, bound)| Claim {
            above: (cell, ours),
            below: (other, ours),
            bound,
        }));
    }
    all
}

/// One measurement as it is made.
pub fn line(sample: &Sample) -> String {
    let Sample { repeat, cell, who, figures, .. } = sample;
    let rate = sample.rate();
    format!(
        "{repeat:>3} {:<20} {:<20} {:>7.2} us/request {rate:>9.0} requests/s p99 {:>7.2} ms, \
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
    let tables = format!("{}\n{}\n{}", figures(samples), claims(samples), rates(samples));
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
    let base = format!("{name}-{}", shell::today());
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let mut names = std::iter::once(base.clone()).chain(numbered).map(|name| parent.join(name));
    let dir = names.find(|dir| !dir.exists()).unwrap_or_else(|| parent.join(&base));
    fs::create_dir_all(&dir)?;
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
                median(Sample::rate),
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
    for Claim { above, below, bound } in all_claims() {
        let pairs = paired(samples, above, below, Sample::us_per_request);
        let (Some(spread), Some(ratio)) = (Spread::of(&pairs), of_medians(samples, above, below))
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
            verdict(mean, pairs.len(), bound),
        );
    }
    table
}

/// How many requests a second we answer for each that another answers.
fn rates(samples: &[Sample]) -> String {
    let mut table = String::from(
        "| requests/s | over those of | paired: mean [95 %] | at least |\n|---|---|---|---|\n",
    );
    let mut row = |cell, ours: Who, other: Who, least| {
        let pairs = paired(samples, (cell, ours), (cell, other), Sample::rate);
        let Some(Mean { value, low, high }) = Mean::of(&pairs) else { return };
        let (ours, other) = (ours.name(), other.name());
        let mean = format!("{value:.3} [{low:.3}..{high:.3}]");
        let _ = writeln!(table, "| {cell} {ours} | {other} | {mean} | {least} |");
    };
    for io in Io::BOTH {
        let (ours, log) = (Who::Ours(io), Who::OursLog(io));
        OF_NGINX.iter().for_each(|(cell, _)| row(cell, ours, Who::Nginx, "1"));
        OF_NGINX_LOG.iter().for_each(|(cell, _)| row(cell, log, Who::NginxLog, "1"));
        OF_OFF.iter().for_each(|(cell, _)| row(cell, ours, Who::OursOff(io), "0.9"));
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
fn paired(
    samples: &[Sample],
    above: (&str, Who),
    below: (&str, Who),
    figure: fn(&Sample) -> f64,
) -> Vec<f64> {
    let tops = chosen(samples, above.0, above.1);
    let ratios = tops.filter_map(|top| {
        let mut fitting = chosen(samples, below.0, below.1).filter(|s| s.repeat == top.repeat);
        Some(figure(top) / figure(fitting.next()?))
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
