//! Models of when flows come: open loops, which come whatever becomes of those before, and closed
//! ones, whose clients wait for an answer first.

use crate::sim::{Random, ServiceTime};
use crate::time::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// When the flows of a simulation come.
///
/// ```
/// use sluicegate::sim::{Arrivals, Gaps};
/// use sluicegate::{Time, ms};
///
/// let mut arrivals = Arrivals::open(Gaps::Even, 100.0, ms(1000), 1);
/// let mut come = 0;
/// while arrivals.next_until(Time::default() + ms(500)).is_some() {
///     come += 1;
/// }
/// assert_eq!(come, 50);
/// ```
#[derive(Clone, Debug)]
pub struct Arrivals {
    random: Random,
    from: Loop,
}

#[derive(Clone, Debug)]
enum Loop {
    Open(Open),
    Closed { think: ServiceTime, due: BinaryHeap<Reverse<Time>> },
}

/// How far apart the flows of an open loop come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// At equal distances.
    Even,
    /// At random, by a Poisson process: very many clients that know nothing of each other.
    Poisson,
    /// So many at once, at least 1, at random times.
    Bursts(usize),
}

#[derive(Clone, Debug)]
struct Open {
    gaps: Gaps,
    /// What is left of each phase, and its flows a second.
    phases: VecDeque<(Duration, f64)>,
    /// How many of a burst are still to come now.
    burst: usize,
    /// Where the phases have been used up to.
    at: Time,
    next: Option<Time>,
}

impl Arrivals {
    /// An open loop of `rate` flows a second for `span`.
    pub fn open(gaps: Gaps, rate: f64, span: Duration, seed: u64) -> Self {
        Self::phases(gaps, [(span, rate)], seed)
    }

    /// An open loop whose rate changes: so many flows a second for each span, one after the other.
    pub fn phases(
        gaps: Gaps,
        phases: impl IntoIterator<Item = (Duration, f64)>,
        seed: u64,
    ) -> Self {
        let phases = phases.into_iter().collect();
        let mut random = Random::new(seed);
        let mut open = Open { gaps, phases, burst: 0, at: Time(0), next: None };
        open.draw(&mut random);
        Self { random, from: Loop::Open(open) }
    }

    /// A closed loop: each of `clients` thinks, asks, and thinks again when its flow has
    /// [ended](Self::ended).
    pub fn closed(clients: usize, think: ServiceTime, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let due = (0..clients).map(|_| Reverse(Time(0) + think.draw(&mut random))).collect();
        Self { random, from: Loop::Closed { think, due } }
    }

    /// When the next flow comes, as far as is known.
    pub fn due(&self) -> Option<Time> {
        match &self.from {
            Loop::Open(open) => open.next,
            Loop::Closed { due, .. } => due.peek().map(|Reverse(at)| *at),
        }
    }

    /// Takes the next flow that has come by `now`: when that was.
    pub fn next_until(&mut self, now: Time) -> Option<Time> {
        let at = self.due().filter(|&at| at <= now)?;
        match &mut self.from {
            Loop::Open(open) => open.draw(&mut self.random),
            Loop::Closed { due, .. } => _ = due.pop(),
        }
        Some(at)
    }

    /// A flow has ended, in whatever way: its client, in a closed loop, begins to think.
    pub fn ended(&mut self, now: Time) {
        if let Loop::Closed { think, due } = &mut self.from {
            due.push(Reverse(now + think.draw(&mut self.random)));
        }
    }
}

impl Open {
    /// Draws when the next flow comes: a process of rate 1 in a time that goes as fast as the rate.
    fn draw(&mut self, random: &mut Random) {
        if self.burst > 0 {
            self.burst -= 1;
            return;
        }
        let mut left = match self.gaps {
            Gaps::Even => 1.0,
            Gaps::Poisson => random.exponential(),
            Gaps::Bursts(n) => {
                self.burst = n.saturating_sub(1);
                random.exponential() * n as f64
            }
        };
        self.next = None;
        while let Some((span, rate)) = self.phases.front_mut() {
            let here = span.as_secs_f64() * *rate;
            if here > 0.0 && left <= here {
                let after = Duration::from_secs_f64(left / *rate).min(*span);
                *span -= after;
                self.at = self.at + after;
                self.next = Some(self.at);
                return;
            }
            left -= here;
            self.at = self.at + *span;
            self.phases.pop_front();
        }
        self.burst = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    fn all(mut arrivals: Arrivals) -> Vec<Time> {
        std::iter::from_fn(|| arrivals.next_until(Time(u64::MAX))).collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_open_loop_has_its_rate_in_each_phase() {
        for gaps in [Gaps::Even, Gaps::Poisson, Gaps::Bursts(10)] {
            let phases = [(SECOND * 10, 100.0), (SECOND * 10, 0.0), (SECOND * 10, 1000.0)];
            let times = all(Arrivals::phases(gaps, phases, 3));
            let count = |from: u64, to: u64| {
                let [after, to] = [from, to].map(|at| Time(0) + SECOND * at as u32);
                times.iter().filter(|&&at| at > after && at <= to).count() as f64
            };
            // Four standard deviations of bursts of ten.
            assert!((count(0, 10) - 1000.0).abs() < 400.0, "{gaps:?} {}", count(0, 10));
            assert!((count(20, 30) - 10_000.0).abs() < 1300.0, "{gaps:?} {}", count(20, 30));
            assert_eq!(count(10, 20) + count(30, 40), 0.0, "{gaps:?}");
            assert!(times.is_sorted());
        }
    }

    #[test]
    fn even_flows_are_even_and_bursts_come_at_once() {
        let times = all(Arrivals::open(Gaps::Even, 4.0, SECOND, 1));
        assert_eq!(times, [250, 500, 750, 1000].map(|at| Time(0) + ms(at)));
        let times = all(Arrivals::open(Gaps::Bursts(3), 30.0, SECOND, 1));
        assert!(times.len() > 5 && times.chunks(3).all(|burst| burst == [burst[0]; 3]));
    }

    #[test]
    fn a_closed_loop_waits_for_its_flows() {
        let mut arrivals = Arrivals::closed(2, ServiceTime::Fixed(ms(10)), 1);
        let at = Time(0) + ms(10);
        assert_eq!((arrivals.next_until(at), arrivals.next_until(at)), (Some(at), Some(at)));
        assert_eq!((arrivals.due(), arrivals.next_until(Time(u64::MAX))), (None, None));
        arrivals.ended(Time(0) + ms(15));
        assert_eq!(arrivals.due(), Some(Time(0) + ms(25)));
    }
}
