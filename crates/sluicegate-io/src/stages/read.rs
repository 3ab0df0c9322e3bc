//! The read stage: bytes out of the connections that have some, as far as there is room.

use sluicegate::{Batch, Cx, Event, Out, Stage};

use crate::events::Incoming;
use crate::io::{GateId, Io};
use crate::stages::Never;

/// Receives when its flag is raised. Buffers are taken only now, so that a connection without
/// bytes costs none; connections take turns, one buffer each.
pub struct ReadStage {
    gate: GateId,
    place: u16,
}

impl ReadStage {
    pub(crate) fn new(gate: GateId) -> Self {
        Self { gate, place: 0 }
    }
}

impl Stage for ReadStage {
    type In = Never;
    type Out = Out<Incoming>;

    fn handle(&mut self, _batch: Batch<'_, Never>, _cx: &mut Cx<'_, Out<Incoming>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<Incoming>>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        self.place = io.gate(self.gate);
        io.gate_mut(self.place).read = Some(stage);
        io.raise(Some(stage));
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Incoming>>) {
        let (worker, room) = (cx.worker(), cx.room());
        let io = cx.local.get::<Io>();
        for _ in 0..room {
            let Some(incoming) = io.next_incoming(self.place) else { break };
            cx.out.emit(Event::note(worker, incoming));
        }
        if io.has_incoming(self.place) {
            cx.again();
        }
    }
}
