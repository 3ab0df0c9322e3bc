//! `bench soak`: mixed load at about half capacity; at the end nothing may be missing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::mix::{self, CONFIG, Visitor};
use super::net::Net;
use super::server::{Launch, Profile, Server};
use super::{Options, machine, report};
use crate::shell;

/// Client threads, each with one connection at a time.
const CLIENTS: u64 = 16;

/// The share of the measured capacity that is asked for.
const SHARE: f64 = 0.5;

/// How long capacity is measured, and how long a change of a file waits for the next.
const CALIBRATION: Duration = Duration::from_secs(5);
const CHANGE_EVERY: Duration = Duration::from_millis(200);

/// Memory is sampled about two hundred times, but not more often than this.
const SAMPLE_AT_LEAST: Duration = Duration::from_millis(500);

/// A run at least so long is kept below `bench/results/`.
const KEPT_FROM: f64 = 300.0;

/// Memory is flat when its last quarter is no more than this above its second.
const GROWTH_FACTOR: f64 = 1.05;
const GROWTH_KIB: f64 = 4096.0;

/// What the clients saw; errors by their words.
#[derive(Default)]
struct Seen {
    answers: u64,
    errors: BTreeMap<String, u64>,
}

/// One look at the server.
struct Look {
    seconds: f64,
    rss_kib: u64,
    answers: u64,
    net: Net,
}

/// Runs for so many seconds after finding out what half the capacity is.
pub fn run(seconds: f64, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    ensure!((1.0..=86_400.0).contains(&seconds), "a second to a day are accepted");
    let home = shell::scratch("soak")?;
    let (www, config) = mix::site(&home, CONFIG)?;
    let launch = Launch::of(&www, 2);
    let config = config.to_string_lossy();
    let mut server = launch.sluicegate(&profile.sluicegate()?, &["--config", &config])?;
    let warm = Duration::from_secs_f64(seconds.min(CALIBRATION.as_secs_f64()));
    let calibration = drive(&server, &www, warm, f64::INFINITY)?;
    let capacity = calibration.seen.answers as f64 / warm.as_secs_f64();
    println!("capacity about {capacity:.0} requests/s; half of it for {seconds:.0} s");
    let load = drive(&server, &www, Duration::from_secs_f64(seconds), capacity * SHARE)?;
    let rest = Net::at_rest(server.admin)?;
    server.terminate()?;
    let status = server.ended()?;
    let summary = summary(seconds, capacity, &load, &rest);
    println!("{summary}");
    if seconds >= KEPT_FROM {
        keep(&summary, &load)?;
    }
    ensure!(status.success(), "the server ended with {status}");
    for part in [&calibration, &load] {
        ensure!(part.seen.errors.is_empty(), "clients saw errors: {:?}", part.seen.errors);
    }
    ensure!(rest.refused == 0, "{} refused at half capacity", rest.refused);
    ensure!(rest.panics == 0, "{} panics", rest.panics);
    flat(&load.looks)
}

/// What one phase of load left behind.
struct Load {
    seen: Seen,
    looks: Vec<Look>,
}

fn drive(server: &Server, www: &Path, length: Duration, rate: f64) -> Result<Load> {
    let seen = Mutex::new(Seen::default());
    let over = AtomicBool::new(false);
    let mut looks = Ok(Vec::new());
    std::thread::scope(|scope| {
        for seed in 0..CLIENTS {
            let (seen, over, address) = (&seen, &over, server.address);
            scope.spawn(move || client(address, seed, rate / CLIENTS as f64, seen, over));
        }
        let over_too = &over;
        let changer = scope.spawn(move || change_files(www, over_too));
        looks = watch(server, length, &seen);
        over.store(true, Relaxed);
        if let Ok(Err(error)) = changer.join() {
            looks = Err(error);
        }
    });
    let seen = seen.into_inner().unwrap_or_else(|poison| poison.into_inner());
    Ok(Load { seen, looks: looks? })
}

/// Sends at its rate by the clock, whatever the answers take, until told to stop.
fn client(address: SocketAddr, seed: u64, rate: f64, seen: &Mutex<Seen>, over: &AtomicBool) {
    let mut visitor = Visitor::new(address, seed);
    let begun = Instant::now();
    for n in 0_u32.. {
        let intended = Duration::from_secs_f64(f64::from(n) / rate);
        std::thread::sleep(intended.saturating_sub(begun.elapsed()));
        if over.load(Relaxed) {
            return;
        }
        let outcome = visitor.visit();
        let mut seen = seen.lock().unwrap_or_else(|poison| poison.into_inner());
        match outcome {
            Ok(()) => seen.answers += 1,
            Err(error) => *seen.errors.entry(error.to_string()).or_default() += 1,
        }
    }
}

fn change_files(www: &Path, over: &AtomicBool) -> Result<()> {
    for step in 0.. {
        if over.load(Relaxed) {
            break;
        }
        mix::change(www, step).context("changing a file")?;
        std::thread::sleep(CHANGE_EVERY);
    }
    Ok(())
}

/// Looks at memory and net every so often, until the time is over.
fn watch(server: &Server, length: Duration, seen: &Mutex<Seen>) -> Result<Vec<Look>> {
    let begun = Instant::now();
    let every = (length / 200).max(SAMPLE_AT_LEAST);
    let mut looks = Vec::new();
    while begun.elapsed() < length {
        std::thread::sleep(every.min(length.saturating_sub(begun.elapsed())));
        let answers = seen.lock().unwrap_or_else(|poison| poison.into_inner()).answers;
        let (seconds, rss_kib) = (begun.elapsed().as_secs_f64(), server.rss_kib());
        looks.push(Look { seconds, rss_kib, answers, net: Net::ask(server.admin)? });
    }
    Ok(looks)
}

/// An error if memory grew from the second quarter of the run to the last.
fn flat(looks: &[Look]) -> Result<()> {
    let (early, late) = (quarter(looks, 1), quarter(looks, 3));
    ensure!(
        late <= early * GROWTH_FACTOR + GROWTH_KIB,
        "memory grew from {early:.0} KiB in the second quarter to {late:.0} KiB in the last"
    );
    Ok(())
}

/// The median resident memory in a quarter of the run (0 to 3), in KiB.
fn quarter(looks: &[Look], which: usize) -> f64 {
    let part = looks.len() / 4;
    let from = which * part;
    let to = if which == 3 { looks.len() } else { from + part };
    let values: Vec<f64> = looks[from..to].iter().map(|look| look.rss_kib as f64).collect();
    super::stats::Spread::of(&values).map_or(0.0, |spread| spread.median)
}

fn summary(seconds: f64, capacity: f64, load: &Load, rest: &Net) -> String {
    let Load { seen, looks } = load;
    let rate = seen.answers as f64 / seconds;
    let rss: Vec<String> = (0..4).map(|n| format!("{:.0}", quarter(looks, n))).collect();
    format!(
        "* load: {rate:.0} requests/s for {seconds:.0} s, capacity about {capacity:.0}\n\
         * answers as they should be: {}\n* errors: {:?}\n* refused: {}, panics: {}\n\
         * memory by quarters of the run: {} KiB\n* at the end: {rest:?}\n",
        seen.answers,
        seen.errors,
        rest.refused,
        rest.panics,
        rss.join(", "),
    )
}

fn keep(summary: &str, load: &Load) -> Result<()> {
    let dir = report::results("soak")?;
    let mut csv = String::from("seconds,rss_kib,answers,in_flight,connections_open,refused\n");
    for Look { seconds, rss_kib, answers, net } in &load.looks {
        let (flight, open, refused) = (net.in_flight, net.open, net.refused);
        let _ = writeln!(csv, "{seconds:.1},{rss_kib},{answers},{flight},{open},{refused}");
    }
    fs::write(dir.join("samples.csv"), csv)?;
    let text = format!(
        "# Mixed load at half capacity\n\n`cargo xtask bench soak`\n\n{summary}\n\
         ## Machine\n\n{}",
        machine::describe()
    );
    fs::write(dir.join("summary.md"), text)?;
    println!("written to {}", dir.display());
    Ok(())
}
