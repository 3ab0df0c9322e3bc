//! The machine of a worker: what it owns of the outside, and what it waits in.

use crate::event::StageId;
use crate::run::Waker;
use crate::time::Time;
use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a [`Machine::poll`] may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Not,
    /// At most this long.
    AtMost(Duration),
    /// Until something happens or the waker is called.
    Forever,
}

/// The flags that a machine raises while it is polled.
#[derive(Debug, Default)]
pub struct Raised(pub(crate) Vec<StageId>);

impl Raised {
    /// Raises the flag of `stage`: its [`signal`](crate::Stage::signal) will be called.
    pub fn raise(&mut self, stage: StageId) {
        if !self.0.contains(&stage) {
            self.0.push(stage);
        }
    }
}

/// What a worker of a pinned domain owns of the outside. Made on the worker's thread and never
/// leaves it; the domain's stages reach it through [`Cx::local`](crate::Cx::local).
pub trait Machine: Any {
    /// Looks at what the outside did, waits for it as long as `wait` says, and raises the flag of
    /// each stage that has something to take.
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised);

    /// Hands the outside what a poll would hand it, without looking at what it did: called before
    /// work that may be dear and before a rest, for which nothing that is done already must wait.
    fn flush(&mut self) {}

    /// What ends a poll that waits, from any thread.
    fn waker(&self) -> Waker;

    /// For how long this thread has slept since the machine was made: the time in which it neither
    /// ran nor waited for a processor. Asked in debug builds, to name handlers that block; `None`
    /// where the machine cannot tell, and then none is named.
    fn slept(&self) -> Option<Duration> {
        None
    }

    /// How much time of a processor this thread has used since it began; `None` where the machine
    /// cannot tell. Asked when somebody looks at the net.
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    /// For simulated machines: when the next thing happens by itself.
    fn due(&self) -> Option<Time> {
        None
    }
}

/// A machine without an outside: a worker that only waits for other workers and for timers.
#[derive(Default)]
pub struct Park(Arc<(Mutex<bool>, Condvar)>);

impl Park {
    /// A machine to wait in.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Machine for Park {
    fn poll(&mut self, _now: Time, wait: Wait, _raised: &mut Raised) {
        let (called, bell) = &*self.0;
        let mut called = called.lock().unwrap_or_else(PoisonError::into_inner);
        match wait {
            Wait::Not => {}
            Wait::Forever => {
                while !*called {
                    called = bell.wait(called).unwrap_or_else(PoisonError::into_inner);
                }
            }
            Wait::AtMost(time) => {
                let waited = bell.wait_timeout_while(called, time, |called| !*called);
                called = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        *called = false;
    }

    fn waker(&self) -> Waker {
        let shared = Arc::clone(&self.0);
        Arc::new(move || {
            *shared.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            shared.1.notify_one();
        })
    }
}
