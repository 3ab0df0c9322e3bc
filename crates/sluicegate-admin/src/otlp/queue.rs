//! The flows that wait for the collector, in bounded memory.

use super::counts::{Counts, Dropped};
use super::spans::Timed;
use sluicegate::{FlowTrace, Time};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Flows that wait.
pub(super) const QUEUE: usize = 1024;
/// Spans that are sent at once; a flow is never parted.
pub(super) const BATCH: usize = 512;
/// How often a flow is sent until it is given up.
const TRIES: u8 = 5;

#[derive(Debug)]
pub(super) struct Queue {
    flows: VecDeque<Timed>,
    counts: Arc<Counts>,
}

impl Queue {
    /// Takes those after the flow with this number.
    pub fn after(last: u64, counts: Arc<Counts>) -> Self {
        counts.read.store(last, Relaxed);
        Self { flows: VecDeque::new(), counts }
    }

    /// Takes those of the flows kept now that are new. `wall` is a time of the net as
    /// nanoseconds since 1970.
    pub fn take(&mut self, kept: Vec<FlowTrace>, wall: impl Fn(Time) -> u64) {
        let last = self.counts.read.load(Relaxed);
        let newest = kept.last().map_or(last, |flow| flow.number);
        let new: Vec<_> = kept.into_iter().filter(|flow| flow.number > last).collect();
        let numbers = newest.saturating_sub(last);
        self.counts.drop_flows(Dropped::Overwritten, (numbers as usize).saturating_sub(new.len()));
        self.counts.read.store(newest.max(last), Relaxed);
        for flow in new {
            if self.flows.len() == QUEUE {
                self.flows.pop_front();
                self.counts.drop_flows(Dropped::Full, 1);
            }
            let born = wall(flow.born);
            self.flows.push_back(Timed { flow, born, tries: 0 });
        }
        self.show();
    }

    /// The oldest, as many as are sent at once.
    pub fn batch(&self) -> impl ExactSizeIterator<Item = &Timed> {
        let mut spans = 0;
        let fit = self.flows.iter().take_while(|timed| {
            let first = spans == 0;
            spans += timed.spans();
            first || spans <= BATCH
        });
        self.flows.range(..fit.count())
    }

    /// Forgets so many of the oldest.
    pub fn done(&mut self, flows: usize) {
        self.flows.drain(..flows);
        self.show();
    }

    /// So many of the oldest were sent in vain: those that were often enough are given up. As newer
    /// flows join the next batch, that may be some of them alone.
    pub fn in_vain(&mut self, flows: usize) {
        self.flows.range_mut(..flows).for_each(|timed| timed.tries += 1);
        let given_up = self.flows.partition_point(|timed| timed.tries == TRIES);
        self.counts.drop_flows(Dropped::Unanswered, given_up);
        self.done(given_up);
    }

    fn show(&self) {
        self.counts.waiting.store(self.flows.len() as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::spans::tests::KEPT;
    use proptest::prelude::*;

    /// The newest flows that a net keeps, with so many steps each.
    const KEPT_MAX: u64 = 300;

    fn kept(newest: u64, steps: usize) -> Vec<FlowTrace> {
        let numbers = newest.saturating_sub(KEPT_MAX) + 1..=newest;
        let flow = |number| {
            let mut flow = KEPT.clone();
            flow.number = number;
            flow.steps = std::iter::repeat_n(KEPT.steps[0].clone(), steps).collect();
            flow
        };
        numbers.map(flow).collect()
    }

    #[test]
    fn a_flow_is_given_up_when_it_was_sent_often_enough_itself() {
        let counts = Arc::<Counts>::default();
        let mut queue = Queue::after(0, Arc::clone(&counts));
        let mut newest = 3;
        for tried in 1..=TRIES {
            queue.take(kept(newest, 1), |time| time.0);
            assert_eq!(queue.batch().len() as u64, newest, "others join the batch");
            queue.in_vain(newest as usize);
            newest += u64::from(tried < TRIES);
        }
        let waiting: Vec<_> = queue.flows.iter().map(|timed| timed.tries).collect();
        assert_eq!(waiting, [4, 3, 2, 1]);
        assert_eq!((counts.dropped(Dropped::Unanswered), counts.waiting()), (3, 4));
        queue.in_vain(4);
        assert_eq!((counts.dropped(Dropped::Unanswered), counts.waiting()), (4, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 32, failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn each_flow_waits_is_sent_or_is_counted_and_the_newest_wait(
            looks in prop::collection::vec((0..500_u64, 0..70_usize, 0..3_usize), 1..20),
        ) {
            let counts = Arc::<Counts>::default();
            let mut queue = Queue::after(0, Arc::clone(&counts));
            let (mut newest, mut sent) = (0, 0);
            for (new, steps, batches) in looks {
                newest += new;
                queue.take(kept(newest, steps), |time| time.0 + 7);
                let numbers: Vec<_> = queue.flows.iter().map(|timed| timed.flow.number).collect();
                prop_assert!(numbers.len() <= QUEUE && numbers.is_sorted());
                prop_assert!(new == 0 || numbers.last() == Some(&newest));
                prop_assert!(queue.flows.iter().all(|timed| timed.born == timed.flow.born.0 + 7));
                for _ in 0..batches {
                    let spans: usize = queue.batch().map(Timed::spans).sum();
                    let flows = queue.batch().len();
                    prop_assert!(spans <= BATCH || flows == 1);
                    prop_assert_eq!(flows == 0, queue.flows.is_empty());
                    queue.done(flows);
                    sent += flows as u64;
                }
                prop_assert_eq!(counts.waiting(), queue.flows.len() as u64);
                let dropped = counts.dropped_in_all();
                prop_assert_eq!(counts.waiting() + dropped + sent, newest);
            }
        }
    }
}
