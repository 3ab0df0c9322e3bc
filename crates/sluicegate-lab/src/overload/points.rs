//! Loads in multiples of the capacity: each of a fresh server, again and again.

use std::time::Duration;

use super::drive::{Ran, drive};
use super::figures::{Values, values};
use super::stand::Stand;
use super::system::Intake;
use super::view::Seen;
use super::{Capacity, Phase, Point, System, figures, machine};
use crate::plan::{LAG_MAX, Load, Plan, Rate};

/// A system, how it is to be asked, and the capacity of each part of its handler.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub system: &'a System,
    pub intake: Intake,
    pub capacities: &'a [Capacity],
}

/// What a point showed, in all its runs.
pub(super) struct Shown {
    pub phases: Vec<(Phase, Vec<Values>)>,
    /// The same for each second of each kind of clients.
    pub seconds: Vec<(Phase, Vec<Values>)>,
    /// What the server counted and what its clients did, of each run in which it said so.
    pub counts: Vec<[Seen; 2]>,
    pub void: Vec<String>,
}

impl Stand<'_> {
    /// All runs of some points, the first of each before the second of any: what the machine does
    /// meanwhile meets all of them.
    pub fn points(
        &mut self,
        subject: Subject<'_>,
        points: Vec<Point>,
    ) -> Result<Vec<(Point, Shown)>, String> {
        let nothing = |point: Point| {
            let shown = Shown::new(&point, subject.capacities.len());
            (point, shown)
        };
        let mut all: Vec<(Point, Shown)> = points.into_iter().map(nothing).collect();
        for number in 1..=self.experiment.runs {
            for (point, shown) in &mut all {
                let name = format!("{}-{}-{number}", subject.system.name(), point.name);
                let ran = self.once(subject, point, number as u64)?;
                self.tell(&name, &ran, &figures::line(&ran.report))?;
                if self.counts(&ran) {
                    shown.add(&ran, subject.capacities, self.experiment.target);
                }
                shown.void.extend(ran.void.into_iter().map(|why| format!("{name}: {why}")));
            }
        }
        Ok(all)
    }

    /// One run of a point, against a server that has done nothing else.
    pub fn once(&self, subject: Subject<'_>, point: &Point, seed: u64) -> Result<Ran, String> {
        let Subject { system, intake, capacities } = subject;
        let intake = if point.gated { intake } else { Intake::All };
        let few = point.descriptors.and_then(machine::FewDescriptors::bound);
        let server = self.start(system, intake)?;
        drop(few);
        let rates: Vec<f64> = capacities.iter().map(|capacity| capacity.rate).collect();
        let seconds = point.seconds();
        let each = point.clients.iter().map(|clients| {
            let rate = Rate { pieces: clients.pieces(seconds, &rates), poisson: true };
            let most = clients.connections(&rate.pieces, self.experiment.target);
            let asks = system.handler.asks(clients.class, seconds);
            let mut population = self.population(&clients.name, Load::Open(rate), asks, most);
            population.retry = clients.retry;
            population.addresses = Some(clients.addresses);
            population
        });
        let populations = each.collect();
        let (to, time) = (server.address.clone(), Duration::from_secs(seconds as u64));
        let plan = Plan { to, populations, time, seed, lag_max: LAG_MAX, spin: false };
        drive(plan, &self.cores, &server, point.trouble.as_ref())
    }
}

impl Shown {
    pub fn new(point: &Point, parts: usize) -> Self {
        let of = |phases: Vec<Phase>| phases.into_iter().map(|phase| (phase, Vec::new())).collect();
        let (phases, seconds) = (of(point.phases_of(parts)), of(point.seconds_of(parts)));
        Self { phases, seconds, counts: Vec::new(), void: Vec::new() }
    }

    fn add(&mut self, ran: &Ran, capacities: &[Capacity], target: Duration) {
        // Only a point of one phase has the processor time of a whole run for itself.
        let used = ran.used.filter(|_| self.phases.len() == 1);
        let of = |phase: &Phase, used| {
            let rows = &ran.report.populations[phase.clients].rows;
            values(rows, phase, &capacities[phase.part], used, target)
        };
        self.phases.iter_mut().for_each(|(phase, runs)| runs.push(of(phase, used)));
        self.seconds.iter_mut().for_each(|(phase, runs)| runs.push(of(phase, None)));
        let all = ran.report.total();
        let heard = Seen { served: all.ok, refused: all.refused };
        self.counts.extend(ran.seen.map(|seen| [seen, heard]));
    }
}
