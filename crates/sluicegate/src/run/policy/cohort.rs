//! Cohorts: a stage runs when enough events wait for it, or have waited long enough.

use super::gather::Gather;
use super::{Next, Policy, Ready, Stages};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// The most that may be set.
const LONGEST_MAX: Duration = Duration::from_secs(1);

/// A stage runs when so many events wait that running it pays, or when one has waited long enough
/// (cohort scheduling, Larus and Parkes, USENIX 2002): what a run costs whatever it handles, such
/// as a system call, a transaction or cold caches, is shared by more events.
///
/// How many are enough is found for each stage by itself: the number is doubled as long as that
/// saves a tenth of what an event costs, up to 1024, and halved where that loses next to nothing or
/// events wait alone. Both are tried again and again, though more and more rarely. So a stage whose
/// events cost the same in any batch does not wait, but for a trial now and then. A
/// [batch](crate::Spec::batch) and its [slice](crate::Spec::slice) have to have room for what was
/// gathered, or waiting gains nothing.
///
/// It waits though the worker has nothing else to do, which saves the processor and not time: where
/// there is time to spare, each event may come later by the longest wait at each stage. Who is to
/// hear anything but events, such as a timer or an answer, does not wait.
///
/// Who has waited for the longest time goes first, then who has enough, nearest to the exit first.
/// So no stage starves.
///
/// ```
/// use sluicegate::{Cohort, Net, ms};
///
/// let mut net = Net::new("journal");
/// let cpu = net.domain("cpu").policy(|| Cohort::new(ms(2))).pinned(1);
/// ```
#[derive(Clone, Debug)]
pub struct Cohort {
    longest: Duration,
    stages: Vec<Waiter>,
}

#[derive(Clone, Debug, Default)]
struct Waiter {
    gather: Gather,
    /// When it was first seen to be ready since it last ran.
    since: Option<Time>,
}

impl Cohort {
    /// No event waits for others for longer than `longest`, at each stage.
    pub fn new(longest: Duration) -> Self {
        Self { longest, stages: Vec::new() }
    }

    /// When the stage with number `n` has waited long enough, and whether it need not wait.
    fn look(&mut self, n: usize, stages: &Stages<'_>) -> (Time, bool) {
        let waiting = stages.waiting(n);
        let waiter = &mut self.stages[n];
        let seen = *waiter.since.get_or_insert(stages.now());
        let threshold = waiter.gather.threshold();
        if waiting.urgent || waiting.events == 0 || waiting.events >= threshold {
            return (seen + self.longest, true);
        }
        // What a batch left may be older.
        let since = stages.oldest(n).map_or(seen, |oldest| oldest.min(seen));
        (since + self.longest, false)
    }
}

impl Policy for Cohort {
    fn start(&mut self, stages: &[&str]) -> Result<(), String> {
        self.stages = vec![Waiter::default(); stages.len()];
        Ok(())
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "The longest that an event waits for others, at each stage.";
        own.time("longest", about, Duration::ZERO..=LONGEST_MAX, &mut self.longest);
    }

    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        if let Some(ran) = stages.ran() {
            self.stages[ran.stage].gather.ran(ran);
        }
        let (mut first, mut enough) = (None, None);
        for n in ready.iter() {
            let (due, is_enough) = self.look(n, stages);
            if first.is_none_or(|(earliest, _)| due < earliest) {
                first = Some((due, n));
            }
            if is_enough && enough.is_none() {
                enough = Some(n);
            }
        }
        let overdue = first.filter(|(due, _)| *due <= stages.now()).map(|(_, n)| n);
        let next = match (overdue.or(enough), first) {
            (None, Some((due, _))) => return Next::Wait(due),
            (next, _) => next,
        };
        let all = Ready(ready.0 | stages.held().0);
        for (n, waiter) in self.stages.iter_mut().enumerate() {
            if next == Some(n) || !all.contains(n) {
                waiter.since = None;
            }
        }
        next.into()
    }
}
