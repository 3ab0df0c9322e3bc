//! A way into a net for threads outside it: tests, load generators, other runtimes.

use crate::event::{Event, OUTSIDE, StageId, Tag, WorkerId};
use crate::queue::{InletQueue, KeyOf};
use crate::run::{Bell, Plan};
use crate::stage::Inlet;
use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Lets flows into a net from any thread. Nobody outside is told of a flow's end: the ledger
/// tells. A stage that must be told is a source (see [`Cx::enter`](crate::Cx::enter)).
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Refused, Sim, bounded, from_fn, stage};
///
/// let mut net = Net::new("door");
/// let cpu = net.domain("cpu").pinned(1);
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let end = net.add(stage("end", end).on(cpu).queue(bounded(1)));
/// let entry = net.entry(end.inlet);
/// assert!(entry.send(0).is_err(), "the net does not run yet");
/// let mut sim = Sim::new(net, 1)?;
/// assert!(entry.send(1).is_ok());
/// let Err(Refused(body)) = entry.send(2) else { panic!("the queue is full") };
/// assert_eq!(body, 2);
/// assert!(sim.settle(100));
/// assert_eq!(sim.ledger().finished, 1);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub struct Entry<U>(Arc<Door<U>>);

/// The queue is full, or the net does not run or drains: the body comes back.
pub struct Refused<U>(pub U);

impl<U> fmt::Debug for Refused<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused(..)")
    }
}

/// Flows that came in by one entry.
pub(crate) struct EntryCounts {
    pub to: StageId,
    pub entered: AtomicU64,
}

struct Door<U> {
    to: Inlet<U>,
    key: OnceLock<KeyOf<U>>,
    inside: OnceLock<Inside<U>>,
    counts: Arc<EntryCounts>,
}

struct Inside<U> {
    /// Each queue, its bell, and the worker that owns it.
    queues: Vec<(Arc<InletQueue<U>>, Bell, WorkerId)>,
    plan: Arc<Plan>,
}

/// An entry without its type.
pub(crate) trait AnyEntry: Send + Sync {
    fn open(&self, plan: &Arc<Plan>);
    fn counts(&self) -> Arc<EntryCounts>;
}

impl<U: Send + 'static> Entry<U> {
    pub(crate) fn new(to: Inlet<U>) -> Self {
        Self(Arc::new(Door {
            to,
            key: OnceLock::new(),
            inside: OnceLock::new(),
            counts: Arc::new(EntryCounts { to: to.stage, entered: AtomicU64::new(0) }),
        }))
    }

    pub(crate) fn shared(&self) -> Arc<dyn AnyEntry> {
        Arc::clone(&self.0) as Arc<dyn AnyEntry>
    }

    /// Sends all bodies of one key to the same replica of the stage: that to which a
    /// [keyed wire](crate::Wire::keyed) with the same keys leads. Said once, for all its clones;
    /// with a stage of a pool it changes nothing.
    ///
    /// ```
    /// # use sluicegate::{Inlet, Net};
    /// # fn enter(net: &mut Net, count: Inlet<String>) {
    /// let entry = net.entry(count).keyed(|word: &String| word.clone());
    /// # }
    /// ```
    pub fn keyed<K: Hash>(self, key: impl Fn(&U) -> K + Send + Sync + 'static) -> Self {
        let _ = self.0.key.set(KeyOf::new(key));
        self
    }

    /// Lets a flow with `body` in, spread over the workers of the stage.
    pub fn send(&self, body: U) -> Result<(), Refused<U>> {
        let Some(inside) = self.0.inside.get() else { return Err(Refused(body)) };
        let flow = self.0.counts.entered.load(Relaxed);
        let queues = inside.queues.len();
        let place = match self.0.key.get() {
            Some(key) => key.place(&body, queues),
            None => flow as usize % queues,
        };
        let (queue, bell, home) = &inside.queues[place];
        let now = inside.plan.clock.now();
        let mut locked = queue.lock();
        // Looked at under the lock: what a stopped worker left in its queue nobody would end.
        if inside.plan.is_closing() || !locked.admits_from_outside(now) {
            return Err(Refused(body));
        }
        // Counted under the lock, so that no observer sees the event before its entry.
        let flow = self.0.counts.entered.fetch_add(1, Relaxed);
        locked.push(Event { tag: Tag::new(flow, now, *home, OUTSIDE), body }, now);
        drop(locked);
        bell.ring();
        Ok(())
    }
}

impl<U> Clone for Entry<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U: Send + 'static> AnyEntry for Door<U> {
    fn open(&self, plan: &Arc<Plan>) {
        let stage = &plan.stages[self.to.stage.index()];
        let typed: &dyn Any = &*stage.queues;
        let queues: &Vec<Arc<InletQueue<U>>> =
            typed.downcast_ref().expect("inlets carry the type of their queue");
        let first = plan.domains[stage.domain].first;
        let queues = queues.iter().enumerate().map(|(n, queue)| {
            let home = WorkerId(u16::try_from(first + n).unwrap_or(u16::MAX));
            (Arc::clone(queue), plan.remote_bell(self.to.stage, n), home)
        });
        let _ = self.inside.set(Inside { queues: queues.collect(), plan: Arc::clone(plan) });
    }

    fn counts(&self) -> Arc<EntryCounts> {
        Arc::clone(&self.counts)
    }
}
