//! Parts that come and go under load.

use crate::common::*;
use sluicegate::{Door, Part, Slot, Supervision, slot};

/// A stage that passes on, a slot, and a last one that counts.
fn host() -> (Running, Entry<u64>, Slot<u64, u64>, Arc<AtomicU64>) {
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(2);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let (spec, numbers) = slot::<u64, u64>("numbers");
    let node = net.add(spec.on(cpu).queue(bounded(16)));
    let count = Arc::clone(&done);
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(bounded(16)));
    net.wire(first.out, node.inlet);
    net.wire(node.out.answers, last.inlet);
    net.seal(node.out.bare);
    let entry = net.entry(first.inlet);
    (net.run().unwrap(), entry, numbers, done)
}

/// A part of a door on so many workers, and a stage in a pool.
fn part<S: Stage<In = u64, Out = Out<u64>>>(
    name: &str,
    slot: &Slot<u64, u64>,
    workers: usize,
    make: impl Fn() -> S + Send + Sync + 'static,
) -> (Door<u64, u64>, Net) {
    let mut part = Net::new(name);
    let (cpu, pool) = (part.domain("cpu").pinned(workers), part.domain("pool").pool(1..=2));
    let (spec, door) = slot.door("door");
    let node = part.add(spec.on(cpu));
    let stops = Supervision::default().restarts(0, ms(1)).stop_net();
    let only = part.add(stage("only", make).on(pool).queue(bounded(8)).supervise(stops));
    part.wire(node.out, only.inlet);
    part.wire(only.out, node.inlet).returns(node.out);
    (door, part)
}

fn attach(running: &Running, (door, part): (Door<u64, u64>, Net)) -> Part {
    running.attach(door, part).unwrap()
}

#[test]
fn parts_that_come_and_go_under_load_lose_nothing() {
    const EACH: u64 = 20_000;
    let (running, entry, numbers, done) = host();
    let over = AtomicBool::new(false);
    let (mut passed, mut rounds) = (0, 0);
    thread::scope(|scope| {
        let feeds = scope.spawn(|| {
            feed_from_two_threads(&entry, EACH);
            until(&done, 2 * EACH);
            over.store(true, SeqCst);
        });
        let mut before: Option<Part> = None;
        while !over.load(SeqCst) {
            let name = format!("part {rounds}");
            let next = attach(&running, part(&name, &numbers, 1 + rounds % 2, pass));
            if let Some(before) = before.replace(next) {
                let removed = before.remove(LONG);
                assert_over(removed, true);
                assert_eq!(removed.ledger.finished, removed.ledger.entered);
                passed += removed.ledger.finished;
            }
            if rounds.is_multiple_of(5) {
                // For a moment there is none.
                passed += before.take().map_or(0, |part| part.remove(LONG).ledger.finished);
            }
            rounds += 1;
        }
        feeds.join().unwrap();
        passed += before.take().map_or(0, |part| part.remove(LONG).ledger.finished);
    });
    assert!(rounds > 0 && running.observer().parts().is_empty());
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!((drained.ledger.finished, passed), (2 * EACH, 2 * EACH));
}

#[test]
fn what_is_left_in_a_part_when_its_time_is_over_ends_and_is_told() {
    let (running, entry, numbers, _) = host();
    let keeps = || {
        let mut kept: Vec<Tag> = Vec::new();
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| {
            kept.extend(batch.map(|event| event.split().0));
        })
    };
    for round in 1..=20 {
        let part = attach(&running, part("keeps", &numbers, 1, keeps));
        (0..10).for_each(|n| insist(&entry, n));
        while part.inside() < 10 {
            thread::yield_now();
        }
        // Let go of, or with no time left.
        if round % 2 == 0 {
            drop(part);
        } else {
            let removed = part.remove(Duration::ZERO);
            assert_over(removed, false);
            // Of some it has not heard yet.
            assert_eq!(removed.ledger.ended[Why::Draining], removed.ledger.entered);
        }
        let ended = || running.observer().snapshot().ledger.ended[Why::Draining];
        while ended() < 10 * round {
            thread::yield_now();
        }
    }
    assert_over(running.drain(LONG), true);
}

#[test]
fn a_part_that_stops_by_itself_leaves_the_net_as_it_was() {
    let (running, entry, numbers, done) = host();
    let sound = attach(&running, part("sound", &numbers, 1, pass));
    let panics = || from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| panic!("as it should"));
    let broken = attach(&running, part("broken", &numbers, 2, panics));
    insist(&entry, 1);
    while broken.stopped().is_none() || broken.inside() > 0 {
        thread::yield_now();
    }
    (0..100).for_each(|n| insist(&entry, n));
    until(&done, 100);
    assert!(broken.remove(LONG).ledger.balanced());
    assert_over(sound.remove(LONG), true);
    assert_over(running.drain(LONG), true);
}

#[test]
fn nothing_passes_into_a_part_that_has_stopped_while_a_thread_of_it_does_not_come_back() {
    let (running, entry, numbers, done) = host();
    let sound = attach(&running, part("sound", &numbers, 1, pass));
    let (release, held) = channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let began = Arc::new(AtomicU64::new(0));
    let begins = Arc::clone(&began);
    let broken = move || {
        let (held, begins) = (Arc::clone(&held), Arc::clone(&begins));
        from_fn(move |mut batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| {
            let first = batch.next();
            assert!(first.is_none_or(|event| *event == 0), "as it should");
            begins.fetch_add(1, SeqCst);
            let _ = held.lock().unwrap().recv();
        })
    };
    let broken = attach(&running, part("broken", &numbers, 2, broken));
    // Goes before the part: a test that fails must not wait for that thread.
    let release = release;
    insist(&entry, 0);
    until(&began, 1);
    insist(&entry, 1);
    while broken.stopped().is_none() {
        thread::yield_now();
    }
    (0..100).for_each(|n| insist(&entry, n));
    while done.load(SeqCst) < 100 && broken.inside() <= 2 {
        thread::yield_now();
    }
    assert!(broken.inside() <= 2, "but what was in it: {}", broken.inside());
    release.send(()).unwrap();
    assert!(broken.remove(LONG).ledger.balanced());
    assert_over(sound.remove(LONG), true);
    assert_over(running.drain(LONG), true);
}

#[test]
fn a_net_that_stops_before_its_part_leaves_that_whole() {
    let (running, entry, numbers, _) = host();
    let part = attach(&running, part("part", &numbers, 1, pass));
    (0..100).for_each(|n| insist(&entry, n));
    let ledger = running.stop();
    assert!(ledger.balanced() && ledger.in_flight == 0, "{ledger:?}");
    assert_over(part.remove(LONG), true);
}

#[test]
fn a_part_that_is_paused_goes_on_when_it_is_taken_away() {
    let (running, entry, numbers, done) = host();
    let part = attach(&running, part("part", &numbers, 1, pass));
    part.observer().pause("", "only").unwrap();
    (0..5).for_each(|n| insist(&entry, n));
    while part.inside() < 5 {
        thread::yield_now();
    }
    let removed = part.remove(LONG);
    assert_over(removed, true);
    until(&done, 5);
    assert_over(running.drain(LONG), true);
}
