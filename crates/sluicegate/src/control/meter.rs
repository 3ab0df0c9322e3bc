//! What is measured at an inlet: in cells of the replicas that serve it, merged at the tick.

use super::spread::{Spread, Tally};
use super::{Adjust, Controller, Sample, gate::TICK};
use crate::observe::Count;
use crate::time::{Time, nanos};
use std::sync::Arc;
use std::time::Duration;

/// Events after which a mean is believed, and how far back it looks: a tenth off for events of
/// which one in twenty costs twenty times the others.
const MEMORY: u64 = 256;
/// Events of a window, and the time after which fewer must do.
const WINDOW: u64 = 32;
const PATIENCE: Duration = Duration::from_millis(100);
/// The handler is another one when so many events of a window, or more, cost so many times the mean
/// or less than that part of it: what was known of the old one is forgotten. Fewer of them are not
/// believed before there are as many. Of events of which one in twenty costs twenty times the
/// others a window of 32 looks so by chance once in many thousands.
const CHANGED: u64 = 4;
const CHANGE: f64 = 3.0;
/// What an event is taken to cost before any was handled.
const UNKNOWN: f64 = 100_000.0;

/// What one replica counts, at the end of each batch.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// Events that asked and were handled.
    pub events: Count,
    /// Nanoseconds in the handler and in delivery.
    pub busy: Count,
    waits: Tally,
    responses: Tally,
    /// The responses by class, where a law asks for them.
    classes: Box<[Tally]>,
}

/// An event that was handled: its class, when it came to the queue, and when its flow was born.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Was {
    pub class: u8,
    pub came: Time,
    pub born: Time,
}

impl Served {
    /// For a queue under these laws.
    pub fn under(laws: &[Box<dyn Controller>]) -> Self {
        let tells = laws.iter().any(|law| law.tells_classes());
        let classes = if tells { Adjust::CLASSES } else { 0 };
        Self { classes: (0..classes).map(|_| Tally::default()).collect(), ..Self::default() }
    }

    /// Counts an event that was handled between these times.
    pub fn count(&self, was: Was, taken: Time, done: Time) {
        let response = nanos(done.since(was.born));
        self.waits.add(nanos(taken.since(was.came)));
        self.responses.add(response);
        if let Some(tally) = self.classes.get(Adjust::place(was.class)) {
            tally.add(response);
        }
    }
}

/// What was read of a cell last.
#[derive(Clone, Debug, Default)]
struct Before {
    waits: Spread,
    responses: Spread,
    classes: Vec<Spread>,
}

impl Before {
    fn of(cell: &Served) -> Self {
        Self { classes: vec![Spread::default(); cell.classes.len()], ..Self::default() }
    }
}

/// The means over all cells of a queue.
pub(super) struct Meter {
    cells: Vec<Arc<Served>>,
    /// How many serve the queue at once.
    servers: usize,
    before: Vec<Before>,
    /// What the cells had counted when the window began, when that was, and whether the queue
    /// has been empty since.
    events: u64,
    busy: u64,
    since: Time,
    emptied: bool,
    /// What they had counted at the last tick.
    ticked: u64,
    /// Events in the means so far, up to what they remember.
    known: u64,
    cost: f64,
    drain: f64,
}

impl Meter {
    pub fn new(cells: Vec<Arc<Served>>) -> Self {
        Self {
            before: cells.iter().map(|cell| Before::of(cell)).collect(),
            servers: cells.len().max(1),
            cells,
            events: 0,
            busy: 0,
            since: Time(0),
            emptied: true,
            ticked: 0,
            known: 0,
            cost: UNKNOWN,
            drain: 0.0,
        }
    }

    pub fn set_servers(&mut self, servers: usize) {
        self.servers = servers.max(1);
    }

    pub fn cell(&self, n: usize) -> Option<&Arc<Served>> {
        self.cells.get(n)
    }

    /// Events that were handled since the start.
    pub fn served(&self) -> u64 {
        self.cells.iter().map(|cell| cell.events.get()).sum()
    }

    /// Says that the queue ran empty: how fast it drains cannot be seen in this window.
    pub fn emptied(&mut self) {
        self.emptied = true;
    }

    /// Nanoseconds that an event costs.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// Nanoseconds from one event leaving the queue to the next.
    pub fn pace(&self) -> f64 {
        (self.cost / self.servers as f64).max(self.drain)
    }

    /// Merges the cells into the sample of a tick.
    pub fn read(&mut self, now: Time, empty: bool, sample: &mut Sample) {
        let classes = self.before.first().map_or(0, |before| before.classes.len());
        sample.classes.resize_with(classes, Spread::default);
        for (cell, before) in self.cells.iter().zip(&mut self.before) {
            cell.waits.take_since(&mut before.waits, &mut sample.waits);
            cell.responses.take_since(&mut before.responses, &mut sample.responses);
            let classes = before.classes.iter_mut().zip(&mut sample.classes);
            for (tally, (before, into)) in cell.classes.iter().zip(classes) {
                tally.take_since(before, into);
            }
        }
        let events = self.served();
        sample.served = events - std::mem::replace(&mut self.ticked, events);
        self.window(now, empty, events);
        sample.cost = Duration::from_nanos(self.cost as u64);
        sample.pace = Duration::from_nanos(self.pace() as u64);
    }

    /// Closes the window if enough was handled in it.
    fn window(&mut self, now: Time, empty: bool, events: u64) {
        let (new, span) = (events - self.events, now.since(self.since));
        let wanted = if self.known == 0 || span >= PATIENCE { 1 } else { WINDOW };
        if new < wanted {
            return;
        }
        let busy: u64 = self.cells.iter().map(|cell| cell.busy.get()).sum();
        let cost = busy.saturating_sub(self.busy) as f64 / new as f64;
        if self.known > 0 && !(1.0 / CHANGE..=CHANGE).contains(&(cost / self.cost)) {
            if new < CHANGED {
                return;
            }
            self.known = 0;
        }
        let weight = new as f64 / (new + self.known) as f64;
        self.cost += weight * (cost - self.cost);
        // A queue that was empty does not tell how fast it could have drained; nor does a span
        // in which there was no tick.
        let told = !self.emptied && span < PATIENCE + 2 * TICK;
        let drain = if told { nanos(span) as f64 / new as f64 } else { 0.0 };
        self.drain += weight * (drain - self.drain);
        self.known = (self.known + new).min(MEMORY);
        (self.events, self.busy, self.since) = (events, busy, now);
        self.emptied = empty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    /// A meter of two cells, and what it says after ticks in each of which both cells handled
    /// `events` of `cost` each.
    fn after(ticks: u64, events: u64, cost: Duration, empty: bool) -> (Meter, Duration, Duration) {
        let cells = [0, 1].map(|_| Arc::new(Served::default()));
        let mut meter = Meter::new(cells.to_vec());
        let mut sample = Sample::default();
        for tick in 1..=ticks {
            for cell in &cells {
                cell.events.add(events);
                cell.busy.add(nanos(cost) * events);
            }
            if empty {
                meter.emptied();
            }
            meter.read(Time(0) + TICK * tick as u32, empty, &mut sample);
        }
        (meter, sample.cost, sample.pace)
    }

    #[test]
    fn responses_are_told_by_class_where_a_law_asks() {
        let laws: [Box<dyn Controller>; 2] =
            [Box::new(super::super::Off), Box::new(super::super::SedaMulticlass::p90(ms(50)))];
        for (laws, told) in [(&laws[..1], 0), (&laws[..], Adjust::CLASSES)] {
            let cells = [0, 1].map(|_| Arc::new(Served::under(laws)));
            let mut meter = Meter::new(cells.to_vec());
            let at = |n| Time(0) + ms(n);
            for class in [0, 0, 3, 9, 200] {
                cells[usize::from(class % 2)].count(
                    Was { class, came: at(1), born: at(0) },
                    at(2),
                    at(4),
                );
            }
            let mut sample = Sample::default();
            meter.read(at(10), true, &mut sample);
            let counts: Vec<u64> = sample.classes.iter().map(Spread::count).collect();
            assert_eq!(counts, &[2, 0, 0, 1, 0, 0, 0, 0, 0, 2][..told]);
            assert_eq!((sample.responses.count(), sample.responses.mean()), (5, ms(4)));
        }
    }

    #[test]
    fn the_pace_is_the_cost_over_the_threads_or_what_the_queue_shows() {
        let (_, cost, pace) = after(20, 10, ms(1), true);
        assert_eq!((cost, pace), (ms(1), ms(1) / 2));
        // Only half of the time goes into this queue: it drains at half the pace.
        let (_, cost, pace) = after(200, 10, ms(1) / 2, false);
        assert_eq!((cost, pace.as_nanos().div_ceil(1000)), (ms(1) / 2, 500));
    }

    #[test]
    fn the_first_event_tells_more_than_nothing_and_later_ones_weigh_by_their_number() {
        let (meter, cost, _) = after(1, 1, ms(20), true);
        assert_eq!(cost, ms(20));
        assert_eq!(meter.served(), 2);
        let (mut meter, _, _) = after(100, 16, ms(1), true);
        let mut sample = Sample::default();
        let cell = Arc::clone(meter.cell(0).expect("the first cell"));
        cell.events.add(256);
        cell.busy.add(256 * nanos(ms(3)));
        meter.read(Time(0) + ms(2000), true, &mut sample);
        assert_eq!((sample.cost, sample.served), (ms(2), 256));
    }

    #[test]
    fn another_handler_is_known_after_a_tenth_of_a_second() {
        let (mut meter, cost, _) = after(100, 16, ms(1), true);
        assert_eq!(cost, ms(1));
        let cell = Arc::clone(meter.cell(0).expect("the first cell"));
        let mut sample = Sample::default();
        let mut later = |at: u64, events: u64, cost: Duration| {
            cell.events.add(events);
            cell.busy.add(nanos(cost) * events);
            meter.read(Time(0) + ms(1000 + at), true, &mut sample);
            sample.cost
        };
        assert_eq!(later(100, 10, ms(10)), ms(10), "ten times dearer");
        assert_eq!(later(200, 50, ms(2)), ms(2), "five times cheaper");
        for at in [300, 400, 500] {
            assert_eq!(later(at, 1, ms(50)), ms(2), "one alone may be dear by chance");
        }
        assert_eq!(later(600, 1, ms(50)), ms(50), "but not four");
    }
}
