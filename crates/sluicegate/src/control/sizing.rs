//! The size of a pool: more threads while work stands and they help, back when they do not.
//!
//! Welsh, Culler and Brewer, SEDA, SOSP 2001, section 4.1, add a thread when a queue is longer than
//! a threshold and take one away when it idles for 5 s; Welsh's thesis, 2002, section 5.4.1, goes
//! back to the best size so far when throughput falls by a fifth ("thrashing"). Both need a
//! threshold, and a best that is never forgotten. Here each change is a trial that is held against
//! the throughput just before it, as in hill climbing (Hellerstein, Morrison and Eilebrecht,
//! Optimizing Concurrency Levels in the .NET ThreadPool, CMG 2009). Threads that wait outside the
//! processor bring more of them, threads that burn bring none beyond the processors: so which it
//! is need not be known.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A size is judged by at least this time and this many events or none, or by this time and fewer.
const WINDOW: Duration = Duration::from_millis(500);
const EVENTS: u64 = 32;
const WINDOW_MAX: Duration = Duration::from_secs(5);
/// Of the gain that would be in proportion to the threads, so much must come for them to stay.
const GAIN: f64 = 0.2;
/// A trial adds a half of the threads, or takes away a third; where neither is better the next is
/// finer by half each time, to this at most.
const COARSE: usize = 2;
const FINE: usize = 16;
/// How long the size rests when neither more nor fewer threads are better: doubled each time.
const HOLD: Duration = Duration::from_secs(2);
const HOLD_MAX: Duration = Duration::from_secs(60);
/// Threads that nothing needed for so long are taken away (SEDA).
const IDLE: Duration = Duration::from_secs(5);

/// What a pool showed since the last tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolSample {
    pub span: Duration,
    /// Events that were handled.
    pub served: u64,
    /// Time in handlers, of those that are done.
    pub busy: Duration,
    /// Threads that are in a handler now.
    pub working: usize,
    /// Whether events wait now.
    pub stands: bool,
}

/// The law of one pool.
#[derive(Clone, Debug)]
pub(crate) struct Sizing {
    min: usize,
    max: usize,
    threads: usize,
    window: Window,
    trial: Option<Trial>,
    /// The next trial adds threads, or takes some away.
    grows: bool,
    /// It adds one of so many.
    part: usize,
    /// What is left of a rest, and how long the next will be.
    hold: Duration,
    next_hold: Duration,
    /// The most threads that were needed since, and since when.
    needed: usize,
    idle: Duration,
}

/// What is seen of the present size.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    span: Duration,
    served: u64,
    /// Whether the queue ran empty: then more threads have nothing to do.
    emptied: bool,
}

/// The size before a change, and its throughput.
#[derive(Clone, Copy, Debug)]
struct Trial {
    threads: usize,
    rate: f64,
}

impl Sizing {
    pub fn new(threads: RangeInclusive<usize>) -> Self {
        let (min, max) = (*threads.start(), *threads.end());
        Self {
            min,
            max,
            threads: min,
            window: Window::default(),
            trial: None,
            grows: true,
            part: COARSE,
            hold: Duration::ZERO,
            next_hold: HOLD,
            needed: 0,
            idle: Duration::ZERO,
        }
    }

    /// Begins with so many threads, within the range.
    pub fn starting_at(self, threads: usize) -> Self {
        Self { threads: threads.clamp(self.min, self.max), ..self }
    }

    /// The fewest and the most threads.
    pub fn range(&self) -> (usize, usize) {
        (self.min, self.max)
    }

    /// Sets another range. A trial that is under way is given up: what it was held against may be
    /// outside.
    pub fn set_range(&mut self, threads: RangeInclusive<usize>) {
        (self.min, self.max) = (*threads.start(), *threads.end());
        self.threads = self.threads.clamp(self.min, self.max);
        (self.window, self.trial) = (Window::default(), None);
    }

    /// How many threads there shall be, by the last tick.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Whether there can be no fewer.
    pub fn is_least(&self) -> bool {
        self.threads == self.min
    }

    /// How many threads there shall be.
    pub fn tick(&mut self, sample: &PoolSample) -> usize {
        self.hold = self.hold.saturating_sub(sample.span);
        self.window.span += sample.span;
        self.window.served += sample.served;
        self.window.emptied |= !sample.stands;
        self.dismiss(sample);
        // Where nothing is handled at all nothing is learnt from more of it.
        let told = self.window.served >= EVENTS || self.window.served == 0;
        let enough = self.window.span >= WINDOW && told;
        if enough || self.window.span >= WINDOW_MAX {
            self.judge();
        }
        self.threads
    }

    /// Takes away what nothing needed.
    fn dismiss(&mut self, sample: &PoolSample) {
        let mean = sample.busy.as_secs_f64() / sample.span.as_secs_f64().max(f64::MIN_POSITIVE);
        // One more than the mean, for what comes together by chance.
        let needed = if mean > 0.0 { mean.ceil() as usize + 1 } else { 0 };
        self.needed = self.needed.max(needed).max(sample.working);
        self.idle += sample.span;
        if sample.stands {
            (self.needed, self.idle) = (self.threads, Duration::ZERO);
        } else if self.idle >= IDLE {
            let needed = self.needed.clamp(self.min, self.max);
            if needed < self.threads {
                self.set(needed);
                self.trial = None;
            }
            (self.needed, self.idle) = (0, Duration::ZERO);
        }
    }

    /// Holds the size against the one before, and begins a trial where work stands.
    fn judge(&mut self) {
        let window = std::mem::take(&mut self.window);
        let rate = window.served as f64 / window.span.as_secs_f64();
        let tried = self.trial.take();
        if window.emptied {
            // There is too little to do to learn from; what was begun is kept.
            (self.next_hold, self.part) = (HOLD, COARSE);
            self.grows = true;
            return;
        }
        if let Some(before) = tried {
            if self.is_better(rate, before) {
                self.next_hold = HOLD;
                self.part = (self.part / 2).max(COARSE);
            } else {
                self.set(before.threads);
                self.grows = !self.grows;
                if self.grows {
                    // Neither was better.
                    self.hold = self.next_hold;
                    self.next_hold = (self.next_hold * 2).min(HOLD_MAX);
                    self.part = (self.part * 2).min(FINE);
                }
                // The throughput of this size is to be seen again.
                return;
            }
        }
        if self.hold.is_zero() {
            self.begin(rate);
        }
    }

    /// Whether the present size, at `rate`, is better than another: more threads must bring a share
    /// of what they could, fewer may cost less than that.
    fn is_better(&self, rate: f64, before: Trial) -> bool {
        let (ours, theirs) = (self.threads as f64, before.threads as f64);
        let (few, many) = (ours.min(theirs), ours.max(theirs));
        let wanted = 1.0 + GAIN * (many - few) / few;
        match self.threads > before.threads {
            true => rate >= before.rate * wanted,
            false => rate * wanted > before.rate,
        }
    }

    fn begin(&mut self, rate: f64) {
        let before = self.threads;
        let wanted = match self.grows {
            true => before + (before / self.part).max(1),
            false => before - (before / (self.part + 1)).max(1),
        };
        let wanted = wanted.clamp(self.min, self.max);
        if wanted == before {
            // At this end there is nothing to try.
            self.grows = !self.grows;
            self.hold = HOLD;
            return;
        }
        self.trial = Some(Trial { threads: before, rate });
        self.set(wanted);
    }

    fn set(&mut self, threads: usize) {
        self.threads = threads;
        self.window = Window::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    const TICK: Duration = ms(100);

    /// The sizes over `seconds` of a pool that serves `rate(threads)` a second, while so many ask.
    fn sizes(
        law: &mut Sizing,
        seconds: usize,
        asked: f64,
        rate: impl Fn(usize) -> f64,
    ) -> Vec<usize> {
        let mut due = 0.0;
        let tick = |_| {
            let can = rate(law.threads);
            due += can.min(asked) * TICK.as_secs_f64();
            let served = due as u64;
            due -= served as f64;
            let share = (asked / can).min(1.0);
            let busy = TICK.mul_f64(share * law.threads as f64);
            let working = (share * law.threads as f64) as usize;
            law.tick(&PoolSample { span: TICK, served, busy, working, stands: asked > can })
        };
        (0..seconds * 10).map(tick).collect()
    }

    /// Handlers that wait 20 ms outside the processor.
    fn waiting(threads: usize) -> f64 {
        threads as f64 * 50.0
    }

    #[test]
    fn threads_that_wait_are_as_many_as_littles_law_asks_for_within_seconds() {
        for asked in [30.0, 150.0, 440.0, 1900.0] {
            let mut law = Sizing::new(1..=64);
            let all = sizes(&mut law, 10, asked, waiting);
            let wanted = (asked / 50.0).ceil() as usize;
            let last = all[all.len() - 1];
            assert!((wanted..=wanted * 3 / 2 + 1).contains(&last), "{asked}: {last}");
        }
    }

    #[test]
    fn threads_that_burn_are_as_many_as_the_processors() {
        let mut law = Sizing::new(1..=64);
        let all = sizes(&mut law, 600, 1e6, |threads| threads.min(4) as f64 * 1000.0);
        let late = &all[100..];
        let mean = late.iter().sum::<usize>() as f64 / late.len() as f64;
        assert!((3.5..4.5).contains(&mean), "{mean}");
        assert!(late.iter().all(|n| (2..=6).contains(n)));
    }

    #[test]
    fn a_pool_that_thrashes_goes_back() {
        // A critical section: the more want it the longer it takes.
        let thrashing = |threads: usize| match threads {
            0..=8 => threads as f64 * 100.0,
            more => 800.0 * (8.0 / more as f64).powi(2),
        };
        let mut law = Sizing::new(1..=100);
        let all = sizes(&mut law, 300, 1e6, thrashing);
        let late = &all[200..];
        let good = late.iter().filter(|n| (6..=8).contains(*n)).count();
        assert!(good as f64 > 0.9 * late.len() as f64, "{late:?}");
        // The very pool begins to thrash at a size that was right before.
        let mut law = Sizing::new(1..=100);
        sizes(&mut law, 30, 1e6, waiting);
        let before = law.threads;
        let all = sizes(&mut law, 300, 1e6, thrashing);
        assert!(before > 50 && all[all.len() - 1] <= 9, "{before}, {}", all[all.len() - 1]);
    }

    #[test]
    fn what_idles_for_five_seconds_is_taken_away_and_not_before() {
        let mut law = Sizing::new(2..=32);
        sizes(&mut law, 10, 1000.0, waiting);
        let grown = law.threads;
        assert!(grown >= 20);
        let all = sizes(&mut law, 20, 150.0, waiting);
        assert_eq!(all[40], grown);
        assert_eq!(all[110], 4, "three, and one for what comes together");
        assert_eq!(sizes(&mut law, 20, 0.0, waiting)[199], 2);
    }

    #[test]
    fn the_size_stays_within_its_bounds() {
        let mut law = Sizing::new(3..=5);
        let all = sizes(&mut law, 100, 1e6, waiting);
        assert!(all.iter().all(|n| (3..=5).contains(n)));
        assert_eq!(all.iter().max(), Some(&5));
    }
}
