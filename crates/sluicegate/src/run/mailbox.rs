//! How one worker tells another that there is something to do, and wakes it if it sleeps.

use crate::event::Notice;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock, PoisonError};

/// Wakes a worker that waits in its machine; may be called from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The bit that says: read the notices, and look whether the net drains or stops.
pub(crate) const NEWS: u64 = 1 << 63;
/// The bits of a worker for replicas, or for groups of them.
pub(crate) const READY_BITS: usize = 63;

/// What other threads leave for a worker, or for a group of its replicas.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// A bit for each replica that has something to do.
    ready: AtomicU64,
    parked: AtomicBool,
    waker: OnceLock<Waker>,
    /// Bounded by the places of this worker's sources and the windows of its askers.
    notices: Mutex<Vec<Notice>>,
    /// Of a group: the worker's, and the bit of the group in there.
    above: Option<(Arc<Mailbox>, u64)>,
}

impl Mailbox {
    /// That of a group of replicas, which has the bit `bit` of its worker's mailbox.
    pub fn below(worker: &Arc<Mailbox>, bit: u64) -> Self {
        Self { above: Some((Arc::clone(worker), bit)), ..Self::default() }
    }

    pub fn set_waker(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// Says that the replicas of `bits` have something to do.
    pub fn notify(&self, bits: u64) {
        // A bit that is set already was set by someone who woke the worker, or while it ran.
        if self.ready.fetch_or(bits, SeqCst) & bits != bits {
            self.wake();
        }
    }

    pub fn wake(&self) {
        if let Some((worker, bit)) = &self.above {
            worker.notify(*bit);
        } else if self.parked.swap(false, SeqCst)
            && let Some(waker) = self.waker.get()
        {
            waker();
        }
    }

    /// Leaves notices of which there is at least one.
    pub fn leave(&self, notices: impl Iterator<Item = Notice>) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).extend(notices);
        self.notify(NEWS);
    }

    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn take_ready(&self) -> u64 {
        // The read alone is much cheaper than the exchange, and mostly enough.
        if self.ready.load(SeqCst) == 0 { 0 } else { self.ready.swap(0, SeqCst) }
    }

    /// Says that the worker is going to sleep. `false` when there is something to do after all.
    pub fn park(&self) -> bool {
        self.parked.store(true, SeqCst);
        let idle = self.ready.load(SeqCst) == 0;
        if !idle {
            self.parked.store(false, SeqCst);
        }
        idle
    }

    pub fn unpark(&self) {
        self.parked.store(false, SeqCst);
    }

    pub fn is_parked(&self) -> bool {
        self.parked.load(SeqCst)
    }
}

/// What the threads of a pool share: the queues that have events, and the threads that sleep.
pub(crate) struct Pool {
    ready: AtomicU64,
    /// Those with a lower number may take events; changed under the lock of `idle`, so that what
    /// sleepers say of themselves is true.
    on_duty: AtomicUsize,
    idle: Mutex<Vec<Sleeper>>,
    sleepers: AtomicUsize,
    /// How often a queue was said to have events; counted where a policy may put stages off.
    rings: Option<AtomicU64>,
}

/// A thread of a pool that sleeps.
struct Sleeper {
    mailbox: Arc<Mailbox>,
    /// Bits of the stages that this thread cannot serve: their replicas are parked in it, or it is
    /// not on duty.
    parked: u64,
}

impl Pool {
    pub fn new(on_duty: usize, may_put_off: bool) -> Self {
        Self {
            ready: AtomicU64::new(0),
            on_duty: AtomicUsize::new(on_duty),
            idle: Mutex::default(),
            sleepers: AtomicUsize::new(0),
            rings: may_put_off.then(AtomicU64::default),
        }
    }

    /// Changes with each event that came; read before a policy looks at what waits.
    pub fn rings(&self) -> u64 {
        self.rings.as_ref().map_or(0, |rings| rings.load(SeqCst))
    }

    /// How many threads may take events.
    pub fn on_duty(&self) -> usize {
        self.on_duty.load(SeqCst)
    }

    /// Says how many threads may take events, and has all that sleep look what that means to them.
    pub fn set_on_duty(&self, threads: usize) {
        let mut idle = self.idle();
        self.on_duty.store(threads, SeqCst);
        let woken = std::mem::take(&mut *idle);
        drop(idle);
        self.sleepers.fetch_sub(woken.len(), SeqCst);
        woken.iter().for_each(|sleeper| sleeper.mailbox.wake());
    }

    /// Says that the queue of `bit` has events, and wakes one thread that can serve it. A thread
    /// that cannot, since its replica is parked, looks at the queue when it is not any more.
    pub fn notify(&self, bit: u64) {
        self.ready.fetch_or(bit, SeqCst);
        if let Some(rings) = &self.rings {
            rings.fetch_add(1, SeqCst);
        }
        if self.sleepers.load(SeqCst) > 0 {
            let mut idle = self.idle();
            let able = idle.iter().rposition(|sleeper| sleeper.parked & bit == 0);
            let sleeper = able.map(|place| idle.remove(place));
            drop(idle);
            if let Some(sleeper) = sleeper {
                self.sleepers.fetch_sub(1, SeqCst);
                sleeper.mailbox.wake();
            }
        }
    }

    /// The queues that have events.
    pub fn ready(&self) -> u64 {
        self.ready.load(SeqCst)
    }

    /// Takes the bit of one queue; `false` when it was not set.
    pub fn take(&self, bit: u64) -> bool {
        self.ready() & bit != 0 && self.ready.fetch_and(!bit, SeqCst) & bit != 0
    }

    /// Puts thread `number` among the sleepers, in which the replicas of `parked` are parked, and
    /// whose policy puts those of `put_off` off, by what it saw when [`rings`](Self::rings) was
    /// as it says. `false` when there is something to do after all.
    pub fn park(
        &self,
        mailbox: &Arc<Mailbox>,
        number: usize,
        parked: u64,
        (put_off, rings): (u64, u64),
    ) -> bool {
        let mut idle = self.idle();
        let parked = if number < self.on_duty() { parked } else { u64::MAX };
        idle.push(Sleeper { mailbox: Arc::clone(mailbox), parked });
        drop(idle);
        self.sleepers.fetch_add(1, SeqCst);
        // Who rang before this thread was among the sleepers woke nobody.
        let seen_all = put_off == 0 || self.rings() == rings;
        let idle = self.ready() & !(parked | put_off) == 0 && seen_all;
        if !idle {
            self.unpark(mailbox);
        }
        idle
    }

    /// Takes a thread from the sleepers, if it is still among them.
    pub fn unpark(&self, mailbox: &Arc<Mailbox>) {
        let mut idle = self.idle();
        if let Some(place) = idle.iter().position(|s| Arc::ptr_eq(&s.mailbox, mailbox)) {
            idle.remove(place);
            self.sleepers.fetch_sub(1, SeqCst);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sleeper>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a queue tells its consumer that it has events.
#[derive(Clone)]
pub(crate) enum Bell {
    /// The consumer is a replica of another worker.
    Worker(Arc<Mailbox>, u64),
    /// The consumers are the threads of a pool.
    Pool(Arc<Pool>, u64),
}

impl Bell {
    pub fn ring(&self) {
        match self {
            Self::Worker(mailbox, bit) => mailbox.notify(*bit),
            Self::Pool(pool, bit) => pool.notify(*bit),
        }
    }
}

/// How a replica tells the consumer of what it sent.
pub(crate) enum Ring {
    /// The consumer is a replica of the same worker: its ready bit.
    Here(Rc<Cell<u64>>, u64),
    /// It is in a group of that worker: the group's ready bit, and its own among these.
    Member((Rc<Cell<u64>>, u64), (Rc<Cell<u64>>, u64)),
    /// The consumer runs on other threads.
    There(Bell),
}

impl Ring {
    pub fn ring(&self) {
        match self {
            Self::Here(ready, bit) => ready.set(ready.get() | bit),
            Self::Member((ready, bit), (members, member)) => {
                members.set(members.get() | member);
                ready.set(ready.get() | bit);
            }
            Self::There(bell) => bell.ring(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_after_the_policy_looked_keeps_its_thread_awake() {
        let (pool, mailbox) = (Pool::new(1, true), Arc::default());
        pool.notify(1);
        let seen = pool.rings();
        assert!(pool.park(&mailbox, 0, 0, (1, seen)), "all that came is put off");
        pool.unpark(&mailbox);
        pool.notify(1);
        assert!(!pool.park(&mailbox, 0, 0, (1, seen)), "the policy has not seen the second");
        assert!(pool.park(&mailbox, 0, 0, (1, pool.rings())));
        mailbox.park();
        pool.notify(1);
        assert!(!mailbox.is_parked(), "who sleeps already is woken");
    }
}
