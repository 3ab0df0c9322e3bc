//! `bench instructions`: what a request costs by callgrind, which no load disturbs, with everything
//! off that tells how a server does and with everything on.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::client::Client;
use super::server::{Launch, Profile, Server};
use super::stats::Spread;
use super::{Options, machine, report};
use crate::shell;

/// Requests of the shorter run and of the longer; the figure is of those between.
const REQUESTS: (u64, u64) = (500, 4500);

/// Runs of each, of which the median counts: how often the worker found nothing to do differs.
const RUNS: usize = 3;
/// What everything on may cost more than everything off, in instructions a request.
const MOST: f64 = 1500.0;

/// How much is on.
#[derive(Clone, Copy)]
enum On {
    Nothing,
    Distributions,
    /// As by default where there is an admin listener.
    All,
}

impl On {
    const EACH: [On; 3] = [On::Nothing, On::Distributions, On::All];

    fn name(self) -> &'static str {
        match self {
            On::Nothing => "nothing",
            On::Distributions => "distributions",
            On::All => "distributions and traces, the default",
        }
    }

    fn switch(self, server: &Server) -> Result<()> {
        match self {
            On::Nothing => server.unwatched(),
            On::Distributions => server.untraced(),
            On::All => Ok(()),
        }
    }
}

/// Counts each, prints and keeps the table, and holds it against what may be.
pub fn run(profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    ensure!(shell::which("valgrind").is_some(), "valgrind is not installed");
    let home = shell::scratch("instructions")?;
    let www = home.join("www");
    fs::create_dir_all(&www)?;
    fs::write(www.join("index.html"), "<!doctype html><title>bench</title>\n")?;
    fs::write(www.join("1k.txt"), "x".repeat(1024))?;
    let program = profile.sluicegate()?;
    let mut table = String::from("| on | instructions a request | more |\n|---|---|---|\n");
    let (mut least, mut more) = (None, 0.0);
    for on in On::EACH {
        let count = |requests| threads(&program, (&www, &home.join("out")), on, requests);
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let (few, many) = (count(REQUESTS.0)?, count(REQUESTS.1)?);
            ensure!(
                few.len() == many.len(),
                "the runs had {} threads and {}",
                few.len(),
                many.len()
            );
            // What other threads do goes by the clock.
            let of_worker = many.iter().zip(&few).map(|(many, few)| many - few).fold(0.0, f64::max);
            runs.push(of_worker / (REQUESTS.1 - REQUESTS.0) as f64);
        }
        let each = Spread::of(&runs).context("there are runs")?.median;
        more = each - *least.get_or_insert(each);
        println!("{}: {each:.0} instructions a request", on.name());
        writeln!(table, "| {} | {each:.0} | {more:.0} |", on.name())?;
    }
    let dir = report::results("instructions")?;
    let summary = format!(
        "# What it costs to be watched\n\n`cargo xtask bench instructions`\n\nA file of 1 KiB over \
         one connection that is kept, epoll, one worker, the worker's thread in user space alone, \
         by callgrind: the difference of runs of {} and of {} requests, the median of {RUNS}.\n\n\
         {table}\nEverything on may cost {MOST:.0} more.\n\n## Machine\n\n{}",
        REQUESTS.1,
        REQUESTS.0,
        machine::describe()
    );
    fs::write(dir.join("summary.md"), summary)?;
    println!("\n{table}written to {}", dir.display());
    ensure!(more <= MOST, "everything on costs {more:.0} instructions a request: {MOST:.0} may be");
    Ok(())
}

/// Instructions of each thread of a server, in the order in which they began, with so many
/// requests.
fn threads(program: &Path, (www, out): (&Path, &Path), on: On, requests: u64) -> Result<Vec<f64>> {
    let file = |n| out.with_file_name(format!("out-{n:02}"));
    let files = || (1..).map(file).take_while(|file| file.exists());
    files().collect::<Vec<_>>().iter().try_for_each(fs::remove_file)?;
    let launch = Launch { callgrind: Some(out), ..Launch::of(www, 1) };
    let mut server = launch.sluicegate(program, &["--io", "epoll"])?;
    on.switch(&server)?;
    let mut client = Client::connect(server.address)?;
    for _ in 0..requests {
        ensure!(client.get("/1k.txt")?.status == 200, "a file is not served");
    }
    drop(client);
    server.terminate()?;
    server.ended()?;
    files().map(|file| counted(&file)).collect()
}

/// What callgrind counted.
pub fn counted(out: &Path) -> Result<f64> {
    let text = fs::read_to_string(out)?;
    let sum = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(sum.context("callgrind says no sum")?.trim().parse()?)
}
