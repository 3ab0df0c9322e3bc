//! Expiry at both ends of a queue that chooses: what cannot be in time is refused at the door, and
//! what is late, gone, or has waited too long is dropped when its turn comes.
//!
//! At the door what waits before it counts, by the pace at which the queue drains; at the exit
//! what the event itself costs. So what is refused has cost nothing, and what was let in by a
//! measure that changed costs nothing either. A plain queue, without an order or a law, knows no
//! costs: there a batch drops what is late when it gives it out.

use super::order::{Held, Item};
use crate::control::{Asking, Gate};
use crate::ledger::Why;
use crate::time::Time;

/// What becomes of events that are late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiry {
    /// Whether what is late or gone is handled all the same.
    pub keeps_late: bool,
}

impl Expiry {
    /// What the gate is to know of an event: no deadline, where what is late is kept.
    pub fn asking(self, asking: Asking) -> Asking {
        Asking { deadline: asking.deadline.filter(|_| !self.keeps_late), ..asking }
    }

    /// Why an event that waits is to be dropped, if it is. Where what is late or gone is handled,
    /// only the laws can say so.
    pub fn why<I: Item>(
        self,
        gate: &Gate,
        is_gone: &impl Fn(&I) -> bool,
        now: Time,
        held: &Held<I>,
    ) -> Option<Why> {
        if !self.keeps_late && is_gone(&held.event) {
            return Some(Why::Gone);
        }
        let asking = self.asking(held.event.asking());
        asking.flow.then(|| gate.late(now, held.came, asking.deadline)).flatten()
    }
}
