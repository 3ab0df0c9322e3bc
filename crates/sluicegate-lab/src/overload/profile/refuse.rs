//! A server that refuses everything, which shows what a refusal costs; and the load under which
//! peers are tuned to refuse well.

use super::{Point, Times};

const LOAD: f64 = 10.0;
const TUNING: f64 = 5.0;

pub(super) fn point(times: &Times) -> Point {
    Point::steady("refuse", LOAD, times)
}

/// The load under which a peer is tuned.
pub(crate) fn tuning(times: &Times) -> Point {
    Point::steady("tune", TUNING, times)
}
