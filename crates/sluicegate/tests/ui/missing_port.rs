//! A port that the stage does not have, in its handler and where the net is drawn.

use sluicegate::{Batch, Cx, Net, Out, from_fn, stage};
use sluicegate_macros::Ports;

#[derive(Ports)]
struct Fork {
    left: Out<u64>,
    right: Out<u64>,
}

fn fork(batch: Batch<'_, u64>, cx: &mut Cx<'_, Fork>) {
    batch.for_each(|event| cx.out.middle.emit(event));
}

fn main() {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    let fork = net.add(stage("fork", || from_fn(fork)).on(cpu));
    net.seal(fork.out.middle);
}
