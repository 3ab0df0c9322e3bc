//! Wires that are fused, choose the replica, or lead to several stages.

use crate::case::{Case, End, Relay};
use sluicegate::{Limit, OnFull, Order, bounded, stage};

#[test]
fn n0019_wires_that_cannot_be_fused() {
    let said = |why: &str, from: &str| {
        vec![format!(
            "N0019: the wire from `{from}.out` cannot be fused: {why}; leave out `.fused()`"
        )]
    };
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(1);
    let far = case.net.add(stage("far", || Relay).on(pool));
    case.wire_end(far.out).fused();
    assert_eq!(case.said(), said("its stages are not in one pinned domain", "far"));

    let mut case = Case::new();
    let gated = stage("gated", || End).on(case.cpu).queue(bounded(1).admit(Limit::of(1)));
    let gated = case.net.add(gated);
    let relay = case.relay("relay");
    case.net.wire(relay.out, gated.inlet).fused();
    let why = "its inlet has a gate or an order, which needs a queue";
    assert_eq!(case.said(), said(why, "relay"));
}

#[test]
fn n0020_stages_fused_in_a_circle() {
    let mut case = Case::new();
    let (a, b) = (case.relay("a"), case.relay("b"));
    case.net.wire(a.out, b.inlet).on_full(OnFull::ShedNewest).fused();
    case.net.wire(b.out, a.inlet).fused();
    let said = "N0020: stages are fused in a circle: `a` -> `b` -> `a`; leave out `.fused()` at \
                one wire of the circle";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0023_a_route_that_cannot_be_chosen() {
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(2);
    let disk = case.net.add(stage("disk", || End).on(pool));
    let (asks, tells, relay) = (case.relay("asks"), case.relay("tells"), case.relay("relay"));
    case.net.wire(asks.out, tells.inlet).window(1);
    case.net.wire(tells.out, asks.inlet).returns(asks.out).keyed(|n| *n);
    case.net.wire(relay.out, disk.inlet).balanced();
    let cure = "drop its `.keyed(..)` or `.balanced()`";
    let said = [
        "`tells.out` is keyed, but brings answers, which go to the replica that asked",
        "`relay.out` is balanced, but the threads of the pool of `disk` share one queue",
    ];
    assert_eq!(case.said(), said.map(|said| format!("N0023: the wire from {said}; {cure}")));
}

#[test]
fn n0024_a_tee_that_cannot_give_to_all_or_none() {
    let mut case = Case::new();
    let gate = stage("gate", || End).on(case.cpu).queue(bounded(4).order(Order::Lifo));
    let gate = case.net.add(gate).inlet;
    let other = case.net.add(stage("other", || End).on(case.cpu)).inlet;
    let relays = ["a", "b", "c", "asks", "tells"].map(|name| case.relay(name));
    let [a, b, c, asks, tells] = relays.map(|relay| relay.out);
    case.wire_end(a).tee(gate);
    case.wire_end(b).tee(other).tap(gate).tee(other);
    case.wire_end(c).tee(other).on_full(OnFull::ShedOldest);
    case.net.wire(asks, relays[4].inlet).window(1).tee(other);
    case.net.wire(tells, relays[3].inlet).returns(asks).tee(other);
    let cure = "make it a `.tap(inlet)`, which gets what it has room for, or give the stage a \
                second port and send a fork there";
    let said = [
        "`a.out` has a tee, but `gate` chooses among its events",
        "`b.out` leads to `other` twice",
        "`c.out` has a tee, but sheds the oldest",
        "`asks.out` has a tee, but asks over a window",
        "`tells.out` has a tee, but brings answers, which never wait",
    ];
    assert_eq!(case.said(), said.map(|said| format!("N0024: the wire from {said}; {cure}")));
}

#[test]
fn a_tap_fits_any_wire_and_a_tee_can_close_a_circle() {
    let mut case = Case::new();
    let gate = stage("gate", || End).on(case.cpu).queue(bounded(4).order(Order::Lifo));
    let gate = case.net.add(gate).inlet;
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet).window(1).tap(gate);
    case.net.wire(tells.out, asks.inlet).returns(asks.out).tap(gate);
    let (a, b) = (case.relay("a"), case.relay("b"));
    case.net.wire(a.out, b.inlet);
    case.wire_end(b.out).on_full(OnFull::ShedOldest).tap(a.inlet);
    assert_eq!(case.said(), [""; 0]);
    let c = case.relay("c");
    case.wire_end(c.out).tee(c.inlet);
    assert!(case.said()[0].starts_with("N0009"), "{:?}", case.said());
}
