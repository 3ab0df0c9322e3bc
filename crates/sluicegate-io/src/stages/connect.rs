//! The connect stage: connections to others, each answered by what became of it.

use std::collections::HashMap;
use std::io;

use sluicegate::{Batch, Cx, Out, Stage, Tag, TimerKey};
use sluicegate_macros::Ports;

use crate::conn::ConnId;
use crate::events::{Connect, ConnectFailed, Opened};
use crate::io::{GateId, Io};

/// Connects to the addresses it is asked for, and answers each with the tag of the question.
pub struct ConnectStage {
    gate: GateId,
    place: u16,
    /// What was asked and is not decided; each has a descriptor, which bounds it.
    asked: HashMap<ConnId, Asked>,
}

/// Where the answers go.
#[derive(Ports)]
pub struct ConnectOut {
    /// Connections that stand.
    pub opened: Out<Opened>,
    /// Those that do not.
    pub failed: Out<ConnectFailed>,
}

struct Asked {
    tag: Tag,
    token: u64,
    timer: TimerKey,
}

impl ConnectStage {
    pub(crate) fn new(gate: GateId) -> Self {
        Self { gate, place: 0, asked: HashMap::new() }
    }

    fn answer(&mut self, id: ConnId, result: io::Result<()>, cx: &mut Cx<'_, ConnectOut>) {
        let Some(Asked { tag, token, timer }) = self.asked.remove(&id) else { return };
        cx.cancel(timer);
        let io = cx.local.get::<Io>();
        match result.and_then(|()| io.connection_stands(id, token)) {
            Ok(opened) => cx.out.opened.emit(tag.with(opened)),
            Err(error) => {
                io.give_up(id);
                cx.out.failed.emit(tag.with(ConnectFailed { token, error }));
            }
        }
    }
}

impl Stage for ConnectStage {
    type In = Connect;
    type Out = ConnectOut;

    fn handle(&mut self, batch: Batch<'_, Connect>, cx: &mut Cx<'_, ConnectOut>) {
        for event in batch {
            let (tag, Connect { to, from, token }) = event.split();
            let io = cx.local.get::<Io>();
            let time = io.settings().connect_time;
            match io.connect(&to, from, self.place) {
                Ok(id) => {
                    let timer = cx.after(time, id.key());
                    self.asked.insert(id, Asked { tag, token, timer });
                }
                Err(error) => cx.out.failed.emit(tag.with(ConnectFailed { token, error })),
            }
        }
    }

    fn start(&mut self, cx: &mut Cx<'_, ConnectOut>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        self.place = io.gate(self.gate);
        io.gate_mut(self.place).connect = Some(stage);
        io.forget_connecting(self.place);
    }

    fn signal(&mut self, cx: &mut Cx<'_, ConnectOut>) {
        for _ in 0..cx.room() {
            let Some((id, result)) = cx.local.get::<Io>().next_decided(self.place) else { return };
            self.answer(id, result, cx);
        }
        cx.again();
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, ConnectOut>) {
        let time = io::Error::new(io::ErrorKind::TimedOut, "the connection was not answered");
        self.answer(ConnId::from_key(token), Err(time), cx);
    }
}
