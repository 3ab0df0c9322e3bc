//! The steps of flows in flight, as one worker knows them: a table with one writer, which others
//! read when a flow has ended that is kept.
//!
//! A place is found by the flow's number, and a flow that comes anew takes that of an older one.
//! So a flow that is in flight for long keeps its place however much passes meanwhile, as long as
//! the numbers of those in flight are near each other, as sources give them. A reader sees by the
//! version of a place whether it was taken while he read.

use crate::event::StageId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// Flows of which a worker knows steps.
const PLACES: usize = 4096;
/// Steps of one flow on one worker.
const STEPS: usize = 12;
/// Flows of batches that a worker remembers, for who was in a batch with whom.
const TAKEN: usize = 4096;
/// The most batch mates of a step that are told.
pub(crate) const MATES_MAX: usize = 8;

/// What a time is that is not known.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// A batch of answers.
pub(crate) const ANSWERS: u8 = 1;
/// The flow entered the net here.
pub(crate) const ENTERED: u8 = 2;
/// A question about the flow was asked here, whose own steps are found under its key.
pub(crate) const ASKED: u8 = 4;
/// A second tag of the flow.
pub(crate) const FORKED: u8 = 8;

/// Where in a step's first word the parts are beside its stage.
const KIND_AT: u32 = 16;
const BATCH_AT: u32 = 32;
const PLACE_AT: u32 = 48;

/// Names a flow, or a question about one, among all that are in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathKey {
    pub flow: u64,
    pub born: u64,
    /// The source, the home worker, and whether it is a question.
    pub from: u64,
}

impl PathKey {
    pub fn new(flow: u64, born: u64, source: StageId, home: u16, question: bool) -> Self {
        let from = u64::from(source.0) << 32 | u64::from(home) << 16 | u64::from(question);
        Self { flow, born, from }
    }

    pub fn is_question(&self) -> bool {
        self.from & 1 != 0
    }

    pub fn source(&self) -> StageId {
        StageId((self.from >> 32) as u16)
    }

    /// A number by which chance chooses, the same wherever it is asked for.
    pub fn chance(&self) -> u64 {
        let mixed = self.flow.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.born;
        mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
    }

    /// Whether one of them takes the place of the other.
    #[inline]
    pub fn shares_place(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// A question's place in its window is used again at once: its generation spreads it.
    #[inline]
    fn place(&self) -> usize {
        let spread = (self.from >> 32).wrapping_mul(977);
        let generation = if self.is_question() { (self.flow >> 32).wrapping_mul(64) } else { 0 };
        (self.flow.wrapping_add(spread).wrapping_add(generation)) as usize % PLACES
    }
}

/// One step as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub worker: u16,
    pub stage: StageId,
    pub kind: u8,
    /// Events of its batch, as many as were there until it is known how many were taken; and its
    /// place among those that are flows.
    pub batch: u16,
    pub place: u16,
    pub queued: u64,
    pub started: u64,
    pub ended: u64,
    /// The number of the first flow of its batch among those that the worker took with others,
    /// `UNKNOWN` where there are no others; of `ASKED` the question.
    pub link: u64,
    /// In a simulation: steps that any worker noted before have lower numbers.
    pub number: u64,
}

impl Step {
    fn head(&self) -> u64 {
        u64::from(self.stage.0)
            | u64::from(self.kind) << KIND_AT
            | u64::from(self.batch) << BATCH_AT
            | u64::from(self.place) << PLACE_AT
    }
}

/// What is known of a flow's steps on one worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub steps: Vec<Step>,
    /// Steps for which there was no room.
    pub lost: usize,
    /// The trace that the flow is part of, and the span in it that it serves; 0 where none is.
    pub trace: [u64; 3],
}

pub(crate) struct Paths {
    /// Made when they are first taken.
    places: Box<[OnceLock<Box<Place>>; PLACES]>,
    /// Each with the number of the first of its batch.
    taken: Box<[[AtomicU64; 2]; TAKEN]>,
    /// How many flows were taken with others.
    count: AtomicU64,
}

/// Where a step is.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    place: u32,
    step: u32,
}

/// The steps of one flow.
#[derive(Default)]
struct Place {
    /// Odd while another flow takes the place; 0 before the first.
    version: AtomicU64,
    key: [AtomicU64; 3],
    trace: [AtomicU64; 3],
    count: AtomicU64,
    steps: [Cells; STEPS],
}

/// A step as its words.
#[derive(Default)]
struct Cells {
    head: AtomicU64,
    queued: AtomicU64,
    started: AtomicU64,
    ended: AtomicU64,
    link: AtomicU64,
    number: AtomicU64,
}

impl Paths {
    pub fn new() -> Self {
        Self {
            places: Box::new([const { OnceLock::new() }; PLACES]),
            taken: Box::new([const { [AtomicU64::new(0), AtomicU64::new(UNKNOWN)] }; TAKEN]),
            count: AtomicU64::new(0),
        }
    }

    #[inline]
    fn place(&self, place: usize) -> &Place {
        self.places[place % PLACES].get_or_init(Box::default)
    }

    /// How many flows the worker took with others.
    #[inline]
    pub fn count(&self) -> u64 {
        self.count.load(Acquire)
    }

    /// Remembers that the worker took a flow, one of several of a batch with that first.
    pub fn take(&self, flow: u64, first: u64) {
        let n = self.count.load(Relaxed);
        let [taken, of] = &self.taken[n as usize % TAKEN];
        taken.store(flow, Release);
        of.store(first, Release);
        self.count.store(n + 1, Release);
    }

    /// The first step of `key`, which takes its place from whoever has it, also from one that had
    /// the same key.
    pub fn begin(&self, key: &PathKey, step: &Step) -> Spot {
        let at = key.place();
        let place = self.place(at);
        place.take_over(key);
        place.put(at, 0, step)
    }

    /// Adds a step to those of `key`, or counts it where there is no room for it.
    #[inline]
    pub fn add(&self, key: &PathKey, step: &Step) -> Spot {
        let at = key.place();
        let place = self.place(at);
        if !place.is_of(key) {
            place.take_over(key);
        }
        place.put(at, place.count.load(Relaxed), step)
    }

    fn cells(&self, Spot { place, step }: Spot) -> Option<&Cells> {
        self.places[place as usize % PLACES].get()?.steps.get(step as usize)
    }

    /// A step ends. Where another flow took its place since, in the same run, both end.
    #[inline]
    pub fn end(&self, spot: Spot, now: u64) {
        if let Some(cells) = self.cells(spot) {
            cells.ended.store(now, Release);
        }
    }

    /// Says how many events were taken of a step's batch.
    pub fn set_batch(&self, spot: Spot, events: usize) {
        if let Some(cells) = self.cells(spot) {
            let head = cells.head.load(Relaxed) & !(u64::from(u16::MAX) << BATCH_AT);
            let events = events.min(usize::from(u16::MAX)) as u64;
            cells.head.store(head | events << BATCH_AT, Release);
        }
    }

    /// Takes back the step that was added last, and that the flow was taken if it was.
    pub fn undo(&self, Spot { place, step }: Spot, taken: bool) {
        self.place(place as usize).count.store(step.into(), Release);
        if taken {
            self.count.store(self.count.load(Relaxed).saturating_sub(1), Release);
        }
    }

    /// Says of which trace the flow is part.
    pub fn set_trace(&self, key: &PathKey, trace: [u64; 3]) {
        let place = self.place(key.place());
        if place.is_of(key) {
            place.trace.iter().zip(trace).for_each(|(to, value)| to.store(value, Release));
        }
    }

    /// What is known of `key`, if anything is; may be asked on any thread.
    pub fn of(&self, worker: u16, key: &PathKey) -> Option<Known> {
        let place = self.places[key.place()].get()?;
        let version = place.version.load(Acquire);
        if !version.is_multiple_of(2) || !place.is_of(key) {
            return None;
        }
        let count = place.count.load(Acquire) as usize;
        let steps = place.steps.iter().take(count);
        let known = Known {
            steps: steps.map(|cells| cells.read(worker)).collect(),
            lost: count.saturating_sub(STEPS),
            trace: std::array::from_fn(|of| place.trace[of].load(Acquire)),
        };
        (place.version.load(Acquire) == version).then_some(known)
    }

    /// Other flows of a step's batch, as far as they are still known.
    pub fn mates(&self, step: &Step) -> Vec<u64> {
        if step.link == UNKNOWN || step.kind & ASKED != 0 {
            return Vec::new();
        }
        let flows = (step.link..self.count()).map(|n| (n, &self.taken[n as usize % TAKEN]));
        let mates = flows.take_while(|(_, [_, first])| first.load(Acquire) == step.link);
        let mates = mates.filter(|(n, _)| *n != step.link + u64::from(step.place));
        let mates = mates.take(MATES_MAX).map(|(_, [flow, _])| flow.load(Acquire)).collect();
        let overwritten = self.count() > step.link + TAKEN as u64;
        if overwritten { Vec::new() } else { mates }
    }
}

impl Place {
    #[inline]
    fn is_of(&self, key: &PathKey) -> bool {
        self.key[0].load(Acquire) == key.flow
            && self.key[1].load(Acquire) == key.born
            && self.key[2].load(Acquire) == key.from
            && self.version.load(Relaxed) != 0
    }

    /// Notes the step with number `n` of a flow, whose place is `at`.
    #[inline]
    fn put(&self, at: usize, n: u64, step: &Step) -> Spot {
        if let Some(cells) = self.steps.get(n as usize) {
            cells.head.store(step.head(), Release);
            cells.queued.store(step.queued, Release);
            cells.started.store(step.started, Release);
            cells.ended.store(step.ended, Release);
            cells.link.store(step.link, Release);
            cells.number.store(step.number, Release);
        }
        self.count.store(n + 1, Release);
        Spot { place: at as u32, step: n as u32 }
    }

    /// Becomes that of another flow.
    fn take_over(&self, key: &PathKey) {
        let version = self.version.load(Relaxed);
        self.version.store(version + 1, Relaxed);
        self.count.store(0, Release);
        self.key[0].store(key.flow, Release);
        self.key[1].store(key.born, Release);
        self.key[2].store(key.from, Release);
        self.trace.iter().for_each(|word| word.store(0, Release));
        self.version.store(version + 2, Release);
    }
}

impl Cells {
    fn read(&self, worker: u16) -> Step {
        let head = self.head.load(Acquire);
        Step {
            worker,
            stage: StageId(head as u16),
            kind: (head >> KIND_AT) as u8,
            batch: (head >> BATCH_AT) as u16,
            place: (head >> PLACE_AT) as u16,
            queued: self.queued.load(Acquire),
            started: self.started.load(Acquire),
            ended: self.ended.load(Acquire),
            link: self.link.load(Acquire),
            number: self.number.load(Acquire),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(flow: u64) -> PathKey {
        PathKey::new(flow, 0, StageId(0), 0, false)
    }

    fn step(n: u64) -> Step {
        let (stage, place) = (StageId(n as u16), 0);
        let times = (n, n + 1, n + 2);
        let (queued, started, ended) = times;
        Step {
            worker: 3,
            stage,
            kind: 0,
            batch: 1,
            place,
            queued,
            started,
            ended,
            link: 0,
            number: n,
        }
    }

    #[test]
    fn a_flow_keeps_its_place_until_another_takes_it() {
        let paths = Paths::new();
        for n in 0..STEPS as u64 + 2 {
            paths.add(&key(7), &step(n));
        }
        let known = paths.of(3, &key(7)).expect("it is there");
        let told = |known: &Known| {
            let steps = known.steps.iter();
            steps.map(|s| (s.stage.0, s.batch, s.ended)).collect::<Vec<_>>()
        };
        let expected: Vec<_> = (0..STEPS as u16).map(|n| (n, 1, u64::from(n) + 2)).collect();
        assert_eq!((told(&known), known.lost), (expected, 2));
        assert!(paths.of(3, &key(8)).is_none());
        let other = key(7 + PLACES as u64);
        paths.add(&other, &step(1));
        assert!(paths.of(3, &key(7)).is_none(), "it was overwritten");
        paths.add(&key(7), &step(2));
        let known = paths.of(3, &key(7)).expect("it is there again");
        assert_eq!(told(&known), [(2, 1, 4)]);
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Against a list: the steps of whoever was the last to take a place, in order.
        #[test]
        fn a_place_tells_of_its_last_flow_alone(flows in prop::collection::vec(0..6_u64, 1..60)) {
            let paths = Paths::new();
            let mut model: Vec<(u64, Vec<u64>)> = vec![(u64::MAX, Vec::new()); 3];
            for (n, flow) in (0..).zip(flows) {
                // Two flows a place.
                let key = key(flow % 3 + flow / 3 * PLACES as u64);
                let of = &mut model[flow as usize % 3];
                if of.0 != flow {
                    *of = (flow, Vec::new());
                }
                of.1.push(n);
                paths.add(&key, &step(n));
            }
            for flow in 0..6 {
                let known = paths.of(0, &key(flow % 3 + flow / 3 * PLACES as u64));
                let steps = &model[flow as usize % 3];
                prop_assert_eq!(known.is_some(), steps.0 == flow);
                let Some(known) = known else { continue };
                let told: Vec<u64> = known.steps.iter().map(|step| step.queued).collect();
                prop_assert_eq!(told.len() + known.lost, steps.1.len());
                prop_assert_eq!(&told[..], &steps.1[..told.len()]);
            }
        }
    }
}
