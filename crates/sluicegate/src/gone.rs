//! Flows for whose answers nobody waits any more: told by their sources, heeded by all queues.
//!
//! Nobody knows in which queue a flow is, and its tag cannot be reached there. So what has gone is
//! kept in one list of the net, which is nearly always empty, and a batch begins with one look at
//! whether it is.

use crate::event::{StageId, WorkerId};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A flow by its home, its source and its number there.
pub(crate) type FlowId = (WorkerId, StageId, u64);

/// The flows of a net that are gone and have not ended yet. They are bounded by the places of the
/// sources.
#[derive(Default)]
pub(crate) struct Gone {
    /// How many there are. A batch that reads an old number serves who has just gone.
    count: AtomicUsize,
    /// Locked only when somebody has gone.
    flows: Mutex<HashSet<FlowId>>,
}

impl Gone {
    pub fn any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    pub fn has(&self, flow: &FlowId) -> bool {
        self.any() && self.flows().contains(flow)
    }

    /// Whether it is new.
    pub fn add(&self, flow: FlowId) -> bool {
        let mut flows = self.flows();
        let new = flows.insert(flow);
        self.count.store(flows.len(), Relaxed);
        new
    }

    /// Whether it was there.
    pub fn remove(&self, flow: &FlowId) -> bool {
        let mut flows = self.flows();
        let was = flows.remove(flow);
        self.count.store(flows.len(), Relaxed);
        was
    }

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
    use std::collections::BTreeMap;
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
            let gone = Arc::<Gone>::default();
            let (home, source) = (WorkerId(0), StageId(0));
            let desk = Desk::new(home, 1, Arc::clone(&gone));
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
    }
}
