//! `bench scrape`: what a page of metrics of a large net takes, with the snapshot for it. The
//! program that is measured is the example `scrape` of sluicegate-admin.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::server::Profile;
use super::stats::Spread;
use super::{Options, machine, report};
use crate::shell;

/// Stages of the net.
const STAGES: usize = 1000;
/// Scrapes of a run, and runs.
const ROUNDS: usize = 100;
const RUNS: usize = 5;
/// What a scrape may take, in milliseconds.
const MOST: f64 = 20.0;

/// Runs it, prints and keeps the table, and holds it against what a scrape may take.
pub fn run(profile: Profile, options: &Options<'_>) -> Result<()> {
    options.end()?;
    let mut build = shell::cargo(&["build", "--profile", profile.name(), "-p", "sluicegate-admin"]);
    ensure!(build.args(["--example", "scrape"]).status()?.success(), "the example does not build");
    let program = shell::target().join(profile.name()).join("examples/scrape");
    let mut columns: [Vec<f64>; 7] = Default::default();
    for _ in 0..RUNS {
        let mut command = Command::new(&program);
        let text = shell::read(command.args([STAGES.to_string(), ROUNDS.to_string()]))?;
        let figures: Vec<f64> =
            text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        ensure!(figures.len() == columns.len(), "seven figures were expected: {text}");
        columns.iter_mut().zip(figures).for_each(|(column, figure)| column.push(figure));
    }
    let spread = |column: &[f64]| Spread::of(column).context("no figures");
    let [bytes, look, look_max, text, text_max, alone, scraped] = &columns;
    let row = |name: &str, column: &[f64], of: f64| -> Result<String> {
        let Spread { median, min, max } = spread(column)?;
        let [median, min, max] = [median, min, max].map(|figure| figure / of);
        Ok(format!("| {name} | {median:.2} [{min:.2}..{max:.2}] |\n"))
    };
    let table = [
        "| what | median of runs [least..greatest] |\n|---|---|\n".to_owned(),
        row("bytes of the page, in MB", bytes, 1e6)?,
        row("snapshot, ms: the median of a run", look, 1e3)?,
        row("snapshot, ms: the longest of a run", look_max, 1e3)?,
        row("text, ms: the median of a run", text, 1e3)?,
        row("text, ms: the longest of a run", text_max, 1e3)?,
        row("longest pause of the worker, ms: not scraped", alone, 1e3)?,
        row("longest pause of the worker, ms: scraped", scraped, 1e3)?,
    ]
    .concat();
    println!("{table}");
    if matches!(profile, Profile::Release) {
        let summary = format!(
            "# A scrape of {STAGES} stages\n\n`cargo xtask bench scrape`: {RUNS} runs of {ROUNDS} \
             scrapes each, of one worker that has something to do; before them it is left alone \
             for as long.\n\n{table}\n## \
             Machine\n\n{}",
            machine::describe()
        );
        let dir = report::results("scrape")?;
        fs::write(dir.join("summary.md"), summary)?;
        println!("written to {}", dir.display());
        let whole = (spread(look)?.median + spread(text)?.median) / 1e3;
        ensure!(whole <= MOST, "a scrape takes {whole:.1} ms, and may take {MOST}");
    }
    Ok(())
}
