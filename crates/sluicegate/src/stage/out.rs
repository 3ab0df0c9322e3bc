//! The outbox of one port: what a handler emits waits here until the runtime delivers it.

use crate::desk;
use crate::event::{Event, WorkerId};
use crate::stage::permit::{Permit, Places};
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
    /// The pressure there.
    pressure: f64,
    /// Flows among `events`.
    flows: usize,
    /// Flows emitted since the runtime last asked.
    emitted: usize,
}

/// There was no room: the event comes back.
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
    /// Delivers from the front; what the wire holds back stays. `placed` of the events have a
    /// place already. Returns how many places were used.
    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize;
    /// Takes up to `n` places for events of `home`, under one lock.
    fn reserve(&mut self, home: WorkerId, n: usize) -> usize;
    /// Gives back `n` places that were not used.
    fn release(&mut self, n: usize);
    /// Notes how many events the port holds after a delivery.
    fn count_held(&mut self, n: usize);
    /// The share of what is offered there by `home` that should rather be refused before.
    fn pressure(&self, home: WorkerId) -> f64;
    /// Takes exactly `n` places that outlive the batch.
    fn permit(&mut self, home: WorkerId, n: usize) -> Option<Arc<dyn Places>>;
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
        if !self.asked {
            self.asked = true;
            let n = self.spec.batch.min(self.room()).max(1);
            let more = match &mut self.link {
                Some(link) => link.reserve(self.spec.home, n),
                None => self.credit,
            };
            self.places = self.places.saturating_add(more);
        }
        // Places are interchangeable: whatever waits here uses one.
        if self.places <= self.events.len() {
            return Err(Full(event));
        }
        self.emit(event);
        Ok(())
    }

    /// Takes `n` places beyond the wire, or none. They are used by [`Out::emit_with`]; dropping
    /// the permit gives back what is left of them.
    pub fn reserve(&mut self, n: usize) -> Option<Permit<T>> {
        let places = self.link.as_mut()?.permit(self.spec.home, n)?;
        Some(Permit::new(places, n))
    }

    /// Sends `event` in a place of `permit`, of which there must be one left.
    pub fn emit_with(&mut self, permit: &mut Permit<T>, event: Event<T>) -> Result<(), Full<T>> {
        if !permit.spend() {
            return Err(Full(event));
        }
        self.places += 1;
        self.emit(event);
        Ok(())
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

    fn room_for_answers(&self) -> usize {
        Out::room_for_answers(self)
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

    fn discard(&mut self) -> usize {
        let flows = self.flows;
        drop(self.take());
        flows
    }
}
