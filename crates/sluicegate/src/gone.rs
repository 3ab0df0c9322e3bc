//! Flows for whose answers nobody waits any more: told by their sources, heeded by all queues.
//!
//! Nobody knows in which queue a flow is, and its tag cannot be reached there. So what has gone is
//! kept in a list a worker, of the flows that are at home there; nearly always all are empty, and
//! a batch begins with one look at whether they are.

use crate::event::{FlowKey, StageId, WorkerId};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A flow by its source and its number there, at its home.
pub(crate) type FlowId = (StageId, u64);

/// The flows of a net that are gone and have not ended yet. They are bounded by the places of the
/// sources.
pub(crate) struct Gone {
    homes: Box<[Home]>,
    /// At how many homes there are some. A batch that reads an old number serves who has just gone.
    some_at: AtomicUsize,
    /// How many have gone so far, for those who look only when there are more.
    told: AtomicU64,
}

/// Those of one worker, on a cache line of their own: what resets there is nothing to the flows of
/// others.
#[derive(Default)]
#[repr(align(64))]
struct Home {
    count: AtomicUsize,
    /// Locked only when somebody has gone: by the worker itself, and by who has one of its flows.
    flows: Mutex<HashSet<FlowId>>,
}

impl Gone {
    pub fn new(workers: usize) -> Self {
        let homes = (0..workers).map(|_| Home::default()).collect();
        Self { homes, some_at: AtomicUsize::new(0), told: AtomicU64::new(0) }
    }

    pub fn any(&self) -> bool {
        self.some_at.load(Relaxed) > 0
    }

    pub fn told(&self) -> u64 {
        self.told.load(Relaxed)
    }

    /// All of them.
    pub fn all(&self) -> Vec<FlowKey> {
        let mut all = Vec::new();
        for (n, home) in self.homes.iter().enumerate() {
            if home.count.load(Relaxed) > 0 {
                let home_id = WorkerId(n as u16);
                all.extend(home.flows().iter().map(|&flow| FlowKey { home: home_id, flow }));
            }
        }
        all
    }

    pub fn has(&self, home: WorkerId, flow: &FlowId) -> bool {
        let home = self.homes.get(home.index());
        home.is_some_and(|home| home.count.load(Relaxed) > 0 && home.flows().contains(flow))
    }

    /// Whether it is new.
    pub fn add(&self, home: WorkerId, flow: FlowId) -> bool {
        self.told.fetch_add(1, Relaxed);
        self.change(home, |flows| flows.insert(flow))
    }

    /// Whether it was there.
    pub fn remove(&self, home: WorkerId, flow: &FlowId) -> bool {
        self.change(home, |flows| flows.remove(flow))
    }

    fn change(&self, home: WorkerId, change: impl FnOnce(&mut HashSet<FlowId>) -> bool) -> bool {
        let home = &self.homes[home.index()];
        let mut flows = home.flows();
        let before = flows.len();
        let changed = change(&mut flows);
        home.count.store(flows.len(), Relaxed);
        match (before, flows.len()) {
            (0, 1) => _ = self.some_at.fetch_add(1, Relaxed),
            (1, 0) => _ = self.some_at.fetch_sub(1, Relaxed),
            _ => {}
        }
        changed
    }
}

impl Home {
    fn flows(&self) -> MutexGuard<'_, HashSet<FlowId>> {
        // Each change is one call of the set.
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::event::Tag;
    use crate::ledger::Why;
    use crate::time::Time;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    #[derive(Clone, Debug)]
    enum Step {
        Enter,
        /// One of the numbers so far, in flight or not.
        Gone(usize),
        /// One of those in flight is answered, or ends in another way.
        End(usize, bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => Just(Step::Enter),
            2 => (0_usize..20).prop_map(Step::Gone),
            2 => (0_usize..20, any::<bool>()).prop_map(|(at, answered)| Step::End(at, answered)),
        ]
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn a_flow_is_gone_from_when_it_is_told_until_it_ends(
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let gone = Arc::new(Gone::new(1));
            let (home, source) = (WorkerId(0), StageId(0));
            let desk = Desk::new(home, 1, Arc::clone(&gone), Arc::default());
            let _open = desk.open();
            // By flow: its tag, and whether it is gone.
            let mut flows: BTreeMap<u64, (Tag, bool)> = BTreeMap::new();
            let mut next = 0;
            for step in steps {
                match step {
                    Step::Enter => {
                        prop_assert!(desk.take_place(source, usize::MAX));
                        let tag = Tag::new(next, Time(0), home, source);
                        flows.insert(next, (tag, false));
                        next += 1;
                    }
                    Step::Gone(at) if !flows.is_empty() => {
                        let at = at % flows.len();
                        let (&flow, (_, gone)) = flows.iter_mut().nth(at).expect("one of them");
                        desk.set_gone(source, flow);
                        *gone = true;
                    }
                    Step::Gone(_) => desk.set_gone(source, next),
                    Step::End(at, answered) if !flows.is_empty() => {
                        let flow = *flows.keys().nth(at % flows.len()).expect("one of them");
                        let (tag, _) = flows.remove(&flow).expect("one of them");
                        if answered {
                            tag.finish();
                        } else {
                            tag.refuse(Why::Shed);
                            let mut notices = Vec::new();
                            desk.take_notices(&mut notices);
                            notices.iter().for_each(|n| desk.free_place(n.source, n.flow));
                        }
                    }
                    Step::End(..) => {}
                }
                for (tag, left) in flows.values() {
                    prop_assert_eq!(tag.is_in(&gone), *left);
                    let fork = tag.fork();
                    prop_assert!(!fork.is_in(&gone), "nobody ever waits for it");
                    fork.finish();
                }
                prop_assert_eq!(gone.any(), flows.values().any(|flow| flow.1));
            }
            flows.into_values().for_each(|(tag, _)| std::mem::forget(tag));
        }

        #[test]
        fn each_home_has_a_list_of_its_own(
            steps in prop::collection::vec((any::<bool>(), 0_u16..3, 0_u64..3), 1..60),
        ) {
            let (gone, mut model) = (Gone::new(3), BTreeSet::new());
            for (add, home, number) in steps {
                let flow = (StageId(0), number);
                let changed = match add {
                    true => gone.add(WorkerId(home), flow),
                    false => gone.remove(WorkerId(home), &flow),
                };
                let expected = match add {
                    true => model.insert((home, flow)),
                    false => model.remove(&(home, flow)),
                };
                prop_assert_eq!(changed, expected);
                for home in 0..4 {
                    let flows = (0..3).map(|number| (StageId(0), number));
                    for flow in flows {
                        let has = gone.has(WorkerId(home), &flow);
                        prop_assert_eq!(has, model.contains(&(home, flow)));
                    }
                }
                prop_assert_eq!(gone.any(), !model.is_empty());
            }
        }
    }

    #[test]
    fn what_goes_at_one_home_holds_nobody_up_at_another() {
        let (gone, flow) = (Gone::new(2), (StageId(0), 7));
        assert!(gone.add(WorkerId(0), flow) && gone.add(WorkerId(1), flow));
        let busy = gone.homes[0].flows();
        assert!(gone.has(WorkerId(1), &flow) && gone.remove(WorkerId(1), &flow));
        drop(busy);
        assert!(gone.has(WorkerId(0), &flow) && !gone.has(WorkerId(1), &flow));
    }
}
