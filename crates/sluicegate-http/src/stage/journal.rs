//! Records of requests on their way to the log: off the path of requests, in blocks.

use std::time::Duration;

use sluicegate::{Cx, Event};
use sluicegate_io::{ConnId, Io};

use crate::journal::{Journal, Sent};
use crate::stage::timers::LOOK;
use crate::stage::{HttpOut, HttpStage};

/// How long a record waits at most for others of its block, and how often the replies of slow
/// clients are looked at.
const LOOK_TIME: Duration = Duration::from_millis(100);

impl HttpStage {
    pub(super) fn journal(&mut self) -> Option<&mut Journal> {
        self.shared.extras.as_mut()?.journal.as_mut()
    }

    /// Has the machine tell of the connection's end, where that is to be logged.
    pub(super) fn watch_end(&self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        if self.logs {
            let stage = cx.stage();
            cx.local.get::<Io>().watch_ends(id, stage);
        }
    }

    /// Nothing more is answered on a connection.
    pub(super) fn conn_over(&mut self, id: ConnId) {
        if let Some(journal) = self.journal() {
            journal.conn_over(id.key());
        }
    }

    /// Records what was sent since the last look, and sends on the blocks that are full.
    pub(super) fn look_at_journal(&mut self, cx: &mut Cx<'_, HttpOut>) {
        let (stage, worker, now) = (cx.stage(), cx.worker(), cx.now());
        let Some(journal) = self.shared.extras.as_mut().and_then(|all| all.journal.as_mut()) else {
            return;
        };
        let io = cx.local.get::<Io>();
        while let Some((id, sent)) = io.next_end(stage) {
            journal.conn_ended(id.key(), sent, now);
            if !self.conns.contains(id) {
                journal.conn_over(id.key());
            }
        }
        journal.look(|conn, end| sent(io, conn, end), now);
        while let Some(block) = journal.take_full() {
            cx.out.log.emit(Event::note(worker, block.sent()));
        }
    }

    /// What waits in the journal is looked at again before long, whatever else happens.
    pub(super) fn look_later(&mut self, cx: &mut Cx<'_, HttpOut>) {
        if self.logs
            && !self.timers.looking
            && self.journal().is_some_and(|journal| !journal.is_empty())
        {
            self.timers.looking = true;
            cx.after(LOOK_TIME, LOOK);
        }
    }

    /// The time is over for which a block is filled.
    pub(super) fn look_again(&mut self, cx: &mut Cx<'_, HttpOut>) {
        self.timers.looking = false;
        self.empty_journal(cx);
        self.look_later(cx);
    }

    /// Sends on all that there is, with what slow clients took by now. Whether there was nothing.
    pub(super) fn empty_journal(&mut self, cx: &mut Cx<'_, HttpOut>) -> bool {
        self.look_at_journal(cx);
        let (worker, now) = (cx.worker(), cx.now());
        let Some(journal) = self.journal() else { return true };
        let io = cx.local.get::<Io>();
        journal.look_at_slow(|conn, end| sent(io, conn, end), now);
        let mut nothing = true;
        // What slow clients took may have filled blocks, which are older than the last.
        while let Some(block) = journal.take_full().or_else(|| journal.take()) {
            cx.out.log.emit(Event::note(worker, block.sent()));
            nothing = false;
        }
        nothing && journal.is_empty()
    }
}

/// Whether a connection has sent its first `end` bytes.
fn sent(io: &Io, conn: u64, end: u64) -> Option<Sent> {
    let id = ConnId::from_key(conn);
    Some(match io.sent_bytes(id)? {
        bytes if bytes >= end => Sent::All,
        bytes if io.queued_bytes(id) == 0 => Sent::Part(bytes),
        bytes => Sent::Waits(bytes),
    })
}
