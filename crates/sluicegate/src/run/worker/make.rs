//! How a worker and its replicas are made, on the thread that is to run them.

use super::Worker;
use crate::desk::Desk;
use crate::event::{StageId, WorkerId};
use crate::net::{BoxError, Kind};
use crate::observe::{Recorder, Tracer};
use crate::run::{Build, GROUP, Gating, Group, Plan, Raised, Ran, Runnable, Seats, Sleep, Wheel};
use crate::time::Time;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

impl Worker {
    /// Makes the worker on the thread that is to run it.
    pub fn new(plan: &Arc<Plan>, id: WorkerId) -> Result<Self, BoxError> {
        let domain = plan.domain_of(id);
        // Traces of which nobody knows are never on.
        let traces = if domain.traces { Arc::clone(&plan.traces) } else { Arc::default() };
        let flows = Recorder::new(traces, id, plan.clock.clone());
        let stats = Arc::clone(plan.stats.worker(id));
        let desk = Desk::with(plan.stages.len(), Arc::clone(&plan.gone), stats, flows);
        desk.tell_current(Arc::clone(&plan.currents[id.index()]));
        if plan.traced {
            desk.trace(Tracer::new(plan.clock.clone(), id));
        }
        let ready = Rc::new(Cell::new(0));
        let machine = (domain.machine)(id.index() - domain.first)?;
        let mailbox = Arc::clone(&plan.mailboxes[id.index()]);
        mailbox.set_waker(machine.waker());
        let replicas = build(plan, id, &desk, &ready);
        let names =
            domain.stages.iter().map(|&stage| plan.stages[stage.index()].spec.name.as_str());
        let mut policy = domain.policy.as_ref().map(|make| make());
        if let Some(policy) = &mut policy {
            policy.start(&names.collect::<Vec<_>>())?;
        }
        let policy_epoch =
            policy.as_deref_mut().map_or(0, |policy| domain.policy_settings.begin(policy));
        let hears = domain.stages.iter().copied();
        let hears = hears.filter(|stage| plan.stages[stage.index()].spec.hears());
        let mut worker = Self {
            plan: Arc::clone(plan),
            id,
            domain: plan.domains.iter().position(|d| std::ptr::eq(d, domain)).unwrap_or(0),
            replicas,
            policy,
            policy_epoch,
            ran: Ran::NONE,
            put_off: (0, Time(0)),
            rings: 0,
            pool: (domain.kind == Kind::Pool).then(|| Arc::clone(&domain.pool)),
            crew: domain.crew.clone(),
            number: id.index() - domain.first,
            made: false,
            current: Arc::clone(&plan.currents[id.index()]),
            sleep: Sleep::default(),
            desk,
            ready,
            machine,
            wheel: Wheel::new(),
            mailbox,
            raised: Raised::default(),
            notices: Vec::new(),
            polled: false,
            started: false,
            draining: false,
            hears: hears.collect(),
            published: Time(0),
            gating: Gating::new(0, 0),
            tick: Time(u64::MAX),
            warm: false,
            now: plan.clock.now(),
        };
        let gates = worker.replicas.iter().enumerate().filter(|(_, replica)| replica.is_gated());
        let gated = gates.fold(0, |bits, (cell, _)| bits | 1 << cell);
        if gated != 0 {
            worker.tick = worker.now;
            worker.gating = Gating::new(gated, plan.leading_to(&domain.stages, gated));
        }
        for (cell, stage) in (0..).zip(&domain.stages) {
            let spec = &plan.stages[stage.index()].spec;
            worker.wheel.bound(cell, spec.timers);
        }
        if worker.is_on_duty() {
            worker.made = true;
            worker.each(|replica, cx| replica.start(cx));
            worker.look_at_all();
        }
        Ok(worker)
    }
}

/// Builds a worker's replicas, in groups where there are more than it has ready bits.
fn build(
    plan: &Arc<Plan>,
    worker: WorkerId,
    desk: &Rc<Desk>,
    ready: &Rc<Cell<u64>>,
) -> Vec<Box<dyn Runnable>> {
    let domain = plan.domain_of(worker);
    let mailboxes = domain.groups_of(worker);
    let groups: Vec<_> = mailboxes.iter().map(|_| Rc::new(Cell::new(0))).collect();
    let seats = Seats::default();
    let one = |&stage: &StageId| {
        let build = Build::new(plan, stage, desk, (ready, &groups), &seats);
        plan.stages[stage.index()].build(&build)
    };
    if groups.is_empty() {
        return domain.stages.iter().map(one).collect();
    }
    let group = |(n, stages): (usize, &[StageId])| {
        let (ready, mailbox) = (Rc::clone(&groups[n]), Arc::clone(&mailboxes[n]));
        let group = Group::new(stages.iter().map(one).collect(), ready, mailbox);
        Box::new(group) as Box<dyn Runnable>
    };
    domain.stages.chunks(GROUP).enumerate().map(group).collect()
}
