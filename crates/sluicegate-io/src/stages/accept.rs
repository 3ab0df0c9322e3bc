//! The accept stage: connections out of the backlogs, as far as there is room for them.

use std::sync::Arc;

use sluicegate::{Batch, Cx, Event, Out, Stage};

use crate::events::Opened;
use crate::io::{GateId, Io, Next, WhenFull};
use crate::listen::Listeners;
use crate::stages::Never;

/// Accepts connections when its flag is raised; what finds no room waits in the kernel, or is told
/// so.
///
/// When descriptors or memory run out it refuses what waits, and tries again after a pause. When
/// the net drains it first lets nobody new in, and accepts until the handshakes that had begun are
/// over.
pub struct AcceptStage {
    gate: GateId,
    place: u16,
    listeners: Arc<Listeners>,
    when_full: WhenFull,
    pausing: bool,
    /// Draining, and handshakes may still be under way.
    awaits_handshakes: bool,
}

/// What its timers are for.
const PAUSE: u64 = 0;
const HANDSHAKES: u64 = 1;

impl AcceptStage {
    pub(crate) fn new(gate: GateId, listeners: Arc<Listeners>, when_full: WhenFull) -> Self {
        Self { gate, place: 0, listeners, when_full, pausing: false, awaits_handshakes: false }
    }

    fn starved(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let io = cx.local.get::<Io>();
        io.shed(self.place);
        let pause = io.settings().accept_pause;
        if !self.pausing {
            self.pausing = true;
            cx.after(pause, PAUSE);
        }
    }

    /// Accepts what is in the backlogs, and then no more.
    fn last_call(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        io.last_call(self.place);
        io.raise(Some(stage));
    }

    /// Closes backlogs that were found empty; whether none is left.
    fn is_over(&mut self, cx: &mut Cx<'_, Out<Opened>>) -> bool {
        !self.awaits_handshakes && cx.local.get::<Io>().close_empty(self.place)
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
        let gate = io.gate_mut(self.place);
        gate.accept = Some(stage);
        gate.when_full = self.when_full.clone();
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
        let (worker, room, now) = (cx.worker(), cx.room(), cx.now());
        let mut more = true;
        for _ in 0..room {
            match cx.local.get::<Io>().next_opened(self.place, now) {
                Next::Opened(opened) => cx.out.emit(Event::note(worker, opened)),
                Next::Again => break,
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
            self.is_over(cx);
        }
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, Out<Opened>>) {
        if token == HANDSHAKES {
            self.awaits_handshakes = false;
            return self.last_call(cx);
        }
        self.pausing = false;
        cx.again();
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<Opened>>) {
        let io = cx.local.get::<Io>();
        let time = io.settings().handshake_time;
        if !io.deafen(self.place) {
            return self.last_call(cx);
        }
        self.awaits_handshakes = true;
        cx.after(time, HANDSHAKES);
    }

    fn drained(&mut self, cx: &mut Cx<'_, Out<Opened>>) -> bool {
        self.is_over(cx)
    }
}
