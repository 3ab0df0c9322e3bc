//! A server that loses half of its capacity for a while.

use super::{CALM, Point, Times};
use crate::overload::trouble::Trouble;

/// What is left of it beside one other thread.
const LEFT: f64 = 0.5;

pub(super) fn point(times: &Times) -> Point {
    let [before, during, _] = times.spike;
    let mut point = Point::peak("loss", CALM, ("beside another", CALM), times.spike);
    point.phases[0].calm = true;
    point.phases[1].room = LEFT;
    point.trouble = Some(Trouble::Others(before..before + during));
    point
}
