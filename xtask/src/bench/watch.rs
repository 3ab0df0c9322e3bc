//! `bench watch`: a hundred watch a server that is asked for ten times of what it can do, and the
//! admin listener answers all the same.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::client::Client;
use super::load::{Crowd, Heard, Viewers, Watched};
use super::server::{Profile, Server};
use super::stand::{Plan, Stand, Who};
use super::{Options, stats};

/// How many watch.
const VIEWERS: usize = 100;

/// How much is asked for, in multiples of what can be done.
const TIMES: f64 = 10.0;

/// Who ask for it, each when it is answered.
const CLIENTS: usize = 1000;

/// Users in a closed loop, by which capacity is found.
const USERS: usize = 4;

/// What is asked of the admin listener, in turn, and how often.
const PATHS: [&str; 5] = ["/", "/api/net", "/metrics", "/api/history", "/api/incidents"];
const EVERY: Duration = Duration::from_millis(20);

/// The longest that an answer of the admin listener may take.
const BOUND_MS: f64 = 100.0;

const BURN: &str = "/burn?us=2000";
const CONFIG: &str = "\
[[route]]
path = \"/burn\"
handler = \"burn\"
domain = \"inline\"
target = \"50ms\"
";

/// One server under one load, with viewers or without.
struct Row {
    who: Who,
    load: &'static str,
    viewers: usize,
    heard: Heard,
    watched: Watched,
    /// Of each path that there is: how long answers took, in ms, sorted.
    asked: Vec<(&'static str, Vec<f64>)>,
    /// Processor time of all of the server, of the time that there was on one processor.
    cpu: f64,
}

/// Measures each server at rest, at half of its capacity and at ten times of it.
pub fn run(plan: Plan, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    plan.check(&["rest", "half", "ten"])?;
    let stand = Stand::prepare(&plan, profile, CONFIG, "")?;
    let mut rows = Vec::new();
    for who in stand.servers(&plan).into_iter().filter(|who| who.is_ours()) {
        let server = stand.start(who, None)?;
        let mut users = Crowd::gather(server.address, BURN, USERS)?;
        let capacity = users.drive(Duration::from_secs_f64(plan.seconds.min(3.0)), None)?.rate();
        println!("{}: about {capacity:.0} requests/s can be done", who.title());
        drop(users);
        for (load, rate) in [("rest", 0.0), ("half", 0.5), ("ten", TIMES)] {
            for viewers in [0, VIEWERS].into_iter().filter(|_| plan.asks(load)) {
                let row = measure(&server, &plan, (who, load, viewers), capacity * rate);
                let row = row.with_context(|| format!("{}, {load}", who.title()))?;
                println!("{}", line(&row));
                rows.push(row);
            }
        }
    }
    stand.report(&plan, "The admin listener under load", &table(&rows), &csv(&rows))?;
    judge(&plan, &rows)
}

fn measure(
    server: &Server,
    plan: &Plan,
    (who, load, viewers): (Who, &'static str, usize),
    rate: f64,
) -> Result<Row> {
    let length = Duration::from_secs_f64(plan.seconds);
    let mut watching = Viewers::gather(server.admin, "/api/live", viewers)?;
    let enough = AtomicBool::new(false);
    let before = server.cpu_ns();
    let (heard, watched, asked) = std::thread::scope(|scope| {
        let watched = scope.spawn(|| watching.watch(&enough));
        let asked = scope.spawn(|| ask(server, &enough));
        let heard = drive(server, length, rate);
        enough.store(true, Relaxed);
        let joined = |_| anyhow::anyhow!("a thread of the load panicked");
        let watched = watched.join().map_err(joined)?;
        let asked = asked.join().map_err(joined)?;
        anyhow::Ok((heard?, watched?, asked?))
    })?;
    let cpu = server.cpu_ns().saturating_sub(before) as f64 / 1e9 / plan.seconds;
    Ok(Row { who, load, viewers, heard, watched, asked, cpu })
}

/// Asks the service for so much.
fn drive(server: &Server, length: Duration, rate: f64) -> Result<Heard> {
    if rate == 0.0 {
        std::thread::sleep(length);
        return Ok(Heard::default());
    }
    Crowd::gather(server.address, BURN, CLIENTS)?.drive(length, Some(rate))
}

/// Asks the admin listener until it is enough, for what there is.
fn ask(server: &Server, enough: &AtomicBool) -> Result<Vec<(&'static str, Vec<f64>)>> {
    let mut client = Client::connect(server.admin)?;
    let mut asked = Vec::new();
    for path in PATHS {
        if client.get(path)?.status == 200 {
            asked.push((path, Vec::new()));
        }
    }
    while !enough.load(Relaxed) {
        for (path, times) in &mut asked {
            let begun = Instant::now();
            let status = client.get(path)?.status;
            ensure!(status == 200, "{path}: {status}");
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            std::thread::sleep(EVERY);
        }
    }
    asked.iter_mut().for_each(|(_, times)| times.sort_by(f64::total_cmp));
    Ok(asked)
}

/// Answers a second that were no refusals.
fn goodput(row: &Row) -> f64 {
    let heard = &row.heard;
    (heard.waits.len() as u64).saturating_sub(heard.errors) as f64 / heard.seconds.max(1e-9)
}

fn line(row: &Row) -> String {
    let Row { who, load, viewers, watched, cpu, .. } = row;
    let all = all(row);
    format!(
        "{:<26} {load:<5} {viewers:>3} watch: {:.0} answered/s, admin p50 {:.1} ms, p99 {:.1} ms, \
         max {:.1} ms; events {} to {}, {} bytes; CPU {cpu:.2}",
        who.title(),
        goodput(row),
        stats::quantile(&all, 0.5),
        stats::quantile(&all, 0.99),
        stats::quantile(&all, 1.0),
        watched.least,
        watched.most,
        watched.event_bytes,
    )
}

/// All answers of the admin listener.
fn all(row: &Row) -> Vec<f64> {
    let mut all: Vec<f64> = row.asked.iter().flat_map(|(_, times)| times).copied().collect();
    all.sort_by(f64::total_cmp);
    all
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "`burn` of 2 ms on the worker, with a target of 50 ms; {CLIENTS} clients ask for half of \
         what can be done, and for ten times of it, while {VIEWERS} or none read `/api/live`. The \
         admin listener is asked once in {EVERY:?}; times are from the question to the last byte, \
         with what who asks waits for a processor itself.\n\n\
         | server | workers | load | watch | answered/s | CPU | events each | event KiB | path | \
         p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        for (path, times) in &row.asked {
            let at = |share| stats::quantile(times, share);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {:.0} | {:.2} | {} to {} | {:.1} | {path} | {:.2} | {:.2} \
                 | {:.2} |",
                row.who.name(),
                row.who.workers,
                row.load,
                row.viewers,
                goodput(row),
                row.cpu,
                row.watched.least,
                row.watched.most,
                row.watched.event_bytes as f64 / 1024.0,
                at(0.5),
                at(0.99),
                at(1.0),
            );
        }
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let mut csv = String::from("server,workers,load,viewers,path,ms\n");
    for row in rows {
        for (path, times) in &row.asked {
            for ms in times {
                let (name, workers) = (row.who.name(), row.who.workers);
                let _ =
                    writeln!(csv, "{name},{workers},{},{},{path},{ms:.3}", row.load, row.viewers);
            }
        }
    }
    csv
}

/// An error if somebody was not sent what happened, or in earnest if answers took too long.
fn judge(plan: &Plan, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (title, watched) = (row.who.title(), row.watched);
        let load = row.load;
        ensure!(watched.ended == 0, "{title}, {load}: {} streams ended", watched.ended);
        let seconds = plan.seconds as u64;
        ensure!(
            row.viewers == 0 || watched.least + 2 >= seconds,
            "{title}, {load}: {} events in {seconds} s",
            watched.least
        );
        let longest = stats::quantile(&all(row), 1.0);
        ensure!(
            plan.is_quick() || longest < BOUND_MS,
            "{title}, {load}: an answer of the admin listener took {longest:.1} ms"
        );
    }
    Ok(())
}
