//! An event that cannot go to another thread, as the queues of workers and pools need it.

use sluicegate::{Batch, Cx, Net, from_fn, stage};
use std::rc::Rc;

fn names(batch: Batch<'_, Rc<str>>, _: &mut Cx<'_, ()>) {
    batch.for_each(|event| event.split().0.finish());
}

fn main() {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    net.add(stage("names", || from_fn(names)).on(cpu));
}
