//! What the access log is told of a request: copied on the worker, formatted elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use sluicegate::Time;
use sluicegate_io::Peer;

/// Records of one block, at most.
pub const BLOCK_RECORDS: usize = 256;
/// Bytes of the texts of one block that make it full.
pub const BLOCK_TEXT: usize = 32 * 1024;

/// How requests are recorded.
#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    /// Referer and User-Agent are wanted too.
    pub browser: bool,
    /// The host is wanted too.
    pub host: bool,
    /// Counts the records that nobody wrote.
    pub lost: Arc<Lost>,
}

/// Counts records that were dropped before anybody wrote them, for all workers; and the blocks that
/// are on their way.
#[derive(Debug, Default)]
pub struct Lost {
    untold: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
    waiting: AtomicU64,
}

impl Lost {
    /// Those since the start.
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// The bytes of their texts: request lines, hosts, browsers, ids.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Blocks that were sent to the log and that nobody is done with.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// Those that no line of the log has told of yet; from now on they count as told.
    pub fn take_untold(&self) -> u64 {
        self.untold.swap(0, Relaxed)
    }

    /// The line that would have told of them was not written either.
    pub fn untell(&self, n: u64) {
        self.untold.fetch_add(n, Relaxed);
    }

    /// Counts `n` more records, whose texts have so many bytes.
    pub fn add(&self, n: usize, bytes: usize) {
        self.untold.fetch_add(n as u64, Relaxed);
        self.total.fetch_add(n as u64, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// One request and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When its record was made.
    pub at: SystemTime,
    /// The client.
    pub peer: Option<Peer>,
    /// The worker, and the connection by its key there.
    pub conn: (usize, u64),
    /// The request line as it came; none where no head was understood.
    pub request: Option<&'a [u8]>,
    /// The host that was asked for.
    pub host: Option<&'a [u8]>,
    /// The Referer field.
    pub referer: Option<&'a [u8]>,
    /// The User-Agent field.
    pub agent: Option<&'a [u8]>,
    /// The request's id.
    pub id: Option<&'a [u8]>,
    /// The status that was sent, or 499: the client left before that.
    pub status: u16,
    /// Bytes of the reply's body that the kernel took.
    pub bytes: u64,
    /// From the first byte of the request until its reply was handed on to be written; where the
    /// client kept it waiting, until it was written.
    pub took: Duration,
    /// The reply did not reach its end.
    pub aborted: bool,
}

impl Line<'_> {
    /// The bytes of its texts.
    pub fn text_len(&self) -> usize {
        let texts = [self.request, self.host, self.referer, self.agent, self.id];
        texts.into_iter().flatten().map(<[u8]>::len).sum()
    }
}

/// The texts of a record, in the order in which they lie in the block.
pub(crate) const TEXTS: usize = 5;
/// The length of a text that is not there; no head is so long.
pub(crate) const ABSENT: u16 = u16::MAX;

/// A record without its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub at: Time,
    pub peer: Option<Peer>,
    pub conn: u64,
    pub lens: [u16; TEXTS],
    pub status: u16,
    pub bytes: u64,
    pub took: Duration,
    pub aborted: bool,
}

/// Records of one worker on their way to the log. One that is dropped before
/// [`settled`](Self::settled) is called counts as lost, with all its records.
#[derive(Debug)]
pub struct Block {
    began: (Time, SystemTime),
    worker: usize,
    records: Vec<Record>,
    text: Vec<u8>,
    lost: Arc<Lost>,
    /// It is among those that wait.
    waits: bool,
}

impl Block {
    pub(crate) fn new(began: (Time, SystemTime), worker: usize, lost: Arc<Lost>) -> Self {
        let (records, text) =
            (Vec::with_capacity(BLOCK_RECORDS), Vec::with_capacity(BLOCK_TEXT + BLOCK_TEXT / 8));
        Self { began, worker, records, text, lost, waits: false }
    }

    /// A block with a record for each of these, as it is sent: for tests of those who write them.
    pub fn of(lines: &[Line<'_>], lost: Arc<Lost>) -> Self {
        let began = lines.first().map_or(SystemTime::UNIX_EPOCH, |line| line.at);
        let worker = lines.first().map_or(0, |line| line.conn.0);
        let mut block = Self::new((Time(0), began), worker, lost);
        for line in lines {
            let texts = [line.request, line.host, line.referer, line.agent, line.id];
            let mut text = Vec::new();
            let lens = texts.map(|part| part.map_or(ABSENT, |part| push_text(&mut text, part)));
            let since = line.at.duration_since(began).unwrap_or_default();
            let record = Record {
                at: Time(0) + since,
                peer: line.peer,
                conn: line.conn.1,
                lens,
                status: line.status,
                bytes: line.bytes,
                took: line.took,
                aborted: line.aborted,
            };
            block.push(record, &text);
        }
        block.sent()
    }

    /// From now on it waits for the log.
    pub(crate) fn sent(mut self) -> Self {
        self.lost.waiting.fetch_add(1, Relaxed);
        self.waits = true;
        self
    }

    pub(crate) fn push(&mut self, record: Record, text: &[u8]) {
        self.records.push(record);
        self.text.extend_from_slice(text);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= BLOCK_RECORDS || self.text.len() >= BLOCK_TEXT
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records in their order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = &self.text[..];
        self.records.iter().map(move |record| {
            let [request, host, referer, agent, id] = record.lens.map(|len| {
                let len = (len != ABSENT).then_some(usize::from(len))?;
                let (text, behind) = rest.split_at(len);
                rest = behind;
                Some(text)
            });
            Line {
                at: self.began.1 + record.at.since(self.began.0) - self.began.0.since(record.at),
                peer: record.peer,
                conn: (self.worker, record.conn),
                request,
                host,
                referer,
                agent,
                id,
                status: record.status,
                bytes: record.bytes,
                took: record.took,
                aborted: record.aborted,
            }
        })
    }

    /// What became of all records is known: those that were not written are counted elsewhere.
    pub fn settled(mut self) {
        self.records.clear();
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.waits {
            self.lost.waiting.fetch_sub(1, Relaxed);
        }
        if !self.records.is_empty() {
            self.lost.add(self.records.len(), self.text.len());
        }
    }
}

/// Appends a text and returns the length by which it is found.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &[u8]) -> u16 {
    // All texts are parts of a head, which is shorter than this.
    let len = text.len().min(usize::from(ABSENT) - 1);
    out.extend_from_slice(&text[..len]);
    len as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request: &[u8]) -> Line<'_> {
        Line {
            at: SystemTime::UNIX_EPOCH,
            peer: None,
            conn: (3, 7),
            request: Some(request),
            host: None,
            referer: Some(b""),
            agent: Some(b"agent"),
            id: None,
            status: 200,
            bytes: 5,
            took: Duration::from_micros(9),
            aborted: false,
        }
    }

    #[test]
    fn what_is_not_written_is_lost() {
        let lost = Arc::new(Lost::default());
        let lines = [line(b"GET / HTTP/1.1"), Line { request: None, ..line(b"") }];
        let block = Block::of(&lines, Arc::clone(&lost));
        assert_eq!(block.lines().collect::<Vec<_>>(), lines);
        assert_eq!(lost.waiting(), 1);
        block.settled();
        assert_eq!((lost.total(), lost.waiting()), (0, 0));
        drop(Block::of(&lines, Arc::clone(&lost)));
        let bytes = lines.iter().map(Line::text_len).sum::<usize>();
        assert_eq!((lost.bytes(), lost.waiting()), (bytes as u64, 0));
        assert_eq!((lost.take_untold(), lost.take_untold(), lost.total()), (2, 0, 2));
        lost.untell(2);
        assert_eq!((lost.take_untold(), lost.total()), (2, 2));
    }
}
