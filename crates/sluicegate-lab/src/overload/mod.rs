//! The experiment on overload: what becomes of a server that is asked for more than it can do.
//!
//! A [`System`] is a server with a handler: this program's own, or a [`Peer`]. Its capacity is found
//! first, with nothing that refuses, and a peer is tuned for it; then each [`Profile`] asks for multiples of it, each [`Point`] of a fresh server and
//! as many times as [`Experiment::runs`] says. What each run showed is kept as CSV, and medians
//! of the runs that can be believed are told in one report.

mod capacity;
mod figures;
mod handler;
mod machine;
mod nginx;
mod paper;
mod peer;
mod profile;
mod program;
mod server;
mod system;
mod tune;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sluicegate_io::Asked;

pub use capacity::{Capacity, USERS};
pub use figures::{COLUMNS, Values};
pub use handler::{Domain, HANDLE_MAX, Handler, span};
pub use machine::Cores;
pub use peer::{PEERS, Peer};
pub use profile::{CONNECTIONS_MAX, CONNECTIONS_MIN, Clients, Phase, Point, Profile, Times};
pub use program::START_MAX;
pub use system::{Make, System};

use crate::plan::{LAG_MAX, Load, Plan, Population, Rate};
use crate::report::{Outcome, Report};
use crate::run;
use figures::Used;
use paper::{Paper, Section};
use server::Server;
use system::{Intake, Place};

/// Runs of one point.
pub const RUNS_MAX: usize = 100;
/// The most of the server's processor that others may take, in percent of a run that is believed.
pub const OTHERS_MAX: f64 = 5.0;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The `sluicegate` command that serves.
    pub command: PathBuf,
    /// The directory of the peers' program, [`PEERS`]; nothing is looked for there without a peer.
    pub peers: PathBuf,
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
    /// Whether void runs count too: for where the form of the report matters and no figure.
    pub count_void: bool,
    /// The directory for the report, the figures of each run, and what the servers read and said.
    pub out: PathBuf,
    /// How to do the same again: shown in the report.
    pub typed: String,
}

/// What a run showed.
struct Ran {
    report: Report,
    used: Option<Used>,
    /// Why it is not believed.
    void: Vec<String>,
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
        self.systems.iter().try_for_each(|system| system.check(&self.peers))?;
        fs::create_dir_all(&self.out)
            .map_err(|error| format!("cannot make {}: {error}", self.out.display()))?;
        machine::take_descriptors();
        let cores = Cores::found();
        let mut paper = Paper::new(self, &cores);
        for system in &self.systems {
            let capacity = self.capacity(system, &cores, progress)?;
            let tuned = self.tuned(system, &cores, &capacity, progress)?;
            paper.add_system(system, &self.place()?, &capacity, &tuned);
            for profile in &self.profiles {
                let ruled = Intake::Ruled(tuned.number);
                let intake = if profile.is_refused() { Intake::Nothing } else { ruled };
                if !system.can(intake) {
                    paper.leave_out(*profile);
                    continue;
                }
                let mut section = Section::new(*profile);
                for point in profile.points(capacity.rate, &self.times) {
                    let shown = self.point(system, &cores, &capacity, intake, &point, progress)?;
                    section.add(&shown);
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
        intake: Intake,
        point: &Point,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Shown, String> {
        let phases = point.phases.iter().map(|phase| (phase.clone(), Vec::new())).collect();
        let mut shown = Shown { phases, void: Vec::new() };
        for number in 1..=self.runs {
            let name = format!("{}-{}-{number}", system.name(), point.name);
            let Ran { report, used, void } =
                self.once(system, cores, intake, point, number as u64)?;
            self.keep(&format!("{name}.csv"), &report.csv())?;
            progress(&format!("{name}: {}", figures::line(&report, &void)));
            let counts = void.is_empty() || self.count_void;
            shown.void.extend(void.into_iter().map(|why| format!("{name}: {why}")));
            if !counts {
                continue;
            }
            // Only a point of one phase has its processor time for itself.
            let used = used.filter(|_| point.phases.len() == 1);
            for (phase, runs) in &mut shown.phases {
                let rows = &report.populations[phase.clients].rows;
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
        intake: Intake,
        point: &Point,
        seed: u64,
    ) -> Result<Ran, String> {
        let server = Server::start(&self.place()?, system, intake, cores)?;
        let each = point.clients.iter().map(|clients| {
            let rate = Rate { pieces: clients.pieces.clone(), poisson: true };
            let most = clients.connections(self.target);
            let mut population = self.population(clients.name, Load::Open(rate), system, most);
            population.retry = clients.retry;
            population.addresses = Some(clients.addresses);
            population
        });
        let populations = each.collect();
        let (to, time) = (server.address.clone(), point.time());
        drive(Plan { to, populations, time, seed, lag_max: LAG_MAX, spin: false }, cores, &server)
    }

    fn population(&self, name: &str, load: Load, system: &System, most: usize) -> Population {
        let path = system.handler.path();
        let population = Population::new(name, load, &path, most, self.target);
        Population { addresses: Some(profile::CROWD), ..population }
    }

    fn place(&self) -> Result<Place<'_>, String> {
        let out = std::path::absolute(&self.out)
            .map_err(|error| format!("cannot find {}: {error}", self.out.display()))?;
        Ok(Place { command: &self.command, peers: &self.peers, out, target: self.target })
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.out.join(name);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

/// Carries out a plan beside the server.
fn drive(mut plan: Plan, cores: &Cores, server: &Server) -> Result<Ran, String> {
    let _pinned = cores.generator();
    // Only a processor of its own may be spent on looking at the clock.
    plan.spin = cores.are_apart();
    let began = Instant::now();
    let (used_before, busy_before) = (server.used(), cores.server_busy());
    let report = run(&plan, Asked::Auto).map_err(|error| error.to_string())?;
    let since = |before: Option<Duration>, after: Option<Duration>| {
        before.zip(after).map(|(before, after)| after.saturating_sub(before))
    };
    let busy = since(busy_before, cores.server_busy());
    let used =
        since(used_before, server.used()).map(|processor| Used { processor, of: began.elapsed() });
    let mut void: Vec<String> = report.void.iter().map(ToString::to_string).collect();
    void.extend(busy.zip(used).and_then(|(busy, used)| others(busy, used)));
    void.extend(report.populations.iter().filter_map(waited));
    Ok(Ran { report, used, void })
}

/// Why a run is void in which the server's processor worked for others.
fn others(busy: Duration, used: Used) -> Option<String> {
    let others = busy.saturating_sub(used.processor).as_secs_f64();
    let percent = 100.0 * others / used.of.as_secs_f64();
    (percent > OTHERS_MAX).then(|| {
        format!(
            "others took {percent:.0} % of the server's processor, at most {OTHERS_MAX} % is \
             believed: give the machine rest"
        )
    })
}

/// Why a run is void in which requests waited for a connection, for which the server must not be
/// blamed. In a closed loop there is always one.
fn waited(outcome: &Outcome) -> Option<String> {
    let (asked, most) = (outcome.most_under_way, outcome.per_connection.len());
    (asked > most).then(|| {
        format!(
            "{asked} requests of {} were under way at once on {most} connections: ask for less, or \
             with a shorter target",
            outcome.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_disturbed_is_not_believed() {
        let ms = Duration::from_millis;
        let used = Used { processor: ms(500), of: ms(1000) };
        assert_eq!(others(ms(540), used), None);
        assert!(others(ms(600), used).unwrap().contains("others took 10 %"));
        // Ticks are coarser than the server's own time.
        assert_eq!(others(ms(490), used), None);
    }
}
