//! Many flows over many threads: none is lost.

use crate::common::*;

#[test]
fn keys_find_their_replica_and_all_stages_of_a_tee_their_events() {
    const EACH: u64 = 20_000;
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let [done, copies] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let mut net = Net::new("routes");
    let cpu = net.domain("cpu").pinned(3);
    let other = net.domain("other").pinned(2);
    let pool = net.domain("pool").pool(2);
    let spread = net.add(stage("spread", pass).on(cpu).queue(bounded(64)));
    let keyed = net.add(stage("keyed", pass).on(other).queue(bounded(16)));
    let (places, count) = (Arc::clone(&seen), Arc::clone(&done));
    let last = move || {
        let (places, count) = (Arc::clone(&places), Arc::clone(&count));
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
            let mut places = places.lock().unwrap();
            for event in batch {
                let place = *places.entry(*event % 50).or_insert(cx.worker());
                assert_eq!(place, cx.worker());
                event.split().0.finish();
                count.fetch_add(1, SeqCst);
            }
        })
    };
    let last = net.add(stage("last", last).on(cpu).queue(bounded(8)));
    let count = Arc::clone(&copies);
    let copy = net.add(stage("copy", move || counting(&count)).on(pool).queue(bounded(8)));
    net.wire(spread.out, keyed.inlet).balanced();
    net.wire(keyed.out, last.inlet).keyed(|n| n % 50).tee(copy.inlet);
    let entry = net.entry(spread.inlet);
    let running = net.run().unwrap();
    feed_from_two_threads(&entry, EACH);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!((done.load(SeqCst), copies.load(SeqCst)), (2 * EACH, 2 * EACH));
    assert_eq!(seen.lock().unwrap().len(), 50);
}

#[test]
fn gates_of_many_threads_refuse_and_none_is_lost() {
    const EACH: u64 = 50_000;
    let chooses = bounded(64).order(Order::ByDeadline).admit(Limit::of(8));
    let second = stage("second", pass).queue(chooses);
    let last = bounded(16).admit(Overload::p99(Duration::from_micros(200)));
    let (running, entry, done) = row(second, last);
    feed_from_two_threads(&entry, EACH);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    let ledger = drained.ledger;
    assert_eq!(ledger.finished, done.load(SeqCst));
    assert_eq!(ledger.finished + ledger.ended.total(), 2 * EACH);
}

#[test]
fn many_flows_cross_many_threads_and_none_is_lost() {
    const EACH: u64 = 100_000;
    let second = stage("second", pass).queue(bounded(16));
    let (running, entry, done) = row(second, bounded(16));
    feed_from_two_threads(&entry, EACH);
    let observed = running.observer().snapshot();
    assert!(observed.ledger.balanced(), "{:?}", observed.ledger);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 2 * EACH);
    assert_eq!(done.load(SeqCst), 2 * EACH);
    assert!(entry.send(0).is_err(), "the net is over");
}

#[test]
fn a_pool_grows_while_all_its_threads_wait() {
    // Four events that each wait until all four are being handled.
    let meet = Arc::new(std::sync::Barrier::new(4));
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("meeting");
    let pool = net.domain("pool").pool(1..=4);
    let count = Arc::clone(&done);
    let make = move || {
        let (meet, count) = (Arc::clone(&meet), Arc::clone(&count));
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                meet.wait();
                event.split().0.finish();
                count.fetch_add(1, SeqCst);
            }
        })
    };
    let inlet = net.add(stage("meeting", make).on(pool)).inlet;
    let entry = net.entry(inlet);
    let running = net.run().unwrap();
    for n in 0..4 {
        entry.send(n).unwrap();
    }
    until(&done, 4);
    let view = running.observer().snapshot().stages.remove(0);
    assert_eq!((view.on_duty, view.replicas), (4, 4));
    assert_over(running.drain(LONG), true);
}

#[test]
#[cfg_attr(miri, ignore = "a trial of another size takes half a second of real work")]
fn a_pool_that_grows_and_shrinks_under_load_loses_nothing() {
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("tides");
    let pool = net.domain("pool").pool(1..=6);
    let count = Arc::clone(&done);
    let make = move || {
        let count = Arc::clone(&count);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                // So dear that the queue holds enough for threads to be tried.
                for n in 0..1000 {
                    black_box(n);
                }
                event.split().0.finish();
                count.fetch_add(1, SeqCst);
            }
        })
    };
    let inlet = net.add(stage("work", make).on(pool).queue(bounded(50_000))).inlet;
    let entry = net.entry(inlet);
    let running = net.run().unwrap();
    let observer = running.observer();
    let (mut sent, mut most, mut shrank) = (0, 1, false);
    let began = Instant::now();
    // It burns: at the latest at six threads, fewer are tried.
    while !shrank {
        assert!(began.elapsed() < LONG, "of up to {most} threads none was sent away");
        while entry.send(sent).is_ok() {
            sent += 1;
        }
        let now = observer.snapshot().stages[0].on_duty;
        shrank = now < most;
        most = most.max(now);
    }
    until(&done, sent);
    assert_over(running.drain(LONG), true);
}
