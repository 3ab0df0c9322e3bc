//! Who waits for whom: circles, windows, and answers.

use crate::case::{Case, Relay};
use sluicegate::{OnFull, stage};

#[test]
fn n0009_a_circle_of_waits() {
    let mut case = Case::new();
    let names = ["a", "b", "c"];
    let [a, b, c] = names.map(|name| case.relay(name));
    case.net.wire(a.out, b.inlet);
    case.net.wire(b.out, c.inlet);
    case.net.wire(c.out, a.inlet);
    let itself = case.relay("itself");
    case.net.wire(itself.out, itself.inlet);
    let cure = "give the wire that asks a `.window(n)` and mark the one that answers with \
                `.returns(port)`, or let one wire of the circle shed or divert";
    let said = ["`a` -> `b` -> `c` -> `a`", "`itself` -> `itself`"]
        .map(|circle| format!("N0009: stages wait for each other in a circle: {circle}; {cure}"));
    assert_eq!(case.said(), said);
}

#[test]
fn a_circle_that_sheds_somewhere_is_none() {
    for on_full in [OnFull::ShedNewest, OnFull::ShedOldest] {
        let mut case = Case::new();
        let (a, b) = (case.relay("a"), case.relay("b"));
        case.net.wire(a.out, b.inlet);
        case.net.wire(b.out, a.inlet).on_full(on_full);
        assert_eq!(case.said(), [""; 0]);
    }
}

#[test]
fn a_circle_that_diverts_into_a_wait_is_one() {
    let mut case = Case::new();
    let (road, back) = (case.road(), case.relay("back"));
    case.wire_end(road.out.a).divert(road.out.b);
    case.net.wire(road.out.b, back.inlet);
    case.net.wire(back.out, road.inlet);
    assert!(case.said()[0].starts_with("N0009"), "{:?}", case.said());
}

#[test]
fn n0010_a_window_without_answers() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out).window(4);
    let said = "N0010: the wire from `relay.out` has a window, but no wire returns to it; mark the \
                wire that brings the answers with `.returns(port)`, or drop the window";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0011_answers_without_places() {
    let mut case = Case::new();
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet);
    case.net.wire(tells.out, asks.inlet).returns(asks.out);
    let said = "N0011: the wire from `tells.out` returns to `asks.out`, which keeps no places for \
                answers; give the wire of the asking port a `.window(n)`, or make the stage that \
                asks a source with `.flows(n)`";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0012_answers_to_another_stage() {
    let mut case = Case::new();
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet);
    case.wire_end(tells.out).returns(asks.out);
    let said = "N0012: the wire from `tells.out` leads to `end`, but returns to `asks.out`; \
                name a port of the stage that the wire leads to";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0013_a_source_in_a_pool() {
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(1);
    let relay = case.net.add(stage("relay", || Relay).on(pool).flows(1));
    case.wire_end(relay.out);
    let asks = case.net.add(stage("asks", || Relay).on(pool));
    let tells = case.relay("tells");
    case.net.wire(asks.out, tells.inlet).window(1);
    case.net.wire(tells.out, asks.inlet).returns(asks.out);
    let said = ["relay", "asks"].map(|name| {
        format!(
            "N0013: stage `{name}` of a pool is a source or asks over a window; \
             move it to a pinned domain: answers must find the replica that asked"
        )
    });
    assert_eq!(case.said(), said);
}
