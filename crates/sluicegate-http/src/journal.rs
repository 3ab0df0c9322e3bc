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
        if let Some(entries) = self.slow.remove(&conn) {
            entries.into_iter().for_each(|entry| self.finish(entry, sent, now));
        }
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
            match (self.ended.get(&entry.conn), sent(entry.conn, entry.end)) {
                (None, Some(Sent::All)) => {
                    let end = entry.end;
                    self.finish(entry, end, now);
                }
                (Some(&bytes), _) => self.finish(entry, bytes, now),
                (None, None) => {
                    let bytes = entry.seen;
                    self.finish(entry, bytes, now);
                }
                // Not written yet.
                (None, Some(Sent::Part(bytes))) => {
                    entry.seen = bytes;
                    self.fresh.push(entry);
                }
                (None, Some(Sent::Waits(bytes))) => {
                    (entry.seen, entry.slow) = (bytes, true);
                    self.slow.entry(entry.conn).or_default().push(entry);
                }
            }
        }
        self.looked = fresh;
        for conn in self.over.drain(..) {
            self.ended.remove(&conn);
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
