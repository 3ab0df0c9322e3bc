//! The door: the stage of a part by which flows come in from the slot and answers go back.

use crate::desk;
use crate::event::{Batch, Ended};
use crate::ledger::Why;
use crate::net::{Spec, stage};
use crate::part::Slot;
use crate::part::way::{Item, Joint, Outcome, Up};
use crate::run::Make;
use crate::stage::{Cx, Out, Stage};
use std::sync::Arc;

/// Flows of a replica in the net of its part at once, unless set: what more passes the slot waits
/// before it.
const FLOWS: usize = 1024;

/// Joins one part to a slot: made by [`Slot::door`], used up by `attach`.
pub struct Door<T: Send + 'static, R: Send + 'static> {
    pub(super) slot: Slot<T, R>,
    pub(super) joint: Arc<Joint<T, R>>,
    pub(super) make: Make<DoorStage<T, R>>,
}

/// The stage that [`Slot::door`] makes.
pub struct DoorStage<T, R> {
    joint: Arc<Joint<T, R>>,
    up: Option<Arc<Up<T, R>>>,
}

impl<T: Send + 'static, R: Send + 'static> Slot<T, R> {
    /// A stage called `name` for the net of one part, and what attaches that. It is the source of
    /// the flows of the part: each has the birth, deadline, class, client and weight that it had at
    /// the slot. What is to be handled leaves by its port `out`; answers come to it over a wire
    /// that [returns](crate::Wire::returns) there. It needs a pinned domain, as every source.
    pub fn door(&self, name: &str) -> (Spec<DoorStage<T, R>>, Door<T, R>) {
        let joint: Arc<Joint<T, R>> = Arc::default();
        let of = Arc::clone(&joint);
        let spec = stage(name, move || DoorStage { joint: Arc::clone(&of), up: None });
        let spec = spec.flows(FLOWS).hear_finished();
        let make = spec.maker();
        (spec, Door { slot: self.clone(), joint, make })
    }
}

impl<T, R> DoorStage<T, R> {
    /// What became of a flow that the net does not hold any more.
    fn left(&mut self, flow: u64, outcome: Outcome<R>) {
        let Some(up) = &self.up else { return };
        let origin = up.lock().leave(flow);
        // One that was answered was told of then.
        if let Some(origin) = origin {
            origin.tell(outcome);
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Stage for DoorStage<T, R> {
    type In = R;
    type Out = Out<T>;

    fn start(&mut self, cx: &mut Cx<'_, Out<T>>) {
        let up = self.joint.up(cx.worker());
        up.set_flag(cx.flag());
        self.up = Some(up);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<T>>) {
        let Some(up) = &self.up else { return };
        let mut passing = up.lock();
        passing.take_gone().into_iter().for_each(|flow| cx.gone(flow));
        while let Some(entering) = passing.waiting.front().map(|item| item.entering) {
            if cx.room() == 0 {
                return cx.again();
            }
            // Where there is no place the flag is raised when there is one.
            let flow = passing.inside.next();
            let Ok(mut tag) = cx.enter(flow, entering) else { return };
            let Some(item) = passing.waiting.pop_front() else { return };
            let Item { origin, weight, body, gone, .. } = item;
            passing.inside.insert(Some(origin));
            tag.set_weight(weight);
            cx.out.emit(tag.with(body));
            if gone {
                cx.gone(flow);
            }
        }
    }

    fn handle(&mut self, batch: Batch<'_, R>, cx: &mut Cx<'_, Out<T>>) {
        let Some(up) = &self.up else { return };
        for event in batch {
            // Notes, second tags, and flows of others of this net: nobody waits for these here.
            if !event.tag().returns_to(cx.stage()) {
                continue;
            }
            let (tag, answer) = event.split();
            let origin = up.lock().inside.get(tag.flow()).and_then(Option::take);
            if let Some(origin) = origin {
                origin.tell(Outcome::Answered(answer));
            }
            tag.finish();
        }
    }

    fn finished(&mut self, flow: u64, _: &mut Cx<'_, Out<T>>) {
        self.left(flow, Outcome::Finished);
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<T>>) {
        self.left(ended.flow, Outcome::Ended(ended.why));
    }

    fn drained(&mut self, _: &mut Cx<'_, Out<T>>) -> bool {
        self.up.as_ref().is_none_or(|up| up.lock().waiting.is_empty())
    }
}

impl<T, R> Drop for DoorStage<T, R> {
    fn drop(&mut self) {
        // A replica that panicked is built anew, and finds all of it.
        if desk::dropping() != Why::Failed
            && let Some(up) = &self.up
        {
            up.close();
        }
    }
}
