//! The queue of an inlet for those who are no stage: its lines, laws and fairness, without a net.
//!
//! Without I/O, threads or a clock: time is an argument, and whoever owns the queue serves it.

use super::gated::{Aside, Gated};
use super::order::{Item, Ticket};
use crate::control::{Asking, Concurrency, Places, Served, Was};
use crate::ledger::{ByWhy, Why};
use crate::net::Capacity;
use crate::observe::AdmissionQueueView;
use crate::settings::{self, Own, Setting, SettingFaults, Value};
use crate::time::{Time, nanos};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

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
    /// What that and the settings of the laws were declared to be.
    declared: (usize, Vec<(&'static str, Own)>),
    cell: Arc<Served>,
    places: Places,
    /// Whether it takes no more.
    closed: bool,
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
        let (capacity, mut gated) = queue.gated();
        let cell = gated.cell(0).expect("the queue has one");
        Self {
            declared: (capacity, gated.settings()),
            gated,
            capacity,
            cell,
            places: Places::new(places.into(), usize::MAX),
            closed: false,
            finished: 0,
            ended: ByWhy::default(),
            taken: VecDeque::new(),
            aside: Aside::default(),
        }
    }

    /// Says how many threads serve, whose time [`done`](Self::done) hears of: where all of it is
    /// used, places do not help. Unless this is said no use counts.
    #[must_use = "builder methods give the queue back"]
    pub fn threads(mut self, threads: usize) -> Self {
        self.places.set_threads(threads);
        self
    }

    /// Sets how many may be served at once, from now on.
    pub fn set_concurrency(&mut self, places: impl Into<Concurrency>) {
        self.places.set(places.into());
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
        let asked = Asked { ask, came: now, body };
        self.gated.set_servers(self.places.servers());
        // Who finds a free place waits for nothing.
        self.gated.set_free(self.places.free());
        let places = self.capacity.min(self.gated.capacity()).saturating_sub(self.gated.len());
        self.gated.enter(asked, now, places, &mut self.aside.dropped)
    }

    /// Takes out whose turn it is, if there is a place. Those that had waited too long when it was
    /// their turn are [dropped](Self::dropped).
    pub fn take(&mut self, now: Time) -> Option<(T, Place)> {
        if self.places.room() == 0 {
            if self.gated.len() > 0 {
                self.places.missed();
            }
            return None;
        }
        self.gated.take(now, |_| false, 1, &mut self.taken, &mut self.aside);
        let (asked, passed) = (self.taken.pop_front()?, self.aside.passed.pop_front()?);
        self.places.take();
        Some((asked.body, Place { was: passed.was, taken: now, ticket: passed.ticket }))
    }

    /// Gives a place back: what had it was answered, or ended without an answer, and `used` so much
    /// of a thread.
    pub fn done(&mut self, now: Time, place: Place, used: Duration, ended: Option<Why>) {
        let Place { was, taken, ticket } = place;
        let held = now.since(taken);
        let cost = nanos(held);
        self.cell.events.add(1);
        self.cell.busy.add(cost);
        self.cell.count(was, taken, now);
        self.places.give_back(held, used);
        self.aside.costs.extend(ticket.map(|ticket| (ticket, cost as f64)));
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
        self.gated.tick(now, |_| false, &mut self.aside.dropped);
        self.places.tick(now, self.gated.len());
    }

    /// Those that had a place in the queue and lost it, and why.
    pub fn dropped(&mut self) -> impl Iterator<Item = (T, Why)> {
        self.aside.dropped.drain(..).map(|(asked, why)| (asked.body, why))
    }

    /// Whether nothing waits and nothing is served.
    pub fn is_idle(&self) -> bool {
        self.places.running() == 0 && self.gated.len() == 0
    }

    /// Whether it is [closed](Self::close) and idle: nothing happens in it any more.
    pub fn is_drained(&self) -> bool {
        self.closed && self.is_idle()
    }

    /// Freezes the laws of this name, or lets them go on; `false` when there is none.
    pub fn set_frozen(&mut self, law: &str, frozen: bool) -> bool {
        self.gated.set_frozen(law, frozen)
    }

    /// The settings of the queue and of its laws, as those of a stage called `name`.
    pub fn settings(&mut self, name: &str) -> Vec<Setting> {
        settings::of_queue(name, &self.declared, (self.capacity, self.gated.settings()))
    }

    /// Says whether these settings could be changed so.
    ///
    /// # Errors
    /// What is wrong with each of those that cannot.
    pub fn check(&mut self, name: &str, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        settings::check(&self.settings(name), changes).map(|_| ())
    }

    /// Changes all of these settings, or none when one of them cannot be.
    ///
    /// # Errors
    /// What is wrong with each of those that cannot be changed so; then none was.
    pub fn change(&mut self, name: &str, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        let settings = self.settings(name);
        for (setting, value) in settings::check(&settings, changes)? {
            match settings::part_of_queue(name, &setting.path) {
                Some((law, own)) => self.gated.set_law(law, &[(own.to_owned(), value)]),
                None => self.capacity = value.count(),
            }
        }
        Ok(())
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
            running: self.places.running(),
            concurrency: self.places.all(),
            finished: self.finished,
            ended: self.ended,
        }
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
