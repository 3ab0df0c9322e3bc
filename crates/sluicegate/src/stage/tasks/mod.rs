//! Async stages: one event, one future, and so many of them in flight in a replica at once.

mod cx;
mod hand;
mod slot;
mod stage;
mod woken;

pub use cx::{AsyncCx, Sleep};
pub(crate) use hand::{Flown, Hand};

use crate::control::Concurrency;
use crate::event::Event;
use crate::stage::{Out, Ports, Stage};
use stage::Tasks;
use std::marker::PhantomData;
use std::rc::Rc;

/// A stage whose handler waits for others: for a database, a timer, a service elsewhere.
///
/// Each event is one future, polled by the replica's own worker from the moment in which it is
/// taken; so it need not be `Send`, and the state is shared by those in flight instead of being
/// anybody's alone. What wakes it may be of any runtime: it is polled again on the same worker. In
/// the simulator it runs in virtual time, where [`AsyncCx::sleep`] is the timer.
///
/// It is dropped where it waits when its flow has [gone](crate::Cx::gone) or is past its
/// [deadline](crate::Tag::deadline), unless the inlet [keeps late](crate::Capacity::keep_late)
/// events. A panic costs the flow of that event alone.
///
/// ```
/// use sluicegate::{AsyncCx, AsyncStage, Event, Net, Out, Sim, async_stage, ms, stage};
///
/// struct Lookup;
///
/// impl AsyncStage for Lookup {
///     type In = u32;
///     type Out = Out<String>;
///     type Done = Event<String>;
///
///     async fn handle(&self, event: Event<u32>, cx: &AsyncCx) -> Event<String> {
///         cx.sleep(ms(5)).await;
///         event.map(|key| format!("row {key}"))
///     }
///
///     fn emit(&self, row: Event<String>, out: &mut Out<String>) {
///         out.emit(row);
///     }
/// }
///
/// let mut net = Net::new("database");
/// let cpu = net.domain("cpu").pinned(1);
/// let lookup = net.add(stage("lookup", || async_stage(Lookup, 64)).on(cpu));
/// net.seal(lookup.out);
/// let entry = net.entry(lookup.inlet);
/// let mut sim = Sim::new(net, 1)?;
/// (0..100).for_each(|key| entry.send(key).expect("a queue of 1024 takes 100"));
/// assert!(sim.run_for(ms(9), 1000));
/// assert_eq!(sim.ledger().in_flight, 36, "64 were looked up together");
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub trait AsyncStage: 'static {
    /// All that the stage listens to; an enum when there are several kinds.
    type In: Send + 'static;
    /// Where the stage sends.
    type Out: Ports;
    /// What comes of one event; it carries the event's tag, or has ended its flow.
    type Done: 'static;

    /// Handles one event. `async fn` does. The tag must stay in the future: carried to another
    /// thread and dropped there, it ends where nobody hears of it.
    fn handle(&self, event: Event<Self::In>, cx: &AsyncCx) -> impl Future<Output = Self::Done>;

    /// Sends what came of an event, at most so many events a port as the stage
    /// [declares](crate::Spec::emits).
    fn emit(&self, done: Self::Done, out: &mut Self::Out);
}

/// Makes a stage of an async one, with so many events in flight in each replica: `256`, or as many
/// of `8..=256` as help. That is found where the inlet has a [law](crate::Capacity::admit), and
/// is the most of them else. What there is no place for stays queued.
///
/// It goes into pinned domains. In a pool it works too, where a thread is woken for its own.
///
/// The laws of its inlet take an event to cost the time for which it is in flight, over as many
/// as can be at once, as an [`AdmissionQueue`](crate::AdmissionQueue) does.
pub fn async_stage<S: AsyncStage>(
    stage: S,
    places: impl Into<Concurrency>,
) -> impl Stage<In = S::In, Out = S::Out> {
    let run = |stage: Rc<S>, event, cx: AsyncCx| async move { stage.handle(event, &cx).await };
    Tasks::new(stage, places.into(), run)
}

/// A stage of an async closure, from events to events; see [`async_stage`].
///
/// ```
/// use sluicegate::{AsyncCx, Event, from_async_fn, ms, stage};
///
/// let slow = stage("slow", || {
///     from_async_fn(16, async |event: Event<u32>, cx: AsyncCx| {
///         cx.sleep(ms(20)).await;
///         event.map(|n| n + 1)
///     })
/// });
/// ```
pub fn from_async_fn<I, O, F>(
    places: impl Into<Concurrency>,
    handle: F,
) -> impl Stage<In = I, Out = Out<O>>
where
    F: AsyncFn(Event<I>, AsyncCx) -> Event<O> + 'static,
    I: Send + 'static,
    O: 'static,
{
    async_stage(AsyncFnStage(handle, PhantomData), places)
}

struct AsyncFnStage<F, I, O>(F, PhantomData<fn(I) -> O>);

impl<F, I, O> AsyncStage for AsyncFnStage<F, I, O>
where
    F: AsyncFn(Event<I>, AsyncCx) -> Event<O> + 'static,
    I: Send + 'static,
    O: 'static,
{
    type In = I;
    type Out = Out<O>;
    type Done = Event<O>;

    async fn handle(&self, event: Event<I>, cx: &AsyncCx) -> Event<O> {
        (self.0)(event, cx.clone()).await
    }

    fn emit(&self, done: Event<O>, out: &mut Out<O>) {
        out.emit(done);
    }
}
