//! An output that is no set of ports.

use sluicegate::{Batch, Cx, Stage};

struct Names;

impl Stage for Names {
    type In = u64;
    type Out = String;

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, String>) {}
}

fn main() {}
