//! What the tests on real threads share.

pub use sluicegate::{
    AsyncCx, Batch, Capacity, Cx, Drained, Entering, Entry, Event, Limit, Machine, Net, Next,
    Order, Out, Overload, Park, Policy, Raised, Ready, Running, Spec, Stage, Stages, Stall,
    Stalled, StartError, Tag, Time, Wait, Waker, Why, bounded, from_async_fn, from_fn, ms, stage,
};
pub use std::collections::HashMap;
pub use std::hint::black_box;
pub use std::pin::Pin;
pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
pub use std::sync::mpsc::{Receiver, Sender, channel};
pub use std::sync::{Arc, Mutex};
pub use std::task::{self, Poll};
pub use std::thread;
pub use std::time::{Duration, Instant};

/// As long as a test may wait at the very most: only a defect waits so long.
pub const LONG: Duration = Duration::from_secs(60);

pub fn pass() -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            cx.out.emit(event);
        }
    })
}

/// A source that lets in flows for ever, and has each answered or told.
#[derive(Default)]
pub struct Spring {
    pub next: u64,
    pub ends: Arc<AtomicU64>,
}

impl Stage for Spring {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        while !cx.draining() && cx.room() > 0 {
            let Ok(tag) = cx.enter(self.next, Entering::default()) else { return };
            cx.out.emit(tag.with(self.next));
            self.next += 1;
        }
        if !cx.draining() {
            cx.again();
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            event.split().0.finish();
            self.ends.fetch_add(1, SeqCst);
        }
    }

    fn ended(&mut self, ended: sluicegate::Ended, _: &mut Cx<'_, Out<u64>>) {
        assert_eq!(ended.why, Why::Refused);
        if let Some(asked) = ended.tag {
            return asked.refuse(ended.why);
        }
        self.ends.fetch_add(1, SeqCst);
    }
}

/// Finishes flows and counts them.
pub fn counting(count: &Arc<AtomicU64>) -> impl Stage<In = u64, Out = ()> + use<> {
    let count = Arc::clone(count);
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            event.split().0.finish();
            count.fetch_add(1, SeqCst);
        }
    })
}

pub fn end() -> impl Stage<In = u64, Out = ()> {
    from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            event.split().0.finish();
        }
    })
}

/// A net of `first`, this stage in a pool, and a `last` with this queue, which counts its flows.
pub fn row<S>(second: Spec<S>, last: Capacity) -> (Running, Entry<u64>, Arc<AtomicU64>)
where
    S: Stage<In = u64, Out = Out<u64>>,
{
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("row");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(3);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let second = net.add(second.on(pool).batch(4));
    let count = Arc::clone(&done);
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(last));
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    (net.run().unwrap(), entry, done)
}

/// Sends a number until it is taken.
pub fn insist(entry: &Entry<u64>, mut n: u64) {
    while let Err(refused) = entry.send(n) {
        n = refused.0;
        thread::yield_now();
    }
}

/// Sends the numbers below `each` from two threads, each number from both.
pub fn feed_from_two_threads(entry: &Entry<u64>, each: u64) {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..each).for_each(|n| insist(entry, n)));
        }
    });
}

pub fn assert_over(drained: Drained, complete: bool) {
    let ledger = drained.ledger;
    assert!(ledger.balanced(), "{ledger:?}");
    assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
    assert_eq!(drained.complete, complete);
}

/// Waits until `ends` flows have ended.
pub fn until(ends: &AtomicU64, enough: u64) {
    while ends.load(SeqCst) < enough {
        thread::yield_now();
    }
}
