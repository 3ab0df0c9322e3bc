//! What an observer sees of a net.

use crate::desk;
use crate::event::{StageId, WorkerId};
use crate::ledger::{ByWhy, Ledger};
use crate::observe::stats::sum;
use crate::observe::{ClassView, Cut, Histogram, StageView, WireView, WorkerView};
use crate::run::{Plan, Stall, StopError, stalls};
use crate::time::{Clock, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Watches a net from any thread.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
/// let running = net.run()?;
/// let observer = running.observer();
/// let looks = std::thread::spawn(move || observer.snapshot().name);
/// assert_eq!(looks.join().expect("it does not panic"), "one");
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone)]
pub struct Observer {
    pub(crate) plan: Arc<Plan>,
}

/// A net at one moment.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
/// use sluicegate::Sim;
///
/// let mut sim = Sim::new(net, 1)?;
/// entry.send(1).expect("there is room");
/// assert!(sim.settle(100));
/// let snapshot = sim.observer().snapshot();
/// assert_eq!((&*snapshot.stages[0].name, snapshot.stages[0].served), ("end", 1));
/// assert!(snapshot.ledger.balanced() && !snapshot.draining);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The net's name.
    pub name: String,
    /// When it was taken, by the clock of the net.
    pub at: Time,
    /// The number of the look for which workers published their parts of the ledger: it grows with
    /// each.
    pub epoch: u64,
    /// The stages, in order of declaration.
    pub stages: Vec<StageView>,
    /// The wires, in order of declaration.
    pub wires: Vec<WireView>,
    /// The classes of flows of which any ended, in ascending order.
    pub classes: Vec<ClassView>,
    /// The workers, domain by domain.
    pub workers: Vec<WorkerView>,
    /// The ledger. Each worker's part of it is of one point of that worker's time.
    pub ledger: Ledger,
    /// How old the oldest part of the ledger is.
    pub age: Duration,
    /// Whether the net drains.
    pub draining: bool,
    /// The handlers that have not come back for longer than their [`stall`](crate::Spec::stall).
    pub stalls: Vec<Stall>,
    /// What stopped the net, if it did not last.
    pub stopped: Option<StopError>,
}

impl Observer {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self { plan }
    }

    /// The time by the clock of the net.
    pub fn now(&self) -> Time {
        self.plan.clock.now()
    }

    /// Looks at the net. Has each worker publish its part of the ledger, and waits up to 20 ms
    /// for those that are busy; [`Snapshot::age`] says how old the oldest part is.
    pub fn snapshot(&self) -> Snapshot {
        let plan = &*self.plan;
        let mut me = None;
        desk::here_if_any(|desk| me = Some(desk.worker));
        let asleep = self.asleep();
        let cuts = match plan.clock {
            Clock::Real(_) => plan.stats.cut(|| plan.tell_all(), me),
            Clock::Virtual(_) => plan.stats.cut_at_once(|| plan.tell_all()),
        };
        self.view(&cuts, &asleep)
    }

    /// Which workers sleep.
    pub(crate) fn asleep(&self) -> Vec<bool> {
        self.plan.mailboxes.iter().map(|mailbox| mailbox.is_parked()).collect()
    }

    /// Freezes a law at a stage's inlet, by its name, or lets it go on: while frozen it measures,
    /// but its bounds stay as they are; other laws go on. `false` when there is no such stage, or
    /// its inlet has no such law. `by` is who asks for it, for the [log](Self::changes).
    pub fn freeze(&self, by: &str, stage: &str, law: &str, frozen: bool) -> bool {
        let plan = &*self.plan;
        let Some(stage) = plan.stage(stage) else { return false };
        let mut log = plan.changes.begin();
        let gate = stage.probes.first().and_then(|probe| probe.admission());
        let votes = gate.map(|gate| gate.votes).unwrap_or_default();
        let Some(vote) = votes.iter().find(|vote| vote.law == law) else { return false };
        stage.probes.iter().for_each(|probe| {
            probe.set_frozen(law, frozen);
        });
        let path = format!("stages.{}.gate.{law}.frozen", stage.spec.name);
        let told = (path, vote.frozen.to_string(), frozen.to_string());
        log.note(plan.clock.now(), by, [told]);
        true
    }

    /// What these parts of the ledger and the counters say, and who slept before.
    pub(crate) fn view(&self, cuts: &[Cut], asleep: &[bool]) -> Snapshot {
        let plan = &*self.plan;
        let at = plan.clock.now();
        let oldest = cuts.iter().map(|cut| cut.at).min().unwrap_or(at);
        let mut stages: Vec<_> = plan.stages.iter().map(|stage| self.stage(stage.id, at)).collect();
        let wires: Vec<_> =
            (0..plan.wires.len()).map(|wire| self.wire(wire, &mut stages)).collect();
        for entry in &plan.entries {
            stages[entry.to.index()].arrivals += entry.entered.load(Relaxed);
        }
        Snapshot {
            name: plan.name.clone(),
            at,
            epoch: plan.stats.epoch(),
            stages,
            wires,
            classes: self.classes(),
            workers: self.workers(at, cuts, asleep),
            ledger: sum(cuts, plan),
            age: at.since(oldest),
            draining: plan.draining.load(Relaxed),
            stalls: stalls(plan, at).map(|(_, stall)| stall).collect(),
            stopped: plan.stopped.get().cloned(),
        }
    }

    /// The net as declared, without a look at its workers.
    fn stage(&self, id: StageId, at: Time) -> StageView {
        let plan = &*self.plan;
        let stage = &plan.stages[id.index()];
        let domain = &plan.domains[stage.domain];
        let oldest = stage.probes.iter().filter_map(|probe| probe.oldest()).min();
        let (paused, steps) = stage.directives.pause();
        let mut view = StageView {
            name: stage.spec.name.clone(),
            domain: domain.name.clone(),
            kind: domain.kind.name(),
            replicas: domain.threads,
            on_duty: domain.on_duty(),
            queued: stage.probes.iter().map(|probe| probe.len()).sum(),
            capacity: stage.probes.iter().map(|probe| probe.capacity()).sum(),
            queue_age: oldest.map_or(Duration::ZERO, |oldest| at.since(oldest)),
            served: 0,
            batches: 0,
            busy: Duration::ZERO,
            overruns: 0,
            arrivals: 0,
            wait: Histogram::default(),
            service: Histogram::default(),
            batch_sizes: Histogram::default(),
            parked: 0,
            parked_now: 0,
            parked_time: Duration::ZERO,
            parked_on: Vec::new(),
            paused,
            steps,
            refused: ByWhy::default(),
            refused_by_class: Vec::new(),
            panics: 0,
            breaks: 0,
            broken_now: stage.breakers.iter().filter(|breaker| breaker.is_open()).count(),
            replaced: 0,
            strays: 0,
            admission: stage.probes.iter().filter_map(|probe| probe.admission()).collect(),
        };
        let (mut busy, mut parked) = (0, 0);
        for stats in plan.stats.of_stage(id) {
            view.served += stats.served.get();
            view.batches += stats.batches.get();
            view.parked += stats.parked.get();
            view.parked_now += stats.parked_now.get();
            view.overruns += stats.overruns.get();
            view.panics += stats.panics.get();
            view.breaks += stats.breaks.get();
            view.replaced += stats.replaced.get();
            view.strays += stats.strays.get();
            busy += stats.busy.get();
            parked += stats.parked_for(&plan.clock);
            if let Some(times) = stats.known_times() {
                times.wait.add_to(&mut view.wait);
                times.service.add_to(&mut view.service);
                times.batch_sizes.add_to(&mut view.batch_sizes);
            }
            for (class, refused) in stats.refused.iter() {
                let refused = refused.get();
                view.refused += refused;
                *of_class(&mut view.refused_by_class, class) += refused;
            }
        }
        view.parked_time = Duration::from_nanos(parked);
        view.busy = Duration::from_nanos(busy);
        view
    }

    /// A wire, with what it says of the stages at both ends.
    fn wire(&self, wire: usize, stages: &mut [StageView]) -> WireView {
        let plan = &*self.plan;
        let spec = &plan.wires[wire];
        let name = |stage: StageId| plan.stages[stage.index()].spec.name.clone();
        let port = |(stage, port): (StageId, usize)| plan.stages[stage.index()].port(port);
        let mut view = WireView {
            from: name(spec.from.0),
            port: port(spec.from),
            to: name(spec.to),
            on_full: spec.on_full,
            fused: spec.fused,
            window: plan.stages[spec.from.0.index()].directives.window(spec.from.1).or(spec.window),
            routing: spec.copy_of.as_ref().map_or(spec, |of| &plan.wires[of.wire]).routing,
            copies: spec.copy_of.as_ref().map(|of| of.copies),
            returns: spec.returns.map(|asked| format!("{}.{}", name(asked.0), port(asked))),
            sent: 0,
            held: 0,
            refused: 0,
            diverted: 0,
            unanswered: 0,
        };
        let (mut refused, mut pushed_out) = (0, 0);
        for stats in plan.stats.of_wire(wire) {
            view.sent += stats.sent.get();
            view.held += stats.held.get();
            refused += stats.refused.get();
            view.diverted += stats.diverted.get();
            view.unanswered += stats.unanswered.get();
            pushed_out += stats.pushed_out.get();
        }
        view.refused = refused + pushed_out;
        // What was pushed out had been sent before.
        stages[spec.to.index()].arrivals += view.sent + refused;
        let from = &mut stages[spec.from.0.index()];
        if view.held > 0 && from.parked_now > 0 && !from.parked_on.contains(&view.port) {
            from.parked_on.push(view.port);
        }
        view
    }

    /// What the workers counted of the classes.
    fn classes(&self) -> Vec<ClassView> {
        let mut classes = BTreeMap::new();
        for (class, stats) in self.plan.stats.workers().flat_map(|stats| stats.classes.iter()) {
            let view = classes.entry(class).or_insert_with(|| ClassView {
                class,
                finished: 0,
                late: 0,
                ended: ByWhy::default(),
                response: Histogram::default(),
            });
            view.finished += stats.finished.get();
            view.late += stats.late.get();
            view.ended += stats.ended.get();
            if let Some(response) = stats.response.get() {
                response.add_to(&mut view.response);
            }
        }
        classes.into_values().collect()
    }

    fn workers(&self, at: Time, cuts: &[Cut], asleep: &[bool]) -> Vec<WorkerView> {
        let plan = &*self.plan;
        let domains = plan.domains.iter();
        let all = domains.flat_map(|domain| domain.workers().map(move |n| (domain, n)));
        all.map(|(domain, n)| {
            let stats = plan.stats.worker(WorkerId(n as u16));
            WorkerView {
                domain: domain.name.clone(),
                worker: n - domain.first,
                runs: stats.runs.get(),
                busy: Duration::from_nanos(stats.busy.get()),
                cpu: cuts[n].cpu,
                age: at.since(cuts[n].at),
                asleep: asleep[n],
            }
        })
        .collect()
    }
}

/// The counts of a class in a list in ascending order.
fn of_class(list: &mut Vec<(u8, ByWhy)>, class: u8) -> &mut ByWhy {
    let place = list.binary_search_by_key(&class, |(class, _)| *class).unwrap_or_else(|place| {
        list.insert(place, (class, ByWhy::default()));
        place
    });
    &mut list[place].1
}
