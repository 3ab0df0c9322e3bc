//! Parts in a simulation: their workers take turns with those of the net.

use super::{Sim, Simulated};
use crate::event::WorkerId;
use crate::ledger::Ledger;
use crate::net::Net;
use crate::observe::Observer;
use crate::part::{Door, Joined};
use crate::run::{Plan, StartError};
use std::sync::Arc;

/// A part that is attached to a net under simulation, by [`Sim::attach`].
#[must_use = "it is taken away by `Sim::remove`"]
pub struct Part {
    plan: Arc<Plan>,
    joined: Box<dyn Joined>,
}

/// The workers of one.
pub(super) struct SimulatedPart {
    pub plan: Arc<Plan>,
    pub workers: Vec<Simulated>,
}

impl Part {
    /// What watches the part. Its workers publish when they run, so that its ledger may be old.
    pub fn observer(&self) -> Observer {
        Observer::new(Arc::clone(&self.plan))
    }

    /// Has nothing pass into the part any more, as [`Part::shut`](crate::Part::shut).
    pub fn shut(&self) {
        self.joined.shut();
    }

    /// Flows that passed in, and of which the slot has not heard yet.
    pub fn inside(&self) -> usize {
        self.joined.inside()
    }

    /// Has the part take no new work, as that does which is shut and empty and to be taken away.
    pub fn drain(&self) {
        self.plan.drain();
    }
}

impl Sim {
    /// Attaches a part to a [slot](crate::slot) of the net, as
    /// [`Running::attach`](crate::Running::attach) does. Its workers take turns with those of the
    /// net from now on.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Out, Sim, from_fn, slot, stage};
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
    /// let mut sim = Sim::new(net, 1)?;
    /// entry.send(1).expect("it waits for a part");
    /// assert!(sim.settle(100));
    /// assert_eq!(sim.ledger().in_flight, 1);
    ///
    /// let mut part = Net::new("doubles");
    /// let cpu = part.domain("cpu").pinned(1);
    /// let (spec, door) = numbers.door("door");
    /// let node = part.add(spec.on(cpu));
    /// let double = || {
    ///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
    ///         batch.for_each(|event| cx.out.emit(event.map(|n| 2 * n)));
    ///     })
    /// };
    /// let double = part.add(stage("double", double).on(cpu));
    /// part.wire(node.out, double.inlet);
    /// part.wire(double.out, node.inlet).returns(node.out);
    /// let part = sim.attach(door, part)?;
    /// assert!(sim.settle(100));
    /// sim.assert_even();
    /// assert_eq!((sim.ledger().finished, part.inside()), (1, 0));
    /// assert_eq!(sim.observer().parts()[0].slot, "numbers");
    ///
    /// assert_eq!(sim.remove(part).finished, 1, "of the part's own ledger");
    /// assert!(sim.observer().parts().is_empty());
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    ///
    /// # Errors
    /// The faults of the part and of its joint with the net.
    pub fn attach<T: Send + 'static, R: Send + 'static>(
        &mut self,
        door: Door<T, R>,
        part: Net,
    ) -> Result<Part, StartError> {
        let (plan, slot) = door.plan(part, &self.plan)?;
        let workers = Self::make_workers(&plan, &self.time)?;
        plan.start();
        self.plan.parts.add(slot, Arc::clone(&plan));
        self.parts.push(SimulatedPart { plan: Arc::clone(&plan), workers });
        door.open();
        let place = self.workers.len() + self.worker_of_parts(self.parts.len() - 1);
        (place..self.all()).for_each(|worker| self.write_trace(worker));
        Ok(Part { plan, joined: Box::new(door) })
    }

    /// Takes a part away now: nothing passes in any more, and what is left in it ends as
    /// `draining`, in both ledgers. Returns its own. To lose nothing, [shut](Part::shut) it first,
    /// and go on until nothing is [inside](Part::inside).
    ///
    /// # Panics
    /// If the part is one of another simulation.
    pub fn remove(&mut self, part: Part) -> Ledger {
        part.shut();
        part.plan.stop();
        let n = self.parts.iter().position(|other| Arc::ptr_eq(&other.plan, &part.plan));
        let n = n.expect("the part is attached to this net");
        let first = self.workers.len() + self.worker_of_parts(n);
        self.parts[n].close();
        (0..self.parts[n].workers.len()).for_each(|worker| self.write_trace(first + worker));
        self.plan.parts.remove(&part.plan);
        let SimulatedPart { plan, mut workers } = self.parts.remove(n);
        let ledger = Self::ledger_of(&plan, &mut workers);
        assert!(ledger.balanced(), "the ledger of a part is uneven: {ledger:?}");
        ledger
    }

    /// The number of the first worker of a part, among those of all parts.
    fn worker_of_parts(&self, part: usize) -> usize {
        self.parts[..part].iter().map(|part| part.workers.len()).sum()
    }

    /// How many workers there are, with those of parts.
    pub(super) fn all(&self) -> usize {
        self.workers.len() + self.worker_of_parts(self.parts.len())
    }

    /// A worker with its plan: those of parts come after those of the net.
    pub(super) fn simulated(&mut self, mut n: usize) -> (&Arc<Plan>, &mut Simulated) {
        if n < self.workers.len() {
            return (&self.plan, &mut self.workers[n]);
        }
        n -= self.workers.len();
        for part in &mut self.parts {
            if n < part.workers.len() {
                return (&part.plan, &mut part.workers[n]);
            }
            n -= part.workers.len();
        }
        unreachable!("workers are numbered over the net and its parts")
    }

    /// Ends what the net or the part holds of which this is a worker.
    pub(super) fn close_of(&mut self, worker: usize) {
        let (plan, _) = self.simulated(worker);
        let plan = Arc::clone(plan);
        match self.parts.iter_mut().find(|part| Arc::ptr_eq(&part.plan, &plan)) {
            Some(part) => part.close(),
            None => self.close(),
        }
    }

    /// All workers of a plan, at the time of the simulation.
    pub(super) fn make_workers(
        plan: &Arc<Plan>,
        time: &crate::time::VirtualTime,
    ) -> Result<Vec<Simulated>, StartError> {
        let make = |n: usize| {
            let id = WorkerId(n as u16);
            let worker = crate::run::Worker::new(plan, id).map_err(|error| {
                let domain = plan.domain_of(id);
                StartError::Machine { domain: domain.name.clone(), worker: n - domain.first, error }
            })?;
            time.switch();
            Ok(Simulated { worker, sleeps: None, busy: time.now(), dying: false, dead: false })
        };
        (0..plan.workers()).map(make).collect()
    }
}

impl SimulatedPart {
    /// Ends all that is in flight in it; none of its workers runs any more.
    fn close(&mut self) {
        for simulated in self.workers.iter_mut().filter(|simulated| !simulated.dead) {
            simulated.worker.close();
            simulated.dead = true;
        }
    }
}
