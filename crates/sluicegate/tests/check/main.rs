//! Every fault of a net is found before it runs, all at once, each with its number and its cure.
#![forbid(unsafe_code)]

mod case;
mod routes;
mod stages;
mod windows;
mod wires;

use crate::case::{Case, Two};
use sluicegate::{Batch, Cx, from_fn, stage};

#[test]
fn a_sound_net_has_none() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out);
    assert_eq!(case.said(), [""; 0]);
}

#[test]
fn all_faults_are_named_at_once_and_the_net_does_not_start() {
    let mut case = Case::new();
    case.net.domain("cpu").pinned(0);
    case.net.add(stage("end", || from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, Two>| {})));
    let relay = case.relay("relay");
    case.wire_end(relay.out).window(0);
    let codes: Vec<String> = case.said().iter().map(|line| line[..5].to_owned()).collect();
    let expected = ["N0001", "N0002", "N0004", "N0003", "N0007", "N0007", "N0006", "N0010"];
    assert_eq!(codes, expected);
    let Err(error) = case.net.run() else { panic!("it must not start") };
    assert_eq!(error.to_string().lines().count(), 1 + expected.len());
}
