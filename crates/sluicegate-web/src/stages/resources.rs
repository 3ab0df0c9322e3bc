//! Reads what may run short, again and again, so that the gauges say it to gates and stages.
use sluicegate::{Batch, Cx, OwnSettings, Stage};
use sluicegate_io::resources::Reader;
use std::time::Duration;

/// Nothing comes to it and nothing leaves it.
#[derive(Debug)]
pub struct ReadResources {
    reader: Reader,
    every: Duration,
}

impl ReadResources {
    /// Reads by `reader`, at once and then in these intervals.
    pub fn new(reader: Reader, every: Duration) -> ReadResources {
        ReadResources { reader, every }
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
        cx.after(self.every, 0);
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        self.reader.settings(own);
    }
}
