//! A crowd that comes all of a sudden, and goes.

use super::{Point, Times};

const BASE: f64 = 0.5;
const PEAK: f64 = 5.0;

pub(super) fn point(times: &Times) -> Point {
    let mut point = Point::peak("spike", BASE, ("spike", PEAK), times.spike);
    point.phases[0].calm = true;
    point
}
