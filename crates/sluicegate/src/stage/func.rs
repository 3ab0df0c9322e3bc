//! Closures as stages, for glue and tests.

use crate::event::Batch;
use crate::stage::{Cx, Ports, Stage};
use std::marker::PhantomData;

/// A stage made of a closure; see [`from_fn`].
pub struct FnStage<F, I, O>(F, PhantomData<fn(I) -> O>);

/// A stage whose handler is `handle`.
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
