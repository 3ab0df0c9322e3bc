//! The requests of one worker that are answered and not in the log yet.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;

use sluicegate::Time;
use sluicegate_io::Peer;

use crate::date::WallClock;
use crate::limits::SPARE_MAX;
use crate::log::{ABSENT, Block, LogSettings, Record, TEXTS};
use crate::machine::{Entry, NEVER};

/// Entries wait here until the kernel has taken their replies or never will; then they are
/// copied into a block.
#[expect(clippy::vec_box, reason = "an entry keeps its box on its way, and is used again")]
pub(crate) struct Journal {
    settings: LogSettings,
    clock: WallClock,
    worker: usize,
    /// Answered lately: mostly sent when they are looked at for the first time.
    fresh: Vec<Box<Entry>>,
    /// Those whose clients read slowly, by connection. Bounded by what may be unsent.
    slow: HashMap<u64, Vec<Box<Entry>>>,
    /// Empty; kept for its memory.
    looked: Vec<Box<Entry>>,
    /// Connections that ended, with the bytes they sent, until the stage knows of their end ...
    ended: HashMap<u64, u64>,
    /// ... and has been looked at once more.
    over: Vec<u64>,
    block: Option<Block>,
    /// Blocks that are full.
    full: VecDeque<Block>,
    spare: Vec<Box<Entry>>,
}

/// What the machine says of a connection that is there.
#[derive(Clone, Copy)]
pub(crate) enum Sent {
    /// All that was asked for is sent.
    All,
    /// So many bytes are sent, and no more of them were written.
    Part(u64),
    /// So many bytes are sent, and more wait for the client.
    Waits(u64),
}

impl Journal {
    pub fn new(settings: LogSettings, clock: WallClock) -> Self {
        Self {
            settings,
            clock,
            worker: 0,
            fresh: Vec::new(),
            slow: HashMap::new(),
            looked: Vec::new(),
            ended: HashMap::new(),
            over: Vec::new(),
            block: None,
            full: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Says which worker this is, for the names of connections.
    pub fn on(&mut self, worker: usize) {
        self.worker = worker;
    }

    pub fn settings(&self) -> &LogSettings {
        &self.settings
    }

    /// An entry for a new request, with memory that was used before.
    pub fn entry(&mut self, conn: u64, peer: Option<Peer>, born: Time) -> Box<Entry> {
        let mut entry = self.spare.pop().unwrap_or_else(|| Box::new(Entry::new()));
        entry.begin(conn, peer, born);
        entry
    }

    /// The reply of a request was handed on to its end, or broken off.
    pub fn ends(&mut self, entry: Box<Entry>) {
        self.fresh.push(entry);
    }

    /// The socket of a connection was closed after that many bytes.
    pub fn conn_ended(&mut self, conn: u64, sent: u64, now: Time) {
        self.ended.insert(conn, sent);
        self.finish_older(conn, sent, now);
    }

    /// The stage knows of a connection's end: nothing more is answered on it.
    pub fn conn_over(&mut self, conn: u64) {
        self.over.push(conn);
    }

    /// Looks which of the latest replies were sent. `sent` says of a connection whether it has
    /// sent so many bytes; nothing where it is gone.
    pub fn look(&mut self, sent: impl Fn(u64, u64) -> Option<Sent>, now: Time) {
        let mut fresh = mem::replace(&mut self.fresh, mem::take(&mut self.looked));
        for mut entry in fresh.drain(..) {
            let bytes = match (self.ended.get(&entry.conn), sent(entry.conn, entry.end)) {
                (Some(&bytes), _) => bytes,
                (None, Some(Sent::All)) => entry.end,
                (None, None) => entry.seen,
                // Not written yet.
                (None, Some(Sent::Part(bytes))) => {
                    entry.seen = bytes;
                    self.fresh.push(entry);
                    continue;
                }
                (None, Some(Sent::Waits(bytes))) => {
                    (entry.seen, entry.slow) = (bytes, true);
                    self.slow.entry(entry.conn).or_default().push(entry);
                    continue;
                }
            };
            self.finish_older(entry.conn, bytes, now);
            self.finish(entry, bytes, now);
        }
        self.looked = fresh;
        for conn in self.over.drain(..) {
            self.ended.remove(&conn);
        }
    }

    /// Records what the client of a connection kept waiting, now that `sent` bytes are out: the
    /// records of a connection are in the order of its requests.
    fn finish_older(&mut self, conn: u64, sent: u64, now: Time) {
        if self.slow.is_empty() {
            return;
        }
        for entry in self.slow.remove(&conn).into_iter().flatten() {
            let sent = sent.max(entry.seen);
            self.finish(entry, sent, now);
        }
    }

    /// The same for the replies whose clients read slowly.
    pub fn look_at_slow(&mut self, sent: impl Fn(u64, u64) -> Option<Sent>, now: Time) {
        for (conn, entries) in mem::take(&mut self.slow) {
            for mut entry in entries {
                match sent(conn, entry.end) {
                    Some(Sent::Part(bytes) | Sent::Waits(bytes)) => {
                        entry.seen = bytes;
                        self.slow.entry(conn).or_default().push(entry);
                    }
                    all => {
                        let bytes = if all.is_some() { entry.end } else { entry.seen };
                        self.finish(entry, bytes, now);
                    }
                }
            }
        }
    }

    /// The oldest block that is full, if there is one.
    pub fn take_full(&mut self) -> Option<Block> {
        self.full.pop_front()
    }

    /// The block that is being filled.
    pub fn take(&mut self) -> Option<Block> {
        self.block.take()
    }

    /// Whether nothing waits here.
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty()
            && self.slow.is_empty()
            && self.block.is_none()
            && self.full.is_empty()
    }

    /// Copies an entry into the block; `sent` bytes of its connection were sent.
    fn finish(&mut self, mut entry: Box<Entry>, sent: u64, now: Time) {
        let worker = self.worker;
        let block = self.block.get_or_insert_with(|| {
            Block::new((now, (self.clock)(now)), worker, Arc::clone(&self.settings.lost))
        });
        let aborted = sent < entry.end;
        let end = if aborted || entry.slow { now } else { entry.answered };
        let record = Record {
            at: end,
            peer: entry.peer,
            conn: entry.conn,
            lens: entry.lens,
            status: entry.status,
            bytes: sent.min(entry.end).saturating_sub(entry.body),
            took: end - entry.born,
            aborted,
        };
        block.push(record, &entry.text);
        if block.is_full() {
            self.full.extend(self.block.take());
        }
        if self.spare.len() < SPARE_MAX {
            entry.text.clear();
            self.spare.push(entry);
        }
    }
}

impl Drop for Journal {
    /// What was not handed on is lost, and counted; the blocks count for themselves.
    fn drop(&mut self) {
        let left = || self.slow.values().flatten().chain(&self.fresh);
        self.settings.lost.add(left().count(), left().map(|entry| entry.text.len()).sum());
    }
}

impl Entry {
    fn new() -> Self {
        Self {
            conn: 0,
            peer: None,
            born: Time(0),
            answered: Time(0),
            status: 0,
            body: NEVER,
            end: NEVER,
            seen: 0,
            slow: false,
            lens: [ABSENT; TEXTS],
            text: Vec::new(),
        }
    }

    /// Forgets the last request.
    fn begin(&mut self, conn: u64, peer: Option<Peer>, born: Time) {
        (self.conn, self.peer, self.born) = (conn, peer, born);
        (self.status, self.body, self.end) = (0, NEVER, NEVER);
        (self.seen, self.slow) = (0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    /// A connection: bytes of its replies, those that were sent, and whether its client lets more
    /// of them wait.
    #[derive(Clone, Copy, Default)]
    struct Conn {
        replies: u16,
        end: u64,
        sent: u64,
        waits: bool,
    }

    impl Conn {
        fn answer(&mut self, conn: u64, bytes: u64, journal: &mut Journal) {
            let mut entry = journal.entry(conn, None, Time(0));
            (entry.status, entry.body) = (self.replies, self.end);
            (self.replies, self.end) = (self.replies + 1, self.end + bytes);
            entry.end = self.end;
            journal.ends(entry);
        }

        fn sent(&self, end: u64) -> Sent {
            match self.sent {
                sent if sent >= end => Sent::All,
                sent if self.waits => Sent::Waits(sent),
                sent => Sent::Part(sent),
            }
        }
    }

    proptest! {
        /// However clients take their replies.
        #[test]
        fn records_of_a_connection_are_in_the_order_of_its_requests(
            steps in prop::collection::vec((0..3_usize, 0..4, 1..40_u64, any::<bool>()), 1..100),
        ) {
            let mut journal = Journal::new(LogSettings::default(), |_| SystemTime::UNIX_EPOCH);
            let mut conns = [Conn::default(); 3];
            for (at, what, bytes, yes) in steps {
                let one = &mut conns[at];
                match what {
                    0 | 1 => one.answer(at as u64, bytes, &mut journal),
                    2 => (one.sent, one.waits) = (one.end.min(one.sent + bytes), yes),
                    _ if yes => journal.look(|c, end| Some(conns[c as usize].sent(end)), Time(1)),
                    _ => journal
                        .look_at_slow(|c, end| Some(conns[c as usize].sent(end)), Time(1)),
                }
            }
            conns.iter_mut().for_each(|one| one.sent = one.end);
            journal.look(|_, _| Some(Sent::All), Time(2));
            journal.look_at_slow(|_, _| Some(Sent::All), Time(2));
            let block = journal.take();
            for (at, one) in conns.iter().enumerate() {
                let lines = block.iter().flat_map(Block::lines);
                let own = lines.filter(|line| line.conn.1 == at as u64);
                let (found, bytes): (Vec<_>, Vec<_>) =
                    own.map(|line| (line.status, line.bytes)).unzip();
                prop_assert_eq!(found, (0..one.replies).collect::<Vec<_>>());
                prop_assert_eq!(bytes.iter().sum::<u64>(), one.end);
            }
            prop_assert!(journal.is_empty());
        }
    }
}
