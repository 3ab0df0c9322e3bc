//! The longest queue first.

use super::{Next, Policy, Ready, Stages};

/// The stage for which the most events wait. Where queues are short and work comes in bursts, now
/// here, now there, fewest events find a queue full: of equal stages with equal load no policy
/// loses fewer (Sparaggis, Towsley and Cassandras, 1993).
///
/// A stage gets one event's weight more for each time that another was run instead, so that one
/// with a short queue, or only with a flag to hear, starves no longer than for as many batches as
/// the longest queue has events. It does wait that long: this is for losses, not for times. Costs
/// do not count either; where they differ, a long queue may be little work.
///
/// ```
/// use sluicegate::{LongestQueue, Net};
///
/// let mut net = Net::new("net");
/// let cpu = net.domain("cpu").policy(|| LongestQueue::default()).pinned(1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LongestQueue {
    /// How often each stage was passed over since it became ready.
    passed: Vec<usize>,
}

impl Policy for LongestQueue {
    fn start(&mut self, stages: &[&str]) -> Result<(), String> {
        self.passed = vec![0; stages.len()];
        Ok(())
    }

    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let weight = |n: usize| stages.waiting(n).events + self.passed[n];
        let mut longest = None;
        for (n, weight) in ready.iter().map(|n| (n, weight(n))) {
            // Of equals the one nearest to the exit.
            if longest.is_none_or(|(_, most)| weight > most) {
                longest = Some((n, weight));
            }
        }
        let next = longest.map(|(n, _)| n);
        for (n, passed) in self.passed.iter_mut().enumerate() {
            let is_ready = ready.contains(n) || stages.held().contains(n);
            *passed = if is_ready && next != Some(n) { *passed + 1 } else { 0 };
        }
        next.into()
    }
}
