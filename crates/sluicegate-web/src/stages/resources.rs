//! Reads what may run short, again and again, so that the gauges say it to the gates.
use sluicegate::{Batch, Cx, Stage};
use sluicegate_io::resources::Reader;
use std::time::Duration;

/// Time between two readings: less than the kernel takes to kill a process whose memory grows.
const EVERY: Duration = Duration::from_millis(100);

/// Nothing comes to it and nothing leaves it.
#[derive(Debug)]
pub struct ReadResources {
    reader: Reader,
}

impl ReadResources {
    /// Reads by `reader`.
    pub fn new(reader: Reader) -> ReadResources {
        ReadResources { reader }
    }
}

impl Stage for ReadResources {
    type In = ();
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        self.timer(0, cx);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, ()>) {}

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, ()>) {
        self.reader.read(cx.now());
        cx.after(EVERY, 0);
    }
}
