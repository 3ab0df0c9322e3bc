//! The experiment on overload: what becomes of a server that is asked for more than it can do.
//!
//! A [`System`] is a server with a handler: this program's own, or a [`Peer`]. Its capacity is
//! found first, with nothing that refuses, and a peer is tuned for it; then each [`Profile`] asks
//! for multiples of it, each [`Point`] of a fresh server and as many times as [`Experiment::runs`]
//! says. What each run showed is kept as CSV, and medians of the runs that can be believed are told
//! in one report.

mod bounds;
mod capacity;
mod curves;
mod door;
mod drive;
mod figures;
mod handler;
mod ideal;
mod laws;
mod machine;
mod nginx;
mod outside;
mod paper;
mod peer;
mod plot;
mod points;
mod policies;
mod profile;
mod program;
mod server;
mod stand;
mod system;
mod trouble;
mod tune;
mod view;

use std::path::PathBuf;
use std::time::Duration;

pub use capacity::{Capacity, USERS};
pub use door::Door;
pub use figures::{COLUMNS, Values};
pub use handler::{CLASSES, Domain, HANDLE_MAX, Handler, Work, span};
pub use laws::{Law, Laws};
pub use machine::Cores;
pub use peer::{PEERS, Peer};
pub use policies::Policies;
pub use profile::{CONNECTIONS_MAX, CONNECTIONS_MIN, Clients, Phase, Point, Profile, Span, Times};
pub use program::START_MAX;
pub use system::{Make, System};
pub use trouble::Trouble;

use paper::{Paper, Section};
use points::{Shown, Subject};
use stand::Stand;
use system::Intake;

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
        stand::make(&self.out)?;
        machine::take_descriptors();
        let mut stand = Stand::new(self, progress)?;
        let mut paper = Paper::new(self, &stand.cores);
        // What a refusal costs is known first, for the ideal of the others depends on it.
        let mut profiles = self.profiles.clone();
        profiles.sort_by_key(|profile| !profile.is_refused());
        for system in &self.systems {
            let mut capacities = stand.capacities(system)?;
            let tuned = stand.tuned(system, &capacities)?;
            paper.add_system(system, &stand.place, &capacities, &tuned);
            for profile in &profiles {
                let ruled = Intake::Ruled(tuned.number);
                let intake = if profile.is_refused() { Intake::Nothing } else { ruled };
                if !system.can(intake) {
                    paper.leave_out(*profile);
                    continue;
                }
                let subject = Subject { system, intake, capacities: &capacities };
                let section = stand.section(*profile, subject)?;
                if let Some(cost) = section.refusal_cost() {
                    let cost = cost.min(bounds::REFUSAL_COST_MAX);
                    capacities.iter_mut().for_each(|capacity| capacity.refusal = cost);
                }
                paper.add_section(section);
            }
        }
        let text = paper.text();
        stand.keep("report.md", &text)?;
        Ok(text)
    }
}

impl Stand<'_> {
    /// What a profile shows of a system, with the pictures of it.
    fn section(&mut self, profile: Profile, subject: Subject<'_>) -> Result<Section, String> {
        let experiment = self.experiment;
        let shown = self.points(subject, profile.points(&experiment.times))?;
        let mut section = Section::new(profile);
        shown.iter().for_each(|(point, shown)| section.add(point, shown));
        let name = subject.system.name();
        for (file, plot) in
            curves::plots(profile, &name, subject.capacities, experiment.target, &shown)
        {
            self.keep(&file, &plot.svg()?)?;
            section.add_plot(file);
        }
        Ok(section)
    }
}
