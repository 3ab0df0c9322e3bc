//! Shares of the worker's time.

use super::{Next, Policy, Ready, Stages, names};
use crate::settings::OwnSettings;
use std::time::Duration;

/// What a stage has that is not named.
const USUAL: u32 = 100;
/// The largest share.
const MOST: u32 = 1000;

/// Each stage gets time in proportion to its share, 1 to 1000, as long as it has something to do;
/// 100 unless named. What a stage does not use the others get.
///
/// Of those that are ready the one runs that has had the least time for its share (stride
/// scheduling, Waldspurger and Weihl 1995; start-time fair queueing, Goyal, Vin and Cheng 1996): a
/// batch at a time, and what counts is how long that took. So for two stages that both have work
/// the whole time, what each got for its share differs by no more than one batch of each, whatever
/// their batches cost.
///
/// Who had nothing to do begins where the others are: nothing is saved up, nobody is paid back for
/// having been idle, and who comes back need not wait for more than the batch in hand, unless it
/// ran for longer than its share just before. When the worker runs out of work that is forgotten.
/// No stage keeps the worker while others wait, since the choice is made anew after each batch,
/// which [`slice`](crate::Spec::slice) bounds; and no stage starves.
///
/// ```
/// use sluicegate::{Net, Shares};
///
/// let shares = || Shares::of([("answer", 600), ("index", 50)]);
/// let mut net = Net::new("service");
/// let cpu = net.domain("cpu").policy(shares).pinned(1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shares {
    named: Vec<(String, u32)>,
    /// Of all stages, by number, with their names.
    shares: Vec<(String, usize)>,
    /// The time that each would have had by now if its share were the largest.
    used: Vec<Duration>,
    /// What the one had that ran last, before it ran: where those are that have had the least.
    least: Duration,
    /// Who was ready when the policy was last asked.
    were: Ready,
}

impl Shares {
    /// The stages with these names have these shares. A name that no stage of the domain has, or
    /// that is given twice, or a share outside of 1 to 1000 is a fault of the net.
    pub fn of<'a>(shares: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let named = shares.into_iter().map(|(name, share)| (name.to_owned(), share)).collect();
        Self { named, ..Self::default() }
    }
}

impl Policy for Shares {
    fn start(&mut self, stages: &[&str]) -> Result<(), String> {
        let numbers = names::numbers(stages, self.named.iter().map(|(name, _)| name.as_str()))?;
        self.shares = stages.iter().map(|name| ((*name).to_owned(), USUAL as usize)).collect();
        self.used = vec![Duration::ZERO; stages.len()];
        for (n, (name, share)) in numbers.into_iter().zip(&self.named) {
            if !(1..=MOST).contains(share) {
                return Err(format!("it gives stage `{name}` {share}, and shares are 1 to {MOST}"));
            }
            self.shares[n].1 = *share as usize;
        }
        Ok(())
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about =
            "What the stage gets of the worker's time, in proportion to the others' shares.";
        for (name, share) in &mut self.shares {
            own.count(&format!("share.{name}"), "", about, 1..=MOST as usize, share);
        }
    }

    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        if let Some(ran) = stages.ran() {
            self.used[ran.stage] += ran.time * MOST / self.shares[ran.stage].1 as u32;
        }
        let all = Ready(ready.0 | stages.held().0);
        if all.0 & self.were.0 == 0 {
            // The worker had nothing to do for a moment: nobody owes anybody anything.
            self.least = self.used.iter().copied().max().unwrap_or_default();
        }
        for new in Ready(all.0 & !self.were.0).iter() {
            self.used[new] = self.used[new].max(self.least);
        }
        self.were = all;
        let next = ready.iter().min_by_key(|&n| self.used[n]);
        self.least = self.least.max(next.map_or(Duration::ZERO, |next| self.used[next]));
        next.into()
    }
}
