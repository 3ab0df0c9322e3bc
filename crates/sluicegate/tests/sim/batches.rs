//! A batch is bounded by count, by time and by room; what is not taken stays queued, in order.

use crate::common::{Log, settle, settle_empty, sink, stage_of};
use sluicegate::{
    Batch, Cx, Entry, Event, Net, Out, Sim, Stage, VirtualTime, bounded, from_fn, stage,
};
use std::time::Duration;

const MILLI: Duration = Duration::from_millis(1);
/// What is no flow, in tests that have both.
const NOTE: u64 = 1000;

/// A net of one stage, which notes the size of each of its batches; an event costs what `cost`
/// says.
fn sizes(events: u64, batch: usize, cost: fn(u64) -> Duration) -> Vec<u64> {
    sizes_and_overruns(events, batch, cost, None).0
}

/// The same with how often a run took too long, where perhaps another slice is set.
fn sizes_and_overruns(
    events: u64,
    batch: usize,
    cost: fn(u64) -> Duration,
    slice: Option<Duration>,
) -> (Vec<u64>, u64) {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("batches");
    let cpu = net.domain("cpu").pinned(1);
    let (out, clock) = (log.clone(), time.clone());
    let only = net.add(
        stage("only", move || {
            let (out, clock) = (out.clone(), clock.clone());
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                let mut size = 0;
                for event in batch {
                    let (tag, n) = event.split();
                    clock.advance(cost(n));
                    out.note("handled", n);
                    tag.finish();
                    size += 1;
                }
                out.note("size", size);
            })
        })
        .on(cpu)
        .queue(bounded(4000))
        .batch(batch),
    );
    let entry = net.entry(only.inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    if let Some(slice) = slice {
        sim.observer().change("anna", &[("stages.only.slice", slice.into())]).unwrap();
    }
    for n in 0..events {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    assert_eq!(log.noted("handled"), (0..events).collect::<Vec<_>>(), "in order, each once");
    (log.noted("size"), stage_of(&mut sim, "only").overruns)
}

#[test]
fn runs_that_take_twice_their_slice_are_counted() {
    let overruns = |us| sizes_and_overruns(64, 64, us, None).1;
    assert_eq!(overruns(|_| Duration::from_micros(10)), 0, "a batch that ends by time is none");
    assert_eq!(overruns(|_| Duration::from_micros(499)), 0, "nor one whose last began in time");
    assert_eq!(overruns(|n| if n % 16 == 5 { 2 * MILLI } else { Duration::ZERO }), 4);
    assert_eq!(overruns(|_| MILLI + Duration::from_nanos(1)), 64);
    let set = |slice| sizes_and_overruns(64, 1, |_| MILLI, Some(slice)).1;
    assert_eq!(set(MILLI), 0, "by the slice that is set");
    assert_eq!(set(MILLI / 4), 64);
}

#[test]
fn a_batch_is_bounded_by_count() {
    assert_eq!(sizes(10, 3, |_| Duration::ZERO), [3, 3, 3, 1]);
}

#[test]
fn a_batch_is_bounded_by_time_but_has_an_event() {
    assert_eq!(sizes(4, 64, |_| MILLI), [1, 1, 1, 1]);
    let slice = sizes(64, 64, |_| Duration::from_micros(100));
    assert!(slice.iter().all(|&size| (1..=6).contains(&size)), "500 us a slice: {slice:?}");
}

#[test]
fn cheap_events_do_not_hide_dear_ones() {
    let cost = |n| if n < 3200 { Duration::from_nanos(1) } else { MILLI };
    let sizes = sizes(3300, 64, cost);
    let cheap = sizes.iter().position(|&size| size < 64).unwrap();
    assert!(cheap >= 49, "cheap events fill their batches: {sizes:?}");
    let dear = &sizes[50..];
    assert!(dear.iter().all(|&size| size <= 16), "the clock is read every 16 events: {dear:?}");
}

/// Puts everything back until its timer opens it.
struct Gate {
    open: bool,
    log: Log,
}

impl Stage for Gate {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.after(5 * MILLI, 0);
    }

    fn handle(&mut self, mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        while let Some(event) = batch.next() {
            if !self.open {
                self.log.note("put back", *event);
                batch.put_back(event);
                continue;
            }
            let (tag, n) = event.split();
            self.log.note("passed", n);
            tag.finish();
        }
    }

    fn timer(&mut self, _: u64, _: &mut Cx<'_, ()>) {
        self.open = true;
    }
}

#[test]
fn what_is_put_back_waits_in_order_and_is_no_progress() {
    let log = Log::default();
    let mut net = Net::new("gate");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let farther = net.add(stage("farther", crate::common::pass).on(cpu).batch(1));
    let last = net.add(stage("last", move || sink("other", &out)).on(cpu));
    let out = log.clone();
    let gate = net.add(stage("gate", move || Gate { open: false, log: out.clone() }).on(cpu));
    net.wire(farther.out, last.inlet);
    let (gated, other) = (net.entry(gate.inlet), net.entry(farther.inlet));
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..3 {
        gated.send(n).unwrap();
        other.send(n).unwrap();
    }
    settle(&mut sim);
    assert_eq!(log.noted("other"), [0, 1, 2], "the gate is nearest to the exit, others run");
    assert_eq!(log.noted("put back"), [0], "looked at once");
    gated.send(3).unwrap();
    settle(&mut sim);
    assert_eq!(log.noted("put back"), [0, 0], "an event that comes has it look again");
    assert!(sim.run_for(10 * MILLI, 1000));
    assert_eq!(log.noted("passed"), [0, 1, 2, 3]);
    settle_empty(&mut sim);
}

/// Its flag is raised for ever, or once; each time it fills the outbox with notes.
struct Chatty {
    for_ever: bool,
    notes: usize,
}

impl Stage for Chatty {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            cx.out.emit(event);
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        for _ in 0..cx.room().min(self.notes) {
            let home = cx.worker();
            cx.out.emit(Event::note(home, NOTE));
        }
        if self.for_ever {
            cx.again();
        }
    }
}

fn chatty(for_ever: bool, notes: usize) -> (Log, Entry<u64>, Sim) {
    let log = Log::default();
    let mut net = Net::new("chatty");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let chatty = stage("chatty", move || Chatty { for_ever, notes });
    let chatty = net.add(chatty.on(cpu).batch(2));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(chatty.out, last.inlet);
    let entry = net.entry(chatty.inlet);
    (log, entry, Sim::new(net, 1).unwrap())
}

fn flows(log: &Log) -> Vec<u64> {
    log.noted("last").into_iter().filter(|&n| n != NOTE).collect()
}

#[test]
fn events_have_their_turn_between_flags_that_never_rest() {
    let (log, entry, mut sim) = chatty(true, usize::MAX);
    entry.send(7).unwrap();
    entry.send(8).unwrap();
    for _ in 0..50 {
        sim.step();
    }
    assert_eq!(flows(&log), [7, 8]);
}

#[test]
fn events_are_not_forgotten_when_a_flag_left_no_room() {
    for notes in 0..4 {
        let (log, entry, mut sim) = chatty(false, notes);
        for n in 0..5 {
            entry.send(n).unwrap();
        }
        settle_empty(&mut sim);
        assert_eq!(flows(&log), [0, 1, 2, 3, 4]);
    }
}
