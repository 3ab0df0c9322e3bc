//! `bench disk`: reads by the stage `disk` beside fio, what sorting and merging them is worth,
//! tasks that read as flows and as threads, and what is served from volumes. The programs that are
//! measured beside the server are those of `bench/peers/disk`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::figures::Figures;
use super::server::Profile;
use super::stats::{Mean, Random, Spread};
use super::{Options, machine};
use crate::shell;

mod brake;
mod churn;
mod cold;
mod devices;
mod ground;
mod plot;
mod slowed;
mod sorted;
mod start;
mod tasks;

use ground::Ground;

/// What can be measured, each alone.
const PARTS: [&str; 6] = ["cold", "sorted", "tasks", "start", "slowed", "churn"];
/// What is too long to be only seen to work, unless it is asked for by name.
const LONG: [&str; 2] = ["slowed", "churn"];
/// Seconds after which a measurement is given up.
const LIMIT: u32 = 180;
/// Calls that are in flight at once.
const DEPTH: usize = 32;

/// What is to be measured.
pub struct Plan {
    repeats: usize,
    seconds: f64,
    only: String,
    seed: u64,
    /// MiB of the file that is read from.
    size: u64,
    keep: bool,
}

impl Plan {
    pub fn from(options: &mut Options<'_>) -> Result<Plan> {
        let usual = if options.flag("--quick") { Plan::smoke() } else { Plan::full() };
        Ok(Plan {
            repeats: options.value("--repeats")?.unwrap_or(usual.repeats),
            seconds: options.value("--seconds")?.unwrap_or(usual.seconds),
            only: options.value("--only")?.unwrap_or(usual.only),
            seed: options.value("--seed")?.unwrap_or(usual.seed),
            size: options.value("--size")?.unwrap_or(usual.size),
            ..usual
        })
    }

    fn full() -> Plan {
        Plan { repeats: 7, seconds: 1.5, only: String::new(), seed: 1, size: 2048, keep: true }
    }

    /// Short runs, to see that it works.
    pub fn smoke() -> Plan {
        Plan { repeats: 1, seconds: 0.1, only: String::new(), seed: 1, size: 64, keep: false }
    }

    fn asks(&self, part: &str) -> bool {
        let named = self.only.split(',').any(|name| name == part);
        named || (self.only.is_empty() && (self.keep || !LONG.contains(&part)))
    }
}

/// The programs and what they read from.
struct Bench<'a> {
    plan: &'a Plan,
    peer: PathBuf,
    ground: Ground,
}

/// What one part found.
struct Found {
    title: &'static str,
    tables: String,
    figures: Figures,
    /// By the name of the file.
    pictures: Vec<(&'static str, String)>,
}

impl<'a> Bench<'a> {
    fn prepare(plan: &'a Plan, profile: Profile) -> Result<Bench<'a>> {
        let peer = profile.peer("disk", "disk-peer")?;
        let ground = Ground::prepare(plan.size, plan.seed)?;
        Ok(Bench { plan, peer, ground })
    }

    /// Has the program measure one thing.
    fn measure(&self, figures: &mut Figures, cell: &str, words: &str) -> Result<()> {
        let Plan { seconds, seed, .. } = self.plan;
        let mut command = Command::new("timeout");
        command.arg(LIMIT.to_string()).arg(&self.peer);
        command.args(words.split(' ')).args([seconds.to_string(), seed.to_string()]);
        figures.take(cell, &shell::read(&mut command)?)
    }
}

/// Calls `measure` for each cell in each repeat, in a random order.
fn repeat<T>(
    plan: &Plan,
    cells: &mut [T],
    mut measure: impl FnMut(&T) -> Result<()>,
) -> Result<()> {
    let mut random = Random(plan.seed);
    for repeat in 1..=plan.repeats {
        random.shuffle(cells);
        for cell in &*cells {
            measure(cell)?;
        }
        println!("{repeat} of {} runs", plan.repeats);
    }
    Ok(())
}

/// Measures, prints the tables, and keeps them below `bench/results/disk` if asked to.
pub fn run(plan: Plan, profile: Profile, options: &Options<'_>) -> Result<()> {
    options.end()?;
    for name in plan.only.split(',').filter(|name| !name.is_empty()) {
        ensure!(PARTS.contains(&name), "--only {name}: accepted are {}", PARTS.join(", "));
    }
    let mut bench = None;
    for part in PARTS.into_iter().filter(|part| plan.asks(part)) {
        if part == "slowed"
            && let Err(why) = brake::Brake::is_possible()
        {
            println!("slowed: skipped: {why:#}");
            continue;
        }
        let (found, about) = measure(part, &plan, profile, &mut bench).context(part)?;
        write(&plan, part, &found, &about)?;
    }
    Ok(())
}

/// Measures one part; returns what is to be said of where it was measured too. What is read from is
/// prepared for the first that needs it.
fn measure<'a>(
    part: &'static str,
    plan: &'a Plan,
    profile: Profile,
    bench: &mut Option<Bench<'a>>,
) -> Result<(Found, String)> {
    let at_server = match part {
        "start" => Some(start::run(plan, profile)?),
        "slowed" => Some(slowed::run(plan, profile)?),
        "churn" => Some(churn::run(plan, profile)?),
        _ => None,
    };
    if let Some(found) = at_server {
        return Ok((found, String::new()));
    }
    let bench = match bench {
        Some(bench) => bench,
        None => bench.insert(Bench::prepare(plan, profile)?),
    };
    let found = match part {
        "cold" => cold::run(bench)?,
        "sorted" => sorted::run(bench)?,
        "tasks" => tasks::run(bench)?,
        other => bail!("{other} is not measured"),
    };
    Ok((found, format!("## Devices\n\n{}\n", bench.ground.describe())))
}

fn write(plan: &Plan, part: &str, found: &Found, about: &str) -> Result<()> {
    let Found { title, tables, figures, pictures } = found;
    println!("\n# {title}\n\n{tables}");
    let Plan { repeats, seconds, seed, size, keep, .. } = plan;
    let dir = match keep {
        true => super::report::results(&format!("disk/{part}"))?,
        false => shell::scratch("results")?,
    };
    let shown = |(name, _): &(&str, String)| format!("![{name}]({name}.svg)\n\n");
    let shown: String = pictures.iter().map(shown).collect();
    let command = format!(
        "cargo xtask bench disk --only {part} --repeats {repeats} --seconds {seconds} \
         --seed {seed} --size {size}"
    );
    let summary = format!(
        "# {title}\n\n`{command}`\n\nMedian [least..greatest] of the runs.\n\n{tables}\n\
         {shown}{about}## Machine\n\n{}",
        machine::describe()
    );
    fs::write(dir.join("summary.md"), summary)?;
    fs::write(dir.join("raw.csv"), figures.csv())?;
    for (name, picture) in pictures {
        fs::write(dir.join(format!("{name}.svg")), picture)?;
    }
    println!("written to {}", dir.display());
    Ok(())
}

/// A figure that may be missing.
fn shown(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |Spread { median, min, max }| {
        format!("{median:.digits$} [{min:.digits$}..{max:.digits$}]")
    })
}

/// The mean of ratios, as far as it is known.
fn ratio(ratios: &[f64]) -> String {
    match (Mean::of(ratios), ratios) {
        (Some(Mean { value, low, high }), _) => format!("{value:.2} [{low:.2}..{high:.2}]"),
        (None, [one]) => format!("{one:.2}"),
        _ => "-".into(),
    }
}
