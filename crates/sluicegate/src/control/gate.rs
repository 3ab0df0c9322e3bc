//! The gate of a queue: keeps the bounds that its laws set, event by event, and ticks them.
//!
//! It lies with the queue under the queue's lock, so that nothing is locked or shared for it.

use super::bucket::Bucket;
use super::laws::Laws;
use super::meter::{Meter, Served};
use super::share::Share;
use super::{Adjust, Controller, Sample};
use crate::ledger::{ByWhy, Why};
use crate::observe::AdmissionView;
use crate::settings::{Own, Value};
use crate::time::{Time, nanos};
use std::sync::Arc;
use std::time::Duration;

/// How often the laws are asked.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The part of the target that one rest of a worker takes, and the longest rest: a refusal is never
/// later than that.
const REST_PART: u32 = 25;
const REST_MAX: Duration = Duration::from_millis(2);

/// What a queue that chooses has to know of what asks to enter, or waits in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub class: u8,
    /// A hash of on whose behalf it is; 0 is nobody's.
    pub client: u16,
    /// How much more time its client gets than one of weight 1: a power of two.
    pub weight: u8,
    pub deadline: Option<Time>,
    /// Whether it belongs to a flow. Notes are no work of their own and pass.
    pub flow: bool,
}

pub(crate) struct Gate {
    laws: Laws,
    /// The nearest of the times that they keep to.
    target: Option<Duration>,
    /// The strictest of what the laws say.
    adjust: Adjust,
    share: Share,
    meter: Meter,
    /// How many of those that wait have a server that is free, and wait for nothing.
    free: usize,
    /// Whether it sets any rate.
    rated: bool,
    /// Of the rate of all, and of those of the classes.
    bucket: Bucket,
    buckets: [Bucket; Adjust::CLASSES],
    /// Events that handlers took.
    taken: u64,
    offered: u64,
    refused: ByWhy,
    /// What was offered and refused until the last tick.
    before: (u64, u64),
    ticked: Time,
    /// When the bounds last changed.
    changed: Time,
    /// Since when the queue has not been empty.
    standing: Option<Time>,
}

impl Gate {
    pub fn new(controllers: Vec<Box<dyn Controller>>, cells: Vec<Arc<Served>>) -> Self {
        let laws = Laws::new(controllers);
        let adjust = laws.strictest();
        let mut share = Share::new();
        share.set(adjust.share, Duration::ZERO);
        Self {
            target: laws.target(),
            laws,
            adjust,
            share,
            meter: Meter::new(cells),
            free: 0,
            rated: adjust.has_rate(),
            bucket: Bucket::new(adjust.burst),
            buckets: [Bucket::new(adjust.burst); Adjust::CLASSES],
            taken: 0,
            offered: 0,
            refused: ByWhy::default(),
            before: (0, 0),
            ticked: Time(0),
            changed: Time(0),
            standing: None,
        }
    }

    /// Whether an event may enter where `queued` wait, `ahead` of them before it: at once, or
    /// only if another one goes.
    pub fn ask(
        &mut self,
        now: Time,
        asking: Asking,
        queued: usize,
        ahead: usize,
    ) -> Result<bool, Why> {
        if !asking.flow {
            return Ok(true);
        }
        let queued = queued.saturating_sub(self.free);
        if self.misses(now, asking.deadline, ahead.saturating_sub(self.free)) {
            return Err(Why::Expired);
        }
        if self.share.refuses(asking.class) || !self.take_token(now, asking.class) {
            return Err(Why::Refused);
        }
        let work = self.meter.pace() * (queued + 1) as f64;
        let dear = queued > 0 && work > nanos(self.adjust.work) as f64;
        Ok(!dear && !self.is_full(queued))
    }

    /// Whether more than half of the work that may wait does.
    pub fn is_half_full(&self, queued: usize) -> bool {
        self.work(queued.saturating_sub(self.free)) > self.adjust.work / 2
    }

    /// Events of mean cost that may still enter.
    pub fn room(&self, queued: usize) -> usize {
        let work = (nanos(self.adjust.work) as f64 / self.meter.pace()) as usize;
        let events = self.adjust.events.saturating_sub(self.running());
        work.max(1).min(events).saturating_sub(queued)
    }

    /// Why an event is to be dropped that came at `came` and would be handled now, if it is.
    pub fn late(&self, now: Time, came: Time, deadline: Option<Time>) -> Option<Why> {
        if self.misses(now, deadline, 0) {
            return Some(Why::Expired);
        }
        (now.since(came) > self.adjust.patience).then_some(Why::Shed)
    }

    /// Whether an event cannot be handled before its deadline when others go before it.
    fn misses(&self, now: Time, deadline: Option<Time>, ahead: usize) -> bool {
        deadline.is_some_and(|deadline| {
            let takes = self.meter.pace() * ahead as f64 + self.meter.cost();
            deadline.0 < now.0.saturating_add(takes as u64)
        })
    }

    /// Nanoseconds that an event costs, the mean.
    pub fn cost(&self) -> f64 {
        self.meter.cost()
    }

    /// Nanoseconds from one event leaving the queue to the next.
    pub fn pace(&self) -> f64 {
        self.meter.pace()
    }

    pub fn newest_first(&self) -> bool {
        self.adjust.newest_first
    }

    /// How long the queue has not been empty.
    pub fn standing(&self, now: Time) -> Duration {
        self.standing.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// For how many of those that wait a server is free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Says how many are served at once, where not each server has a cell of its own.
    pub fn set_servers(&mut self, servers: usize) {
        self.meter.set_servers(servers);
    }

    /// Says for how many of those that wait a server is free.
    pub fn set_free(&mut self, free: usize) {
        self.free = free;
    }

    pub fn count_offered(&mut self) {
        self.offered += 1;
    }

    /// Counts an event that was offered and may not enter.
    pub fn count_refused(&mut self, why: Why) {
        self.offered += 1;
        self.refused.count(why, 1);
    }

    /// Counts an event that had entered and was pushed out, or dropped when it was its turn.
    pub fn count_dropped(&mut self, why: Why) {
        self.refused.count(why, 1);
    }

    /// Counts what a handler took, or gave back.
    pub fn take(&mut self, n: usize) {
        self.taken += n as u64;
    }

    pub fn give_back(&mut self, n: usize) {
        self.taken -= n as u64;
    }

    /// Hears how many events wait after a change.
    pub fn waiting(&mut self, now: Time, queued: usize) {
        if queued == 0 {
            self.standing = None;
            self.meter.emptied();
        } else if self.standing.is_none() {
            self.standing = Some(now);
        }
    }

    pub fn cell(&self, n: usize) -> Option<&Arc<Served>> {
        self.meter.cell(n)
    }

    /// How long a worker may rest that brings events of which most are refused, where `queued`
    /// wait: a small part of the target, for what is admitted comes as much later. Without one
    /// nobody knows how long it may take, and where nothing waits handlers would be idle meanwhile.
    pub fn rest(&self, queued: usize) -> Duration {
        match self.target {
            _ if self.adjust.events == 0 => REST_MAX,
            Some(target) if queued > 0 => (target / REST_PART).min(REST_MAX),
            _ => Duration::ZERO,
        }
    }

    pub fn set_frozen(&mut self, law: &str, frozen: bool) -> bool {
        self.laws.set_frozen(law, frozen)
    }

    /// What the laws declare of their own settings, each with the name of its law.
    pub fn settings(&mut self) -> Vec<(&'static str, Own)> {
        self.laws.settings()
    }

    /// Gives the laws of this name these values, by which they go from the next tick on.
    pub fn set_law(&mut self, law: &str, values: &[(String, Value)]) {
        self.laws.set(law, values);
        self.target = self.laws.target();
    }

    pub fn is_due(&self, now: Time) -> bool {
        now.since(self.ticked) >= TICK
    }

    /// Asks the laws. Whether they have to be asked again though nothing more happens: where a
    /// share is refused nobody may be let in who would wake whoever asks them.
    pub fn tick(&mut self, now: Time, queued: usize) -> bool {
        let (offered, refused) = (self.offered, self.refused.total());
        let mut sample = Sample {
            span: now.since(self.ticked),
            offered: offered - self.before.0,
            refused: refused - self.before.1,
            queued,
            running: self.running(),
            standing: self.standing(now),
            ..Sample::default()
        };
        self.meter.read(now, queued == 0, &mut sample);
        sample.work = self.work(queued);
        self.before = (offered, refused);
        self.ticked = now;
        let quiet = sample.offered == 0 && queued == 0;
        self.laws.tick(now, &sample, quiet);
        let adjust = self.laws.strictest();
        if adjust != (Adjust { measured: adjust.measured, ..self.adjust }) {
            self.changed = now;
        }
        self.adjust = adjust;
        self.rated = adjust.has_rate();
        self.share.set(adjust.share, sample.span);
        !quiet || adjust.share > 0.0
    }

    pub fn pressure(&self) -> f64 {
        self.adjust.pressure
    }

    pub fn quality(&self) -> f64 {
        self.adjust.quality
    }

    pub fn view(&self, queued: usize) -> AdmissionView {
        AdmissionView {
            votes: self.laws.votes(),
            adjust: self.adjust,
            changed: self.changed,
            cost: Duration::from_nanos(self.meter.cost() as u64),
            work: self.work(queued),
            offered: self.offered,
            refused: self.refused,
        }
    }

    fn work(&self, queued: usize) -> Duration {
        Duration::from_nanos((self.meter.pace() * queued as f64) as u64)
    }

    /// Events in the hands of handlers.
    fn running(&self) -> usize {
        self.taken.saturating_sub(self.meter.served()) as usize
    }

    fn is_full(&self, queued: usize) -> bool {
        // What runs is only counted where it is bounded: it is read from all cells.
        self.adjust.events < usize::MAX && queued + self.running() >= self.adjust.events
    }

    fn take_token(&mut self, now: Time, class: u8) -> bool {
        if !self.rated {
            return true;
        }
        let Adjust { rate, burst, class_rates, .. } = &self.adjust;
        let place = Adjust::place(class);
        self.buckets[place].take(now, class_rates[place], *burst)
            && self.bucket.take(now, *rate, *burst)
    }
}
