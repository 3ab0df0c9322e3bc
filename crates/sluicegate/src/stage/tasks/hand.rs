//! What an async stage has in hand: its places, and what the gate of its inlet has to hear.

use crate::control::{Concurrency, Places};
use crate::queue::Passed;
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Bits of the number of a sleep that count the sleeps of one stage.
const SLEEP_BITS: u32 = 40;

/// The events in flight in one replica. Other stages have none, and pay for a look or two.
#[derive(Default)]
pub(crate) struct Hand {
    places: Option<Box<Places>>,
    /// Slots of the events of this batch, in the order in which they were taken.
    took: Vec<u32>,
    /// Those whose futures are over since the last account.
    over: Vec<Over>,
    /// By slot: what the gate knew of an event when it left the queue.
    passed: Vec<Option<Passed>>,
    /// Futures that panicked since the last account, and what the last panic said.
    panics: u64,
    message: Option<Arc<str>>,
    /// How often a stage was built, and how many of its events were numbered, over all that were
    /// lost: timers of those may still run out.
    opened: u64,
    numbered: u32,
    /// Whether the inlet has a law, and whether it keeps what is late.
    gated: bool,
    keeps_late: bool,
}

/// An event in flight whose future is over.
struct Over {
    slot: u32,
    held: Duration,
    at: Time,
    lost: bool,
}

/// An event that was in flight, of which a gate is to hear.
pub(crate) struct Flown {
    /// What the gate knew of it, if there is one.
    pub passed: Option<Passed>,
    pub taken: Time,
    pub done: Time,
    /// Whether it ended with its stage.
    pub lost: bool,
}

impl Hand {
    /// Of a stage whose inlet has a law, or keeps what is late.
    pub fn new(gated: bool, keeps_late: bool) -> Self {
        Self { gated, keeps_late, ..Self::default() }
    }

    /// The stage takes so many events at once. Without a law nobody would find out how many of
    /// them help.
    pub fn open(&mut self, places: Concurrency) {
        let places = if self.gated { places } else { places.most() };
        self.places = Some(Box::new(Places::new(places, 1)));
        self.opened += 1;
    }

    /// The number of the first sleep of a stage that was built just now.
    pub fn first_sleep(&self) -> u64 {
        self.opened << SLEEP_BITS
    }

    /// A number for an event in flight, of 31 bits.
    pub fn next_number(&mut self) -> u32 {
        self.numbered = (self.numbered + 1) & (u32::MAX >> 1);
        self.numbered
    }

    /// The stage is lost, and its futures with it.
    pub fn lose(&mut self, now: Time) {
        self.took.clear();
        self.over.clear();
        let slots = 0..self.passed.len() as u32;
        let lost = |slot| Over { slot, held: Duration::ZERO, at: now, lost: true };
        self.over.extend(slots.map(lost));
    }

    /// The stage is another one now, which opens the hand again if it needs one.
    pub fn close(&mut self) {
        self.places = None;
    }

    pub fn keeps_late(&self) -> bool {
        self.keeps_late
    }

    pub fn is_open(&self) -> bool {
        self.places.is_some()
    }

    /// How many more events the stage takes now.
    pub fn room(&self) -> usize {
        self.places.as_ref().map_or(usize::MAX, |places| places.room())
    }

    /// How many of its events can be handled at once, and how many more can be now.
    pub fn service(&self) -> Option<(usize, usize)> {
        self.places.as_ref().map(|places| (places.servers(), places.free()))
    }

    /// An event was taken and is in flight in this slot.
    pub fn took(&mut self, slot: u32) {
        let Some(places) = &mut self.places else { return };
        places.take();
        self.took.push(slot);
    }

    /// The one in this slot is not in flight any more, at this time and after so long, of which its
    /// polls took so much.
    pub fn over(&mut self, slot: u32, at: Time, held: Duration, used: Duration) {
        let Some(places) = &mut self.places else { return };
        places.give_back(held, used);
        self.over.push(Over { slot, held, at, lost: false });
    }

    /// A future panicked.
    pub fn panicked(&mut self, message: Arc<str>) {
        self.panics += 1;
        self.message = Some(message);
    }

    /// Keeps what is known of the events of a batch, as far as these were taken.
    pub fn keep(&mut self, passed: &mut VecDeque<Passed>) {
        for slot in self.took.drain(..) {
            let Some(known) = passed.pop_front() else { continue };
            let slot = slot as usize;
            if self.passed.len() <= slot {
                self.passed.resize(slot + 1, None);
            }
            self.passed[slot] = Some(known);
        }
    }

    /// Whether any future is over since the last account.
    pub fn is_over(&self) -> bool {
        !self.over.is_empty()
    }

    /// Those that are not in flight any more.
    pub fn flown(&mut self) -> impl Iterator<Item = Flown> {
        let passed = &mut self.passed;
        self.over.drain(..).map(|Over { slot, held, at, lost }| Flown {
            passed: passed.get_mut(slot as usize).and_then(Option::take),
            taken: Time(at.0.saturating_sub(held.as_nanos() as u64)),
            done: at,
            lost,
        })
    }

    /// How many futures panicked, and what the last panic said.
    pub fn take_panics(&mut self) -> (u64, Arc<str>) {
        (std::mem::take(&mut self.panics), self.message.take().unwrap_or_default())
    }

    /// Has the law of the places look, where so many events wait.
    pub fn tick(&mut self, now: Time, waiting: usize) {
        if let Some(places) = &mut self.places {
            places.tick(now, waiting);
        }
    }
}
