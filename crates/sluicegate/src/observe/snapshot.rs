//! What an observer sees of a net.

use crate::desk;
use crate::event::StageId;
use crate::ledger::{ByWhy, Ledger};
use crate::net::OnFull;
use crate::observe::AdmissionView;
use crate::observe::stats::{Cut, sum};
use crate::run::Plan;
use crate::time::Time;
use std::sync::Arc;
use std::time::Duration;

/// Watches a net from any thread.
#[derive(Clone)]
pub struct Observer {
    plan: Arc<Plan>,
}

/// A net at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The net's name.
    pub name: String,
    /// When it was taken, by the clock of the net.
    pub at: Time,
    /// The stages, in order of declaration.
    pub stages: Vec<StageView>,
    /// The wires, in order of declaration.
    pub wires: Vec<WireView>,
    /// The ledger. Each worker's part of it is of one point of that worker's time.
    pub ledger: Ledger,
    /// How old the oldest part of the ledger is.
    pub age: Duration,
    /// Whether the net drains.
    pub draining: bool,
}

/// A stage at one moment. Counts are since the start, over all replicas.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageView {
    /// The stage's name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// `pinned` or `pool`.
    pub kind: &'static str,
    /// Replicas, one a thread of the domain.
    pub replicas: usize,
    /// How many of its threads take events now: fewer in a pool that needs no more.
    pub on_duty: usize,
    /// Events that wait.
    pub queued: usize,
    /// The most events that may wait, over all queues.
    pub capacity: usize,
    /// How long the oldest of them has waited.
    pub queue_age: Duration,
    /// Events handled.
    pub served: u64,
    /// Batches handled.
    pub batches: u64,
    /// Time in the handler.
    pub busy: Duration,
    /// The mean time that the oldest event of a batch had waited.
    pub mean_wait: Duration,
    /// How often the stage parked on held output.
    pub parked: u64,
    /// How many replicas are parked now.
    pub parked_now: u64,
    /// Flows that ended without an answer while this stage ran.
    pub refused: ByWhy,
    /// Panics of its handler.
    pub panics: u64,
    /// How often its breaker opened.
    pub breaks: u64,
    /// Answers that came twice or that nobody waited for.
    pub strays: u64,
    /// The admission to each of its queues; none where its inlet has neither order nor admission.
    pub admission: Vec<AdmissionView>,
}

/// A wire at one moment. Counts are since the start, over all replicas.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WireView {
    /// The stage that sends.
    pub from: String,
    /// Its port.
    pub port: &'static str,
    /// The stage that listens.
    pub to: String,
    /// What becomes of an event for which there is no room.
    pub on_full: OnFull,
    /// The most questions a replica may have unanswered.
    pub window: Option<usize>,
    /// The port to whose questions it brings the answers, as `stage.port`.
    pub returns: Option<String>,
    /// Events delivered.
    pub sent: u64,
    /// Events that are held now.
    pub held: u64,
    /// Events shed for want of room.
    pub refused: u64,
    /// Events diverted for want of room.
    pub diverted: u64,
}

impl Observer {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self { plan }
    }

    /// Looks at the net. Has each worker publish its part of the ledger, and waits up to 20 ms
    /// for those that are busy; [`Snapshot::age`] says how old the oldest part is.
    pub fn snapshot(&self) -> Snapshot {
        let plan = &*self.plan;
        let mut me = None;
        desk::here_if_any(|desk| me = Some(desk.worker));
        self.view(&plan.stats.cut(|| plan.tell_all(), me))
    }

    /// Freezes a law at a stage's inlet, by its name, or lets it go on: while frozen it measures,
    /// but its bounds stay as they are; other laws go on. `false` when there is no such stage, or
    /// its inlet has no such law.
    pub fn freeze(&self, stage: &str, law: &str, frozen: bool) -> bool {
        let stage = self.plan.stages.iter().find(|planned| planned.spec.name == stage);
        let probes = stage.map_or(&[][..], |stage| &stage.probes);
        probes.iter().filter(|probe| probe.set_frozen(law, frozen)).count() > 0
    }

    /// What these parts of the ledger and the counters say.
    pub(crate) fn view(&self, cuts: &[Cut]) -> Snapshot {
        let plan = &*self.plan;
        let at = plan.clock.now();
        let oldest = cuts.iter().map(|cut| cut.at).min().unwrap_or(at);
        Snapshot {
            name: plan.name.clone(),
            at,
            stages: plan.stages.iter().map(|stage| self.stage(stage.id, at)).collect(),
            wires: (0..plan.wires.len()).map(|wire| self.wire(wire)).collect(),
            ledger: sum(cuts, plan),
            age: at.since(oldest),
            draining: plan.draining.load(std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// The net as declared, without a look at its workers.
    fn stage(&self, id: StageId, at: Time) -> StageView {
        let plan = &*self.plan;
        let stage = &plan.stages[id.index()];
        let domain = &plan.domains[stage.domain];
        let oldest = stage.probes.iter().filter_map(|probe| probe.oldest()).min();
        let mut view = StageView {
            name: stage.spec.name.clone(),
            domain: domain.name.clone(),
            kind: domain.kind.name(),
            replicas: domain.threads,
            on_duty: domain.on_duty(),
            queued: stage.probes.iter().map(|probe| probe.lengths().0).sum(),
            capacity: stage.spec.capacity * stage.probes.len(),
            queue_age: oldest.map_or(Duration::ZERO, |oldest| at.since(oldest)),
            served: 0,
            batches: 0,
            busy: Duration::ZERO,
            mean_wait: Duration::ZERO,
            parked: 0,
            parked_now: 0,
            refused: ByWhy::default(),
            panics: 0,
            breaks: 0,
            strays: 0,
            admission: stage.probes.iter().filter_map(|probe| probe.admission()).collect(),
        };
        let (mut busy, mut waited, mut waits) = (0, 0, 0);
        for stats in plan.stats.of_stage(id) {
            view.served += stats.served.get();
            view.batches += stats.batches.get();
            view.parked += stats.parked.get();
            view.parked_now += stats.parked_now.get();
            view.refused += stats.refused();
            view.panics += stats.panics.get();
            view.breaks += stats.breaks.get();
            view.strays += stats.strays.get();
            busy += stats.busy.get();
            waited += stats.waited.get();
            waits += stats.waits.get();
        }
        view.busy = Duration::from_nanos(busy);
        view.mean_wait = Duration::from_nanos(waited / waits.max(1));
        view
    }

    fn wire(&self, wire: usize) -> WireView {
        let plan = &*self.plan;
        let spec = &plan.wires[wire];
        let name = |stage: StageId| plan.stages[stage.index()].spec.name.clone();
        let port = |(stage, port): (StageId, usize)| plan.stages[stage.index()].ports[port];
        let mut view = WireView {
            from: name(spec.from.0),
            port: port(spec.from),
            to: name(spec.to),
            on_full: spec.on_full,
            window: spec.window,
            returns: spec.returns.map(|asked| format!("{}.{}", name(asked.0), port(asked))),
            sent: 0,
            held: 0,
            refused: 0,
            diverted: 0,
        };
        for stats in plan.stats.of_wire(wire) {
            view.sent += stats.sent.get();
            view.held += stats.held.get();
            view.refused += stats.refused.get();
            view.diverted += stats.diverted.get();
        }
        view
    }
}
