//! A wire that leads to several stages: each event goes to one of them, copies to the others.

use super::several::{Several, send_placed};
use crate::desk::Desk;
use crate::event::{Event, WorkerId};
use crate::ledger::Why;
use crate::net::OnFull;
use crate::observe::WireStats;
use crate::run::refuse;
use crate::stage::{Grant, Link, Wanted};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Where copies go.
pub(crate) struct Branch<T> {
    pub link: Box<dyn Link<T>>,
    pub copy: fn(&T) -> T,
    /// What goes there next; empty between deliveries.
    copies: VecDeque<Event<T>>,
}

impl<T> Branch<T> {
    pub fn new(link: Box<dyn Link<T>>, copy: fn(&T) -> T) -> Self {
        Self { link, copy, copies: VecDeque::new() }
    }

    /// Lays in a copy, with a second tag.
    fn add(&mut self, event: &Event<T>, desk: &Desk) {
        let tag = event.tag.fork();
        // It goes into a queue at once, and is never the stage's.
        desk.hold(-i64::from(tag.is_flow()));
        self.copies.push_back(tag.with((self.copy)(&event.body)));
    }
}

/// One wire with its copies as one replica sees it.
pub(crate) struct TeeLink<T> {
    main: Box<dyn Link<T>>,
    /// Each event goes to all of these, or nowhere.
    tees: Vec<Branch<T>>,
    /// These get what they have room for.
    taps: Vec<Branch<T>>,
    /// So many at the front are held, and were copied to the taps when they were first to be sent;
    /// but for those that came to these places since.
    tapped: usize,
    jumped: Vec<usize>,
    token: Arc<()>,
    answer: Answer<T>,
    /// The homes for which events are held: those after them wait too, to keep their order.
    full: Vec<WorkerId>,
    held: VecDeque<Event<T>>,
    given: VecDeque<Event<T>>,
}

/// What becomes of events for which there is no room everywhere.
pub(crate) struct Answer<T> {
    pub on_full: OnFull,
    pub divert: Option<Box<dyn Link<T>>>,
    pub diverted: VecDeque<Event<T>>,
    pub stats: Arc<WireStats>,
    pub desk: Rc<Desk>,
}

impl<T: 'static> TeeLink<T> {
    pub fn new(main: Box<dyn Link<T>>, answer: Answer<T>) -> Self {
        Self {
            main,
            tees: Vec::new(),
            taps: Vec::new(),
            tapped: 0,
            jumped: Vec::new(),
            token: Arc::default(),
            answer,
            full: Vec::new(),
            held: VecDeque::new(),
            given: VecDeque::new(),
        }
    }

    pub fn add(&mut self, branch: Branch<T>, all_or_none: bool) {
        let branches = if all_or_none { &mut self.tees } else { &mut self.taps };
        branches.push(branch);
    }

    fn tap(&mut self, events: &VecDeque<Event<T>>) {
        for tap in &mut self.taps {
            for (place, event) in events.iter().enumerate() {
                if place >= self.tapped || self.jumped.contains(&place) {
                    tap.add(event, &self.answer.desk);
                }
            }
            tap.link.send(&mut tap.copies, 0);
        }
        self.jumped.clear();
    }

    /// Sends each event everywhere or nowhere: first come places, then the event.
    fn send_to_all(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) {
        // So many of those that may use a place have one.
        let owned = events.iter().filter(|event| self.shares_places(event.tag.home()));
        let mut placed_left = owned.take(placed).count();
        if placed > placed_left {
            self.release(placed - placed_left);
        }
        self.full.clear();
        while let Some(first) = events.front() {
            let home = first.tag.home();
            let run = events.iter().take_while(|event| event.tag.home() == home).count();
            let n = if placed_left > 0 && self.shares_places(home) {
                // Others may have been asked about other queues since.
                self.reserve(home, 0, 0);
                let n = run.min(placed_left);
                placed_left -= n;
                n
            } else if self.full.contains(&home) {
                0
            } else {
                self.reserve(home, run, 0)
            };
            if n > 0 {
                self.give(events, n);
            } else if self.answer.on_full == OnFull::Wait {
                let known = self.full.contains(&home);
                if known || !self.wait_for_room(home) {
                    self.held.extend(events.drain(..run));
                    self.full.extend((!known).then_some(home));
                }
            } else {
                self.answer.take(events.drain(..run));
            }
        }
        self.answer.divert();
        events.append(&mut self.held);
        events.append(&mut self.answer.diverted);
    }

    /// Sends the first `n` events, for which there are places everywhere.
    fn give(&mut self, events: &mut VecDeque<Event<T>>, n: usize) {
        for tee in &mut self.tees {
            for event in events.iter().take(n) {
                tee.add(event, &self.answer.desk);
            }
            send_placed(&mut *tee.link, &mut tee.copies, n);
            debug_assert!(tee.copies.is_empty(), "there were places for all");
        }
        self.given.extend(events.drain(..n));
        send_placed(&mut *self.main, &mut self.given, n);
        debug_assert!(self.given.is_empty(), "there were places for all");
    }
}

impl<T> Answer<T> {
    /// Sheds or diverts.
    fn take(&mut self, events: impl Iterator<Item = Event<T>>) {
        for mut event in events {
            if self.on_full == OnFull::Divert {
                event.tag.set_diverted(Why::Shed);
                self.diverted.push_back(event);
                continue;
            }
            self.stats.refused.add(1);
            // It was in no queue.
            self.desk.queue(i64::from(event.tag.is_flow()));
            refuse(event, Why::Shed, &self.desk);
        }
    }

    fn divert(&mut self) {
        if let (false, Some(other)) = (self.diverted.is_empty(), &mut self.divert) {
            self.stats.diverted.add(self.diverted.len() as u64);
            other.send(&mut self.diverted, 0);
        }
    }
}

/// The wire itself, and those that have to have room with it.
impl<T: 'static> Several<T> for TeeLink<T> {
    fn count(&self) -> usize {
        1 + self.tees.len()
    }

    fn nth(&mut self, n: usize) -> &mut dyn Link<T> {
        match n {
            0 => &mut *self.main,
            n => &mut *self.tees[n - 1].link,
        }
    }

    fn token(&self) -> &Arc<()> {
        &self.token
    }
}

impl<T: 'static> Link<T> for TeeLink<T> {
    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize {
        self.tap(events);
        if self.tees.is_empty() {
            return self.main.send(events, placed);
        }
        self.send_to_all(events, placed);
        placed
    }

    fn reserve(&mut self, home: WorkerId, n: usize, waits: usize) -> usize {
        self.reserve_in_all(home, n, waits)
    }

    fn release(&mut self, n: usize) {
        self.release_in_all(n);
    }

    fn count_held(&mut self, n: usize) {
        // Not called where other wires divert to this one: what is held goes back to these then.
        self.tapped = n;
        self.main.count_held(n);
    }

    fn pressure(&self, home: WorkerId) -> f64 {
        let tees = self.tees.iter().map(|tee| tee.link.pressure(home));
        tees.fold(self.main.pressure(home), f64::max)
    }

    fn permit(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant> {
        match self.tees.is_empty() {
            true => self.main.permit(home, wanted),
            false => self.permit_in_all(home, wanted),
        }
    }

    fn retract(&mut self, n: usize) {
        self.retract_in_all(n);
    }

    fn honours(&self, grant: &Grant, home: WorkerId) -> bool {
        match self.tees.is_empty() {
            true => self.main.honours(grant, home),
            false => self.are_of(grant) && self.shares_places(home),
        }
    }

    fn shares_places(&self, home: WorkerId) -> bool {
        let tees = || self.tees.iter().all(|tee| tee.link.shares_places(home));
        self.main.shares_places(home) && tees()
    }

    fn jumped(&mut self, place: usize) {
        if place < self.tapped {
            self.tapped += 1;
            self.jumped.push(place);
        }
    }

    fn rank(&self) -> usize {
        self.main.rank()
    }

    fn wait_for_room(&mut self, home: WorkerId) -> bool {
        self.wait_for_all(home)
    }
}
