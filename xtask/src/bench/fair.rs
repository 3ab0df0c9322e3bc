//! `bench fair`: whether all of many connections are served alike.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Options;
use super::load::{self, Crowd, Heard};
use super::server::Profile;
use super::stand::{LOAD_CORE, Plan, Stand, Who};

/// Connections, each of which asks again as soon as it is answered.
const CELLS: [(&str, usize); 2] = [("1024", 1024), ("8192", 8192)];

/// Load before each measurement.
const WARM_UP: Duration = Duration::from_secs(1);

const CONFIG: &str = "[limits]\nidle = \"1h\"\n";
const NGINX: &str = "    keepalive_timeout 1h;\n";

/// One server with so many connections.
struct Row {
    connections: usize,
    who: Who,
    heard: Heard,
    cpu_ns: u64,
}

/// Measures each server in each cell and writes the report.
pub fn run(plan: Plan, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    plan.check(&CELLS.map(|(name, _)| name))?;
    let stand = Stand::prepare(&plan, profile, CONFIG, NGINX)?;
    let _pinned = load::pin(LOAD_CORE)?;
    let mut rows = Vec::new();
    for (name, connections) in CELLS.into_iter().filter(|(name, _)| plan.asks(name)) {
        for who in stand.servers(&plan) {
            let row = measure(&stand, &plan, who, connections);
            let row = row.with_context(|| format!("{} at {name}", who.title()))?;
            println!("{}", line(&row));
            rows.push(row);
        }
    }
    stand.report(&plan, "Fairness", &table(&rows), &csv(&rows))
}

fn measure(stand: &Stand, plan: &Plan, who: Who, connections: usize) -> Result<Row> {
    let server = stand.start(who, None)?;
    let mut crowd = Crowd::gather(server.address, "/1k.txt", connections)?;
    crowd.warm()?;
    crowd.drive(WARM_UP, None)?;
    let before = server.cpu_ns();
    let heard = crowd.drive(Duration::from_secs_f64(plan.seconds), None)?;
    let cpu_ns = server.cpu_ns().saturating_sub(before);
    Ok(Row { connections, who, heard, cpu_ns })
}

fn line(row: &Row) -> String {
    let Row { connections, who, heard, .. } = row;
    format!(
        "{connections:>6} {:<29} Jain {:.5}, longest wait {:.1} ms, p99 {:.1} ms, \
         {:.0} requests/s, errors {}",
        who.title(),
        heard.fairness(),
        heard.longest,
        heard.wait(0.99),
        heard.rate(),
        heard.errors,
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "Each connection asks for 1 KiB again as soon as it is answered. Jain's index of the \
         answers of each: 1 when all have as many, 1/n when one has all.\n\n\
         | connections | server | workers | Jain's index | least answers | most | p50 ms | \
         p99 ms | longest wait ms | requests/s | CPU us/request | errors |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for Row { connections, who, heard, cpu_ns } in rows {
        let _ = writeln!(
            text,
            "| {connections} | {} | {} | {:.5} | {} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} | \
             {} |",
            who.name(),
            who.workers,
            heard.fairness(),
            heard.each.iter().min().unwrap_or(&0),
            heard.each.iter().max().unwrap_or(&0),
            heard.wait(0.5),
            heard.wait(0.99),
            heard.longest,
            heard.rate(),
            *cpu_ns as f64 / 1e3 / heard.answers.max(1) as f64,
            heard.errors,
        );
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let mut csv = String::from("connections,server,workers,client,answers\n");
    for Row { connections, who, heard, .. } in rows {
        for (client, answers) in heard.each.iter().enumerate() {
            let (name, workers) = (who.name(), who.workers);
            let _ = writeln!(csv, "{connections},{name},{workers},{client},{answers}");
        }
    }
    csv
}
