//! Nets on real threads. Nothing here measures time; what is waited for is a state of the net.
#![forbid(unsafe_code)]

use sluicegate::{
    AsyncCx, Batch, Cx, Drained, Entering, Event, Limit, Machine, Net, Next, Order, Out, Overload,
    Park, Policy, Raised, Ready, Running, Stage, Stages, Stall, Stalled, StartError, Tag, Time,
    Wait, Waker, Why, bounded, from_async_fn, from_fn, ms, stage,
};
use std::collections::HashMap;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::thread;
use std::time::{Duration, Instant};

/// As long as a test may wait at the very most: only a defect waits so long.
const LONG: Duration = Duration::from_secs(60);

fn pass() -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            cx.out.emit(event);
        }
    })
}

/// Finishes flows and counts them.
fn counting(count: &Arc<AtomicU64>) -> impl Stage<In = u64, Out = ()> + use<> {
    let count = Arc::clone(count);
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            event.split().0.finish();
            count.fetch_add(1, SeqCst);
        }
    })
}

fn assert_over(drained: Drained, complete: bool) {
    let ledger = drained.ledger;
    assert!(ledger.balanced(), "{ledger:?}");
    assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
    assert_eq!(drained.complete, complete);
}

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
    let feeders = [0, 1].map(|_| {
        let entry = entry.clone();
        thread::spawn(move || {
            for n in 0..EACH {
                while entry.send(n).is_err() {
                    thread::yield_now();
                }
            }
        })
    });
    for feeder in feeders {
        feeder.join().unwrap();
    }
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!((done.load(SeqCst), copies.load(SeqCst)), (2 * EACH, 2 * EACH));
    assert_eq!(seen.lock().unwrap().len(), 50);
}

#[test]
fn gates_of_many_threads_refuse_and_none_is_lost() {
    const EACH: u64 = 50_000;
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("gates");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(3);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let queue = bounded(64).order(Order::ByDeadline).admit(Limit::of(8));
    let second = net.add(stage("second", pass).on(pool).queue(queue).batch(4));
    let count = Arc::clone(&done);
    let queue = bounded(16).admit(Overload::p99(Duration::from_micros(200)));
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(queue));
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let running = net.run().unwrap();
    let feeders = [0, 1].map(|_| {
        let entry = entry.clone();
        thread::spawn(move || {
            for n in 0..EACH {
                while entry.send(n).is_err() {
                    thread::yield_now();
                }
            }
        })
    });
    for feeder in feeders {
        feeder.join().unwrap();
    }
    let drained = running.drain(LONG);
    assert_over(drained, true);
    let ledger = drained.ledger;
    assert_eq!(ledger.finished, done.load(SeqCst));
    assert_eq!(ledger.finished + ledger.ended.total(), 2 * EACH);
}

#[test]
fn many_flows_cross_many_threads_and_none_is_lost() {
    const EACH: u64 = 100_000;
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("stress");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(3);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let second = net.add(stage("second", pass).on(pool).queue(bounded(16)).batch(4));
    let count = Arc::clone(&done);
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(bounded(16)));
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let running = net.run().unwrap();
    let feeders = [0, 1].map(|_| {
        let entry = entry.clone();
        thread::spawn(move || {
            for mut n in 0..EACH {
                while let Err(refused) = entry.send(n) {
                    n = refused.0;
                    thread::yield_now();
                }
            }
        })
    });
    for feeder in feeders {
        feeder.join().unwrap();
    }
    let observed = running.observer().snapshot();
    assert!(observed.ledger.balanced(), "{:?}", observed.ledger);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 2 * EACH);
    assert_eq!(done.load(SeqCst), 2 * EACH);
    assert!(entry.send(0).is_err(), "the net is over");
}

/// A source that lets in flows for ever, and has each answered or told.
struct Spring {
    next: u64,
    ends: Arc<AtomicU64>,
}

impl Stage for Spring {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        while !cx.draining() && cx.room() > 0 {
            let Ok(tag) = cx.enter(self.next, Entering::default()) else { return };
            cx.out.emit(tag.with(self.next));
            self.next += 1;
        }
        if !cx.draining() {
            cx.again();
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            event.split().0.finish();
            self.ends.fetch_add(1, SeqCst);
        }
    }

    fn ended(&mut self, ended: sluicegate::Ended, _: &mut Cx<'_, Out<u64>>) {
        assert_eq!(ended.why, Why::Refused);
        if let Some(asked) = ended.tag {
            return asked.refuse(ended.why);
        }
        self.ends.fetch_add(1, SeqCst);
    }
}

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

/// Waits until `ends` flows have ended.
fn until(ends: &AtomicU64, enough: u64) {
    while ends.load(SeqCst) < enough {
        thread::yield_now();
    }
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

fn end() -> impl Stage<In = u64, Out = ()> {
    from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            event.split().0.finish();
        }
    })
}

#[test]
fn a_machine_that_cannot_be_made_stops_the_start() {
    for panics in [false, true] {
        let mut net = Net::new("machine");
        let cpu = net
            .domain("cpu")
            .machine(move |worker| match (worker, panics) {
                (0, _) => Ok(Park::new()),
                (_, true) => panic!("no machine"),
                (_, false) => Err("no machine".into()),
            })
            .pinned(2);
        net.add(stage("end", end).on(cpu));
        let Err(StartError::Machine { domain, worker, .. }) = net.run() else {
            panic!("it must not start");
        };
        assert_eq!((domain.as_str(), worker), ("cpu", 1));
    }
}

/// A policy that panics when there is something to do for the second time.
#[derive(Default)]
struct Broken(bool);

impl Policy for Broken {
    fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
        assert!(!std::mem::replace(&mut self.0, true), "broken");
        ready.nearest_exit().into()
    }
}

#[test]
fn a_policy_that_panics_stops_the_net() {
    let mut net = Net::new("broken");
    let cpu = net.domain("cpu").policy(Broken::default).pinned(1);
    let last = net.add(stage("end", end).on(cpu));
    let entry = net.entry(last.inlet);
    let running = net.run().unwrap();
    let entered = (0..10_u64).filter(|&n| entry.send(n).is_ok()).count();
    let ledger = running.stop();
    assert_over(Drained { complete: true, ledger }, true);
    assert_eq!(ledger.entered, entered as u64);
}

/// A policy that puts everything off for a millisecond.
#[derive(Default)]
struct Late(Option<Time>);

impl Policy for Late {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let due = *self.0.get_or_insert(stages.now() + ms(1));
        if stages.now() < due {
            return Next::Wait(due);
        }
        self.0 = None;
        ready.nearest_exit().into()
    }
}

#[test]
fn what_is_put_off_runs_by_time_alone() {
    let mut net = Net::new("late");
    let cpu = net.domain("cpu").policy(Late::default).pinned(1);
    let pool = net.domain("pool").policy(Late::default).pool(2);
    let entries = [("end", cpu), ("ends", pool)]
        .map(|(name, place)| net.add(stage(name, end).on(place)))
        .map(|node| net.entry(node.inlet));
    let running = net.run().unwrap();
    for n in 0..20_u64 {
        entries.iter().for_each(|entry| entry.send(n).unwrap());
    }
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 40);
}

/// A machine to which another thread says something.
struct Post {
    inner: Park,
    said: Arc<AtomicU64>,
    heard: u64,
    listener: Option<sluicegate::StageId>,
}

impl Machine for Post {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.inner.poll(now, wait, raised);
        let said = self.said.load(SeqCst);
        if let (true, Some(listener)) = (said > self.heard, self.listener) {
            self.heard = said;
            raised.raise(listener);
        }
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }
}

/// Passes on what its machine heard.
struct Reader {
    heard: Arc<AtomicU64>,
}

impl Stage for Reader {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        let stage = cx.stage();
        cx.local.get::<Post>().listener = Some(stage);
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        self.heard.store(cx.local.get::<Post>().heard, SeqCst);
    }
}

#[test]
fn a_machine_wakes_its_worker() {
    let (said, heard) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (waker, wakers) = channel();
    let waker = std::sync::Mutex::new(waker);
    let mut net = Net::new("post");
    let post = Arc::clone(&said);
    let cpu = net
        .domain("cpu")
        .machine(move |_| {
            let inner = Park::new();
            waker.lock().unwrap().send(inner.waker())?;
            Ok(Post { inner, said: Arc::clone(&post), heard: 0, listener: None })
        })
        .pinned(1);
    let ears = Arc::clone(&heard);
    net.add(stage("reader", move || Reader { heard: Arc::clone(&ears) }).on(cpu));
    let running = net.run().unwrap();
    let wake = wakers.recv().unwrap();
    for n in 1..100 {
        said.store(n, SeqCst);
        wake();
        until(&heard, n);
    }
    drop(running);
}

/// Counts how often its flag was raised from elsewhere, and gives it away.
struct Heard {
    heard: Arc<AtomicU64>,
    flag: std::sync::mpsc::SyncSender<sluicegate::Flag>,
}

impl Stage for Heard {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        self.flag.send(cx.flag()).unwrap();
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn signal(&mut self, _: &mut Cx<'_, ()>) {
        self.heard.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_flag_wakes_a_sleeping_worker_from_any_thread() {
    let heard = Arc::new(AtomicU64::new(0));
    let (flag, flags) = std::sync::mpsc::sync_channel(1);
    let mut net = Net::new("flag");
    let cpu = net.domain("cpu").pinned(1);
    let ears = Arc::clone(&heard);
    let make = move || Heard { heard: Arc::clone(&ears), flag: flag.clone() };
    net.add(stage("heard", make).on(cpu));
    let running = net.run().unwrap();
    let flag = flags.recv().unwrap();
    for n in 1..1000 {
        flag.raise();
        until(&heard, n);
    }
    drop(running);
}

/// Ready when another thread has heard of it.
struct Asked(Option<Sender<(Arc<AtomicBool>, task::Waker)>>, Arc<AtomicBool>);

impl Future for Asked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        if let Some(asks) = self.0.take() {
            asks.send((Arc::clone(&self.1), task.waker().clone())).unwrap();
        }
        if self.1.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn what_waits_for_other_threads_goes_on_when_they_wake_it() {
    // At most as many questions as there are places: the channel is bounded by them.
    let (asks, asked) = channel::<(Arc<AtomicBool>, task::Waker)>();
    let answers = thread::spawn(move || {
        for (ready, waker) in asked {
            ready.store(true, SeqCst);
            waker.wake();
        }
    });
    let count = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("elsewhere");
    let cpu = net.domain("cpu").pinned(2);
    let waits = move || {
        let asks = asks.clone();
        from_async_fn(8, async move |event: Event<u64>, _: AsyncCx| {
            Asked(Some(asks.clone()), Arc::default()).await;
            event
        })
    };
    let waits = net.add(stage("waits", waits).on(cpu).queue(bounded(64)));
    let ends = Arc::clone(&count);
    let end = net.add(stage("end", move || counting(&ends)).on(cpu));
    net.wire(waits.out, end.inlet);
    let entry = net.entry(waits.inlet);
    let running = net.run().unwrap();
    let mut sent = 0;
    while sent < 5000 {
        sent += u64::from(entry.send(sent).is_ok());
    }
    until(&count, sent);
    assert_over(running.drain(Duration::from_secs(20)), true);
    drop(entry);
    answers.join().unwrap();
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

/// Waits for a word before it finishes a flow; events that are odd need none.
fn obedient(words: &Arc<Mutex<Receiver<()>>>) -> impl Stage<In = u64, Out = ()> + use<> {
    let words = Arc::clone(words);
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, n) = event.split();
            if n % 2 == 0 {
                words.lock().unwrap().recv_timeout(LONG).unwrap();
            }
            tag.finish();
        }
    })
}

#[test]
fn a_handler_that_hangs_is_named_once_while_it_does() {
    for is_pool in [false, true] {
        let mut net = Net::new("hangs");
        let domain = match is_pool {
            false => net.domain("own").pinned(1),
            true => net.domain("own").pool(1),
        };
        let (word, words) = channel();
        let words = Arc::new(Mutex::new(words));
        let hangs = stage("hangs", move || obedient(&words)).on(domain).stall(ms(20));
        let entry = {
            let inlet = net.add(hangs).inlet;
            net.entry(inlet)
        };
        let (tell, told): (Sender<Stall>, _) = channel();
        net.on_stall(move |stall| tell.send(stall.clone()).unwrap());
        let running = net.run().unwrap();
        let observer = running.observer();
        for n in 0..4 {
            entry.send(n).unwrap();
            if n % 2 == 1 {
                continue;
            }
            let stall = told.recv_timeout(LONG).unwrap();
            assert!(stall.time >= ms(20) && stall.what == Stalled::Hangs, "{stall}");
            assert_eq!((&*stall.stage, &*stall.domain, stall.worker), ("hangs", "own", 0));
            // As long as it hangs it is seen to.
            let seen = observer.snapshot().stalls;
            assert!(seen.len() == 1 && seen[0].time >= stall.time, "{seen:?}");
            word.send(()).unwrap();
        }
        assert_over(running.drain(LONG), true);
        assert!(observer.snapshot().stalls.is_empty(), "nothing runs any more");
        assert_eq!(told.try_iter().count(), 0, "each was named once");
    }
}

/// A machine whose thread has slept for as long as a handler says.
struct Sleepy(Park, Arc<AtomicU64>);

impl Machine for Sleepy {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.0.poll(now, wait, raised);
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }

    fn slept(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.1.load(SeqCst)))
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_handler_that_slept_in_a_pinned_domain_is_named_once() {
    let mut net = Net::new("sleepy");
    let slept = Arc::new(AtomicU64::new(0));
    let machine = Arc::clone(&slept);
    let own = net.domain("own");
    let own = own.machine(move |_| Ok(Sleepy(Park::new(), Arc::clone(&machine)))).pinned(1);
    let make = move || {
        let slept = Arc::clone(&slept);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, us) = event.split();
                slept.fetch_add(us, SeqCst);
                // Whoever slept took as long; spinning is no sleep, which the machine knows.
                let began = Instant::now();
                while began.elapsed() < ms(3) {
                    thread::yield_now();
                }
                tag.finish();
            }
        })
    };
    let inlet = net.add(stage("sleepy", make).on(own).batch(1)).inlet;
    let entry = net.entry(inlet);
    let (tell, told): (Sender<Stall>, _) = channel();
    net.on_stall(move |stall| tell.send(stall.clone()).unwrap());
    let running = net.run().unwrap();
    for us in [0, 1000, 7000, 9000] {
        entry.send(us).unwrap();
    }
    assert_over(running.drain(LONG), true);
    let told: Vec<Stall> = told.try_iter().collect();
    let [stall] = &told[..] else { panic!("{told:?}") };
    assert_eq!((stall.what, &*stall.stage, stall.time), (Stalled::Slept, "sleepy", ms(7)));
    assert!(stall.to_string().contains("stage `sleepy` on own/0 slept for 7ms"), "{stall}");
}

#[test]
fn what_a_thread_does_first_is_done_by_each_and_may_keep_the_net_from_starting() {
    for fails in [false, true] {
        let (log, seen) = channel();
        let mut net = Net::new("first");
        let start = move |n: usize| match fails && n == 2 {
            true => Err(format!("no processor for {n}").into()),
            false => Ok(log.send((n, thread::current().name().map(str::to_owned)))?),
        };
        let own = net.domain("own").on_thread_start(start).pinned(3);
        net.add(stage("end", end).on(own));
        match net.run() {
            Ok(running) => drop(running),
            Err(error) => {
                let said = "worker 2 of domain `own` could not start: no processor for 2";
                assert_eq!(error.to_string(), said);
            }
        }
        let mut seen: Vec<_> = seen.try_iter().collect();
        seen.sort();
        let threads = if fails { 2 } else { 3 };
        let all = (0..threads).map(|n| (n, Some(format!("own-{n}"))));
        assert_eq!(seen, all.collect::<Vec<_>>());
    }
}

#[test]
fn a_stage_that_is_paused_and_stepped_under_load_loses_nothing() {
    const EACH: u64 = 20_000;
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("paused");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let second = net.add(stage("second", pass).on(pool).queue(bounded(64)).batch(4));
    let count = Arc::clone(&done);
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(bounded(16)));
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let running = net.run().unwrap();
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
    for n in 0..EACH {
        while entry.send(n).is_err() {
            thread::yield_now();
        }
    }
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
    running.observer().pause("", "held").unwrap();
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
    let done = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("replaced");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    let first = net.add(stage("first", pass).on(cpu).queue(bounded(64)));
    let second = net.add(stage("second", pass).on(pool).queue(bounded(64)).batch(4).replaceable());
    let count = Arc::clone(&done);
    let last = net.add(stage("last", move || counting(&count)).on(cpu).queue(bounded(16)));
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let running = net.run().unwrap();
    let net = running.observer();
    for n in 0..EACH {
        while entry.send(n).is_err() {
            thread::yield_now();
        }
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
