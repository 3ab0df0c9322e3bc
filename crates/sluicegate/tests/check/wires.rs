//! Faults of wires: ports without one, diversions, letters.

use crate::case::{Case, End};
use sluicegate::{Batch, Cx, Inlet, Letter, OnFull, Supervision, from_fn, stage};

#[test]
fn n0007_a_port_without_a_wire() {
    let mut case = Case::new();
    let road = case.road();
    case.wire_end(road.out.a);
    let said = "N0007: port `road.b` has no wire; join it to an inlet with `net.wire(..)`, \
                or say with `net.seal(..)` that nothing is sent";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0008_a_port_with_two_wires() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out);
    case.wire_end(relay.out);
    let said = "N0008: port `relay.out` has more than one wire; \
                keep one wire; to send to two stages give the wire a `.tee(inlet)`, or the stage \
                two ports";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0014_a_diversion_to_nowhere() {
    let mut case = Case::new();
    let (relay, road) = (case.relay("relay"), case.road());
    case.wire_end(relay.out).divert(relay.out);
    case.wire_end(road.out.a).divert(relay.out);
    case.wire_end(road.out.b);
    let said = ["relay.out", "road.a"].map(|port| {
        format!(
            "N0014: the wire from `{port}` does not divert to another port of its stage; \
             divert to another port of the same stage"
        )
    });
    assert_eq!(case.said(), said);
}

#[test]
fn n0015_a_diversion_without_a_port() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out).on_full(OnFull::Divert);
    let said = "N0015: the wire from `relay.out` diverts, but not where to; \
                say where with `.divert(port)`";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0017_diversions_in_a_circle() {
    let mut case = Case::new();
    let road = case.road();
    case.wire_end(road.out.a).divert(road.out.b);
    case.wire_end(road.out.b).divert(road.out.a);
    let said = ["a", "b"].map(|port| {
        format!(
            "N0017: what the wire from `road.{port}` diverts comes back to it; \
             let one wire of the circle wait or shed"
        )
    });
    assert_eq!(case.said(), said);
}

/// A stage for letters of numbers.
fn letters(case: &mut Case) -> Inlet<Letter<u64>> {
    let read = stage("read", || {
        from_fn(|batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    });
    case.net.add(read.on(case.cpu)).inlet
}

#[test]
fn n0021_a_wire_for_letters_that_does_not_just_shed() {
    for n in 0..3 {
        let mut case = Case::new();
        let (to, end) = (letters(&mut case), case.end);
        let wire = case.net.wire(end.letters, to);
        match n {
            0 => _ = wire.on_full(OnFull::Wait),
            1 => _ = wire.window(4),
            _ => {}
        }
        let said = [
            "N0021: the wire from `end.letters` does not just shed letters for want of room; have \
             it shed, without `.window(n)` and `.divert(port)`, and lead it to another stage: one \
             that panicked must neither wait nor get its own letters",
        ];
        assert_eq!(case.said(), if n < 2 { &said[..] } else { &[] });
    }
}

/// A letter, or what a letter is about.
#[derive(Clone)]
struct Any;

impl From<Letter<Any>> for Any {
    fn from(_: Letter<Any>) -> Self {
        Any
    }
}

#[test]
fn letters_may_be_copied_but_not_to_the_stage_itself() {
    let mut case = Case::new();
    let any = || {
        from_fn(|batch: Batch<'_, Any>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let [one, two, three] =
        ["one", "two", "three"].map(|name| case.net.add(stage(name, any).on(case.cpu)));
    case.net.wire(one.letters, two.inlet).tap(three.inlet);
    case.net.wire(two.letters, one.inlet).tee(three.inlet);
    assert_eq!(case.said(), [""; 0]);
    case.net.wire(three.letters, one.inlet).tap(three.inlet);
    assert!(
        case.said()[0].starts_with("N0021: the wire from `three.letters`"),
        "{:?}",
        case.said()
    );
}

#[test]
fn n0022_a_stage_that_diverts_without_a_wire_for_letters() {
    let mut case = Case::new();
    let relay = stage("sick", || End).on(case.cpu);
    let relay = case.net.add(relay.supervise(Supervision::default().divert()));
    let said = "N0022: stage `sick` diverts letters, but has no wire for them; wire its `letters` \
                port, or take `.divert()` out of its supervision";
    assert_eq!(case.said(), [said]);
    let to = letters(&mut case);
    case.net.wire(relay.letters, to);
    assert!(case.said().is_empty());
    case.net.wire(relay.letters, to);
    assert_eq!(case.said()[0][..38], *"N0008: port `sick.letters` has more th");
}
