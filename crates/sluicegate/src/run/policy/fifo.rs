//! First come, first served.

use super::{Next, Policy, Ready, Stages};
use std::collections::VecDeque;

/// Stages in the order in which they became ready: each runs one batch, and goes to the end when it
/// has more. No stage starves: it runs after at most one batch of each of the others.
///
/// ```
/// use sluicegate::{Fifo, Net};
///
/// let mut net = Net::new("net");
/// let cpu = net.domain("cpu").policy(|| Fifo::default()).pinned(1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    /// At most one entry a stage.
    order: VecDeque<usize>,
    known: u64,
}

impl Policy for Fifo {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let all = Ready(ready.0 | stages.held().0);
        for new in Ready(all.0 & !self.known).iter() {
            self.order.push_back(new);
        }
        // Another thread of a pool may have run one; who is held keeps its place.
        if self.known & !all.0 != 0 {
            self.order.retain(|&n| all.contains(n));
        }
        self.known = all.0;
        let Some(place) = self.order.iter().position(|&n| ready.contains(n)) else {
            return Next::Look;
        };
        let next = self.order.remove(place);
        self.known &= !next.map_or(0, |next| 1 << next);
        next.into()
    }
}
