//! Letters: what a panic costs goes on to another stage, alive, and ends once.

use crate::common::{Front, Log, come_to_rest, pass, settle_empty, stage_of, wire_of};
use sluicegate::sim::{Setup, Trouble, Troubles};
use sluicegate::{
    AsyncCx, Batch, Cause, Cx, Entry, Event, Letter, Net, OnFull, Out, Sim, Spec, Stage,
    Supervision, Tag, Why, bounded, from_async_fn, from_fn, ms, stage,
};

const FLOWS: u64 = 12;

/// Keeps even numbers below 6, passes the others, and panics at 7 with two events in hand.
#[derive(Default)]
struct Keeper {
    kept: Vec<Tag>,
}

impl Stage for Keeper {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, mut batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        while let Some(event) = batch.next() {
            match *event {
                6 => {
                    let next = batch.next().map(Event::split);
                    panic!("{} and {}", *event, next.expect("it is in the same batch").1);
                }
                n if n % 2 == 0 && n < 6 => self.kept.push(event.split().0),
                _ => cx.out.emit(event),
            }
        }
    }
}

/// Notes what it gets, and answers in place of who panicked.
fn notes(log: &Log) -> impl Stage<In = Letter<u64>, Out = Out<u64>> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, Letter<u64>>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            let what = match &event.cause {
                Cause::Panicked(message) if message.is_empty() => "silent",
                Cause::Panicked(_) => "panicked",
                Cause::Broken => "broken",
            };
            log.note(what, event.tag().flow());
            if let Some(body) = event.body {
                log.note("body", body);
            }
            assert_eq!(&*event.stage, "sick");
            cx.out.emit(event.map(|_| 99));
        }
    })
}

/// A source, a stage `sick`, and one for its letters that answers.
fn lettered<S>(spec: Spec<S>, letters: usize, setup: Setup) -> (Log, Sim)
where
    S: Stage<In = u64, Out = Out<u64>>,
{
    let log = Log::default();
    let (source, note) = (log.clone(), log.clone());
    let mut net = Net::new("lettered");
    let cpu = net.domain("cpu").pinned(1);
    let front = stage("front", move || Front::new(FLOWS, &source).patient());
    let front = net.add(front.on(cpu).flows(FLOWS as usize));
    let sick = net.add(spec.on(cpu));
    let notes = stage("notes", move || notes(&note)).on(cpu).queue(bounded(letters));
    let notes = net.add(notes);
    net.wire(front.out, sick.inlet);
    net.wire(sick.out, front.inlet).returns(front.out);
    net.wire(sick.letters, notes.inlet);
    net.wire(notes.out, front.inlet).returns(front.out);
    let mut sim = Sim::with(net, setup).unwrap();
    come_to_rest(&mut sim);
    log.assert_each_once(0..FLOWS);
    (log, sim)
}

/// The flows that were answered in place of `sick`.
fn answered_instead(log: &Log) -> Vec<u64> {
    let mut flows: Vec<u64> =
        log.get().answered.iter().filter(|end| end.1 == 99).map(|end| end.0).collect();
    flows.sort_unstable();
    flows
}

#[test]
fn what_a_panic_costs_is_answered_by_who_gets_the_letters() {
    for copies in [false, true] {
        let spec = stage("sick", Keeper::default);
        let spec = if copies { spec.keep_copies() } else { spec };
        let (log, mut sim) = lettered(spec, 64, Setup::seed(1));
        assert_eq!(answered_instead(&log), [0, 2, 4, 6, 7], "in hand, and held");
        let mut bodies = log.noted("body");
        bodies.sort_unstable();
        // All were taken in one batch, of which copies are kept while it is handled.
        assert_eq!(bodies, if copies { vec![0, 2, 4, 6, 7] } else { vec![] });
        assert_eq!(sim.ledger().finished, FLOWS);
        assert_eq!(stage_of(&mut sim, "sick").panics, 1);
        assert_eq!(wire_of(&mut sim, "sick", "letters").sent, 5);
    }
}

#[test]
fn letters_for_which_there_is_no_room_are_shed_and_told() {
    let (log, mut sim) = lettered(stage("sick", Keeper::default), 2, Setup::seed(1));
    assert_eq!(answered_instead(&log).len(), 2);
    let shed: Vec<Why> = log.get().ended.iter().map(|end| end.1).collect();
    assert_eq!(shed, [Why::Shed; 3]);
    let wire = wire_of(&mut sim, "sick", "letters");
    assert_eq!((wire.sent, wire.refused), (2, 3));
    assert_eq!(stage_of(&mut sim, "sick").refused[Why::Shed], 3, "counted where it was lost");
}

#[test]
fn a_panic_that_the_simulation_plans_leaves_a_letter_too() {
    for after in 0..4 {
        let panic = Trouble::Panic { stage: "sick".to_owned(), after };
        let setup = Setup::seed(after as u64).troubles(Troubles::none().before(0, panic));
        let (log, mut sim) = lettered(stage("sick", pass).keep_copies(), 64, setup);
        assert_eq!(log.noted("panicked"), [after as u64]);
        assert_eq!(log.noted("body"), [after as u64]);
        assert_eq!((sim.ledger().finished, stage_of(&mut sim, "sick").panics), (FLOWS, 1));
    }
}

#[test]
fn futures_that_panic_leave_letters() {
    let nap = || {
        from_async_fn(16, async |event: Event<u64>, cx: AsyncCx| {
            cx.sleep(ms(1)).await;
            assert!(!event.is_multiple_of(3), "{} is bad", *event);
            event
        })
    };
    let (log, mut sim) = lettered(stage("sick", nap), 64, Setup::seed(1));
    let mut panicked = log.noted("panicked");
    panicked.sort_unstable();
    assert_eq!(panicked, [0, 3, 6, 9], "with the message");
    assert_eq!((sim.ledger().finished, stage_of(&mut sim, "sick").panics), (FLOWS, 4));
}

#[test]
fn a_handler_that_catches_its_panics_leaves_letters_without_a_message() {
    let careful = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                let out = &mut cx.out;
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                    assert!(*event != 5, "five");
                    out.emit(event);
                }));
            }
        })
    };
    let (log, mut sim) = lettered(stage("sick", careful), 64, Setup::seed(1));
    assert_eq!(log.noted("silent"), [5]);
    assert_eq!((sim.ledger().finished, stage_of(&mut sim, "sick").panics), (FLOWS, 0));
}

/// A net of an entry, a stage that always panics, and one that finishes its letters.
fn always(limits: Supervision, factory: bool) -> (Log, Entry<u64>, Sim) {
    let log = Log::default();
    let mut net = Net::new("always");
    let cpu = net.domain("cpu").pinned(1);
    let sick = stage("sick", move || {
        assert!(!factory, "it cannot be made");
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(*event == 0, "{}", *event);
            }
        })
    });
    let sick = net.add(sick.on(cpu).supervise(limits));
    let out = log.clone();
    let ends = stage("ends", move || {
        let out = out.clone();
        from_fn(move |batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, letter) = event.split();
                out.note(if letter.cause == Cause::Broken { "whole" } else { "lost" }, 1);
                out.note("body", letter.body.unwrap_or(0));
                tag.finish();
            }
        })
    });
    let ends = net.add(ends.on(cpu));
    net.wire(sick.letters, ends.inlet).on_full(OnFull::ShedOldest);
    let entry = net.entry(sick.inlet);
    (log, entry, Sim::new(net, 1).unwrap())
}

#[test]
fn while_the_breaker_is_open_events_go_on_whole_where_they_are_diverted() {
    let limits = Supervision::default().in_a_row(3);
    for diverts in [false, true] {
        let limits = if diverts { limits.divert() } else { limits };
        let (log, entry, mut sim) = always(limits, false);
        (1..=10).for_each(|n| entry.send(n).unwrap());
        settle_empty(&mut sim);
        assert_eq!(log.noted("lost").len(), 3);
        let whole = if diverts { vec![0, 0, 0, 4, 5, 6, 7, 8, 9, 10] } else { vec![0, 0, 0] };
        assert_eq!(log.noted("body"), whole);
        let ledger = sim.ledger();
        let broken = ledger.ended[Why::Broken];
        assert_eq!((ledger.finished, broken), if diverts { (10, 0) } else { (3, 7) });
    }
}

#[test]
fn what_comes_to_a_stage_that_cannot_be_made_goes_on_whole() {
    let (log, entry, mut sim) = always(Supervision::default().divert(), true);
    entry.send(7).unwrap();
    settle_empty(&mut sim);
    assert_eq!((log.noted("body"), sim.ledger().finished), (vec![7], 1));
}

/// Copies that cannot be made cost nothing but the copy.
#[test]
fn a_body_that_panics_when_it_is_copied_is_handled_all_the_same() {
    struct Brittle;
    impl Clone for Brittle {
        fn clone(&self) -> Self {
            panic!("not twice");
        }
    }
    let mut net = Net::new("brittle");
    let cpu = net.domain("cpu").pinned(1);
    let only = stage("only", || {
        from_fn(|batch: Batch<'_, Brittle>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    });
    let only = net.add(only.on(cpu).keep_copies());
    let ends = stage("ends", || {
        from_fn(|batch: Batch<'_, Letter<Brittle>>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    });
    let ends = net.add(ends.on(cpu));
    net.wire(only.letters, ends.inlet);
    let entry = net.entry(only.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    (0..3).for_each(|_| entry.send(Brittle).ok().unwrap());
    settle_empty(&mut sim);
    assert_eq!((sim.ledger().finished, stage_of(&mut sim, "only").panics), (3, 0));
}

#[test]
fn letters_are_copied_as_other_events_are() {
    for tee in [false, true] {
        let log = Log::default();
        let mut net = Net::new("copied");
        let cpu = net.domain("cpu").pinned(1);
        let sick = stage("sick", || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    assert!(*event > 9, "{} is bad", *event);
                    event.split().0.finish();
                }
            })
        });
        let sick = net.add(sick.on(cpu).keep_copies());
        let [ends, watch] = ["ends", "watch"].map(|name| {
            let log = log.clone();
            let read = move || {
                let log = log.clone();
                from_fn(move |batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
                    for event in batch {
                        let (tag, letter) = event.split();
                        log.note(name, letter.body.expect("copies are kept"));
                        tag.finish();
                    }
                })
            };
            net.add(stage(name, read).on(cpu)).inlet
        });
        let wire = net.wire(sick.letters, ends);
        let _ = if tee { wire.tee(watch) } else { wire.tap(watch) };
        let entry = net.entry(sick.inlet);
        let mut sim = Sim::new(net, 1).unwrap();
        (0..3).for_each(|n| entry.send(n).unwrap());
        come_to_rest(&mut sim);
        assert_eq!((log.noted("ends"), log.noted("watch")), (vec![0, 1, 2], vec![0, 1, 2]));
        assert_eq!(sim.ledger().finished, 3);
    }
}
