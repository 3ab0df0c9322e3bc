//! The queue of an inlet for those who are no stage: its lines, laws and fairness, without a net.
//!
//! Without I/O, threads or a clock: time is an argument, and whoever owns the queue serves it.

use super::gated::{Aside, Gated};
use super::line::Ticket;
use super::waiting::Item;
use crate::control::{Asking, PoolSample, Served, Sizing, Was};
use crate::ledger::{ByWhy, Why};
use crate::net::Capacity;
use crate::observe::AdmissionQueueView;
use crate::time::{Time, nanos};
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// What the means of held and used time take on of each call.
const NEWS: f64 = 1.0 / 32.0;

/// A bounded queue with the laws, classes and fairness of an inlet, for a service that is no
/// stage: it says who may wait, who goes next, and how many are served at once.
///
/// What an element costs is the time for which it has its [`Place`], whatever it does meanwhile:
/// so the work that waits is its number, times that cost, over as many as can be served at once.
/// Those are as many as there are places, or fewer where the [threads](Self::threads) are short.
///
/// ```
/// use sluicegate::{AdmissionQueue, Ask, Overload, Time, bounded, ms};
///
/// let queue = bounded(1000).admit(Overload::p99(ms(50)));
/// let mut queue = AdmissionQueue::new(queue, 1);
/// queue.offer(Time(0), Ask::default(), "first").expect("an empty queue takes anything");
/// queue.offer(Time(0), Ask::default(), "second").expect("little waits");
///
/// let (first, place) = queue.take(Time(0)).expect("there is a place");
/// assert_eq!(first, "first");
/// assert!(queue.take(Time(0)).is_none(), "the only place is taken");
/// queue.done(Time(0) + ms(2), place, ms(0), None);
/// assert_eq!(queue.take(Time(0) + ms(2)).map(|(second, _)| second), Some("second"));
/// ```
pub struct AdmissionQueue<T> {
    gated: Gated<Asked<T>>,
    capacity: usize,
    cell: Arc<Served>,
    concurrency: Sizing,
    /// Whether it takes no more.
    closed: bool,
    /// The last tick, and what had been served by then.
    ticked: (Time, u64),
    running: usize,
    /// Whether one waited for nothing but a place since the last tick.
    full: bool,
    threads: Use,
    finished: u64,
    ended: ByWhy,
    /// What a take gives out; kept for its memory. What was dropped waits here to be told.
    taken: VecDeque<Asked<T>>,
    aside: Aside<Asked<T>>,
}

/// What is known of what asks to enter an [`AdmissionQueue`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Its class; higher is more important.
    pub class: u8,
    /// A hash of the client for whom it is, by which a class shares; 0 when nobody said. See
    /// [`Tag::client`](crate::Tag::client).
    pub client: u16,
    /// When the answer is worth nothing any more.
    pub deadline: Option<Time>,
}

/// How many may be served at once: `4`, or as many of `4..=64` as help. Zero is taken to be one.
///
/// Of a range the least come first. While more wait there are more, as long as more are served in a
/// second by them, and fewer where fewer serve as many. The law is that of a
/// [pool](crate::Net::domain), but that a place which nobody needs costs nothing and stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    range: RangeInclusive<usize>,
    start: usize,
}

/// The place of one that is served. It is given back by [`AdmissionQueue::done`]; one that is
/// dropped stays taken.
#[derive(Debug)]
#[must_use = "a place is free again only by `AdmissionQueue::done`"]
pub struct Place {
    was: Was,
    taken: Time,
    ticket: Option<Ticket>,
}

struct Asked<T> {
    ask: Ask,
    came: Time,
    body: T,
}

impl<T> AdmissionQueue<T> {
    /// A queue as declared, before so many places.
    pub fn new(queue: Capacity, places: impl Into<Concurrency>) -> Self {
        let (capacity, gated) = queue.gated();
        let cell = gated.cell(0).expect("the queue has one");
        let mut queue = Self {
            gated,
            capacity,
            cell,
            concurrency: Sizing::new(1..=1),
            closed: false,
            ticked: (Time(0), 0),
            running: 0,
            full: false,
            threads: Use { threads: usize::MAX, held: 0.0, used: 0.0 },
            finished: 0,
            ended: ByWhy::default(),
            taken: VecDeque::new(),
            aside: Aside::default(),
        };
        queue.set_concurrency(places);
        queue
    }

    /// Says how many threads serve, whose time [`done`](Self::done) hears of: where all of it is
    /// used, places do not help. Unless this is said no use counts.
    #[must_use = "builder methods give the queue back"]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads.threads = threads.max(1);
        self
    }

    /// Sets how many may be served at once, from now on.
    pub fn set_concurrency(&mut self, places: impl Into<Concurrency>) {
        let Concurrency { range, start } = places.into();
        self.concurrency = Sizing::new(range).starting_at(start);
    }

    /// Takes no more, for good: what waits or is served goes on, and whatever is offered from now
    /// on is refused as [`Why::Draining`].
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Asks for a place in the queue. Another one may have to go for it, which
    /// [`dropped`](Self::dropped) tells.
    ///
    /// # Errors
    /// Why it may not enter: [`Why::Shed`] or [`Why::Greedy`] where too much waits,
    /// [`Why::Expired`] where it cannot be served before its deadline, [`Why::Refused`] where a
    /// law says so, [`Why::Draining`] where the queue is [closed](Self::close).
    pub fn offer(&mut self, now: Time, ask: Ask, body: T) -> Result<(), Why> {
        if self.closed {
            self.gated.count_refused(Why::Draining);
            return Err(Why::Draining);
        }
        let places = self.capacity.saturating_sub(self.gated.len());
        let asked = Asked { ask, came: now, body };
        let servers = self.threads.servers(self.concurrency.threads());
        self.gated.set_servers(servers);
        // Who finds a free place waits for nothing.
        self.gated.set_free(servers.saturating_sub(self.running));
        self.gated.enter(asked, now, places, &mut self.aside.dropped)
    }

    /// Takes out whose turn it is, if there is a place. Those that had waited too long when it was
    /// their turn are [dropped](Self::dropped).
    pub fn take(&mut self, now: Time) -> Option<(T, Place)> {
        if self.running >= self.concurrency.threads() {
            self.full |= self.gated.len() > 0;
            return None;
        }
        self.gated.take(now, |_| false, 1, &mut self.taken, &mut self.aside);
        let (asked, passed) = (self.taken.pop_front()?, self.aside.passed.pop_front()?);
        self.running += 1;
        Some((asked.body, Place { was: passed.was, taken: now, ticket: passed.ticket }))
    }

    /// Gives a place back: what had it was answered, or ended without an answer, and `used` so much
    /// of a thread.
    pub fn done(&mut self, now: Time, place: Place, used: Duration, ended: Option<Why>) {
        let Place { was, taken, ticket } = place;
        let cost = nanos(now.since(taken));
        self.cell.events.add(1);
        self.cell.busy.add(cost);
        self.cell.count(was, taken, now);
        self.threads.add(cost, used);
        self.aside.costs.extend(ticket.map(|ticket| (ticket, cost as f64)));
        self.running -= 1;
        match ended {
            None => self.finished += 1,
            Some(why) => self.ended.count(why, 1),
        }
    }

    /// Takes out one that waits and for which nobody waits any more. It must have asked so; of
    /// those that did and are of its client, the queue is searched.
    pub fn leave(&mut self, now: Time, ask: Ask, is: impl Fn(&T) -> bool) -> Option<T> {
        let asked = self.gated.remove(&ask.asking(), now, |asked| is(&asked.body))?;
        Some(asked.body)
    }

    /// Has the laws look, if it is time; to be called at least every 10 ms while
    /// [anything](Self::is_idle) waits or is served. What has waited too long is
    /// [dropped](Self::dropped).
    pub fn tick(&mut self, now: Time) {
        let (last, served) = self.ticked;
        self.gated.tick(now, |_| false, &mut self.aside.dropped);
        let span = now.since(last);
        if span < crate::control::TICK {
            return;
        }
        let places = self.concurrency.threads();
        self.full |= self.gated.len() > 0 && self.running >= places;
        let sample = PoolSample {
            span,
            served: self.cell.events.get() - served,
            // A place costs nothing while nobody has it: none is taken away for that.
            working: places,
            busy: Duration::ZERO,
            stands: std::mem::take(&mut self.full),
        };
        self.ticked = (now, self.cell.events.get());
        self.concurrency.tick(&sample);
    }

    /// Those that had a place in the queue and lost it, and why.
    pub fn dropped(&mut self) -> impl Iterator<Item = (T, Why)> {
        self.aside.dropped.drain(..).map(|(asked, why)| (asked.body, why))
    }

    /// Whether nothing waits and nothing is served.
    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.gated.len() == 0
    }

    /// Whether it is [closed](Self::close) and idle: nothing happens in it any more.
    pub fn is_drained(&self) -> bool {
        self.closed && self.is_idle()
    }

    /// Freezes the laws of this name, or lets them go on; `false` when there is none.
    pub fn set_frozen(&mut self, law: &str, frozen: bool) -> bool {
        self.gated.set_frozen(law, frozen)
    }

    /// What there is to see of it.
    pub fn view(&self, now: Time) -> AdmissionQueueView {
        AdmissionQueueView {
            at: now,
            draining: self.closed,
            admission: self.gated.view(),
            waiting: self.gated.len(),
            capacity: self.capacity,
            oldest: self.gated.oldest().map_or(Duration::ZERO, |came| now.since(came)),
            running: self.running,
            concurrency: self.concurrency.threads(),
            finished: self.finished,
            ended: self.ended,
        }
    }
}

/// For how much of the time for which they had a place calls used a thread: all that are served at
/// once share the threads.
struct Use {
    threads: usize,
    /// Nanoseconds with a place, and of a thread: of the last calls, older ones count less.
    held: f64,
    used: f64,
}

impl Use {
    fn add(&mut self, held: u64, used: Duration) {
        self.held += NEWS * (held as f64 - self.held);
        self.used += NEWS * (nanos(used) as f64 - self.used);
    }

    /// How many can be served at once, of so many places.
    fn servers(&self, places: usize) -> usize {
        // As many as threads for calls that only compute, more for those that wait meanwhile.
        let servers = (self.threads as f64 * self.held / self.used.max(1.0)).ceil();
        (servers as usize).clamp(self.threads.min(places), places)
    }
}

impl Ask {
    fn asking(&self) -> Asking {
        let Self { class, client, deadline } = *self;
        Asking { class, client, weight: 1, deadline, flow: true }
    }
}

impl<T> Item for Asked<T> {
    fn asking(&self) -> Asking {
        self.ask.asking()
    }

    fn born(&self) -> Time {
        self.came
    }
}

impl Concurrency {
    /// Begins with so many, within the range, instead of the least.
    pub fn starting_at(self, places: usize) -> Self {
        Self { start: places.clamp(*self.range.start(), *self.range.end()), ..self }
    }
}

impl From<usize> for Concurrency {
    fn from(places: usize) -> Self {
        Self::from(places..=places)
    }
}

impl From<RangeInclusive<usize>> for Concurrency {
    fn from(range: RangeInclusive<usize>) -> Self {
        let least = (*range.start()).max(1);
        Self { range: least..=(*range.end()).max(least), start: least }
    }
}
