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
    /// Answers a second, of requests that take what they take in the mean.
    pub rate: f64,
    /// The same of each run.
    pub runs: Vec<f64>,
    /// Processor time of the server for an answer; none where the kernel does not say.
    pub cost: Option<Duration>,
    /// What requests say that they take, in the mean; nothing where they do not say it.
    pub mean: Duration,
    /// What a refusal takes of the server where nothing better is known of it than that it is
    /// not for nothing: it is taken off the ideal. Nothing until it is measured.
    pub refusal: Duration,
}

impl Capacity {
    /// One that needs no measuring, of requests that all cost the same.
    pub fn known(rate: f64) -> Self {
        let (mean, refusal) = (Duration::ZERO, Duration::ZERO);
        Self { rate, runs: Vec::new(), cost: None, mean, refusal }
    }

    /// What each answer takes beside what its request says, in seconds of the server.
    pub(super) fn rest(&self) -> f64 {
        rest(self.rate, self.mean.as_secs_f64())
    }

    /// Seconds of work that the server does in a second: 1 where it has one processor.
    pub(super) fn work(&self) -> f64 {
        self.rate * (self.mean.as_secs_f64() + self.rest())
    }
}

/// What is left of the time of an answer when what its request says is taken off. Nothing where
/// several processors work at once, which hide it.
fn rest(rate: f64, said: f64) -> f64 {
    (1.0 / rate - said).max(0.0)
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
            let mean = system.handler.work.mean();
            let rate = full_rate(&ran.report.populations[0].rows, mean);
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
                let mean = system.handler.work.mean();
                Ok(Capacity { runs: rates, cost, mean, ..Capacity::known(rate) })
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
/// end, after which none asks again: as many as there had been if chance had not made requests
/// dearer or cheaper than their `mean`.
fn full_rate(rows: &[Row], mean: Duration) -> f64 {
    let full = rows.get(1..rows.len().saturating_sub(1)).unwrap_or_default();
    let answers: u64 = full.iter().map(|row| row.ok).sum();
    if answers == 0 {
        return 0.0;
    }
    let rate = answers as f64 / full.len() as f64;
    let said: Duration = full.iter().map(|row| row.ok_work).sum();
    let (said, mean) = (said.as_secs_f64() / answers as f64, mean.as_secs_f64());
    let rest = rest(rate, said);
    rate * (said + rest) / (mean + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rows(ok: [u64; 4], each: Duration) -> [Row; 4] {
        ok.map(|ok| Row { ok, ok_work: each * ok as u32, ..Row::default() })
    }

    #[test]
    fn neither_the_first_second_nor_the_rest_counts() {
        let rows = rows([132, 100, 90, 7], MS * 10);
        assert!((full_rate(&rows, MS * 10) - 95.0).abs() < 1e-9);
        assert_eq!(full_rate(&rows[..2], MS), 0.0);
        assert_eq!(full_rate(&[], MS), 0.0);
    }

    #[test]
    fn chance_makes_no_server_faster() {
        // 5 ms each, of which the request says 4: by chance, for in the mean it says 8.
        let cheap = rows([0, 200, 200, 0], MS * 4);
        assert!((full_rate(&cheap, MS * 8) - 1000.0 / 9.0).abs() < 1e-9);
        // Two processors: more work than time.
        let both = rows([0, 400, 400, 0], MS * 4);
        assert!((full_rate(&both, MS * 8) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_server_of_one_processor_does_a_second_of_work_in_a_second() {
        let capacity = Capacity { mean: MS * 2, ..Capacity::known(400.0) };
        assert!((capacity.rest() - 0.0005).abs() < 1e-12 && (capacity.work() - 1.0).abs() < 1e-12);
        let both = Capacity { mean: MS * 2, ..Capacity::known(900.0) };
        assert!(both.rest() == 0.0 && (both.work() - 1.8).abs() < 1e-12);
    }
}
