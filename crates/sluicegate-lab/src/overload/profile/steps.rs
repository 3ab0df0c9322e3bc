//! Multiples of the capacity, each of a fresh server.

use super::{CALM, Point, Times};

const LOADS: [f64; 6] = [0.5, 0.8, 1.0, 2.0, 5.0, 10.0];

pub(super) fn points(times: &Times) -> Vec<Point> {
    let step = |load: f64| {
        let mut point = Point::steady(&format!("steps-{load}x"), load, times);
        point.phases[0].calm = load <= CALM;
        point
    };
    LOADS.map(step).into()
}
