//! A server that is overloaded before it knows what a request costs.

use super::{Phase, Point, Times};

const LOAD: f64 = 2.0;

pub(super) fn point(times: &Times) -> Point {
    let mut point = Point::steady("cold", LOAD, times);
    let second = |n: usize| Phase::new(format!("second {}: {LOAD}x", n + 1), 0, n..n + 1);
    point.phases = (0..times.step as usize).map(second).collect();
    point
}
