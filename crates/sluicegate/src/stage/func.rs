//! Closures as stages, for glue and tests.

use crate::event::Batch;
use crate::stage::{Cx, Ports, Stage};
use std::marker::PhantomData;

/// A stage made of a closure; see [`from_fn`].
pub struct FnStage<F, I, O>(F, PhantomData<fn(I) -> O>);

/// A stage whose handler is `handle`.
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, from_fn};
///
/// let end = from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     batch.for_each(|event| event.split().0.finish());
/// });
/// let mut rig = Rig::of(end);
/// assert_eq!(rig.feed([1_u64, 2]).batch(64).ledger().finished, 2);
/// ```
pub fn from_fn<I, O, F>(handle: F) -> FnStage<F, I, O>
where
    F: FnMut(Batch<'_, I>, &mut Cx<'_, O>) + 'static,
    I: Send + 'static,
    O: Ports,
{
    FnStage(handle, PhantomData)
}

impl<F, I, O> Stage for FnStage<F, I, O>
where
    F: FnMut(Batch<'_, I>, &mut Cx<'_, O>) + 'static,
    I: Send + 'static,
    O: Ports,
{
    type In = I;
    type Out = O;

    fn handle(&mut self, batch: Batch<'_, I>, cx: &mut Cx<'_, O>) {
        (self.0)(batch, cx);
    }
}
