//! What the future of an event may ask of the runtime.

use crate::time::Time;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The context of one future of an async stage.
#[derive(Clone)]
pub struct AsyncCx {
    pub(super) shared: Rc<Shared>,
    pub(super) slot: u32,
}

/// What the futures of a replica share with it.
#[derive(Default)]
pub(super) struct Shared {
    now: Cell<Time>,
    quality: Cell<f64>,
    sleeps: Cell<u64>,
    /// What is asked of the timers until the poll is over.
    asked: RefCell<Vec<Asked>>,
}

/// What a future asks of the timers of its worker.
pub(super) enum Asked {
    /// Poll what is in this slot at this time.
    Sleep { sleep: u64, slot: u32, until: Time },
    /// A sleep that nobody needs any more.
    Cancel { sleep: u64 },
}

impl AsyncCx {
    /// The time when this poll began.
    pub fn now(&self) -> Time {
        self.shared.now.get()
    }

    /// How well the handler should do its work; see [`Cx::quality`](crate::Cx::quality).
    pub fn quality(&self) -> f64 {
        self.shared.quality.get()
    }

    /// Waits for `time` by the clock of the net, to the millisecond: virtual in the simulator.
    pub fn sleep(&self, time: Duration) -> Sleep {
        Sleep { cx: self.clone(), state: Asleep::For(time) }
    }

    /// Waits until `time` by the clock of the net; not at all if that has been.
    pub fn sleep_until(&self, time: Time) -> Sleep {
        Sleep { cx: self.clone(), state: Asleep::To(time) }
    }
}

impl fmt::Debug for AsyncCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCx").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// The future of [`AsyncCx::sleep`], whose time begins when it is polled first, and of
/// [`AsyncCx::sleep_until`]. Dropping it takes its timer back.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Sleep {
    cx: AsyncCx,
    state: Asleep,
}

#[derive(Clone, Copy, Debug)]
enum Asleep {
    For(Duration),
    To(Time),
    Until(Time, u64),
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let (shared, now) = (Rc::clone(&self.cx.shared), self.cx.now());
        let until = match self.state {
            Asleep::For(time) => now + time,
            Asleep::To(time) | Asleep::Until(time, _) => time,
            Asleep::Over => now,
        };
        match self.state {
            Asleep::For(_) | Asleep::To(_)
                if now < until || matches!(self.state, Asleep::For(_)) =>
            {
                let sleep = shared.sleeps.get();
                shared.sleeps.set(sleep + 1);
                self.state = Asleep::Until(until, sleep);
                let slot = self.cx.slot;
                shared.asked.borrow_mut().push(Asked::Sleep { sleep, slot, until });
                Poll::Pending
            }
            Asleep::Until(..) if now < until => Poll::Pending,
            _ => {
                // A sleep that ran out has no timer any more.
                self.state = Asleep::Over;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Asleep::Until(_, sleep) = self.state {
            self.cx.shared.asked.borrow_mut().push(Asked::Cancel { sleep });
        }
    }
}

impl Shared {
    /// Numbers sleeps from here on.
    pub fn number_sleeps_from(&self, first: u64) {
        self.sleeps.set(first);
    }

    /// A poll begins.
    pub fn begin(&self, now: Time, quality: f64) {
        self.now.set(now);
        self.quality.set(quality);
    }

    /// Gives out what was asked of the timers.
    pub fn take_asked(&self, into: &mut Vec<Asked>) {
        into.append(&mut self.asked.borrow_mut());
    }

    pub fn is_asked(&self) -> bool {
        !self.asked.borrow().is_empty()
    }
}
