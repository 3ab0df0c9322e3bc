//! The place of one future: used again for the next, without memory of its own for each.

use super::woken::{WakeSlot, Woken};
use crate::event::{Event, FlowKey};
use crate::run::TimerKey;
use crate::time::Time;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

pub(super) struct Slot<F> {
    /// Boxed, as it must not move while the table of slots grows.
    pub future: Pin<Box<Option<F>>>,
    pub waker: Waker,
    pub wakes: Arc<WakeSlot>,
    /// The flow that it is of, if its source could say that nobody waits for it any more; and
    /// whether it is listed by that.
    pub flow: Option<FlowKey>,
    pub listed: bool,
    pub taken: Time,
    /// What its polls took.
    pub used: Duration,
    pub deadline: Option<TimerKey>,
    /// Which future this is, by 31 bits.
    pub generation: u32,
}

impl<F> Slot<F> {
    pub fn new(slot: u32, woken: &Arc<Woken>) -> Self {
        let wakes = WakeSlot::new(slot, woken);
        Self {
            future: Box::pin(None),
            waker: Waker::from(Arc::clone(&wakes)),
            wakes,
            flow: None,
            listed: false,
            taken: Time(0),
            used: Duration::ZERO,
            deadline: None,
            generation: 0,
        }
    }

    /// An event was taken for it.
    pub fn begin<T>(&mut self, event: &Event<T>, now: Time, deadline: Option<TimerKey>) {
        self.flow = event.tag().flow_key();
        (self.taken, self.used, self.deadline) = (now, Duration::ZERO, deadline);
    }

    pub fn is_free(&self) -> bool {
        self.future.is_none()
    }
}
