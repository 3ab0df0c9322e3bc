//! The outside of a net in virtual time: clients who come when they come, whatever the net does;
//! and how such a net is played to its end.

use std::sync::Arc;
use std::time::Duration;

use sluicegate::{Machine, Net, Raised, Sim, StageId, Time, VirtualTime, Wait, Waker};

/// Batches of a run: a bound that only a net which does not come to rest would reach.
const STEPS: usize = 1 << 32;
/// After the end of a run what waits is served: at most full queues.
const REST: Duration = Duration::from_secs(600);

/// Plays a net whose clients come for so many seconds, until it is at rest. `what` says which it
/// is.
///
/// # Errors
/// One sentence, where the net has faults or does not come to rest: a defect.
pub(super) fn play(
    net: Net,
    time: VirtualTime,
    seconds: usize,
    seed: u64,
    what: &str,
) -> Result<(), String> {
    let mut sim = Sim::with_time(net, seed, time).map_err(|error| error.to_string())?;
    let span = Duration::from_secs(seconds as u64) + REST;
    let rests = sim.run_for(span, STEPS) && sim.next().is_none();
    sim.assert_even();
    rests.then_some(()).ok_or_else(|| format!("the net {what} does not rest"))
}

/// Raises the flag of the stage that lets clients in whenever one is due.
pub(super) struct Outside {
    /// When the next client comes.
    next: Box<dyn Fn() -> Option<Time>>,
    source: Option<StageId>,
}

impl Outside {
    pub fn new(next: impl Fn() -> Option<Time> + 'static) -> Self {
        Self { next: Box::new(next), source: None }
    }

    /// Says which stage lets clients in.
    pub fn lead_to(&mut self, source: StageId) {
        self.source = Some(source);
    }
}

impl Machine for Outside {
    fn poll(&mut self, now: Time, _: Wait, raised: &mut Raised) {
        let due = self.due().is_some_and(|next| next <= now);
        if let Some(source) = self.source.filter(|_| due) {
            raised.raise(source);
        }
    }

    fn waker(&self) -> Waker {
        Arc::new(|| {})
    }

    fn due(&self) -> Option<Time> {
        (self.next)()
    }
}
