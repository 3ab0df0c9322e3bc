//! One elephant and a hundred mice.

use std::net::Ipv4Addr;

use super::{Clients, Phase, Point, Span, Times};

const ELEPHANT: f64 = 5.0;
/// All mice together.
const MICE: f64 = 0.5;
const ELEPHANT_AT: (Ipv4Addr, u32) = (Ipv4Addr::new(127, 2, 0, 1), 1);

pub(super) fn points(times: &Times) -> Vec<Point> {
    let ask = |name, load| Clients::new(name, vec![Span { load, seconds: times.step }]);
    let phase = |clients, name: String| Phase::new(name, clients, 0..times.step as usize);
    let mice = ask("mice", MICE);
    let elephant = Clients { addresses: ELEPHANT_AT, ..ask("elephant", ELEPHANT) };
    let alone = Phase { calm: true, ..phase(0, format!("mice alone: {MICE}x")) };
    let beside = phase(0, format!("mice beside it: {MICE}x"));
    let itself = phase(1, format!("the greedy one: {ELEPHANT}x"));
    vec![
        Point::new("greedy-alone", vec![mice.clone()], vec![alone]),
        Point::new("greedy", vec![mice, elephant], vec![beside, itself]),
    ]
}
