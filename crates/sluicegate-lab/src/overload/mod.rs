//! The experiment on overload: what becomes of a server that is asked for more than it can do.
//!
//! A [`System`] is a handler of the server behind a backend. Its capacity is found first, without
//! a gate; then each [`Profile`] asks for multiples of it, each [`Point`] of a fresh server and
//! as many times as [`Experiment::runs`] says. What each run showed is kept as CSV, and medians
//! of the runs that can be believed are told in one report.

mod capacity;
mod figures;
mod handler;
mod machine;
mod paper;
mod profile;
mod server;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sluicegate_io::Asked;

pub use capacity::{Capacity, USERS};
pub use figures::{COLUMNS, Values};
pub use handler::{Domain, HANDLE_MAX, Handler, span};
pub use machine::Cores;
pub use profile::{CONNECTIONS_MAX, CONNECTIONS_MIN, Phase, Point, Profile, Times};
pub use server::{START_MAX, System};

use crate::plan::{Load, Plan, Population, Rate};
use crate::report::Report;
use crate::run;
use figures::Used;
use paper::{Paper, Section};
use server::Server;

/// The first of the addresses that clients come from, and how many: so that no address runs out
/// of ports while connections are given up and opened anew.
const CLIENTS: ([u8; 4], u32) = ([127, 1, 0, 1], 100);
/// Runs of one point.
pub const RUNS_MAX: usize = 100;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The `sluicegate` command that serves.
    pub command: PathBuf,
    /// What is asked.
    pub systems: Vec<System>,
    /// How.
    pub profiles: Vec<Profile>,
    /// How long.
    pub times: Times,
    /// How often each point is run: at least once, at most [`RUNS_MAX`] times.
    pub runs: usize,
    /// The longest time in which an answer is good, and the target of the gate.
    pub target: Duration,
    /// A run in which the generator itself was later, at the 99th percentile, is void.
    pub lag_max: Duration,
    /// The directory for the report, the figures of each run, and what the servers read and said.
    pub out: PathBuf,
    /// How to do the same again: shown in the report.
    pub typed: String,
}

/// What a point showed, in all its runs.
pub(crate) struct Shown {
    pub phases: Vec<(Phase, Vec<Values>)>,
    pub void: Vec<String>,
}

impl Experiment {
    /// Does it all, telling `progress` a line for each step, and returns the report as Markdown,
    /// which is also written to `report.md` in [`Experiment::out`].
    ///
    /// # Errors
    /// One sentence: a file cannot be written, a server does not start, the generator does not run.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<String, String> {
        if !(1..=RUNS_MAX).contains(&self.runs) {
            return Err(format!("{} runs: 1 to {RUNS_MAX} are possible", self.runs));
        }
        fs::create_dir_all(&self.out)
            .map_err(|error| format!("cannot make {}: {error}", self.out.display()))?;
        machine::take_descriptors();
        let cores = Cores::found();
        let mut paper = Paper::new(self, &cores);
        for system in &self.systems {
            let capacity = self.capacity(system, &cores, progress)?;
            paper.add_system(system, &capacity);
            for profile in &self.profiles {
                let mut section = Section::new(*profile);
                for point in profile.points(capacity.rate, &self.times) {
                    let shown = self.point(system, &cores, &capacity, &point, progress)?;
                    section.add(&point, &shown);
                }
                paper.add_section(&section);
            }
        }
        let text = paper.text();
        self.keep("report.md", &text)?;
        Ok(text)
    }

    fn point(
        &self,
        system: &System,
        cores: &Cores,
        capacity: &Capacity,
        point: &Point,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Shown, String> {
        let phases = point.phases.iter().map(|phase| (phase.clone(), Vec::new())).collect();
        let mut shown = Shown { phases, void: Vec::new() };
        for number in 1..=self.runs {
            let name = format!("{}-{}-{number}", system.name(), point.name);
            let (report, used) = self.once(system, cores, point, number as u64)?;
            self.keep(&format!("{name}.csv"), &report.csv())?;
            let void = void(&report, point);
            progress(&format!("{name}: {}", figures::line(&report, &void)));
            if !void.is_empty() {
                shown.void.extend(void.into_iter().map(|why| format!("{name}: {why}")));
                continue;
            }
            // Only a point of one phase has its processor time for itself.
            let used = used.filter(|_| point.phases.len() == 1);
            for (phase, runs) in &mut shown.phases {
                let rows = &report.populations[0].rows;
                runs.push(figures::values(rows, phase, capacity, used, self.target));
            }
        }
        Ok(shown)
    }

    /// One run of a point, against a server that has done nothing else.
    fn once(
        &self,
        system: &System,
        cores: &Cores,
        point: &Point,
        seed: u64,
    ) -> Result<(Report, Option<Used>), String> {
        let rate = Rate { pieces: point.pieces.clone(), poisson: true };
        let target = self.target;
        let population = self.population(Load::Open(rate), system, point.connections(target));
        let population = Population { retry: point.retry, ..population };
        let server = Server::start(self, system, cores, system.gated)?;
        let time = point.pieces.iter().map(|piece| piece.time).sum();
        let plan = Plan { seed, ..Plan::new(server.address.clone(), population, time) };
        self.drive(plan, cores, &server)
    }

    fn population(&self, load: Load, system: &System, most: usize) -> Population {
        let path = system.handler.path();
        let mut population = Population::new("clients", load, &path, most, self.target);
        population.addresses = Some((CLIENTS.0.into(), CLIENTS.1));
        population
    }

    /// Carries out a plan beside the server; what it showed, and the server's processor time.
    fn drive(
        &self,
        mut plan: Plan,
        cores: &Cores,
        server: &Server,
    ) -> Result<(Report, Option<Used>), String> {
        let _pinned = cores.generator();
        // Only a processor of its own may be spent on looking at the clock.
        plan.spin = cores.are_apart();
        plan.lag_max = self.lag_max;
        let (before, began) = (server.used(), Instant::now());
        let report = run(&plan, Asked::Auto).map_err(|error| error.to_string())?;
        let used = before.zip(server.used()).map(|(before, after)| Used {
            processor: after.saturating_sub(before),
            of: began.elapsed(),
        });
        Ok((report, used))
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.out.join(name);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

/// Why a run is not counted: what the generator says, and connections that were too few.
fn void(report: &Report, point: &Point) -> Vec<String> {
    let mut void: Vec<String> = report.void.iter().map(ToString::to_string).collect();
    let outcome = &report.populations[0];
    let (asked, most) = (outcome.most_under_way, outcome.per_connection.len());
    if asked > most {
        void.push(format!(
            "{asked} requests were under way at once at {}, on {most} connections: some waited \
             for one, which the server must not be blamed for",
            point.name
        ));
    }
    void
}
