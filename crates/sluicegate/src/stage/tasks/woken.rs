//! Which futures of a replica were woken: told from any thread, each once until it is polled.

use crate::stage::Flag;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

/// The futures that wait to be polled: as many at most as there are slots.
pub(super) struct Woken {
    /// Wakers are called by other threads, in any order: so a lock, for the time of a push.
    slots: Mutex<VecDeque<u32>>,
    flag: Flag,
}

impl Woken {
    pub fn new(flag: Flag) -> Arc<Self> {
        Arc::new(Self { slots: Mutex::default(), flag })
    }

    /// Takes the one that was woken first.
    pub fn take(&self) -> Option<u32> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// What the waker of one slot does, whatever future is in it.
pub(super) struct WakeSlot {
    slot: u32,
    /// Whether it waits among those that were woken.
    waits: AtomicBool,
    woken: Arc<Woken>,
}

impl WakeSlot {
    pub fn new(slot: u32, woken: &Arc<Woken>) -> Arc<Self> {
        let woken = Arc::clone(woken);
        Arc::new(Self { slot, waits: AtomicBool::new(false), woken })
    }

    /// It is being polled: who wakes it from now on has it polled again.
    pub fn polled(&self) {
        self.waits.store(false, SeqCst);
    }
}

impl Wake for WakeSlot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.waits.swap(true, SeqCst) {
            let woken = &self.woken;
            woken.slots.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.slot);
            woken.flag.raise();
        }
    }
}
