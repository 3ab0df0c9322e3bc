//! What a gate costs where it is not needed: nothing may be refused, nor be slower.

use super::{CALM, Point, Times};

const LOADS: [f64; 2] = [0.5, CALM];

pub(super) fn points(times: &Times) -> Vec<Point> {
    let each = LOADS.into_iter().flat_map(|load| [(load, true), (load, false)]);
    let point = |(load, gated)| {
        let with = if gated { "gate" } else { "none" };
        let mut point = Point::steady(&format!("calm-{load}x-{with}"), load, times);
        point.gated = gated;
        let with = if gated { "with the gate" } else { "without" };
        point.phases[0].name = format!("{load}x {with}");
        point.phases[0].calm = true;
        point
    };
    each.map(point).collect()
}
