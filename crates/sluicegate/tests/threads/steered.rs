//! Stages that are paused, stepped and replaced under load.

use crate::common::*;

#[test]
fn a_stage_that_is_paused_and_stepped_under_load_loses_nothing() {
    const EACH: u64 = 20_000;
    let second = stage("second", pass).queue(bounded(64));
    let (running, entry, done) = row(second, bounded(16));
    let net = running.observer();
    let steers = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let mut turns = 0;
            while done.load(SeqCst) < EACH {
                for name in ["first", "second", "last"] {
                    net.pause("", name).unwrap();
                    net.step("", name).unwrap();
                    net.change("", &[("stages.second.batch", (1 + turns % 8).into())]).unwrap();
                    net.resume("", name).unwrap();
                }
                turns += 1;
            }
            turns
        }
    });
    (0..EACH).for_each(|n| insist(&entry, n));
    until(&done, EACH);
    assert!(steers.join().unwrap() > 0);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!((drained.ledger.finished, drained.ledger.entered), (EACH, EACH));
}

/// A net of one stage that is paused, with so many flows before it.
fn paused(flows: u64) -> Running {
    let mut net = Net::new("paused");
    let cpu = net.domain("cpu").pinned(2);
    let held = net.add(stage("held", end).on(cpu));
    let entry = net.entry(held.inlet);
    let running = net.run().unwrap();
    let net = running.observer();
    // A run that has begun before the pause is no part of it: that in which the stage is made.
    while !net.snapshot().workers.iter().all(|worker| worker.asleep) {
        thread::yield_now();
    }
    net.pause("", "held").unwrap();
    (0..flows).for_each(|n| entry.send(n).unwrap());
    running
}

#[test]
fn a_drain_ends_a_pause_and_a_stop_ends_what_waits() {
    let drained = paused(100).drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 100);
    let ledger = paused(100).stop();
    assert_over(Drained { complete: true, ledger }, true);
    assert_eq!(ledger.ended[Why::Draining], 100);
    drop(paused(100));
}

#[test]
fn a_step_of_threads_that_sleep_is_one_batch() {
    let running = paused(10);
    let net = running.observer();
    for steps in 1..=2 {
        net.step("", "held").unwrap();
        let held = || net.snapshot().stages.swap_remove(0);
        while held().batches < steps {
            thread::yield_now();
        }
        assert_eq!((held().batches, held().served), (steps, 5 * steps), "of one worker's queue");
    }
    assert_over(running.drain(LONG), true);
}

#[test]
fn a_stage_that_is_replaced_under_load_loses_nothing() {
    const EACH: u64 = 20_000;
    let second = stage("second", pass).queue(bounded(64)).replaceable();
    let (running, entry, done) = row(second, bounded(16));
    let net = running.observer();
    for n in 0..EACH {
        insist(&entry, n);
        match n % 100 {
            0 => net.replace("", "first", pass).unwrap(),
            50 => net.replace("", "second", || Box::new(pass())).unwrap(),
            _ => {}
        }
    }
    until(&done, EACH);
    assert!(net.snapshot().stages.iter().take(2).all(|stage| stage.replaced > 0));
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!((drained.ledger.finished, drained.ledger.entered), (EACH, EACH));
}
