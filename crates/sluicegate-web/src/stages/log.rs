//! Writes the access log: in a domain of its own, where it may wait for the disk.
use crate::log::{Counts, Failed, Formatter, LogFile, Note, Sampler, say};
use sluicegate::{Batch, Cx, Stage, Time};
use sluicegate_http::log::Block;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// After a write that failed, how long no other is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// Each batch is mostly one write. What cannot be written is lost, and a line says so as soon as
/// one can be written again.
#[derive(Debug)]
pub struct Log {
    file: Arc<LogFile>,
    counts: Arc<Counts>,
    formatter: Formatter,
    /// Blocks that may wait, where records are sampled as these become many.
    queue: Option<usize>,
    sampler: Sampler,
    /// A line said that records are left out.
    is_sampling_told: bool,
    batch: Lines,
    /// The last write failed: when, and how many records had been lost by then.
    failing: Option<(Time, u64)>,
}

/// What is to be written; empty between batches, and kept for its memory.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where each note ends, ...
    notes: Vec<(usize, Note)>,
    /// ... and each record, with the bytes of its texts.
    records: Vec<(usize, usize)>,
}

impl Log {
    /// Writes to `file`, as `formatter` makes lines. Where `queue` says how many blocks may wait,
    /// records are sampled before so many do.
    pub fn new(
        file: Arc<LogFile>,
        formatter: Formatter,
        counts: Arc<Counts>,
        queue: Option<usize>,
    ) -> Log {
        Log {
            file,
            counts,
            formatter,
            queue,
            sampler: Sampler::default(),
            is_sampling_told: false,
            batch: Lines::default(),
            failing: None,
        }
    }

    /// Whether nothing is tried now, after a write that failed.
    fn rests(&self, now: Time) -> bool {
        self.failing.is_some_and(|(at, _)| now.since(at) < AGAIN) && !self.file.is_opened()
    }

    /// What the log has to say of itself.
    fn make_notes(&mut self, at: SystemTime) {
        let lost = self.counts.lost.take_untold();
        if lost > 0 {
            self.note(Note::Lost(lost), at);
        }
        let samples = self.sampler.one_in() > 1;
        if samples && !self.is_sampling_told {
            self.note(Note::Sampling, at);
            self.is_sampling_told = true;
        }
        if !samples {
            let left_out = self.counts.take_untold();
            if self.is_sampling_told || left_out > 0 {
                self.note(Note::Sampled(left_out), at);
                self.is_sampling_told = false;
            }
        }
    }

    fn note(&mut self, note: Note, at: SystemTime) {
        self.formatter.note(note, at, &mut self.batch.bytes);
        self.batch.notes.push((self.batch.bytes.len(), note));
    }

    fn make_lines(&mut self, block: &Block) {
        let mut left_out = 0;
        for line in block.lines() {
            let is_error = line.status >= 400 || line.aborted;
            match self.sampler.weigh(is_error) {
                Some(weight) => {
                    self.formatter.line(&line, weight, &mut self.batch.bytes);
                    self.batch.records.push((self.batch.bytes.len(), line.text_len()));
                }
                None => left_out += 1,
            }
        }
        if left_out > 0 {
            self.counts.leave_out(left_out);
        }
    }

    fn write(&mut self, at: SystemTime, now: Time) {
        if self.batch.bytes.is_empty() {
            return;
        }
        let lost_before = self.counts.lost.total();
        let written = self.file.write(&self.batch.bytes, at);
        // They counted as written: nothing is known of their texts any more.
        self.counts.lost.add(written.broken, 0);
        if let Some(error) = written.unrotated {
            say::unrotated(&error);
        }
        self.counts.wrote(written.done.is_err(), written.rotated);
        match written.done {
            Ok(()) => {
                if let Some((_, before)) = self.failing.take() {
                    say::written(self.counts.lost.total() - before);
                }
            }
            Err(Failed { error, kept }) => {
                self.lose(kept);
                let before = self.failing.map(|(_, before)| before);
                if before.is_none() {
                    say::failing(&error);
                }
                self.failing = Some((now, before.unwrap_or(lost_before)));
            }
        }
        let Lines { bytes, notes, records } = &mut self.batch;
        bytes.clear();
        notes.clear();
        records.clear();
    }

    /// Only the first `kept` bytes were written.
    fn lose(&mut self, kept: usize) {
        for (_, note) in self.batch.notes.iter().filter(|(end, _)| *end > kept) {
            match *note {
                Note::Lost(n) => self.counts.lost.untell(n),
                Note::Sampling => self.is_sampling_told = false,
                Note::Sampled(n) => self.counts.untell(n),
            }
        }
        let lost = self.batch.records.iter().filter(|(end, _)| *end > kept);
        let (n, bytes) = lost.fold((0, 0), |(n, bytes), (_, text)| (n + 1, bytes + text));
        self.counts.lost.add(n, bytes);
    }
}

impl Stage for Log {
    type In = Block;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, Block>, cx: &mut Cx<'_, ()>) {
        let (at, now) = (SystemTime::now(), cx.now());
        // In a drain there may be no next time.
        if self.rests(now) && !cx.draining() {
            // Their blocks count them as lost.
            batch.for_each(|event| event.split().0.finish());
            return;
        }
        if let Some(queue) = self.queue {
            let taken = self.counts.lost.waiting() as f64 / queue as f64;
            self.sampler.look(taken, now);
            self.counts.set_one_in(self.sampler.one_in());
        }
        self.make_notes(at);
        let mut blocks = Vec::new();
        for event in batch {
            let (tag, block) = event.split();
            self.make_lines(&block);
            blocks.push(block);
            tag.finish();
        }
        self.write(at, now);
        blocks.into_iter().for_each(Block::settled);
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
