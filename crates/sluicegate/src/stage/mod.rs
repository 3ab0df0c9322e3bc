//! What a service author writes: stages, their ports, and what a handler may ask of the runtime.

mod cx;
mod flag;
mod func;
mod out;
mod permit;
mod ports;
mod tasks;
mod window;
#[cfg(test)]
mod window_tests;

pub(crate) use cx::Runtime;
pub use cx::{Cx, Entering, Local, NoRoom};
pub use flag::Flag;
pub use func::{FnStage, from_fn};
pub use out::{Full, Out};
pub(crate) use out::{Link, OutSpec};
pub use permit::Permit;
pub(crate) use permit::Places;
pub use ports::{AnyOut, Binder, Inlet, Outlet, Ports};
pub use tasks::{AsyncCx, AsyncStage, Sleep, async_stage, from_async_fn};
pub(crate) use tasks::{Flown, Hand};
pub(crate) use window::Window;

use crate::event::{Batch, Ended};

/// One step of a service: a function of (state, batch, now) into an outbox.
///
/// A handler never touches a queue, a clock, a socket or another stage; what it emits is
/// delivered after it returns. A replica of the stage runs on one worker at a time and is built
/// there, so that it needs neither locks nor `Send`.
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

    /// The machine raised this stage's flag, or somebody else by a [`Flag`], or the stage itself by
    /// [`Cx::again`].
    /// A signal is no event: however often it is raised before it is heard, it is heard once.
    fn signal(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// A timer set by [`Cx::after`] ran out.
    fn timer(&mut self, _token: u64, _cx: &mut Cx<'_, Self::Out>) {}

    /// A flow of this source, or a question of this stage, ended without an answer. A flow that
    /// comes back to its asker is still alive; unless the stage answers it, it ends for `why`.
    fn ended(&mut self, ended: Ended, _cx: &mut Cx<'_, Self::Out>) {
        if let Some(tag) = ended.tag {
            tag.refuse(ended.why);
        }
    }

    /// The net takes no new work; called once. Sources stop letting flows in.
    fn drain(&mut self, _cx: &mut Cx<'_, Self::Out>) {}

    /// Whether a draining stage has nothing left to do beyond the flows in the ledger.
    fn drained(&mut self, _cx: &mut Cx<'_, Self::Out>) -> bool {
        true
    }
}
