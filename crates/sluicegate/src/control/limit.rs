//! A static limit: so many events may wait or be served, whatever they cost.
//!
//! What `ConcurrencyLimit` of tower, `maxconn` of HAProxy and `limit_conn` of nginx do: good while
//! somebody sets it anew for each change of the service.

use super::{Adjust, Controller, Sample};
use crate::settings::OwnSettings;
use crate::time::Time;

/// The most that may be set.
const EVENTS_MAX: usize = 1 << 20;

/// Admits at most so many events at once.
///
/// ```
/// use sluicegate::{Limit, bounded};
///
/// let queue = bounded(1024).admit(Limit::of(16));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    events: usize,
}

impl Limit {
    /// At most `events` that wait or are in the hands of handlers; 0 refuses all, which takes a
    /// stage out of service.
    pub fn of(events: usize) -> Self {
        Self { events }
    }
}

impl Controller for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "The most events that wait or are in the hands of handlers; 0 refuses all.";
        own.count("events", "events", about, 0..=EVENTS_MAX, &mut self.events);
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        Adjust { events: self.events, measured: Some(sample.work), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_stays_what_it_is() {
        for (events, queued) in [(8, 0), (8, 1000), (8, 0), (0, 0)] {
            let sample = Sample { queued, ..Sample::default() };
            assert_eq!(Limit::of(events).tick(Time(0), &sample).events, events);
        }
    }
}
