//! How long a connection is waited for: one deadline out of what it is doing.

use std::time::Duration;

use sluicegate::Time;

use crate::limits::{CREDIT, Limits};

/// What a connection is waited for, since when, and how much of it came.
#[derive(Debug)]
pub(crate) struct Patience {
    waiting: Waiting,
    /// For a body the time up to which its bytes have paid.
    since: Time,
    /// Bytes that came and have paid for no time yet.
    got: u64,
    draining: bool,
    /// Output that was not all gone when it was last looked at.
    writing: Option<Writing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The first byte of a request.
    Idle,
    /// The rest of a head: a fixed time, however it drips.
    Head,
    /// The rest of a body: a rate.
    Body,
    /// Somebody else: the handlers, or the machine that lingers.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Writing {
    /// The time up to which the bytes that went have paid.
    since: Time,
    /// Bytes that were unsent when it was last looked at or were handed on since.
    handed: u64,
}

/// What a passed deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// Nothing: the deadline has moved.
    No,
    Idle,
    Head,
    Body,
    Write,
}

impl Patience {
    pub fn new(now: Time) -> Self {
        Self { waiting: Waiting::Idle, since: now, got: 0, draining: false, writing: None }
    }

    /// Begins to wait for something else; to go on waiting for the same changes nothing.
    pub fn wait_for(&mut self, waiting: Waiting, now: Time) {
        if self.waiting != waiting {
            (self.waiting, self.since, self.got) = (waiting, now, 0);
        }
    }

    /// From now on an idle connection is kept for a farewell only, and perhaps one that is stuck.
    pub fn drain(&mut self, now: Time, limits: &Limits) {
        self.draining = true;
        if self.waiting == Waiting::Idle {
            self.since = now;
        }
        if let Some(writing) = self.writing.as_mut().filter(|_| limits.write_farewell.is_some()) {
            writing.since = now;
        }
    }

    /// How long what is being written may move nothing, if it does not wait for as long as it was
    /// fast before.
    fn farewell(&self, limits: &Limits) -> Option<Duration> {
        limits.write_farewell.filter(|_| self.draining)
    }

    /// Nothing is waited for any more.
    pub fn end(&mut self) {
        (self.waiting, self.writing) = (Waiting::Nothing, None);
    }

    /// That many bytes of the body came.
    pub fn got(&mut self, bytes: u64) {
        self.got += bytes;
    }

    /// Output was handed on, with `queued` bytes of earlier output still unsent.
    pub fn wrote(&mut self, bytes: u64, queued: usize, now: Time) {
        match &mut self.writing {
            Some(writing) if queued > 0 => writing.handed += bytes,
            writing => *writing = Some(Writing { since: now, handed: bytes }),
        }
    }

    /// When to look again, unless something happens before.
    pub fn deadline(&self, limits: &Limits) -> Option<Time> {
        let waiting = match self.waiting {
            Waiting::Idle if self.draining => Some(self.since + limits.farewell),
            Waiting::Idle => Some(self.since + limits.idle),
            Waiting::Head => Some(self.since + limits.head_time),
            // Soon enough to see what came in a burst and was followed by nothing.
            Waiting::Body => {
                Some(self.since + limits.grace + limits.worth(self.got).min(limits.grace))
            }
            Waiting::Nothing => None,
        };
        let grace = self.farewell(limits).unwrap_or(limits.grace);
        let writing = self.writing.map(|writing| writing.since + grace);
        match (waiting, writing) {
            (Some(waiting), Some(writing)) => Some(waiting.min(writing)),
            (waiting, writing) => waiting.or(writing),
        }
    }

    /// What is late at `now`, with `queued` bytes of output unsent.
    pub fn judge(&mut self, now: Time, queued: usize, limits: &Limits) -> Late {
        let farewell = self.farewell(limits);
        if let Some(writing) = &mut self.writing {
            let queued = queued as u64;
            let sent = writing.handed.saturating_sub(queued);
            let since = match farewell {
                Some(_) if sent > 0 => now,
                Some(_) => writing.since,
                None => paid(writing.since, sent, now, limits),
            };
            *writing = Writing { since, handed: queued };
            match queued {
                0 => self.writing = None,
                _ if now >= since + farewell.unwrap_or(limits.grace) => return Late::Write,
                _ => {}
            }
        }
        if self.waiting == Waiting::Body {
            let got = std::mem::take(&mut self.got);
            self.since = paid(self.since, got, now, limits);
        }
        // While output is stuck, the peer is busy reading it.
        if self.deadline(limits).is_none_or(|deadline| now < deadline) {
            return Late::No;
        }
        match self.waiting {
            Waiting::Idle if self.writing.is_some() => {
                self.since = now;
                Late::No
            }
            Waiting::Idle => Late::Idle,
            Waiting::Head => Late::Head,
            Waiting::Body => Late::Body,
            Waiting::Nothing => Late::No,
        }
    }
}

/// The time up to which `bytes` more have paid, where `since` was paid before.
fn paid(since: Time, bytes: u64, now: Time, limits: &Limits) -> Time {
    (since + limits.worth(bytes)).min(now + CREDIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn a_head_has_a_fixed_time_and_a_body_a_rate() {
        let limits = Limits::default();
        let mut patience = Patience::new(at(0));
        assert_eq!(patience.deadline(&limits), Some(at(75)));
        patience.wait_for(Waiting::Head, at(5));
        patience.wait_for(Waiting::Head, at(9));
        assert_eq!(patience.judge(at(14), 0, &limits), Late::No);
        assert_eq!(patience.judge(at(15), 0, &limits), Late::Head);
        patience.wait_for(Waiting::Body, at(15));
        patience.got(20 * 1024);
        assert_eq!(patience.judge(at(44), 0, &limits), Late::No);
        assert_eq!(patience.judge(at(45), 0, &limits), Late::Body);
        patience.wait_for(Waiting::Nothing, at(45));
        assert_eq!(patience.deadline(&limits), None);
    }

    #[test]
    fn a_slow_reader_is_late_by_what_it_took() {
        let limits = Limits::default();
        let mut patience = Patience::new(at(0));
        patience.wrote(100 * 1024, 0, at(0));
        assert_eq!(patience.deadline(&limits), Some(at(10)));
        // 10 KiB went: 10 s of grace and 10 s at the least rate.
        assert_eq!(patience.judge(at(10), 90 * 1024, &limits), Late::No);
        assert_eq!(patience.deadline(&limits), Some(at(20)));
        assert_eq!(patience.judge(at(20), 90 * 1024, &limits), Late::Write);
        assert_eq!(patience.judge(at(20), 0, &limits), Late::No);
        assert_eq!(patience.deadline(&limits), Some(at(75)));
    }

    #[test]
    fn what_moved_fast_counts_for_a_while_only() {
        let limits = Limits::default();
        let all = 1 << 20;
        let mut patience = Patience::new(at(0));
        patience.wait_for(Waiting::Nothing, at(0));
        patience.wrote(2 * all, 0, at(0));
        assert_eq!(patience.judge(at(10), all as usize, &limits), Late::No);
        assert_eq!(patience.deadline(&limits), Some(at(140)));
        assert_eq!(patience.judge(at(140), all as usize, &limits), Late::Write);
        let mut patience = Patience::new(at(0));
        patience.wait_for(Waiting::Body, at(0));
        patience.got(all);
        assert_eq!(patience.deadline(&limits), Some(at(20)));
        assert_eq!(patience.judge(at(20), 0, &limits), Late::No);
        patience.got(1);
        assert_eq!(patience.judge(at(149), 0, &limits), Late::No);
        assert_eq!(patience.judge(at(151), 0, &limits), Late::Body);
    }

    #[test]
    fn who_is_stuck_in_a_drain_has_a_farewell_where_there_is_one() {
        let with = |write_farewell| Limits { write_farewell, ..Limits::default() };
        let stuck = |limits: &Limits| {
            let mut patience = Patience::new(at(0));
            patience.wait_for(Waiting::Nothing, at(0));
            patience.wrote(100 * 1024, 0, at(0));
            assert_eq!(patience.judge(at(10), 40 * 1024, limits), Late::No);
            assert_eq!(patience.deadline(limits), Some(at(70)));
            patience.drain(at(20), limits);
            patience
        };
        let limits = with(Some(Duration::from_secs(1)));
        let mut patience = stuck(&limits);
        assert_eq!(patience.deadline(&limits), Some(at(21)));
        assert_eq!(patience.judge(at(21), 20 * 1024, &limits), Late::No, "it took some");
        assert_eq!(patience.deadline(&limits), Some(at(22)));
        assert_eq!(patience.judge(at(22), 20 * 1024, &limits), Late::Write);
        let mut patient = stuck(&with(None));
        assert_eq!(patient.judge(at(69), 40 * 1024, &with(None)), Late::No);
        assert_eq!(patient.judge(at(70), 40 * 1024, &with(None)), Late::Write);
    }

    #[test]
    fn who_still_reads_is_not_idle() {
        let limits = Limits { rate: 1, ..Limits::default() };
        let mut patience = Patience::new(at(0));
        patience.wrote(1000, 0, at(0));
        assert_eq!(patience.judge(at(75), 900, &limits), Late::No);
        assert_eq!(patience.judge(at(100), 100, &limits), Late::No);
        assert_eq!(patience.deadline(&limits), Some(at(150)));
    }
}
