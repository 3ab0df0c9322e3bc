//! Drives load at a server from the command line, to compare the generator with others:
//! `drive ADDRESS PATH RATE SECONDS CONNECTIONS [spin]`. A rate of 0 is a closed loop without
//! thinking, with one user on each connection.

use std::error::Error;
use std::time::Duration;

use sluicegate_io::Asked;
use sluicegate_lab::{Load, Plan, Population, Rate, run};

/// An answer later than this is not good.
const TARGET: Duration = Duration::from_millis(50);
/// As patient as wrk.
const TIMEOUT: Duration = Duration::from_secs(2);
const USAGE: &str = "drive ADDRESS PATH RATE SECONDS CONNECTIONS [spin], \
    as in `drive 127.0.0.1:8080 / 1000 5 64`; a rate of 0 is a closed loop";

fn plan(arguments: &[String]) -> Result<Plan, Box<dyn Error>> {
    let [to, path, rate, seconds, connections, rest @ ..] = arguments else {
        return Err(USAGE.into());
    };
    let (rate, users) = (rate.parse()?, connections.parse()?);
    let time = Duration::from_secs(seconds.parse()?);
    let load = if rate == 0.0 {
        Load::Closed { users, think: Duration::ZERO }
    } else {
        Load::Open(Rate::steady(rate, time))
    };
    let mut population = Population::new("all", load, path, users, TARGET);
    population.timeout = TIMEOUT;
    let mut plan = Plan::new(to.parse()?, population, time);
    plan.spin = rest.first().is_some_and(|word| word == "spin");
    Ok(plan)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = run(&plan(&arguments)?, Asked::Auto)?;
    print!("{}\n{}", report.csv(), report.markdown());
    for outcome in &report.populations {
        println!("\nopened {}, errors {:?}", outcome.opened, outcome.errors);
    }
    Ok(())
}
