//! Which records are written while the log cannot keep up with all of them.
//!
//! Each record that is written under pressure has a weight: it stands for itself and for those of
//! its sort that were left out since the last that was written. So the weights add up to the
//! records that there were.
use std::time::Duration;

use sluicegate::Time;

/// The part of the log's queue at which half as many are written; with each batch, while it lasts.
const CROWDED: f64 = 1.0 / 2.0;
/// The part at which it is one in `SOON` of them: blocks are lost by now, or soon.
const FULL: f64 = 7.0 / 8.0;
const SOON: u64 = 8;
/// The part below which twice as many are written ...
const EASY: f64 = 1.0 / 8.0;
/// ... but not sooner than this after the last change: a queue that was just emptied says little.
const EASE: Duration = Duration::from_secs(1);
/// At most one in so many is left.
const MOST: u64 = 1024;
/// Errors, refusals and replies that were broken off are so many times as likely to be written.
const ERRORS_FIRST: u64 = 16;
/// The seed; which records are written is no secret.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Draws records.
#[derive(Debug)]
pub struct Sampler {
    /// One in so many ordinary records is written. A power of two.
    one_in: u64,
    changed: Time,
    /// Those left out since the last that was written: ordinary ones, and errors.
    skipped: [u64; 2],
    random: u64,
}

impl Default for Sampler {
    fn default() -> Sampler {
        Sampler { one_in: 1, changed: Time(0), skipped: [0; 2], random: SEED }
    }
}

impl Sampler {
    /// Goes by how much of the queue is taken, from 0 to 1. Once a batch.
    pub fn look(&mut self, taken: f64, now: Time) {
        let eases = self.one_in > 1 && now.since(self.changed) >= EASE;
        let next = match taken {
            taken if taken >= FULL => (self.one_in * SOON).min(MOST),
            taken if taken >= CROWDED => (self.one_in * 2).min(MOST),
            taken if taken <= EASY && eases => self.one_in / 2,
            _ => return,
        };
        (self.one_in, self.changed) = (next, now);
    }

    /// One in so many ordinary records is written.
    pub fn one_in(&self) -> u64 {
        self.one_in
    }

    /// The weight of a record that is to be written; none where it is left out.
    pub fn weigh(&mut self, is_error: bool) -> Option<u64> {
        let one_in = if is_error { (self.one_in / ERRORS_FIRST).max(1) } else { self.one_in };
        let is_drawn = one_in == 1 || self.draw().is_multiple_of(one_in);
        let skipped = &mut self.skipped[usize::from(is_error)];
        if is_drawn {
            return Some(std::mem::take(skipped) + 1);
        }
        *skipped += 1;
        None
    }

    /// A number of which every bit is as good as by chance (xorshift64*).
    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rate_follows_the_queue() {
        let mut sampler = Sampler::default();
        let at = |ms: u64| Time(ms * 1_000_000);
        sampler.look(0.49, at(0));
        assert_eq!(sampler.one_in(), 1);
        (0..3).for_each(|_| sampler.look(0.5, at(1)));
        assert_eq!(sampler.one_in(), 8);
        sampler.look(0.0, at(900));
        sampler.look(0.3, at(5000));
        assert_eq!(sampler.one_in(), 8);
        sampler.look(0.1, at(6000));
        sampler.look(0.1, at(6500));
        assert_eq!(sampler.one_in(), 4);
        (7..20).for_each(|s| sampler.look(0.1, at(s * 1000)));
        assert_eq!(sampler.one_in(), 1);
        (0..2).for_each(|_| sampler.look(1.0, at(20_000)));
        assert_eq!(sampler.one_in(), SOON * SOON);
        (0..100).for_each(|_| sampler.look(1.0, at(20_000)));
        assert_eq!(sampler.one_in(), MOST);
    }

    #[test]
    fn errors_are_written_first() {
        let mut sampler = Sampler::default();
        (0..4).for_each(|_| sampler.look(0.5, Time(0)));
        assert_eq!(sampler.one_in(), ERRORS_FIRST);
        let written = |sampler: &mut Sampler, is_error| {
            (0..16_000).filter(|_| sampler.weigh(is_error).is_some()).count()
        };
        assert_eq!(written(&mut sampler, true), 16_000);
        let plain = written(&mut sampler, false);
        assert!((900..1100).contains(&plain), "{plain} of 16000 at one in 16");
        sampler.look(0.5, Time(0));
        let errors = written(&mut sampler, true);
        assert!((7600..8400).contains(&errors), "{errors} of 16000 at one in 2");
    }

    proptest! {
        /// Whatever the queue does, the weights add up.
        #[test]
        fn weights_add_up_to_the_records(
            steps in prop::collection::vec((0.0..1.0, 0..2000_u64), 1..60),
        ) {
            let (mut sampler, mut now) = (Sampler::default(), Time(0));
            let (mut records, mut weights) = ([0_u64; 2], [0_u64; 2]);
            for (taken, ms) in steps {
                now = now + Duration::from_millis(ms);
                sampler.look(taken, now);
                for n in 0..ms {
                    let sort = usize::from(n % 5 == 0);
                    records[sort] += 1;
                    weights[sort] += sampler.weigh(sort == 1).unwrap_or(0);
                }
            }
            while sampler.one_in() > 1 {
                now = now + EASE;
                sampler.look(0.0, now);
            }
            for sort in 0..2 {
                records[sort] += 1;
                weights[sort] += sampler.weigh(sort == 1).expect("all are written again");
            }
            prop_assert_eq!(records, weights);
        }
    }
}
