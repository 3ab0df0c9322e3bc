//! What is measured at an inlet: in cells of the replicas that serve it, merged at the tick.

use super::spread::{Spread, Tally};
use super::{Sample, gate::TICK};
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
}

impl Served {
    /// Counts an event that came to the queue and whose flow was born at these times.
    pub fn count(&self, came: Time, born: Time, taken: Time, done: Time) {
        self.waits.add(nanos(taken.since(came)));
        self.responses.add(nanos(done.since(born)));
    }
}

/// The means over all cells of a queue.
pub(super) struct Meter {
    cells: Vec<Arc<Served>>,
    /// How many serve the queue at once.
    servers: usize,
    /// What was read of each cell last.
    before: Vec<(Spread, Spread)>,
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
            before: cells.iter().map(|_| Default::default()).collect(),
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
        for (cell, (waits, responses)) in self.cells.iter().zip(&mut self.before) {
            cell.waits.take_since(waits, &mut sample.waits);
            cell.responses.take_since(responses, &mut sample.responses);
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
        let weight = new as f64 / (new + self.known) as f64;
        let cost = busy.saturating_sub(self.busy) as f64 / new as f64;
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
}
