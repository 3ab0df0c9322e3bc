//! Overload by clients that do not take a no for an answer.

use super::{Point, Times};
use crate::retry::Retry;

const LOAD: f64 = 5.0;
const TIMES: u32 = 3;

pub(super) fn point(times: &Times) -> Point {
    Point::steady("retry", LOAD, times).retried(Retry::AtOnce(TIMES))
}
