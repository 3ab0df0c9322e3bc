//! What an observer sees of a net.

use crate::desk;
use crate::event::StageId;
use crate::ledger::{ByWhy, Ledger};
use crate::net::{Copies, OnFull, Routing};
use crate::observe::AdmissionView;
use crate::observe::stats::{Cut, sum};
use crate::run::{Plan, Stall, StopError, stalls};
use crate::time::Time;
use std::sync::Arc;
use std::time::Duration;

/// Watches a net from any thread.
#[derive(Clone)]
pub struct Observer {
    pub(crate) plan: Arc<Plan>,
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
    /// The handlers that have not come back for longer than their [`stall`](crate::Spec::stall).
    pub stalls: Vec<Stall>,
    /// What stopped the net, if it did not last.
    pub stopped: Option<StopError>,
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
    /// How often a run took more than twice the stage's [`slice`](crate::Spec::slice), so that all
    /// other stages of its worker waited: one of its events did, or the handler took its batch
    /// before it worked. Batches of events that each fit in a slice end before that. In a pool it
    /// is no harm.
    pub overruns: u64,
    /// The mean time that the oldest event of a batch had waited.
    pub mean_wait: Duration,
    /// How often the stage parked on held output.
    pub parked: u64,
    /// How many replicas are parked now.
    pub parked_now: u64,
    /// Whether it is [paused](Observer::pause).
    pub paused: bool,
    /// How many [steps](Observer::step) it has still to take.
    pub steps: u32,
    /// Flows that ended without an answer while this stage ran.
    pub refused: ByWhy,
    /// Panics of its handler.
    pub panics: u64,
    /// How often its breakers opened, or stayed open after a trial.
    pub breaks: u64,
    /// How many of its breakers are open: one a replica, one in all in a pool.
    pub broken_now: usize,
    /// How often a replica's stage was [replaced](Observer::replace) by another value.
    pub replaced: u64,
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
    /// Whether the stage it leads to is [fused](crate::Wire::fused) with the one it comes from.
    pub fused: bool,
    /// The most questions a replica may have unanswered.
    pub window: Option<usize>,
    /// Which replica of the stage gets an event.
    pub routing: Routing,
    /// For one that gets copies of another wire's events from the same port: how.
    pub copies: Option<Copies>,
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
            queued: stage.probes.iter().map(|probe| probe.lengths().0).sum(),
            capacity: stage.probes.iter().map(|probe| probe.capacity()).sum(),
            queue_age: oldest.map_or(Duration::ZERO, |oldest| at.since(oldest)),
            served: 0,
            batches: 0,
            busy: Duration::ZERO,
            overruns: 0,
            mean_wait: Duration::ZERO,
            parked: 0,
            parked_now: 0,
            paused,
            steps,
            refused: ByWhy::default(),
            panics: 0,
            breaks: 0,
            broken_now: stage.breakers.iter().filter(|breaker| breaker.is_open()).count(),
            replaced: 0,
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
            view.overruns += stats.overruns.get();
            view.panics += stats.panics.get();
            view.breaks += stats.breaks.get();
            view.replaced += stats.replaced.get();
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
