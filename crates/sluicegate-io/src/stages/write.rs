//! The write stage: all replies of a batch for one connection leave in one call.

use sluicegate::{Batch, Cx, Stage, Tags, Time};

use crate::events::Write;
use crate::io::{GateId, Io};

/// Appends the writes of a batch to their connections, then sends on each of these at once. What
/// the kernel does not take waits with the connection, never with the stage: one slow reader
/// holds up nobody else.
pub struct WriteStage {
    gate: GateId,
    place: u16,
    tags: Tags,
    /// A timer for the connections that linger is running.
    armed: bool,
}

impl WriteStage {
    pub(crate) fn new(gate: GateId) -> Self {
        Self { gate, place: 0, tags: Tags::default(), armed: false }
    }

    fn arm(&mut self, until: Option<Time>, cx: &mut Cx<'_, ()>) {
        if let Some(until) = until
            && !self.armed
        {
            self.armed = true;
            cx.after(until - cx.now(), 0);
        }
    }
}

impl Stage for WriteStage {
    type In = Write;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, Write>, cx: &mut Cx<'_, ()>) {
        let now = cx.now();
        let io = cx.local.get::<Io>();
        for event in batch {
            let (tag, write) = event.split();
            io.append(self.place, write, tag, &mut self.tags);
        }
        io.flush(now, &mut self.tags);
        io.refuse_orphans(self.place, &mut self.tags);
        let until = io.lingers_until();
        self.arm(until, cx);
    }

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        self.place = io.gate(self.gate);
        io.gate_mut(self.place).write = Some(stage);
        io.forget_tags(self.place);
        io.raise(Some(stage));
    }

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        let now = cx.now();
        let io = cx.local.get::<Io>();
        io.write_signal(self.place, now, &mut self.tags);
        let until = io.lingers_until();
        self.arm(until, cx);
    }

    fn timer(&mut self, _token: u64, cx: &mut Cx<'_, ()>) {
        self.armed = false;
        let now = cx.now();
        let io = cx.local.get::<Io>();
        io.end_lingering(now);
        let until = io.lingers_until();
        self.arm(until, cx);
    }

    fn drained(&mut self, cx: &mut Cx<'_, ()>) -> bool {
        cx.local.get::<Io>().is_quiet()
    }
}
