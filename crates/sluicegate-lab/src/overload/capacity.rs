//! What a system can do at most: so many users ask it again and again, and nothing refuses.

use std::time::Duration;

use super::drive::drive;
use super::figures::median;
use super::stand::Stand;
use super::system::{Intake, System};
use crate::plan::{Load, Plan};
use crate::record::Row;

/// Users that saturate a server: each asks again as soon as it is answered.
pub const USERS: usize = 32;
/// Their patience, for a server without a gate has no target.
const PATIENCE: Duration = Duration::from_secs(10);
/// Runs, of which the median counts.
pub(super) const RUNS: usize = 3;

/// What a system can do.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Answers a second.
    pub rate: f64,
    /// Answers a second of each run.
    pub runs: Vec<f64>,
    /// Processor time of the server for an answer; none where the kernel does not say.
    pub cost: Option<Duration>,
}

impl Stand<'_> {
    /// The capacity of each part of the handler.
    pub fn capacities(&mut self, system: &System) -> Result<Vec<Capacity>, String> {
        let parts = system.handler.parts().into_iter();
        parts.map(|handler| self.capacity(&System { handler, ..*system })).collect()
    }

    /// Finds it without the rule under test, which would have the users ask for refusals: the same
    /// binary with the same handler.
    fn capacity(&mut self, system: &System) -> Result<Capacity, String> {
        let seconds = self.experiment.times.capacity;
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for number in 1..=RUNS {
            let server = self.start(system, Intake::All)?;
            let load = Load::Closed { users: USERS, think: Duration::ZERO };
            let asks = system.handler.asks(0, seconds as usize);
            let mut users = self.population("users", load, asks, USERS);
            users.timeout = PATIENCE;
            let plan = Plan::new(server.address.clone(), users, Duration::from_secs(seconds));
            let ran = drive(plan, &self.cores, &server, None)?;
            let rate = full_rate(&ran.report.populations[0].rows);
            let name = format!("{}-capacity-{number}", system.name());
            self.tell(&name, &ran, &format!("{rate:.0}/s"))?;
            if self.counts(&ran) {
                rates.push(rate);
                let answers = ran.report.total().ok.max(1) as f64;
                costs.extend(ran.used.map(|used| used.processor.as_secs_f64() / answers));
            }
        }
        match median(&rates).filter(|rate| *rate > 0.0) {
            Some(rate) => {
                let cost = median(&costs).map(Duration::from_secs_f64);
                Ok(Capacity { rate, runs: rates, cost })
            }
            None => Err(format!(
                "no capacity of {} was found: no run of {RUNS} can be believed, or nothing was \
                 answered; give the machine rest",
                system.name()
            )),
        }
    }
}

/// Answers a second in the full seconds between the first, when all users begin at once, and the
/// end, after which none asks again.
fn full_rate(rows: &[Row]) -> f64 {
    let full = rows.get(1..rows.len().saturating_sub(1)).unwrap_or_default();
    full.iter().map(|row| row.ok as f64).sum::<f64>() / full.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_first_second_nor_the_rest_counts() {
        let rows = [132, 100, 90, 7].map(|ok| Row { ok, ..Row::default() });
        assert_eq!(full_rate(&rows), 95.0);
        assert_eq!(full_rate(&rows[..2]), 0.0);
        assert_eq!(full_rate(&[]), 0.0);
    }
}
