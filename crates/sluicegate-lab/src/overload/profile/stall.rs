//! A server that stands still for a second: a page fault, a neighbour, a pause of the machine.

use super::{CALM, Point, Times};
use crate::overload::trouble::Trouble;

pub(super) fn point(times: &Times) -> Point {
    let [before, _, after] = times.spike;
    let mut point = Point::peak("stall", CALM, ("stopped", CALM), [before, 1, after]);
    point.phases[0].calm = true;
    point.phases[1].room = 0.0;
    point.trouble = Some(Trouble::Stop(before..before + 1));
    point
}
