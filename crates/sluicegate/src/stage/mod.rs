//! What a service author writes: stages, their ports, and what a handler may ask of the runtime.

mod boxed;
mod cx;
mod flag;
mod func;
mod letter;
mod out;
mod permit;
#[cfg(test)]
mod permit_tests;
mod ports;
mod reserve_all;
mod tasks;
mod window;
#[cfg(test)]
mod window_tests;

pub use boxed::AnyStage;
pub(crate) use cx::Runtime;
pub use cx::{Cx, Entering, Local, NoRoom};
pub use flag::Flag;
pub use func::{FnStage, from_fn};
pub(crate) use letter::message;
pub use letter::{Cause, Letter};
pub use out::{Full, Out};
pub(crate) use out::{Link, OutSpec};
pub use permit::Permit;
pub(crate) use permit::{Grant, Places, Wanted};
pub use ports::{AnyOut, Binder, Inlet, Outlet, Ports};
pub use reserve_all::{WantedPlaces, reserve_all};
pub use tasks::{AsyncCx, AsyncStage, Sleep, async_stage, from_async_fn};
pub(crate) use tasks::{Flown, Hand};
pub(crate) use window::Window;

use crate::control::{Gauge, Level};
use crate::event::{Batch, Ended};
use crate::settings::OwnSettings;
use std::any::Any;

/// One step of a service: a function of (state, batch, now) into an outbox.
///
/// A handler never touches a queue, a clock, a socket or another stage; what it emits is
/// delivered after it returns. A replica of the stage runs on one worker at a time and is built
/// there, so that it needs neither locks nor `Send`.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, Stage};
///
/// /// The sum of all numbers so far.
/// #[derive(Default)]
/// struct Sum(u64);
///
/// impl Stage for Sum {
///     type In = u64;
///     type Out = Out<u64>;
///
///     fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
///         for event in batch {
///             self.0 += *event;
///             let sum = self.0;
///             cx.out.emit(event.map(|_| sum));
///         }
///     }
/// }
///
/// let mut rig = Rig::of(Sum::default());
/// rig.feed([1_u64, 2, 3]).batch(64);
/// assert_eq!(*rig.out.take()[2], 6);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stage",
    note = "a handler becomes one by `from_fn(handler)`, an async one by `from_async_fn`; a type \
            by `impl Stage`"
)]
pub trait Stage: 'static {
    /// All that the stage listens to; an enum when there are several kinds.
    type In: Send + 'static;
    /// Where the stage sends: `()`, one [`Out`], or a struct of them with `#[derive(Ports)]`.
    type Out: Ports;

    /// Handles events. What is not taken from the batch stays queued.
    fn handle(&mut self, batch: Batch<'_, Self::In>, cx: &mut Cx<'_, Self::Out>);

    /// Called once on the worker, before anything else, and again for a rebuilt replica.
    fn start(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// All workers of the net have started, so that whatever is sent finds somebody. Called once,
    /// and again for a rebuilt replica. Events may come before it.
    fn started(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// The machine raised this stage's flag, or somebody else by a [`Flag`], or the stage itself by
    /// [`Cx::again`].
    /// A signal is no event: however often it is raised before it is heard, it is heard once.
    fn signal(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// The [pressure](Cx::pressure) beyond the stage's ports came into another tenth, of a stage
    /// that [hears](crate::Spec::hear_pressure) of it. However often it changes before that is
    /// heard, it is heard once; a change that is over by then is not heard at all. Laws look every
    /// 10 ms, and it changes no more often.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Out, Rig, Stage};
    ///
    /// /// Sends pictures, smaller ones under pressure.
    /// struct Pictures {
    ///     size: u64,
    /// }
    ///
    /// impl Stage for Pictures {
    ///     type In = u64;
    ///     type Out = Out<u64>;
    ///
    ///     fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
    ///         batch.for_each(|event| cx.out.emit(event.map(|_| self.size)));
    ///     }
    ///
    ///     fn pressure(&mut self, pressure: f64, _: &mut Cx<'_, Out<u64>>) {
    ///         self.size = if pressure > 0.5 { 100 } else { 800 };
    ///     }
    /// }
    ///
    /// let mut rig = Rig::of(Pictures { size: 800 });
    /// rig.pressure(0.7).feed([1_u64]).batch(1);
    /// assert_eq!(*rig.out.take()[0], 100);
    /// ```
    fn pressure(&mut self, _pressure: f64, _cx: &mut Cx<'_, Self::Out>) {}

    /// A resource is at another [level](crate::Level), of a stage that
    /// [hears](crate::Spec::hear_level) of its gauge. However often the level changes before that
    /// is heard, it is heard once; a change that is over by then is not heard at all. A replica
    /// takes the level to be calm until it hears of another one, at first and after a panic.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Gauge, Level, Out, Rig, Stage};
    ///
    /// /// Says how many numbers it remembers, and forgets them all where memory is short.
    /// #[derive(Default)]
    /// struct Memory(Vec<u64>);
    ///
    /// impl Stage for Memory {
    ///     type In = u64;
    ///     type Out = Out<u64>;
    ///
    ///     fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
    ///         for event in batch {
    ///             self.0.push(*event);
    ///             cx.out.emit(event.map(|_| self.0.len() as u64));
    ///         }
    ///     }
    ///
    ///     fn level(&mut self, _: &Gauge, level: Level, _: &mut Cx<'_, Out<u64>>) {
    ///         if level == Level::Short {
    ///             self.0.clear();
    ///         }
    ///     }
    /// }
    ///
    /// let memory = Gauge::new("memory");
    /// memory.set(Some(1.0));
    /// let mut rig = Rig::of(Memory::default());
    /// rig.feed([7_u64, 8]).batch(2).level(&memory).feed([9_u64]).batch(1);
    /// assert_eq!(*rig.out.take()[2], 1);
    /// ```
    fn level(&mut self, _gauge: &Gauge, _level: Level, _cx: &mut Cx<'_, Self::Out>) {}

    /// A timer set by [`Cx::after`] or [`Cx::at`] ran out.
    fn timer(&mut self, _token: u64, _cx: &mut Cx<'_, Self::Out>) {}

    /// A flow of this source, or a question of this stage, ended without an answer. A flow that
    /// comes back to its asker is still alive; unless the stage answers it, it ends for `why`.
    fn ended(&mut self, ended: Ended, _cx: &mut Cx<'_, Self::Out>) {
        if let Some(tag) = ended.tag {
            tag.refuse(ended.why);
        }
    }

    /// A flow of this source was answered, in a stage that [hears](crate::Spec::hear_finished) of
    /// it. Its place is free.
    fn finished(&mut self, _flow: u64, _cx: &mut Cx<'_, Self::Out>) {}

    /// The net takes no new work; called once. Sources stop letting flows in.
    fn drain(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// Whether a draining stage has nothing left to do beyond the flows in the ledger.
    fn drained(&mut self, _cx: &mut Cx<'_, Self::Out>) -> bool {
        true
    }

    /// Declares what numbers of its own may be changed while it runs, as
    /// `stages.NAME.own.SETTING`: see [`OwnSettings`]. They change between two batches, in each
    /// replica; a rebuilt one is given them before [`start`](Self::start).
    fn settings(&mut self, _own: &mut OwnSettings<'_>) {}

    /// Gives its state away, since another value takes its place: see
    /// [`Observer::replace`](crate::Observer::replace). Flows that it keeps end as
    /// [`Failed`](crate::Why::Failed) when it is dropped.
    fn take_state(&mut self) -> Option<Box<dyn Any>> {
        None
    }

    /// Hears the state that the one gave away whose place it takes, before [`start`](Self::start).
    /// The runtime goes on as before: answers to questions of the one before come here, and so do
    /// its timers.
    fn give_state(&mut self, _state: Box<dyn Any>, _cx: &mut Cx<'_, Self::Out>) {}
}
