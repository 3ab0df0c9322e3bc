//! The slowest flow of a window, on real threads.

use crate::common::*;
use sluicegate::Kept;

/// How many flows begin and end while one is held up.
const QUICK: u64 = 100;

#[test]
fn who_began_before_all_others_and_ended_after_them_is_kept() {
    let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut net = Net::new("held");
    let pool = net.domain("pool").pool(2);
    let (flag, count) = (Arc::clone(&begun), Arc::clone(&over));
    let work = move || {
        let (begun, over) = (Arc::clone(&flag), Arc::clone(&count));
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                if *event == QUICK {
                    begun.store(true, SeqCst);
                    while over.load(SeqCst) < QUICK {
                        thread::yield_now();
                    }
                }
                event.split().0.finish();
                over.fetch_add(1, SeqCst);
            }
        })
    };
    let work = net.add(stage("work", work).on(pool));
    let entry = net.entry(work.inlet);
    net.change(&[("traces.slowest", 1.into()), ("traces.window", ms(100).into())]).unwrap();
    let running = net.run().unwrap();
    insist(&entry, QUICK);
    while !begun.load(SeqCst) {
        thread::yield_now();
    }
    (0..QUICK).for_each(|n| insist(&entry, n));
    let observer = running.observer();
    let held = loop {
        // It is told of when its window is over, whether or not more flows come.
        let flows = observer.flows();
        assert!(flows.iter().all(|flow| flow.kept == Kept::Slowest && flow.why.is_none()));
        if let Some(held) = flows.into_iter().find(|flow| flow.flow == 0) {
            break held;
        }
        thread::yield_now();
    };
    assert!(observer.flows().iter().all(|flow| flow.total <= held.total));
    running.drain(LONG);
}
