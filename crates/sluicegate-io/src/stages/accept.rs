//! The accept stage: connections out of the backlogs, as far as there is room for them.

use std::sync::Arc;

use sluicegate::{Batch, Cx, Event, Out, Stage};

use crate::events::Opened;
use crate::io::{GateId, Io, Next};
use crate::listen::Listeners;
use crate::stages::Never;

/// Accepts connections when its flag is raised; what finds no room waits in the kernel.
///
/// When descriptors or memory run out it refuses what waits, and tries again after a pause.
pub struct AcceptStage {
    gate: GateId,
    place: u16,
    listeners: Arc<Listeners>,
    pausing: bool,
}

impl AcceptStage {
    pub(crate) fn new(gate: GateId, listeners: Arc<Listeners>) -> Self {
        Self { gate, place: 0, listeners, pausing: false }
    }

    fn starved(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let io = cx.local.get::<Io>();
        io.shed(self.place);
        let pause = io.settings().accept_pause;
        if !self.pausing {
            self.pausing = true;
            cx.after(pause, 0);
        }
    }
}

impl Stage for AcceptStage {
    type In = Never;
    type Out = Out<Opened>;

    fn handle(&mut self, _batch: Batch<'_, Never>, _cx: &mut Cx<'_, Out<Opened>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        self.place = io.gate(self.gate);
        io.gate_mut(self.place).accept = Some(stage);
        // A replica that is rebuilt finds its listeners in place.
        if !io.has_listeners(self.place) {
            for listener in self.listeners.take() {
                if let Err(error) = io.listen(self.place, listener) {
                    panic!("a listener cannot be waited for: {error}");
                }
            }
        }
        io.raise(Some(stage));
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let (worker, room) = (cx.worker(), cx.room());
        let mut more = true;
        for _ in 0..room {
            match cx.local.get::<Io>().next_opened(self.place) {
                Next::Opened(opened) => cx.out.emit(Event::note(worker, opened)),
                Next::Nothing | Next::Crowded => more = false,
                Next::Starved => {
                    more = false;
                    self.starved(cx);
                }
            }
            if !more {
                break;
            }
        }
        if more {
            cx.again();
        }
        if cx.draining() {
            cx.local.get::<Io>().close_empty(self.place);
        }
    }

    fn timer(&mut self, _token: u64, cx: &mut Cx<'_, Out<Opened>>) {
        self.pausing = false;
        cx.again();
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        io.last_call(self.place);
        io.raise(Some(stage));
    }

    fn drained(&mut self, cx: &mut Cx<'_, Out<Opened>>) -> bool {
        cx.local.get::<Io>().close_empty(self.place)
    }
}
