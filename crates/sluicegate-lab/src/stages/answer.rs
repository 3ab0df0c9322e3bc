//! The answer stage: bytes in, whole answers out.

use sluicegate::{Batch, Cx, Event, Out, Stage};
use sluicegate_io::{Closed, ConnId, How, Incoming, Io, Received};

use crate::parser::{Answer, BadAnswer, Parser};
use crate::stages::{Heard, What};

/// Reads the answers of all connections; how far each is stands in the connection's slot of the
/// machine.
pub(crate) struct AnswerStage;

/// What is kept for a connection.
pub(crate) struct Reading {
    /// Its place among the client's connections.
    pub slot: u32,
    pub parser: Parser,
}

impl Stage for AnswerStage {
    type In = Incoming;
    type Out = Out<Heard>;

    fn handle(&mut self, batch: Batch<'_, Incoming>, cx: &mut Cx<'_, Out<Heard>>) {
        let home = cx.worker();
        for event in batch {
            let heard = match event.split().1 {
                Incoming::Received(Received { conn, bytes }) => {
                    let feed = |reading: &mut Reading| reading.parser.feed(&bytes);
                    let Some((slot, read)) = read(cx, *conn, feed) else { continue };
                    what(read, None).map(|what| Heard { conn, slot, what })
                }
                Incoming::Closed(Closed { conn, how: How::Eof, .. }) => {
                    let end = |reading: &mut Reading| reading.parser.end();
                    let Some((slot, read)) = read(cx, *conn, end) else { continue };
                    what(read, Some(What::Closed)).map(|what| Heard { conn, slot, what })
                }
                Incoming::Closed(Closed { conn, state, .. }) => {
                    let Some(reading) = state.and_then(|state| state.downcast::<Reading>().ok())
                    else {
                        continue;
                    };
                    Some(Heard { conn, slot: reading.slot, what: What::Closed })
                }
            };
            if let Some(heard) = heard {
                cx.out.emit(Event::note(home, heard));
            }
        }
    }
}

type Read = Result<Option<Answer>, BadAnswer>;

/// Goes on with what is kept for a connection, unless it is gone.
fn read(
    cx: &mut Cx<'_, Out<Heard>>,
    conn: ConnId,
    with: impl FnOnce(&mut Reading) -> Read,
) -> Option<(u32, Read)> {
    let reading = cx.local.get::<Io>().state::<Reading>(conn)?;
    Some((reading.slot, with(reading)))
}

fn what(read: Read, nothing: Option<What>) -> Option<What> {
    match read {
        Ok(Some(answer)) => Some(What::Answer(answer)),
        Ok(None) => nothing,
        Err(bad) => Some(What::Bad(bad)),
    }
}
