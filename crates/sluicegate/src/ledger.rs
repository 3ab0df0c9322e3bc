//! The ledger: what became of every flow, counted where it happens, one writer a cell.

use std::cell::Cell;
use std::fmt;
use std::ops::{AddAssign, Index};

/// Why a flow ended without an answer.
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, Why, from_fn};
///
/// let odd_alone = from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     for event in batch {
///         let (tag, n) = event.split();
///         if n % 2 == 1 { tag.finish() } else { tag.refuse(Why::Refused) }
///     }
/// });
/// let mut rig = Rig::of(odd_alone);
/// rig.feed([1_u64, 2]).batch(64);
/// assert_eq!(rig.ledger().ended[Why::Refused], 1);
/// assert_eq!(Why::Refused.name(), "refused");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A full queue refused it, or pushed it out.
    Shed,
    /// Its deadline had passed.
    Expired,
    /// A handler panicked while it held the flow, or its stage was replaced and did not hand it on.
    Failed,
    /// A stage let go of it without an answer: a defect of that stage.
    Dropped,
    /// Whoever asked is no longer there.
    Gone,
    /// A stage refused it by rule.
    Refused,
    /// The net is draining and takes no more.
    Draining,
    /// A full queue refused it, or pushed it out, because its client has far more waiting than
    /// the others of its class.
    Greedy,
    /// The breaker of the stage that was to handle it is open, since that panicked again and again.
    Broken,
}

impl Why {
    /// All reasons, in the order of [`Why::index`].
    pub const ALL: [Self; 9] = [
        Self::Shed,
        Self::Expired,
        Self::Failed,
        Self::Dropped,
        Self::Gone,
        Self::Refused,
        Self::Draining,
        Self::Greedy,
        Self::Broken,
    ];

    /// The reason's name in figures and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shed => "shed",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Draining => "draining",
            Self::Greedy => "greedy",
            Self::Broken => "broken",
        }
    }

    /// The reason's place in tables of counts.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A count for each [`Why`].
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, Why, from_fn};
///
/// let closed = from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     batch.for_each(|event| event.split().0.refuse(Why::Refused));
/// });
/// let mut rig = Rig::of(closed);
/// rig.feed([1_u64, 2]).batch(64);
/// let ended = rig.ledger().ended;
/// assert_eq!((ended[Why::Refused], ended[Why::Shed], ended.total()), (2, 0, 2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByWhy([u64; Why::ALL.len()]);

impl ByWhy {
    /// The sum over all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn count(&mut self, why: Why, n: u64) {
        self.0[why.index()] += n;
    }
}

impl Index<Why> for ByWhy {
    type Output = u64;
    fn index(&self, why: Why) -> &u64 {
        &self.0[why.index()]
    }
}

impl AddAssign for ByWhy {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// The ledger of flows, summed or of one worker:
/// `entered + forked = finished + ended + joined + in flight`.
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, Why, from_fn};
///
/// let forgets = from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| batch.for_each(drop));
/// let mut rig = Rig::of(forgets);
/// rig.feed([1_u64, 2]).batch(64);
/// let ledger = rig.ledger();
/// assert_eq!((ledger.entered, ledger.ended[Why::Dropped]), (2, 2));
/// assert!(ledger.balanced());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Flows that sources let in.
    pub entered: u64,
    /// Second tags made of flows: forks, and questions sent over windowed wires.
    pub forked: u64,
    /// Flows that were answered.
    pub finished: u64,
    /// Flows that ended without an answer.
    pub ended: ByWhy,
    /// Second tags that came back together with, or ended beside, their flow.
    pub joined: u64,
    /// Places that sources hold for flows which have neither been answered nor come back.
    pub places: i64,
    /// Tags in stages, outboxes, windows and queues: counted there, never derived.
    pub in_flight: i64,
}

impl Ledger {
    /// Whether nothing vanished and nothing was made twice.
    pub fn balanced(&self) -> bool {
        let came = self.entered + self.forked;
        let went = self.finished + self.ended.total() + self.joined;
        i128::from(came) - i128::from(went) == i128::from(self.in_flight)
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.entered += other.entered;
        self.forked += other.forked;
        self.finished += other.finished;
        self.ended += other.ended;
        self.joined += other.joined;
        self.places += other.places;
        self.in_flight += other.in_flight;
    }
}

/// The counts of one worker, written by that worker alone.
#[derive(Default)]
pub(crate) struct Counts {
    pub entered: Cell<u64>,
    pub forked: Cell<u64>,
    pub finished: Cell<u64>,
    pub ended: Cell<ByWhy>,
    pub joined: Cell<u64>,
    pub places: Cell<i64>,
}

impl Counts {
    /// The counts as a ledger; what is in flight is for the caller to count.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            entered: self.entered.get(),
            forked: self.forked.get(),
            finished: self.finished.get(),
            ended: self.ended.get(),
            joined: self.joined.get(),
            places: self.places.get(),
            in_flight: 0,
        }
    }

    pub fn end(&self, why: Why) {
        let mut ended = self.ended.get();
        ended.count(why, 1);
        self.ended.set(ended);
    }
}

pub(crate) fn bump(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}
