//! Overload by clients that do not take a no for an answer.

use super::{Point, Times};
use crate::retry::Retry;

const LOAD: f64 = 5.0;
const TIMES: u32 = 3;

pub(super) fn point(times: &Times) -> Point {
    let mut point = Point::steady("retry", LOAD, times);
    point.clients[0].retry = Retry::AtOnce(TIMES);
    point
}
