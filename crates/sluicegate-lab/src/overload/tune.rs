//! Tuning by hand, done by the machine: a peer gets the number that served it best.

use super::points::Subject;
use super::stand::Stand;
use super::system::{Intake, Make, System};
use super::{Capacity, profile};

/// Runs with a number until one can be believed.
const TRIES: u64 = 3;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tuned {
    /// The number that was best; none where there is nothing to tune.
    pub number: Option<usize>,
    /// Each number that was tried, with good answers a second.
    pub tried: Vec<(usize, f64)>,
}

impl Stand<'_> {
    /// Tries the numbers of a system at several times its capacity, and takes the one with the most
    /// good answers: what its operator would do for this very handler.
    pub fn tuned(&mut self, system: &System, capacities: &[Capacity]) -> Result<Tuned, String> {
        let Make::Peer(peer) = system.make else { return Ok(Tuned::default()) };
        // A handler that changes is tuned for what it is at first.
        let capacity = capacities.first().map_or(0.0, |capacity| capacity.rate);
        let numbers = peer.numbers(system.handler, self.experiment.target, capacity);
        let point = profile::tuning(&self.experiment.times);
        let mut tried = Vec::new();
        for number in &numbers {
            let intake = Intake::Ruled(Some(*number));
            for seed in 1..=TRIES {
                let ran = self.once(Subject { system, intake, capacities }, &point, seed)?;
                let good = ran.report.total().good as f64 / ran.report.time.as_secs_f64();
                let name = format!("{}-{}-{number}-{seed}", system.name(), point.name);
                self.tell(&name, &ran, &format!("{good:.0}/s good"))?;
                if self.counts(&ran) {
                    tried.push((*number, good));
                    break;
                }
            }
        }
        let best = tried.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        match best.map(|(number, _)| *number) {
            None if !numbers.is_empty() => Err(format!(
                "{} could not be tuned: no run can be believed; give the machine rest",
                system.name()
            )),
            number => Ok(Tuned { number, tried }),
        }
    }
}
