//! Run-queue delay: how long threads wait for a CPU when they want one.
//!
//! The kernel counts for each thread the time that it waited to run, and how often it ran
//! (`Documentation/scheduler/sched-stats.rst`).

use rustix::thread::gettid;
use sluicegate::Time;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time over which the mean is taken, about.
const OVER: Duration = Duration::from_secs(1);

/// The threads whose delay counts; each adds itself.
#[derive(Debug, Default)]
pub struct Threads(Mutex<Vec<i32>>);

impl Threads {
    /// Adds the thread that calls.
    pub fn add_this(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(gettid().as_raw_nonzero().get());
    }

    /// What the kernel says of each; those that have ended are left out.
    pub(super) fn read(&self, root: &Path) -> Vec<Seen> {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = threads.iter().filter_map(|&thread| {
            let file = root.join(format!("proc/self/task/{thread}/schedstat"));
            let (waited, runs) = schedstat(&fs::read_to_string(file).ok()?)?;
            Some(Seen { thread, waited, runs })
        });
        seen.collect()
    }
}

/// What the kernel says of a thread: nanoseconds that it waited to run, and how often it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub thread: i32,
    pub waited: u64,
    pub runs: u64,
}

/// The line of a `schedstat`: nanoseconds on a CPU, nanoseconds waiting, how often it ran.
pub(crate) fn schedstat(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace().map(str::parse);
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(Ok(_)), Some(Ok(waited)), Some(Ok(runs)), None) => Some((waited, runs)),
        _ => None,
    }
}

/// From what is counted since the start to what it was lately.
#[derive(Debug, Default)]
pub(super) struct RunDelay {
    each: Vec<Lately>,
    looked: Time,
}

#[derive(Debug)]
struct Lately {
    last: Seen,
    /// The mean of the delay, in nanoseconds.
    mean: f64,
}

impl RunDelay {
    /// The mean delay of the thread that waits longest; nothing where no thread is seen.
    pub fn look(&mut self, now: Time, seen: &[Seen]) -> Option<Duration> {
        let weight = 1.0 - (-now.since(self.looked).as_secs_f64() / OVER.as_secs_f64()).exp();
        self.looked = now;
        self.each.retain(|lately| seen.iter().any(|seen| seen.thread == lately.last.thread));
        for &seen in seen {
            match self.each.iter_mut().find(|lately| lately.last.thread == seen.thread) {
                Some(lately) => lately.look(seen, weight),
                None => self.each.push(Lately { last: seen, mean: 0.0 }),
            }
        }
        let means = self.each.iter().map(|lately| lately.mean);
        means.reduce(f64::max).map(|mean| Duration::from_nanos(mean as u64))
    }
}

impl Lately {
    fn look(&mut self, seen: Seen, weight: f64) {
        let waited = seen.waited.saturating_sub(self.last.waited);
        let runs = seen.runs.saturating_sub(self.last.runs);
        self.last = seen;
        // A thread that did not run had nothing to do, or waits still: that is told when it runs.
        let delay = waited as f64 / runs.max(1) as f64;
        self.mean += (delay - self.mean) * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::ms;

    #[test]
    fn three_numbers_are_read_and_nothing_else() {
        assert_eq!(schedstat("123456 789 42\n"), Some((789, 42)));
        for text in ["", "1", "1 2", "1 2 3 4", "1 x 3", "1 -2 3", "1 2 99999999999999999999"] {
            assert_eq!(schedstat(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_mean_follows_the_thread_that_waits_longest_and_eases_when_it_rests() {
        let mut law = RunDelay::default();
        let (mut now, mut at) = (Time(0), [(0, 0), (0, 0)]);
        let mut go = |looks: u32, delays_us: [u64; 2]| {
            let mut mean = None;
            for _ in 0..looks {
                now = now + ms(100);
                for (at, us) in at.iter_mut().zip(delays_us) {
                    // Ten times in each 100 ms, unless it rests.
                    let runs = if us == 0 { 0 } else { 10 };
                    *at = (at.0 + us * 1000 * runs, at.1 + runs);
                }
                let seen = [(7, at[0]), (8, at[1])];
                let seen = seen.map(|(thread, (waited, runs))| Seen { thread, waited, runs });
                mean = law.look(now, &seen);
            }
            mean.expect("two are seen").as_micros() as u64
        };
        assert_eq!(go(1, [900, 900]), 0, "at first nothing is known of what was before");
        let after_a_second = go(10, [100, 4000]);
        assert!((2400..2600).contains(&after_a_second), "{after_a_second}");
        assert!((3990..=4000).contains(&go(70, [100, 4000])));
        assert!(go(70, [0, 0]) < 10, "it rests");
        assert_eq!(law.look(now, &[]), None, "and nobody is left");
    }

    #[test]
    fn counts_that_fall_back_are_no_delay() {
        let mut law = RunDelay::default();
        let seen = |waited, runs| [Seen { thread: 7, waited, runs }];
        law.look(Time(0) + ms(100), &seen(1_000_000, 10));
        assert_eq!(law.look(Time(0) + ms(200), &seen(5, 1)), Some(Duration::ZERO));
    }
}
