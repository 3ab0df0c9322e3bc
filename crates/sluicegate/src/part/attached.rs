//! A part on its threads: attached to a net that runs, and taken away.

use crate::net::Net;
use crate::observe::Observer;
use crate::part::{Door, Joined};
use crate::run::{DRAIN_STEP, Drained, Plan, Running, StartError, StopError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A part that is attached to a net, on threads of its own. Dropping it takes it away at once, and
/// what is in it ends as `draining`.
pub struct Part {
    host: Arc<Plan>,
    joined: Box<dyn Joined>,
    /// Until it is taken away.
    running: Option<Running>,
}

impl Running {
    /// Attaches a part to a [slot](crate::slot) of the net: starts its threads, and has what the
    /// slot takes from now on pass into it. A part is a net with a [door](crate::Slot::door) for
    /// that slot. What another part of the slot has in hand it answers; both can be there for as
    /// long as it pleases, and when the newer one is taken away the older takes what comes again.
    ///
    /// A part has its own domains, ledger, settings and [`Observer`], and the clock of the net. A
    /// flow that passes is in flight in the net, in its slot, and is a flow of the part too, so
    /// that both ledgers are even at any time. It costs a hop by each of slot and door, and two
    /// wake-ups of other threads; a net without slots costs what it did.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Out, from_fn, ms, slot, stage};
    ///
    /// let mut net = Net::new("service");
    /// let cpu = net.domain("cpu").pinned(1);
    /// let (spec, numbers) = slot::<u64, u64>("numbers");
    /// let slot = net.add(spec.on(cpu));
    /// let end = || {
    ///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    ///         batch.for_each(|event| event.split().0.finish());
    ///     })
    /// };
    /// let end = net.add(stage("end", end).on(cpu));
    /// net.wire(slot.out.answers, end.inlet);
    /// net.seal(slot.out.bare);
    /// let entry = net.entry(slot.inlet);
    /// let running = net.run()?;
    /// entry.send(1).expect("it waits for a part");
    ///
    /// let mut part = Net::new("doubles");
    /// let (cpu, pool) = (part.domain("cpu").pinned(1), part.domain("pool").pool(2));
    /// let (spec, door) = numbers.door("door");
    /// let node = part.add(spec.on(cpu));
    /// let double = || {
    ///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
    ///         batch.for_each(|event| cx.out.emit(event.map(|n| 2 * n)));
    ///     })
    /// };
    /// let double = part.add(stage("double", double).on(pool));
    /// part.wire(node.out, double.inlet);
    /// part.wire(double.out, node.inlet).returns(node.out);
    /// let part = running.attach(door, part)?;
    ///
    /// entry.send(2).expect("there is room");
    /// # while running.observer().snapshot().ledger.finished < 2 { std::thread::yield_now(); }
    /// let removed = part.remove(ms(10_000));
    /// assert!(removed.complete && removed.ledger.balanced());
    /// entry.send(3).expect("it waits for the next part");
    /// assert!(running.stop().balanced());
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    ///
    /// # Errors
    /// The faults of the part, those of its joint with this net among them, or why its threads did
    /// not start. Then the net is as it was.
    pub fn attach<T: Send + 'static, R: Send + 'static>(
        &self,
        door: Door<T, R>,
        part: Net,
    ) -> Result<Part, StartError> {
        let host = Arc::clone(self.plan());
        let (plan, slot) = door.plan(part, &host)?;
        let running = Running::start(Arc::clone(&plan))?;
        host.parts.add(slot, plan);
        door.open();
        Ok(Part { host, joined: Box::new(door), running: Some(running) })
    }
}

impl Part {
    /// What watches the part.
    pub fn observer(&self) -> Observer {
        Observer::new(Arc::clone(self.running().plan()))
    }

    /// What stopped the part, if anything but its end did. What was in it then ended as
    /// `draining`, and the slot passes nothing to it any more.
    pub fn stopped(&self) -> Option<StopError> {
        self.running().stopped()
    }

    /// Has nothing pass into the part any more. What the slot takes passes into the part that was
    /// attached before, if that is still there.
    pub fn shut(&self) {
        self.joined.shut();
    }

    /// Flows that passed in, and of which the slot has not heard yet.
    pub fn inside(&self) -> usize {
        self.joined.inside()
    }

    /// Takes the part away: has nothing pass in any more, waits until the slot has heard of all
    /// that did, and drains what else the part has; at most for `limit` in all. What is left then
    /// ends as `draining`, in both ledgers, and whoever asked is told. Waits for a handler that
    /// does not come back, as every end of a net does.
    ///
    /// The net must go on meanwhile, for its slot hears: do not call this in one of its handlers.
    pub fn remove(mut self, limit: Duration) -> Drained {
        let start = Instant::now();
        let is_over = || start.elapsed() >= limit;
        self.shut();
        // Else what is paused in it would wait for an operator.
        self.running().begin_drain();
        while self.inside() > 0 && !is_over() && self.stopped().is_none() {
            thread::park_timeout(DRAIN_STEP);
        }
        let empty = self.inside() == 0;
        let running = self.running.take().expect("it is there until it is taken away");
        let plan = Arc::clone(running.plan());
        let drained = running.drain_until(is_over);
        self.host.parts.remove(&plan);
        Drained { complete: empty && drained.complete, ..drained }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it is there until it is taken away")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.joined.shut();
            let plan = Arc::clone(running.plan());
            running.stop();
            self.host.parts.remove(&plan);
        }
    }
}
