//! What a system can do at most: so many users ask it again and again, and nothing refuses.

use std::time::Duration;

use super::figures::median;
use super::server::Server;
use super::{Cores, Experiment, Intake, Ran, System, drive};
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

impl Experiment {
    /// The capacity of each part of the handler.
    pub(super) fn capacities(
        &self,
        system: &System,
        cores: &Cores,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<Capacity>, String> {
        let parts = system.handler.parts().into_iter();
        let of = |handler| self.capacity(&System { handler, ..*system }, cores, progress);
        parts.map(of).collect()
    }

    /// Finds it without the rule under test, which would have the users ask for refusals: the same
    /// binary with the same handler.
    fn capacity(
        &self,
        system: &System,
        cores: &Cores,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Capacity, String> {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for number in 1..=RUNS {
            let server = Server::start(&self.place()?, system, Intake::All, cores)?;
            let load = Load::Closed { users: USERS, think: Duration::ZERO };
            let asks = system.handler.asks(0, self.times.capacity as usize);
            let mut users = self.population("users", load, asks, USERS);
            users.timeout = PATIENCE;
            let time = Duration::from_secs(self.times.capacity);
            let plan = Plan::new(server.address.clone(), users, time);
            let Ran { report, used, void, .. } = drive(plan, cores, &server, None)?;
            let rate = full_rate(&report.populations[0].rows);
            let name = format!("{}-capacity-{number}", system.name());
            self.keep(&format!("{name}.csv"), &report.csv())?;
            let why = void.first().map(|void| format!("; void: {void}")).unwrap_or_default();
            progress(&format!("{name}: {rate:.0}/s{why}"));
            if !void.is_empty() && !self.count_void {
                continue;
            }
            rates.push(rate);
            let answers = report.total().ok.max(1) as f64;
            costs.extend(used.map(|used| used.processor.as_secs_f64() / answers));
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
