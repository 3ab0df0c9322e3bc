//! Any stage with the same ports, in a box: what may take the place of another while the net runs.

use crate::control::{Gauge, Level};
use crate::event::{Batch, Ended};
use crate::settings::OwnSettings;
use crate::stage::{Cx, Stage};
use std::any::Any;

/// Any stage that listens to `I` and sends on the ports `O`. It costs one call through a table more
/// a batch.
///
/// ```
/// use sluicegate::{AnyStage, Batch, Cx, Rig, from_fn};
///
/// let end = from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     batch.for_each(|event| event.split().0.finish());
/// });
/// let any: AnyStage<u64, ()> = Box::new(end);
/// let mut rig = Rig::of(any);
/// rig.feed([1_u64]).batch(1);
/// assert_eq!(rig.ledger().finished, 1);
/// ```
pub type AnyStage<I, O> = Box<dyn Stage<In = I, Out = O>>;

impl<S: Stage + ?Sized> Stage for Box<S> {
    type In = S::In;
    type Out = S::Out;

    fn handle(&mut self, batch: Batch<'_, S::In>, cx: &mut Cx<'_, S::Out>) {
        (**self).handle(batch, cx);
    }

    fn start(&mut self, cx: &mut Cx<'_, S::Out>) {
        (**self).start(cx);
    }

    fn started(&mut self, cx: &mut Cx<'_, S::Out>) {
        (**self).started(cx);
    }

    fn pressure(&mut self, pressure: f64, cx: &mut Cx<'_, S::Out>) {
        (**self).pressure(pressure, cx);
    }

    fn level(&mut self, gauge: &Gauge, level: Level, cx: &mut Cx<'_, S::Out>) {
        (**self).level(gauge, level, cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, S::Out>) {
        (**self).signal(cx);
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, S::Out>) {
        (**self).timer(token, cx);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, S::Out>) {
        (**self).ended(ended, cx);
    }

    fn finished(&mut self, flow: u64, cx: &mut Cx<'_, S::Out>) {
        (**self).finished(flow, cx);
    }

    fn drain(&mut self, cx: &mut Cx<'_, S::Out>) {
        (**self).drain(cx);
    }

    fn drained(&mut self, cx: &mut Cx<'_, S::Out>) -> bool {
        (**self).drained(cx)
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        (**self).settings(own);
    }

    fn take_state(&mut self) -> Option<Box<dyn Any>> {
        (**self).take_state()
    }

    fn give_state(&mut self, state: Box<dyn Any>, cx: &mut Cx<'_, S::Out>) {
        (**self).give_state(state, cx);
    }
}
