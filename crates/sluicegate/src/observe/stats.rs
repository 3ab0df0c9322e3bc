//! The counters of stages, wires and workers. Each is written by one worker alone.

use crate::event::{StageId, WorkerId};
use crate::ledger::{ByWhy, Ledger, Why};
use crate::observe::{ByClass, Cut, Cuts, Tally};
use crate::run::Plan;
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::time::{Clock, Time};
use std::ops::Range;
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long an observer waits for the workers to publish. In models, where no time passes, until
/// they did.
const PATIENCE: Duration = Duration::from_millis(if cfg!(loom) { 1 << 32 } else { 20 });

/// Set in the time for which a replica was parked while it is.
const PARKED: u64 = 1 << 63;

/// A count with one writer, to be read by anyone.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        // One writer: a plain load and store, not an exchange.
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one replica counts.
#[derive(Debug, Default)]
pub(crate) struct StageStats {
    pub served: Count,
    pub batches: Count,
    /// Nanoseconds in the handler and in delivery.
    pub busy: Count,
    /// Runs that took more than twice their slice.
    pub overruns: Count,
    /// How often output was held so that the stage parked.
    pub parked: Count,
    pub parked_now: Count,
    /// See [`StageStats::parked_for`].
    parked_time: Count,
    /// The most of it that anyone was told.
    parked_told: AtomicU64,
    pub panics: Count,
    /// How often the breaker opened.
    pub breaks: Count,
    /// How often another value took the place of the stage.
    pub replaced: Count,
    /// Answers that nobody waited for.
    pub strays: Count,
    pub refused: ByClass<Whys>,
    /// Made when something is first handled, so that a stage that idles stays small.
    times: OnceLock<Box<StageTimes>>,
}

/// The distributions of what one replica does.
#[derive(Debug, Default)]
pub(crate) struct StageTimes {
    pub wait: Tally,
    pub service: Tally,
    pub batch_sizes: Tally,
}

impl StageTimes {
    /// So many events of a batch were handled.
    pub fn batch(&self, events: usize) {
        if events > 0 {
            self.batch_sizes.record(events as u64, 1);
        }
    }
}

/// A count for each reason.
#[derive(Debug, Default)]
pub(crate) struct Whys([Count; Why::ALL.len()]);

impl Whys {
    pub fn add(&self, why: Why, n: u64) {
        self.0[why.index()].add(n);
    }

    pub fn get(&self) -> ByWhy {
        let mut sum = ByWhy::default();
        for why in Why::ALL {
            sum.count(why, self.0[why.index()].get());
        }
        sum
    }
}

/// What one worker counts of the flows of a class.
#[derive(Debug, Default)]
pub(crate) struct ClassStats {
    pub finished: Count,
    pub late: Count,
    pub ended: Whys,
    pub response: OnceLock<Box<Tally>>,
}

/// What one worker counts of itself.
#[derive(Debug, Default)]
pub(crate) struct WorkerStats {
    pub runs: Count,
    /// Nanoseconds in runs.
    pub busy: Count,
    pub classes: ByClass<ClassStats>,
}

impl StageStats {
    /// The distributions, for the one who writes.
    #[inline]
    pub fn times(&self) -> &StageTimes {
        self.times.get_or_init(Box::default)
    }

    /// The same for those who read: none where nothing was handled yet.
    pub fn known_times(&self) -> Option<&StageTimes> {
        self.times.get().map(|times| &**times)
    }

    /// Nanoseconds for which the replica was parked. While it is, the cell has those before less
    /// the time at which it parked, so that one load tells all; the clock is read after it. The
    /// worker has read the clock before it goes on: who looks between must not be told more than
    /// who looks later, so nobody is told less than anyone was before.
    pub fn parked_for(&self, clock: &Clock) -> u64 {
        let time = self.parked_time.get();
        let time = match time & PARKED {
            0 => time,
            _ => time.wrapping_add(clock.now().0) & !PARKED,
        };
        // Less than nothing: in a simulation a worker may be ahead of who looks.
        let time = if time > PARKED / 2 { 0 } else { time };
        self.parked_told.fetch_max(time, Relaxed).max(time)
    }

    /// The replica parks, or goes on.
    pub fn park(&self, parked: bool, now: Time) {
        let time = self.parked_time.get();
        if parked {
            self.parked.add(1);
            self.parked_time.set(time.wrapping_sub(now.0) | PARKED);
        } else {
            self.parked_time.set(time.wrapping_add(now.0) & !PARKED);
        }
        self.parked_now.set(u64::from(parked));
    }
}

/// What one replica counts at one of its wires.
#[derive(Debug, Default)]
pub(crate) struct WireStats {
    pub sent: Count,
    /// Events that are held now.
    pub held: Count,
    pub refused: Count,
    /// Those among them that had been delivered before.
    pub pushed_out: Count,
    pub diverted: Count,
    /// Questions of its window that are unanswered now.
    pub unanswered: Count,
}

/// The counters of a net.
pub(crate) struct Stats {
    stages: PerWorker<StageStats>,
    wires: PerWorker<WireStats>,
    workers: Vec<Arc<WorkerStats>>,
    epoch: AtomicU64,
    cuts: Mutex<Cuts>,
    published: Condvar,
}

/// What workers count of stages, or of wires, each of which has workers of its own.
struct PerWorker<T> {
    counts: Vec<Arc<T>>,
    /// The first worker of each, and where its counts begin; and where those of the last end.
    rows: Vec<(usize, usize)>,
}

impl<T: Default> PerWorker<T> {
    fn new(workers: &[Range<usize>]) -> Self {
        let begin = workers.iter().scan(0, |at, workers| {
            let row = (workers.start, *at);
            *at += workers.len();
            Some(row)
        });
        let mut rows: Vec<_> = begin.collect();
        let all = workers.iter().map(Range::len).sum();
        rows.push((0, all));
        Self { counts: (0..all).map(|_| Arc::default()).collect(), rows }
    }

    fn of(&self, n: usize, worker: WorkerId) -> Arc<T> {
        Arc::clone(&self.all_of(n)[worker.index() - self.rows[n].0])
    }

    fn all_of(&self, n: usize) -> &[Arc<T>] {
        &self.counts[self.rows[n].1..self.rows[n + 1].1]
    }
}

impl Stats {
    /// For a net of so many `workers`, by the workers that run each stage, and those that run the
    /// stage from which each wire leads.
    pub fn new(workers: usize, stages: &[Range<usize>], wires: &[Range<usize>]) -> Self {
        Self {
            stages: PerWorker::new(stages),
            wires: PerWorker::new(wires),
            workers: (0..workers).map(|_| Arc::default()).collect(),
            epoch: AtomicU64::new(0),
            cuts: Mutex::new(Cuts::new(workers)),
            published: Condvar::new(),
        }
    }

    pub fn stage(&self, worker: WorkerId, stage: StageId) -> Arc<StageStats> {
        self.stages.of(stage.index(), worker)
    }

    pub fn wire(&self, worker: WorkerId, wire: usize) -> Arc<WireStats> {
        self.wires.of(wire, worker)
    }

    pub fn worker(&self, worker: WorkerId) -> &Arc<WorkerStats> {
        &self.workers[worker.index()]
    }

    pub fn workers(&self) -> impl Iterator<Item = &WorkerStats> {
        self.workers.iter().map(|counts| &**counts)
    }

    /// The counters of one stage, of all its workers.
    pub fn of_stage(&self, stage: StageId) -> impl Iterator<Item = &StageStats> {
        self.stages.all_of(stage.index()).iter().map(|counts| &**counts)
    }

    /// The counters of one wire, of all its workers.
    pub fn of_wire(&self, wire: usize) -> impl Iterator<Item = &WireStats> {
        self.wires.all_of(wire).iter().map(|counts| &**counts)
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(SeqCst)
    }

    pub fn publish(&self, worker: WorkerId, cut: Cut) {
        self.cuts().publish(worker, cut);
        self.published.notify_all();
    }

    /// Begins an epoch, which `tell_all` tells the workers, and waits, but not for long and not for
    /// the worker `me`, until all of them have published for it. Where one did not the parts are of
    /// an epoch before.
    pub fn cut(&self, tell_all: impl FnOnce(), me: Option<WorkerId>) -> Vec<Cut> {
        self.cut_within(PATIENCE, tell_all, me)
    }

    /// The same of a simulated net, whose workers stand still while somebody looks.
    pub fn cut_at_once(&self, tell_all: impl FnOnce()) -> Vec<Cut> {
        self.cut_within(Duration::ZERO, tell_all, None)
    }

    fn cut_within(
        &self,
        patience: Duration,
        tell_all: impl FnOnce(),
        me: Option<WorkerId>,
    ) -> Vec<Cut> {
        let epoch = self.epoch.fetch_add(1, SeqCst) + 1;
        tell_all();
        let end = Instant::now() + patience;
        let mut cuts = self.cuts();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || cuts.are_of(epoch, me) {
                return cuts.newest(epoch, me);
            }
            let waited = self.published.wait_timeout(cuts, left);
            cuts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the net has nothing in flight and nothing left to do. Workers publish one after
    /// the other, and a flow may pass from one to the next between: so they are asked twice, and
    /// nothing may have happened meanwhile.
    pub fn drained(&self, plan: &Plan) -> bool {
        let [first, second] = [(); 2].map(|()| self.drained_once(plan));
        first.is_some() && first == second
    }

    fn drained_once(&self, plan: &Plan) -> Option<Ledger> {
        let before = self.epoch();
        let cuts = self.cut(|| plan.tell_all(), None);
        let ledger = sum(&cuts, plan);
        let all = cuts.iter().all(|cut| cut.epoch > before && cut.drained);
        (all && ledger.in_flight == 0).then_some(ledger)
    }

    /// The ledger as published last.
    pub fn ledger(&self, plan: &Plan) -> Ledger {
        sum(self.cuts().last(), plan)
    }

    fn cuts(&self) -> MutexGuard<'_, Cuts> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ledger over all workers and entries.
pub(crate) fn sum(cuts: &[Cut], plan: &Plan) -> Ledger {
    let mut ledger = Ledger::default();
    for cut in cuts {
        ledger += cut.ledger;
    }
    for entry in &plan.entries {
        let entered = entry.entered.load(SeqCst);
        ledger.entered += entered;
        // What an entry put into queues; the workers count what they took out.
        ledger.in_flight += entered as i64;
    }
    ledger
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::VirtualTime;

    #[test]
    fn the_time_for_which_one_was_parked_never_shrinks() {
        let (stats, time) = (StageStats::default(), VirtualTime::default());
        let clock = Clock::Virtual(time.clone());
        stats.park(true, Time(100));
        time.set(Time(150));
        assert_eq!(stats.parked_for(&clock), 50);
        // The worker had read the clock before who looked did.
        stats.park(false, Time(130));
        assert_eq!(stats.parked_for(&clock), 50);
        stats.park(true, Time(150));
        time.set(Time(190));
        assert_eq!(stats.parked_for(&clock), 70);
    }
}
