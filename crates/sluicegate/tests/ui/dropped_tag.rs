//! A tag that is let go of: its flow would end as dropped.
#![deny(unused_must_use)]

use sluicegate::{Batch, Cx, Out};

fn names(batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
    for event in batch {
        let (tag, n) = event.split();
        tag.fork();
        cx.out.emit(tag.with(n));
    }
}

fn main() {
    let _ = names;
}
