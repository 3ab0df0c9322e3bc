//! Stages, wires, classes and workers as observers see them.

use crate::ledger::ByWhy;
use crate::net::{Copies, OnFull, Routing};
use crate::observe::{AdmissionView, Histogram};
use std::time::Duration;

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
    /// Events that came to its inlet over wires, also those that were refused there, and those that
    /// an [`Entry`](crate::Entry) let in.
    pub arrivals: u64,
    /// How long each event that was handled had waited, in nanoseconds; answers, which have lanes
    /// of their own, and what came by a [fused](crate::Wire::fused) wire are left out.
    pub wait: Histogram,
    /// How long each event was handled for, in nanoseconds, with the delivery of what came of it:
    /// of a batch the mean, for each of its events. Of an async stage that is the time of polls. A
    /// stage to which a wire is fused has none, for it runs in the time of another.
    pub service: Histogram,
    /// How many events each batch had.
    pub batch_sizes: Histogram,
    /// How often the stage parked on held output.
    pub parked: u64,
    /// How many replicas are parked now.
    pub parked_now: u64,
    /// How long replicas were parked, in sum.
    pub parked_time: Duration,
    /// The ports whose output is held now.
    pub parked_on: Vec<&'static str>,
    /// Whether it is [paused](crate::Observer::pause).
    pub paused: bool,
    /// How many [steps](crate::Observer::step) it has still to take.
    pub steps: u32,
    /// Flows that ended without an answer while this stage ran.
    pub refused: ByWhy,
    /// The same by class, of those classes of which any did, in ascending order.
    pub refused_by_class: Vec<(u8, ByWhy)>,
    /// Panics of its handler.
    pub panics: u64,
    /// How often its breakers opened, or stayed open after a trial.
    pub breaks: u64,
    /// How many of its breakers are open: one a replica, one in all in a pool.
    pub broken_now: usize,
    /// How often a replica's stage was [replaced](crate::Observer::replace) by another value.
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
    /// Questions of its window that are unanswered now.
    pub unanswered: u64,
}

/// The flows of one class. Counts are since the start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClassView {
    /// The class; see [`Tag::class`](crate::Tag::class).
    pub class: u8,
    /// Flows that were answered.
    pub finished: u64,
    /// Those among them whose deadline had passed by then: the others are the goodput.
    pub late: u64,
    /// Flows that ended without an answer.
    pub ended: ByWhy,
    /// How long the answers took, in nanoseconds: from the [birth](crate::Tag::born) of a flow to
    /// the end of the run in which it was finished.
    pub response: Histogram,
}

/// One worker. Counts are since the start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerView {
    /// Its domain.
    pub domain: String,
    /// Its number in there.
    pub worker: usize,
    /// How often it ran a replica.
    pub runs: u64,
    /// How long these runs took.
    pub busy: Duration,
    /// The processor's time that its thread has used, where its [machine](crate::Machine) can
    /// tell; as old as its part of the ledger.
    pub cpu: Option<Duration>,
    /// How old its part of the ledger is: a worker whose handler does not come back publishes none.
    pub age: Duration,
    /// Whether it slept when the snapshot was asked for, for which it is woken.
    pub asleep: bool,
}
