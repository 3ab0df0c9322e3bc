//! What a handler may ask of the runtime.

use crate::desk::Desk;
use crate::event::{StageId, Tag, WorkerId};
use crate::ledger::bump;
use crate::observe::TraceParent;
use crate::run::{TimerKey, Wheel};
use crate::stage::{Flag, Hand, Ports};
use crate::time::{Clock, Time};
use std::any::{Any, type_name};
use std::fmt;
use std::time::Duration;

/// The context of one call of a handler.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, Time, from_fn};
///
/// let stamp = from_fn(|batch: Batch<'_, ()>, cx: &mut Cx<'_, Out<Time>>| {
///     let now = cx.now();
///     batch.for_each(|event| cx.out.emit(event.map(|()| now)));
/// });
/// let mut rig = Rig::of(stamp);
/// rig.feed([()]).batch(1);
/// assert_eq!(*rig.out.take()[0], Time(0), "the time of a rig stands still");
/// ```
pub struct Cx<'a, O> {
    /// The stage's output ports.
    pub out: &'a mut O,
    /// What the stages of this worker share.
    pub local: Local<'a>,
    pub(crate) runtime: Runtime<'a>,
}

/// The worker-local machine of the domain.
pub struct Local<'a>(pub(crate) &'a mut dyn Any);

impl Local<'_> {
    /// The machine, which must be an `M`: the type that the domain's factory makes.
    pub fn get<M: 'static>(&mut self) -> &mut M {
        self.0.downcast_mut().unwrap_or_else(|| {
            panic!("this stage needs a domain whose machine is a {}", type_name::<M>())
        })
    }
}

/// The parts of the worker that a handler reaches through [`Cx`].
pub(crate) struct Runtime<'a> {
    pub now: Time,
    pub clock: &'a Clock,
    pub desk: &'a Desk,
    pub wheel: &'a mut Wheel,
    pub stage: StageId,
    /// The replica's place in its worker.
    pub cell: u16,
    pub places: usize,
    /// What the gate of the stage's own inlet says.
    pub quality: f64,
    pub draining: bool,
    /// What others raise the replica's flag by.
    pub flag: &'a Flag,
    /// What an async stage has in flight.
    pub hand: &'a mut Hand,
    /// The most events that one makes the stage emit on a port.
    pub emits: usize,
    /// Set when the stage wants its own flag raised.
    pub again: &'a mut bool,
}

/// How a flow enters.
///
/// ```
/// use sluicegate::{Batch, Cx, Entering, Net, Sim, Stage, ms, stage};
///
/// /// Lets one flow in, and answers it itself.
/// struct Source;
///
/// impl Stage for Source {
///     type In = ();
///     type Out = ();
///
///     fn start(&mut self, cx: &mut Cx<'_, ()>) {
///         let deadline = Some(cx.now() + ms(50));
///         let tag = cx.enter(1, Entering { class: 3, deadline, ..Entering::default() });
///         tag.expect("there are two places").finish();
///     }
///
///     fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, ()>) {}
/// }
///
/// let mut net = Net::new("source");
/// let cpu = net.domain("cpu").pinned(1);
/// net.add(stage("source", || Source).on(cpu).flows(2));
/// let mut sim = Sim::new(net, 1)?;
/// assert!(sim.settle(100));
/// assert_eq!(sim.ledger().finished, 1);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entering {
    /// When its first byte was read; now when `None`.
    pub born: Option<Time>,
    /// When its answer is worth nothing any more: from then on no queue gives it to a handler, but
    /// those that [keep what is late](crate::Capacity::keep_late).
    pub deadline: Option<Time>,
    /// Its class; higher is more important.
    pub class: u8,
    /// A hash of the client for whom it runs, by which queues share among clients.
    pub client: u16,
    /// The trace of which it is part, and the span in it that asks for it: told in
    /// [`FlowTrace`](crate::FlowTrace).
    pub trace: Option<TraceParent>,
}

/// All places of a source are taken by flows that have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all places of this source are taken by flows that have not ended")
    }
}

impl std::error::Error for NoRoom {}

impl<O: Ports> Cx<'_, O> {
    /// The time when this batch began.
    pub fn now(&self) -> Time {
        self.runtime.now
    }

    /// The time read now: for a handler that measures its own work.
    pub fn clock(&self) -> Time {
        self.runtime.clock.now()
    }

    /// The worker that runs this replica.
    pub fn worker(&self) -> WorkerId {
        self.runtime.desk.worker
    }

    /// The stage itself.
    pub fn stage(&self) -> StageId {
        self.runtime.stage
    }

    /// Whether the net is draining.
    pub fn draining(&self) -> bool {
        self.runtime.draining
    }

    /// How many events of new work every port still takes.
    pub fn room(&mut self) -> usize {
        let mut room = usize::MAX;
        self.out.each(&mut |port| room = room.min(port.room()));
        room
    }

    /// The pressure of the inlets that the ports lead to, the highest of them: the share, 0 to 1,
    /// of what this worker sends there that had better be refused here, before anything is done
    /// for it. It says nothing of classes: refuse the least important first. It is a cheap read,
    /// without a lock; what the stages behind those inlets lead to is not in it.
    pub fn pressure(&mut self) -> f64 {
        let mut pressure = 0.0_f64;
        self.out.each(&mut |port| pressure = pressure.max(port.pressure()));
        pressure
    }

    /// How well the handler should do its work, 0 to 1: what the laws of its own inlet say, and 1
    /// where that has none or nothing is wrong. A handler that can do with less, such as
    /// fewer results or a coarser picture, does so much of it, and less is refused for that. The
    /// default law lowers it by half at most, once a target or 20 ms, whichever is longer, while
    /// the queue stands with more than an eighth of the target in it; what comes at once is refused
    /// meanwhile. It is 1 again twenty such steps later at most. It is a cheap read, the same for
    /// all events of a batch.
    pub fn quality(&self) -> f64 {
        self.runtime.quality
    }

    /// Lets a flow into the net and takes the place to which it comes back. `flow` must be
    /// unique among the flows of this source in flight. The stage's `flows` bounds the places; when
    /// all were taken and one is free again, the stage's flag is raised.
    #[inline]
    pub fn enter(&mut self, flow: u64, entering: Entering) -> Result<Tag, NoRoom> {
        let Runtime { desk, stage, places, now, .. } = &self.runtime;
        if !desk.take_place(*stage, *places) {
            return Err(NoRoom);
        }
        bump(&desk.counts.entered);
        desk.hold(1);
        let mut tag = Tag::new(flow, entering.born.unwrap_or(*now), desk.worker, *stage);
        tag.set_deadline(entering.deadline);
        tag.set_class(entering.class);
        tag.set_client(entering.client);
        if desk.flows.is_on() {
            desk.flows.entered(&mut tag, *now, entering.trace);
        }
        Ok(tag)
    }

    /// Whether paths of flows are [kept](crate::Observer::flows) now: else of which
    /// [trace](Entering::trace) a flow is part need not be found out.
    pub fn traces(&self) -> bool {
        self.runtime.desk.flows.is_on()
    }

    /// Says that nobody waits any more for the answer to `flow`, which this stage let in on this
    /// worker and which has not ended: whoever asked has left. Where the flow waits, in whatever
    /// queue, it ends as [`Gone`](crate::Why::Gone) when its turn comes, before it costs; a handler
    /// that has it in hand goes on. What is answered all the same comes back as ever.
    ///
    /// A [second tag](Tag::fork) of the flow goes on, and so does a question about it, for which
    /// others may wait too.
    pub fn gone(&mut self, flow: u64) {
        self.runtime.desk.set_gone(self.runtime.stage, flow);
    }

    /// Calls [`Stage::timer`](crate::Stage::timer) with `token` once `delay` has passed since the
    /// batch [began](Self::now), or up to a millisecond later.
    ///
    /// A timer belongs to the replica that set it, and is heard on its worker. One that is set when
    /// the handler panics stays set: the replica that is built anew hears it.
    ///
    /// # Panics
    ///
    /// If as many timers are set as the stage [may have](crate::Spec::timers): a defect.
    pub fn after(&mut self, delay: Duration, token: u64) -> TimerKey {
        self.at(self.runtime.now + delay, token)
    }

    /// The same at `time`, by the clock of the net; at once if that has been.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Rig, Stage, Time, TimerKey, ms};
    ///
    /// /// Says good night at ten seconds, unless something comes before.
    /// #[derive(Default)]
    /// struct Night {
    ///     timer: Option<TimerKey>,
    ///     said: bool,
    /// }
    ///
    /// impl Stage for Night {
    ///     type In = u64;
    ///     type Out = ();
    ///
    ///     fn start(&mut self, cx: &mut Cx<'_, ()>) {
    ///         self.timer = Some(cx.at(Time(10_000_000_000), 1));
    ///     }
    ///
    ///     fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>) {
    ///         batch.for_each(|event| event.split().0.finish());
    ///         self.timer.take().map(|timer| cx.cancel(timer));
    ///     }
    ///
    ///     fn timer(&mut self, _: u64, _: &mut Cx<'_, ()>) {
    ///         self.said = true;
    ///     }
    /// }
    ///
    /// let mut quiet = Rig::of(Night::default());
    /// quiet.advance(ms(9_999));
    /// assert!(!quiet.stage.said);
    /// quiet.advance(ms(1));
    /// assert!(quiet.stage.said);
    ///
    /// let mut woken = Rig::of(Night::default());
    /// woken.feed([7_u64]).batch(1).advance(ms(20_000));
    /// assert!(!woken.stage.said);
    /// ```
    pub fn at(&mut self, time: Time, token: u64) -> TimerKey {
        let Runtime { wheel, cell, .. } = &mut self.runtime;
        wheel.insert(time, *cell, token)
    }

    /// Takes a timer back, so that it is not heard; `false` when it has run out already, and was
    /// heard or will be.
    pub fn cancel(&mut self, timer: TimerKey) -> bool {
        self.runtime.wheel.cancel(timer)
    }

    /// What raises the flag of this replica from elsewhere: from threads and tasks outside the net.
    pub fn flag(&self) -> Flag {
        self.runtime.flag.clone()
    }

    /// Raises the stage's own flag: [`Stage::signal`](crate::Stage::signal) is called again, at
    /// the earliest when held output has been delivered.
    pub fn again(&mut self) {
        *self.runtime.again = true;
    }
}
