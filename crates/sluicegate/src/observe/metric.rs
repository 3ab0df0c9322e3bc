//! What is measured in a net, declared once: names, units and labels, and where each value is
//! found in a snapshot.

use crate::ledger::{ByWhy, Why};
use crate::observe::{
    AdmissionView, ClassView, Histogram, Snapshot, StageView, Vote, WireView, WorkerView,
};
use std::time::Duration;

/// What a [`Metric`] is, in the words of OpenMetrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// It only grows while the net runs.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A value of a [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading<'a> {
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// A distribution; of times it counts nanoseconds, though the unit be seconds.
    Histogram(&'a Histogram),
}

impl From<u64> for Reading<'_> {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<usize> for Reading<'_> {
    fn from(n: usize) -> Self {
        Self::Count(n as u64)
    }
}

impl From<bool> for Reading<'_> {
    fn from(is: bool) -> Self {
        Self::Count(u64::from(is))
    }
}

impl From<f64> for Reading<'_> {
    fn from(n: f64) -> Self {
        Self::Number(n)
    }
}

/// In seconds.
impl From<Duration> for Reading<'_> {
    fn from(time: Duration) -> Self {
        Self::Number(time.as_secs_f64())
    }
}

impl<'a> From<&'a Histogram> for Reading<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self::Histogram(histogram)
    }
}

/// Where the values of a metric are found, and so what its labels are. One that has no value there
/// says `None`.
enum Place {
    Net(for<'a> fn(&'a Snapshot) -> Option<Reading<'a>>),
    NetByWhy(for<'a> fn(&'a Snapshot) -> &'a ByWhy),
    Stage(for<'a> fn(&'a StageView) -> Option<Reading<'a>>),
    StageByClass(for<'a> fn(&'a StageView) -> &'a [(u8, ByWhy)]),
    Wire(for<'a> fn(&'a WireView) -> Option<Reading<'a>>),
    Class(for<'a> fn(&'a ClassView) -> Option<Reading<'a>>),
    ClassByWhy(for<'a> fn(&'a ClassView) -> &'a ByWhy),
    Worker(for<'a> fn(&'a WorkerView) -> Option<Reading<'a>>),
    Gate(for<'a> fn(&'a AdmissionView) -> Option<Reading<'a>>),
    Law(for<'a> fn(&'a Vote) -> Option<Reading<'a>>),
}

impl Place {
    const fn labels(&self) -> &'static [&'static str] {
        match self {
            Self::Net(_) => &[],
            Self::NetByWhy(_) => &["why"],
            Self::Stage(_) => &["stage"],
            Self::StageByClass(_) => &["stage", "class", "why"],
            Self::Wire(_) => &["from", "port", "to"],
            Self::Class(_) => &["class"],
            Self::ClassByWhy(_) => &["class", "why"],
            Self::Worker(_) => &["domain", "worker"],
            Self::Gate(_) => &["stage", "queue"],
            Self::Law(_) => &["stage", "queue", "law"],
        }
    }
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $variant:ident: $kind:ident, $name:literal, $unit:literal,
       $place:ident(|$of:ident| $value:expr);)+) => {
        /// A number, or a distribution, that a net is watched by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Metric {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Metric {
            /// All of them, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, that of a counter with `_total`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it is.
            pub const fn kind(self) -> MetricKind {
                match self { $(Self::$variant => MetricKind::$kind),+ }
            }

            /// Its unit, which its name ends with; empty where it counts.
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$variant => $unit),+ }
            }

            /// What it means, in a sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }

            const fn place(self) -> Place {
                match self { $(Self::$variant => Place::$place(|$of| $value)),+ }
            }
        }
    };
}

/// The value of what need not have one.
fn some<'a>(value: impl Into<Reading<'a>>) -> Option<Reading<'a>> {
    Some(value.into())
}

/// A bound or a target: none where it does not hold.
fn span<'a>(time: Duration) -> Option<Reading<'a>> {
    (time < Duration::MAX).then(|| time.into())
}

metrics! {
    /// Flows that sources let in.
    Entered: Counter, "sluicegate_flows_entered_total", "", Net(|net| some(net.ledger.entered));
    /// Second tags made of flows: forks, and questions over windowed wires.
    Forked: Counter, "sluicegate_flows_forked_total", "", Net(|net| some(net.ledger.forked));
    /// Second tags that ended beside their flows.
    Joined: Counter, "sluicegate_flows_joined_total", "", Net(|net| some(net.ledger.joined));
    /// Flows that were answered.
    Finished: Counter, "sluicegate_flows_finished_total", "", Net(|net| some(net.ledger.finished));
    /// Flows that ended without an answer, by reason.
    Ended: Counter, "sluicegate_flows_ended_total", "", NetByWhy(|net| &net.ledger.ended);
    /// Tags in stages, outboxes, windows and queues.
    InFlight: Gauge, "sluicegate_flows_in_flight", "",
        Net(|net| some(net.ledger.in_flight as f64));
    /// Whether the ledger is even: nothing vanished and nothing was made twice.
    Balanced: Gauge, "sluicegate_ledger_balanced", "", Net(|net| some(net.ledger.balanced()));
    /// How old the oldest part of the ledger is.
    Age: Gauge, "sluicegate_snapshot_age_seconds", "seconds", Net(|net| some(net.age));
    /// Whether the net drains.
    Draining: Gauge, "sluicegate_draining", "", Net(|net| some(net.draining));
    /// Handlers that have not come back for longer than they may take.
    Stalls: Gauge, "sluicegate_stalls", "", Net(|net| some(net.stalls.len()));

    /// Events that came to a stage's inlet, also those that were refused there.
    StageArrivals: Counter, "sluicegate_stage_arrivals_total", "",
        Stage(|stage| some(stage.arrivals));
    /// Events that a stage handled.
    StageServed: Counter, "sluicegate_stage_served_total", "", Stage(|stage| some(stage.served));
    /// Time that the replicas of a stage have run for.
    StageBusy: Counter, "sluicegate_stage_busy_seconds_total", "seconds",
        Stage(|stage| some(stage.busy));
    /// Events that wait in a stage's queues.
    StageQueued: Gauge, "sluicegate_stage_queued", "", Stage(|stage| some(stage.queued));
    /// Events that may wait there at most.
    StageCapacity: Gauge, "sluicegate_stage_capacity", "", Stage(|stage| some(stage.capacity));
    /// How long the oldest event there has waited.
    StageQueueAge: Gauge, "sluicegate_stage_queue_age_seconds", "seconds",
        Stage(|stage| some(stage.queue_age));
    /// How long events had waited that a stage handled.
    StageWait: Histogram, "sluicegate_stage_wait_seconds", "seconds",
        Stage(|stage| some(&stage.wait));
    /// How long a stage took an event; in batches the mean.
    StageService: Histogram, "sluicegate_stage_service_seconds", "seconds",
        Stage(|stage| some(&stage.service));
    /// How many events a stage's batches had.
    StageBatch: Histogram, "sluicegate_stage_batch_events", "events",
        Stage(|stage| some(&stage.batch_sizes));
    /// Flows that ended without an answer while a stage ran, by class and reason.
    StageRefused: Counter, "sluicegate_stage_refused_total", "",
        StageByClass(|stage| &stage.refused_by_class);
    /// How often a stage parked on output for which there was no room.
    StageParks: Counter, "sluicegate_stage_parks_total", "", Stage(|stage| some(stage.parked));
    /// How long the replicas of a stage were parked, in sum.
    StageParkedTime: Counter, "sluicegate_stage_parked_seconds_total", "seconds",
        Stage(|stage| some(stage.parked_time));
    /// Replicas of a stage that are parked now.
    StageParked: Gauge, "sluicegate_stage_parked", "", Stage(|stage| some(stage.parked_now));
    /// Threads that take a stage's events now.
    StageThreads: Gauge, "sluicegate_stage_threads", "", Stage(|stage| some(stage.on_duty));
    /// Runs of a stage that took more than twice its slice.
    StageOverruns: Counter, "sluicegate_stage_overruns_total", "",
        Stage(|stage| some(stage.overruns));
    /// Panics of a stage's handler.
    StagePanics: Counter, "sluicegate_stage_panics_total", "", Stage(|stage| some(stage.panics));
    /// How often a stage's breakers opened.
    StageBreaks: Counter, "sluicegate_stage_breaks_total", "", Stage(|stage| some(stage.breaks));
    /// Breakers of a stage that are open.
    StageBroken: Gauge, "sluicegate_stage_broken", "", Stage(|stage| some(stage.broken_now));
    /// Whether a stage is paused.
    StagePaused: Gauge, "sluicegate_stage_paused", "", Stage(|stage| some(stage.paused));

    /// Events delivered over a wire.
    WireSent: Counter, "sluicegate_wire_sent_total", "", Wire(|wire| some(wire.sent));
    /// Events shed at a wire for want of room.
    WireRefused: Counter, "sluicegate_wire_refused_total", "", Wire(|wire| some(wire.refused));
    /// Events diverted from a wire for want of room.
    WireDiverted: Counter, "sluicegate_wire_diverted_total", "", Wire(|wire| some(wire.diverted));
    /// Events that are held before a wire.
    WireHeld: Gauge, "sluicegate_wire_held", "", Wire(|wire| some(wire.held));
    /// Questions that a replica may have unanswered over a wire.
    WireWindow: Gauge, "sluicegate_wire_window", "", Wire(|wire| wire.window.map(Into::into));
    /// Questions over a wire that are unanswered.
    WireUnanswered: Gauge, "sluicegate_wire_unanswered", "",
        Wire(|wire| wire.window.and_then(|_| some(wire.unanswered)));

    /// Flows of a class that were answered.
    ClassFinished: Counter, "sluicegate_class_finished_total", "",
        Class(|class| some(class.finished));
    /// Flows of a class that were answered after their deadline.
    ClassLate: Counter, "sluicegate_class_late_total", "", Class(|class| some(class.late));
    /// Flows of a class that ended without an answer, by reason.
    ClassEnded: Counter, "sluicegate_class_ended_total", "", ClassByWhy(|class| &class.ended);
    /// How long the answers to flows of a class took.
    ClassResponse: Histogram, "sluicegate_class_response_seconds", "seconds",
        Class(|class| some(&class.response));

    /// Runs of replicas by a worker.
    WorkerRuns: Counter, "sluicegate_worker_runs_total", "", Worker(|worker| some(worker.runs));
    /// Time that a worker has run replicas for.
    WorkerBusy: Counter, "sluicegate_worker_busy_seconds_total", "seconds",
        Worker(|worker| some(worker.busy));
    /// Time of a processor that a worker's thread has used.
    WorkerCpu: Counter, "sluicegate_worker_cpu_seconds_total", "seconds",
        Worker(|worker| worker.cpu.and_then(some));
    /// Whether a worker sleeps.
    WorkerAsleep: Gauge, "sluicegate_worker_asleep", "", Worker(|worker| some(worker.asleep));

    /// Events that asked to enter a queue with a gate.
    GateOffered: Counter, "sluicegate_gate_offered_total", "", Gate(|gate| some(gate.offered));
    /// How long what waits in such a queue will take.
    GateWork: Gauge, "sluicegate_gate_work_seconds", "seconds", Gate(|gate| some(gate.work));
    /// How long may be taken by what waits there, where that is bounded.
    GateWorkBound: Gauge, "sluicegate_gate_work_bound_seconds", "seconds",
        Gate(|gate| span(gate.adjust.work));
    /// Events that may wait there or be handled at most, where that is bounded.
    GateEventsBound: Gauge, "sluicegate_gate_events_bound", "",
        Gate(|gate| (gate.adjust.events < usize::MAX).then(|| gate.adjust.events.into()));
    /// Events that may enter there in a second at most, where that is bounded.
    GateRateBound: Gauge, "sluicegate_gate_rate_bound", "",
        Gate(|gate| gate.adjust.rate.is_finite().then(|| gate.adjust.rate.into()));
    /// How long an event may have waited there when it is its turn, where that is bounded.
    GatePatience: Gauge, "sluicegate_gate_patience_seconds", "seconds",
        Gate(|gate| span(gate.adjust.patience));
    /// The share of what asks to enter that is refused whatever waits.
    GateShare: Gauge, "sluicegate_gate_share", "", Gate(|gate| some(gate.adjust.share));
    /// What an event costs in the handler behind a gate, the mean.
    GateCost: Gauge, "sluicegate_gate_cost_seconds", "seconds", Gate(|gate| some(gate.cost));
    /// The share of what is offered that had better be refused before a gate.
    GatePressure: Gauge, "sluicegate_gate_pressure", "", Gate(|gate| some(gate.adjust.pressure));
    /// How well handlers behind a gate should do their work, from 0 to 1.
    GateQuality: Gauge, "sluicegate_gate_quality", "", Gate(|gate| some(gate.adjust.quality));
    /// The time that a law keeps to.
    LawTarget: Gauge, "sluicegate_law_target_seconds", "seconds",
        Law(|law| law.target.and_then(span));
    /// What a law measured at its last look.
    LawMeasured: Gauge, "sluicegate_law_measured_seconds", "seconds",
        Law(|law| law.adjust.measured.and_then(span));
    /// The pressure that a law asks for.
    LawPressure: Gauge, "sluicegate_law_pressure", "", Law(|law| some(law.adjust.pressure));
    /// Whether a law is frozen.
    LawFrozen: Gauge, "sluicegate_law_frozen", "", Law(|law| some(law.frozen));
}

impl Metric {
    /// The names of its labels; [`Metric::each`] tells their values in this order.
    pub const fn labels(self) -> &'static [&'static str] {
        self.place().labels()
    }

    /// Calls `tell` with each value that it has in a net, and its labels.
    pub fn each<'a>(self, net: &'a Snapshot, tell: &mut dyn FnMut(&[&str], Reading<'a>)) {
        let mut value = |labels: &[&str], value: Option<Reading<'a>>| {
            if let Some(value) = value {
                tell(labels, value);
            }
        };
        match self.place() {
            Place::Net(of) => value(&[], of(net)),
            Place::NetByWhy(of) => by_why(&[], of(net), &mut value),
            Place::Stage(of) => {
                net.stages.iter().for_each(|stage| value(&[&stage.name], of(stage)));
            }
            Place::StageByClass(of) => {
                for stage in &net.stages {
                    for (class, ended) in of(stage) {
                        by_why(&[&stage.name, &class.to_string()], ended, &mut value);
                    }
                }
            }
            Place::Wire(of) => {
                for wire in &net.wires {
                    value(&[&wire.from, wire.port, &wire.to], of(wire));
                }
            }
            Place::Class(of) => {
                for class in &net.classes {
                    value(&[&class.class.to_string()], of(class));
                }
            }
            Place::ClassByWhy(of) => {
                for class in &net.classes {
                    by_why(&[&class.class.to_string()], of(class), &mut value);
                }
            }
            Place::Worker(of) => {
                for worker in &net.workers {
                    value(&[&worker.domain, &worker.worker.to_string()], of(worker));
                }
            }
            Place::Gate(_) | Place::Law(_) => {
                for stage in &net.stages {
                    for (queue, gate) in stage.admission.iter().enumerate() {
                        self.each_of_gate([&stage.name, &queue.to_string()], gate, tell);
                    }
                }
            }
        }
    }

    /// The same of one gate, by the name of its stage and the number of its queue: of one that is
    /// in no net, say. Nothing where the metric is not one of gates or their laws.
    pub fn each_of_gate<'a>(
        self,
        [stage, queue]: [&str; 2],
        gate: &'a AdmissionView,
        tell: &mut dyn FnMut(&[&str], Reading<'a>),
    ) {
        match self.place() {
            Place::Gate(of) => of(gate).into_iter().for_each(|value| tell(&[stage, queue], value)),
            Place::Law(of) => {
                for law in &gate.votes {
                    of(law).into_iter().for_each(|value| tell(&[stage, queue, law.law], value));
                }
            }
            _ => {}
        }
    }
}

fn by_why<'a>(labels: &[&str], ended: &ByWhy, value: &mut dyn FnMut(&[&str], Option<Reading<'a>>)) {
    let mut labels = [labels, &[""]].concat();
    for why in Why::ALL {
        *labels.last_mut().expect("one was added") = why.name();
        value(&labels, some(ended[why]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_has_a_name_as_openmetrics_wants_it_and_a_sentence() {
        let names: HashSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            let name = metric.name();
            let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.starts_with("sluicegate_") && name.chars().all(is_plain), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == MetricKind::Counter, "{name}");
            assert!(name.trim_end_matches("_total").ends_with(metric.unit()), "{name}");
            assert!(metric.doc().ends_with('.'), "{name}");
        }
    }
}
