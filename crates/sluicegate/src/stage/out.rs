//! The outbox of one port: what a handler emits waits here until the runtime delivers it.

use crate::desk;
use crate::event::{Event, WorkerId};
use crate::run::Context;
use crate::stage::permit::{Grant, Kept, Permit, Places, Wanted};
use crate::stage::ports::AnyOut;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Where a stage sends events of one kind.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, from_fn};
///
/// let relay = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///     batch.for_each(|event| cx.out.emit(event));
/// });
/// let mut rig = Rig::of(relay);
/// rig.feed([7_u64]).batch(1);
/// assert_eq!(*rig.out.take()[0], 7);
/// ```
pub struct Out<T> {
    events: VecDeque<Event<T>>,
    link: Option<Box<dyn Link<T>>>,
    spec: OutSpec,
    /// Places in the queue beyond the wire, taken for this batch or brought by permits.
    places: usize,
    /// Whether places for this batch have been asked for.
    asked: bool,
    /// Places beyond the port where no wire is attached.
    credit: usize,
    /// What permits keep of it.
    kept: Option<Arc<Kept>>,
    /// The pressure there.
    pressure: f64,
    /// Flows among `events`.
    flows: usize,
    /// Flows emitted since the runtime last asked.
    emitted: usize,
}

/// There was no room: the event comes back.
///
/// ```
/// use sluicegate::{Batch, Cx, Full, Out, Rig, Why, from_fn};
///
/// let sheds = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///     for event in batch {
///         if let Err(Full(event)) = cx.out.try_emit(event) {
///             event.split().0.refuse(Why::Shed);
///         }
///     }
/// });
/// let mut rig = Rig::of(sheds);
/// rig.out.set_credit(1);
/// rig.feed([7_u64, 8, 9]).batch(64);
/// assert_eq!((rig.out.take().len(), rig.ledger().ended[Why::Shed]), (1, 2));
/// ```
pub struct Full<T>(pub Event<T>);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OutSpec {
    /// The most events of new work that may wait in the outbox.
    pub bound: usize,
    /// Room beyond that for what answers and ends of flows make the stage emit.
    pub spare: usize,
    /// The events of a batch: how many places are taken at once.
    pub batch: usize,
    pub home: WorkerId,
    /// Whether what is sent on a port without a wire is dropped: not in a rig, which keeps it.
    pub sealed: bool,
}

/// The far side of a port: the wire and the queues beyond it.
pub(crate) trait Link<T> {
    /// Has the stage that is fused to the wire, if there is one and it can, handle all events now.
    fn pass(&mut self, _events: &mut VecDeque<Event<T>>, _cx: &mut Context<'_>) {}
    /// Delivers from the front; what the wire holds back stays. `placed` of the events have a
    /// place already. Returns how many places were used.
    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize;
    /// Takes up to `n` places for events of `home`, under one lock; `waits` go before them.
    fn reserve(&mut self, home: WorkerId, n: usize, waits: usize) -> usize;
    /// Gives back `n` places that were not used.
    fn release(&mut self, n: usize);
    /// Notes how many events the port holds after a delivery.
    fn count_held(&mut self, n: usize);
    /// The share of what is offered there by `home` that should rather be refused before.
    fn pressure(&self, home: WorkerId) -> f64;
    /// Takes exactly so many places that outlive the batch; or none, and has the stage run again
    /// when there is room.
    fn permit(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant>;
    /// Gives `n` places back that were taken by [`permit`](Self::permit) in this run, and tells
    /// everybody but the stage itself.
    fn retract(&mut self, n: usize);
    /// Whether events of `home` go where the places are that are taken for the own worker's.
    fn shares_places(&self, home: WorkerId) -> bool;
    /// Hears that an event came to this place in the outbox, before others that wait there.
    fn jumped(&mut self, _place: usize) {}
    /// Whether an event of `home` may use a place of this grant.
    fn honours(&self, grant: &Grant, home: WorkerId) -> bool;
    /// The rank of the queue, the same in each run: who wants places in several takes those of the
    /// lowest first.
    fn rank(&self) -> usize;
    /// Whether there is room for events of `home`. Else the stage is told when there may be, by
    /// the queue or by an answer.
    fn wait_for_room(&mut self, home: WorkerId) -> bool;
}

impl<T: 'static> Out<T> {
    pub(crate) fn new(link: Option<Box<dyn Link<T>>>, spec: OutSpec) -> Self {
        Self {
            events: VecDeque::new(),
            link,
            spec,
            places: 0,
            asked: false,
            credit: usize::MAX,
            kept: None,
            pressure: 0.0,
            flows: 0,
            emitted: 0,
        }
    }

    /// Sends `event` when the handler returns. Cannot fail and cannot block: what the wire
    /// cannot take at once is held, and the stage is parked until it can.
    pub fn emit(&mut self, event: Event<T>) {
        debug_assert!(
            self.room_for_answers() > 0,
            "a stage emitted more events per event than it declares with `emits`"
        );
        let flow = usize::from(event.tag.is_flow());
        self.flows += flow;
        self.emitted += flow;
        self.events.push_back(event);
    }

    /// Sends `event` if the queue beyond the wire has room now, else hands it back. The places
    /// for a batch are taken at once by its first call; those not used go back at delivery.
    pub fn try_emit(&mut self, event: Event<T>) -> Result<(), Full<T>> {
        let Some(link) = &mut self.link else {
            if self.credit_left() == 0 {
                return Err(Full(event));
            }
            self.emit(event);
            return Ok(());
        };
        if !self.asked {
            self.asked = true;
            let n = self.spec.batch.min(self.spec.bound.saturating_sub(self.events.len())).max(1);
            self.places += link.reserve(self.spec.home, n, self.places);
        }
        // Places are interchangeable: whatever waits here uses one.
        if self.places <= self.events.len() {
            return Err(Full(event));
        }
        self.emit(event);
        Ok(())
    }

    /// Takes `n` places in the queue beyond the wire for events at home on this worker, and as many
    /// in its window where it has one; or none. They are used by [`Out::emit_with`], in this batch
    /// or later; dropping the permit gives back what is left of it.
    ///
    /// Where there was no room the stage runs again when there may be: an event may be
    /// [put back](crate::Batch::put_back) until then. More places than the queue has there will
    /// never be. A stage that keeps places and sends without them may be parked for want of these
    /// very places. For places beyond several ports see [`reserve_all`](crate::reserve_all).
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Out, Rig, Why, from_fn};
    ///
    /// // What is dear to make is made only if there is a place for it.
    /// let square = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
    ///     for event in batch {
    ///         let Some(mut place) = cx.out.reserve(1) else {
    ///             event.split().0.refuse(Why::Shed);
    ///             continue;
    ///         };
    ///         let made = event.map(|n| n * n);
    ///         cx.out.emit_with(&mut place, made).expect("it is for this port");
    ///     }
    /// });
    /// let mut rig = Rig::of(square);
    /// rig.out.set_credit(1);
    /// rig.feed([3_u64, 4]).batch(2);
    /// assert_eq!(*rig.out.take()[0], 9);
    /// assert_eq!(rig.ledger().ended[Why::Shed], 1);
    /// ```
    pub fn reserve(&mut self, n: usize) -> Option<Permit<T>> {
        let Some(link) = &mut self.link else {
            if self.credit_left() < n {
                return None;
            }
            let kept = Arc::clone(self.kept.get_or_insert_default());
            kept.keep(n);
            return Some(Permit::new(Grant { places: kept, window: None }, n));
        };
        let waits = self.events.len();
        let spare = self.places.saturating_sub(waits).min(n);
        let grant = link.permit(self.spec.home, Wanted { n, spare, waits })?;
        self.places -= spare;
        Some(Permit::new(grant, n))
    }

    /// Gives back a permit of this batch, whose places this stage need not be told of.
    pub(crate) fn retract(&mut self, mut permit: Permit<T>) {
        if let Some(link) = &mut self.link {
            let n = permit.left();
            permit.spend(n);
            link.retract(n);
        }
    }

    /// By which order permits are taken beyond several ports.
    pub(crate) fn rank(&self) -> usize {
        self.link.as_ref().map_or(0, |link| link.rank())
    }

    /// Sends `event` in a place of `permit`, when the handler returns. It goes before what was
    /// emitted without a place, which may have to wait or is shed. The event comes back where no
    /// place for it is left: also if the permit is of another port, or if the event is at home on
    /// a worker whose queue is another.
    pub fn emit_with(&mut self, permit: &mut Permit<T>, event: Event<T>) -> Result<(), Full<T>> {
        let home = event.tag.home();
        let honoured = match &self.link {
            Some(link) => link.honours(permit.grant(), home),
            None => self.kept.as_ref().is_some_and(|kept| permit.grant().is_at(kept.address())),
        };
        if permit.left() == 0 || !honoured {
            return Err(Full(event));
        }
        permit.spend(1);
        if self.link.is_none() {
            permit.grant().places.give_back(1);
            self.emit(event);
            return Ok(());
        }
        let place = self.places.min(self.events.len());
        self.places += 1;
        self.emit(event);
        // The first so many events here have places.
        if let (Some(event), Some(link)) = (self.events.pop_back(), &mut self.link) {
            self.events.insert(place, event);
            link.jumped(place);
        }
        Ok(())
    }

    /// How many events `try_emit` still takes where no wire is attached.
    fn credit_left(&self) -> usize {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.get());
        self.credit.saturating_sub(kept).saturating_sub(self.events.len())
    }

    /// How many more events of new work the outbox takes. What answers and ends of flows make a
    /// stage emit has room of its own.
    pub fn room(&self) -> usize {
        self.spec.bound.saturating_sub(self.events.len())
    }

    /// Whether a wire is attached.
    pub fn is_wired(&self) -> bool {
        self.link.is_some()
    }

    fn room_for_answers(&self) -> usize {
        self.spec.bound.saturating_add(self.spec.spare).saturating_sub(self.events.len())
    }

    /// Drops what was sent on a sealed port, as if the stage had dropped it.
    fn discard_as_dropped(&mut self) {
        let flows = std::mem::take(&mut self.flows);
        desk::here_if_any(|desk| desk.hold(flows as i64));
        self.events.clear();
    }

    /// Sets the room beyond a port that has no wire, as the ports of a [`Rig`](crate::Rig) have
    /// none: how many events `try_emit` accepts in a batch.
    pub fn set_credit(&mut self, credit: usize) {
        self.credit = credit;
    }

    /// Sets the pressure beyond a port that has no wire; see [`Cx::pressure`](crate::Cx::pressure).
    pub fn set_pressure(&mut self, pressure: f64) {
        self.pressure = pressure;
    }

    /// Takes out what was emitted on a port that has no wire.
    pub fn take(&mut self) -> Vec<Event<T>> {
        self.flows = 0;
        std::mem::take(&mut self.events).into()
    }
}

impl<T: 'static> AnyOut for Out<T> {
    fn pass(&mut self, cx: &mut Context<'_>) {
        // What has places beyond the wire goes there.
        let Some(link) = self.link.as_mut().filter(|_| self.places == 0) else { return };
        link.pass(&mut self.events, cx);
        if self.events.is_empty() {
            self.flows = 0;
        }
    }

    fn deliver(&mut self) {
        self.asked = false;
        if self.events.is_empty() && self.places == 0 {
            return;
        }
        let Some(link) = &mut self.link else {
            self.places = 0;
            if self.spec.sealed {
                self.discard_as_dropped();
            }
            return;
        };
        let used = link.send(&mut self.events, self.places);
        if self.places > used {
            link.release(self.places - used);
        }
        self.places = 0;
        link.count_held(self.events.len());
        self.flows = if self.events.is_empty() {
            0
        } else {
            self.events.iter().filter(|event| event.tag.is_flow()).count()
        };
    }

    fn len(&self) -> usize {
        self.events.len()
    }

    fn room(&self) -> usize {
        Out::room(self)
    }

    fn flows(&self) -> usize {
        self.flows
    }

    fn pressure(&self) -> f64 {
        self.link.as_ref().map_or(self.pressure, |link| link.pressure(self.spec.home))
    }

    fn take_emitted(&mut self) -> usize {
        std::mem::take(&mut self.emitted)
    }

    fn resize(&mut self, bound: usize, spare: usize, batch: usize) {
        self.spec = OutSpec { bound, spare, batch, ..self.spec };
    }

    fn discard(&mut self) -> usize {
        let flows = self.flows;
        drop(self.take());
        flows
    }
}
