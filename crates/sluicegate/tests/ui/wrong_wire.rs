//! A wire from a port to an inlet that does not take what is sent.

use sluicegate::{Batch, Cx, Net, Out, from_fn, stage};

fn names(batch: Batch<'_, String>, cx: &mut Cx<'_, Out<String>>) {
    batch.for_each(|event| cx.out.emit(event));
}

fn numbers(batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
    batch.for_each(|event| event.split().0.finish());
}

fn main() {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    let names = net.add(stage("names", || from_fn(names)).on(cpu));
    let numbers = net.add(stage("numbers", || from_fn(numbers)).on(cpu));
    net.wire(names.out, numbers.inlet);
}
