//! Drains and stops, and what panics on the way.

use crate::common::*;

/// Sources on two workers that ask a pool, which answers or refuses; `stuck` flows it never lets
/// go.
fn springs(ends: &Arc<AtomicU64>, stuck: bool) -> Running {
    let mut net = Net::new("springs");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    let count = Arc::clone(ends);
    let spring = stage("spring", move || Spring { next: 0, ends: Arc::clone(&count) });
    let spring = net.add(spring.on(cpu).flows(32).queue(bounded(8)));
    let judge = net.add(
        stage("judge", move || {
            let mut kept: Vec<Tag> = Vec::new();
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    match *event % 5 {
                        0 => event.split().0.refuse(Why::Refused),
                        1 if stuck && kept.len() < 3 => kept.push(event.split().0),
                        _ => cx.out.emit(event),
                    }
                }
            })
        })
        .on(pool)
        .queue(bounded(16)),
    );
    net.wire(spring.out, judge.inlet).window(12);
    net.wire(judge.out, spring.inlet).returns(spring.out);
    net.run().unwrap()
}

#[test]
fn a_drain_lets_flows_end_and_takes_no_new_ones() {
    let ends = Arc::new(AtomicU64::new(0));
    let running = springs(&ends, false);
    until(&ends, 10_000);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.ended[Why::Draining], 0);
    assert_eq!(drained.ledger.entered, ends.load(SeqCst));
}

#[test]
fn what_does_not_end_in_time_is_cut_off_and_counted() {
    let ends = Arc::new(AtomicU64::new(0));
    let running = springs(&ends, true);
    until(&ends, 10_000);
    let drained = running.drain(Duration::from_millis(100));
    assert_over(drained, false);
    let cut_off = drained.ledger.ended[Why::Draining];
    assert!((1..=6).contains(&cut_off), "the flows that the judges kept: {cut_off}");
}

#[test]
fn a_stop_cuts_all_off_with_an_even_ledger() {
    for _ in 0..20 {
        let ends = Arc::new(AtomicU64::new(0));
        let running = springs(&ends, false);
        until(&ends, 200);
        let ledger = running.stop();
        assert_over(Drained { complete: true, ledger }, true);
    }
}

/// Says when the thread that owns it ends.
struct Farewell(Sender<()>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn dropping_a_running_net_ends_its_threads() {
    let (farewell, ended): (_, Receiver<()>) = channel();
    let mut net = Net::new("dropped");
    let cpu = net.domain("cpu").pinned(2);
    let ends = std::sync::Mutex::new(farewell);
    net.add(
        stage("end", move || {
            let farewell = Farewell(ends.lock().unwrap().clone());
            from_fn(move |_: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                let _ = &farewell;
            })
        })
        .on(cpu),
    );
    drop(net.run().unwrap());
    // Each replica is dropped, and the factory's own sender with the net: the channel closes.
    assert_eq!(ended.iter().count(), 2);
}

#[test]
fn a_net_whose_stage_panicked_last_drains() {
    let mut net = Net::new("panicked");
    let cpu = net.domain("cpu").pinned(1);
    let fails = net.add(
        stage("fails", || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    assert!(*event != 1, "one");
                    event.split().0.finish();
                }
            })
        })
        .on(cpu),
    );
    let entry = net.entry(fails.inlet);
    let running = net.run().unwrap();
    entry.send(1).unwrap();
    let observer = running.observer();
    while observer.snapshot().stages[0].panics == 0 {
        thread::yield_now();
    }
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.ended[Why::Failed], 1);
    assert_eq!(observer.snapshot().ledger, drained.ledger, "an observer may outlive the net");
}
