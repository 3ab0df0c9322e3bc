//! The experiment on overload: what becomes of a server that is asked for more than it can do.
//!
//! A [`System`] is a server with a handler: this program's own, or a [`Peer`]. Its capacity is
//! found first, with nothing that refuses, and a peer is tuned for it; then each [`Profile`] asks
//! for multiples of it, each [`Point`] of a fresh server and as many times as [`Experiment::runs`]
//! says. What each run showed is kept as CSV, and medians of the runs that can be believed are told
//! in one report.

mod capacity;
mod curves;
mod figures;
mod handler;
mod laws;
mod machine;
mod nginx;
mod paper;
mod peer;
mod plot;
mod profile;
mod program;
mod server;
mod system;
mod trouble;
mod tune;
mod view;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_io::Asked;

pub use capacity::{Capacity, USERS};
pub use figures::{COLUMNS, Values};
pub use handler::{CLASSES, Domain, HANDLE_MAX, Handler, Work, span};
pub use laws::{Law, Laws};
pub use machine::Cores;
pub use peer::{PEERS, Peer};
pub use profile::{CONNECTIONS_MAX, CONNECTIONS_MIN, Clients, Phase, Point, Profile, Span, Times};
pub use program::START_MAX;
pub use system::{Make, System};
pub use trouble::Trouble;

use crate::ask::Ask;
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
    /// The mean time of an answer as the server saw it.
    seen: Option<Duration>,
    /// Why it is not believed.
    void: Vec<String>,
}

/// What a point showed, in all its runs.
pub(crate) struct Shown {
    pub phases: Vec<(Phase, Vec<Values>)>,
    /// The same for each second of each kind of clients.
    pub seconds: Vec<(Phase, Vec<Values>)>,
    pub void: Vec<String>,
}

impl Experiment {
    /// About how many lines [`Experiment::run`] tells: one for each run of the generator.
    pub fn lines(&self) -> usize {
        let points = |profile: &Profile| profile.points(&self.times).len() * self.runs;
        let points: usize = self.profiles.iter().map(points).sum();
        let of = |system: &System| {
            system.handler.parts().len() * capacity::RUNS + system.tunings() + points
        };
        self.systems.iter().map(of).sum()
    }

    /// Does it all, telling `progress` a line for each run of the generator, and returns the
    /// report as Markdown, which is also written to `report.md` in [`Experiment::out`].
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
            let capacities = self.capacities(system, &cores, progress)?;
            let tuned = self.tuned(system, &cores, &capacities, progress)?;
            paper.add_system(system, &self.place()?, &capacities, &tuned);
            for profile in &self.profiles {
                let ruled = Intake::Ruled(tuned.number);
                let intake = if profile.is_refused() { Intake::Nothing } else { ruled };
                if !system.can(intake) {
                    paper.leave_out(*profile);
                    continue;
                }
                let points = profile.points(&self.times);
                let subject = (system, intake);
                let shown = self.points(subject, &cores, &capacities, points, progress)?;
                let mut section = Section::new(*profile);
                shown.iter().for_each(|(_, shown)| section.add(shown));
                let name = system.name();
                let plots = curves::plots(*profile, &name, &capacities, self.target, &shown);
                for (file, plot) in plots {
                    self.keep(&file, &plot.svg()?)?;
                    section.add_plot(file);
                }
                paper.add_section(&section);
            }
        }
        let text = paper.text();
        self.keep("report.md", &text)?;
        Ok(text)
    }

    /// All runs of some points, the first of each before the second of any: what the machine does
    /// meanwhile meets all of them.
    fn points(
        &self,
        (system, intake): (&System, Intake),
        cores: &Cores,
        capacities: &[Capacity],
        points: Vec<Point>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<(Point, Shown)>, String> {
        let nothing = |point: Point| {
            let shown = Shown::new(&point, capacities.len());
            (point, shown)
        };
        let mut all: Vec<(Point, Shown)> = points.into_iter().map(nothing).collect();
        for number in 1..=self.runs {
            for (point, shown) in &mut all {
                let name = format!("{}-{}-{number}", system.name(), point.name);
                let ran = self.once((system, intake), cores, capacities, point, number as u64)?;
                self.keep(&format!("{name}.csv"), &ran.report.csv())?;
                progress(&format!("{name}: {}", figures::line(&ran.report, &ran.void)));
                if ran.void.is_empty() || self.count_void {
                    shown.add(&ran, capacities, self.target);
                }
                shown.void.extend(ran.void.into_iter().map(|why| format!("{name}: {why}")));
            }
        }
        Ok(all)
    }

    /// One run of a point, against a server that has done nothing else.
    fn once(
        &self,
        (system, intake): (&System, Intake),
        cores: &Cores,
        capacities: &[Capacity],
        point: &Point,
        seed: u64,
    ) -> Result<Ran, String> {
        let intake = if point.gated { intake } else { Intake::All };
        let few = point.descriptors.and_then(machine::FewDescriptors::bound);
        let server = Server::start(&self.place()?, system, intake, cores)?;
        drop(few);
        let rates: Vec<f64> = capacities.iter().map(|capacity| capacity.rate).collect();
        let seconds = point.seconds();
        let each = point.clients.iter().map(|clients| {
            let rate = Rate { pieces: clients.pieces(seconds, &rates), poisson: true };
            let most = clients.connections(&rate.pieces, self.target);
            let asks = system.handler.asks(clients.class, seconds);
            let mut population = self.population(&clients.name, Load::Open(rate), asks, most);
            population.retry = clients.retry;
            population.addresses = Some(clients.addresses);
            population
        });
        let populations = each.collect();
        let (to, time) = (server.address.clone(), Duration::from_secs(seconds as u64));
        let plan = Plan { to, populations, time, seed, lag_max: LAG_MAX, spin: false };
        drive(plan, cores, &server, point.trouble.as_ref())
    }

    fn population(&self, name: &str, load: Load, asks: Vec<Ask>, most: usize) -> Population {
        let population = Population::new(name, load, "/", most, self.target);
        Population { asks, addresses: Some(profile::CROWD), ..population }
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

impl Shown {
    fn new(point: &Point, parts: usize) -> Self {
        let of = |phases: Vec<Phase>| phases.into_iter().map(|phase| (phase, Vec::new())).collect();
        let (phases, seconds) = (of(point.phases_of(parts)), of(point.seconds_of(parts)));
        Self { phases, seconds, void: Vec::new() }
    }

    fn add(&mut self, ran: &Ran, capacities: &[Capacity], target: Duration) {
        // Only a point of one phase has what the server says of a whole run for itself.
        let whole = (ran.used, ran.seen);
        let (used, seen) = if self.phases.len() == 1 { whole } else { (None, None) };
        let values = |phase: &Phase, used, seen| {
            let rows = &ran.report.populations[phase.clients].rows;
            figures::values(rows, phase, &capacities[phase.part], used, seen, target)
        };
        self.phases.iter_mut().for_each(|(phase, runs)| runs.push(values(phase, used, seen)));
        self.seconds.iter_mut().for_each(|(phase, runs)| runs.push(values(phase, None, None)));
    }
}

/// Carries out a plan beside the server, whom `trouble` befalls meanwhile.
fn drive(
    mut plan: Plan,
    cores: &Cores,
    server: &Server,
    trouble: Option<&Trouble>,
) -> Result<Ran, String> {
    let _pinned = cores.generator();
    // Only a processor of its own may be spent on looking at the clock.
    plan.spin = cores.are_apart();
    let began = Instant::now();
    let (used_before, busy_before) = (server.used(), cores.server_busy());
    let (report, befell) = thread::scope(|scope| {
        let (over, end) = channel();
        let (processes, address) = (server.processes(), &server.address);
        let trouble =
            trouble.map(|it| scope.spawn(move || it.befall(&processes, address, cores, &end)));
        let report = run(&plan, Asked::Auto);
        drop(over);
        (report, trouble.map(|thread| thread.join().expect("troubles do not panic")))
    });
    let report = report.map_err(|error| error.to_string())?;
    let since = |before: Option<Duration>, after: Option<Duration>| {
        before.zip(after).map(|(before, after)| after.saturating_sub(before))
    };
    let busy = since(busy_before, cores.server_busy());
    let used =
        since(used_before, server.used()).map(|processor| Used { processor, of: began.elapsed() });
    let mut void: Vec<String> = report.void.iter().map(ToString::to_string).collect();
    let taken = match befell.transpose() {
        Ok(taken) => taken.unwrap_or_default(),
        Err(why) => {
            void.push(why);
            Duration::ZERO
        }
    };
    let busy = busy.map(|busy| busy.saturating_sub(taken));
    void.extend(busy.zip(used).and_then(|(busy, used)| others(busy, used)));
    void.extend(report.populations.iter().filter_map(waited));
    Ok(Ran { report, used, seen: view::mean(&server.address), void })
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
