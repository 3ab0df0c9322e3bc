//! The outside of a net in virtual time: clients who come when they come, whatever the net does.

use std::sync::Arc;

use sluicegate::{Machine, Raised, StageId, Time, Wait, Waker};

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
