//! A retry storm: a kick makes requests fail, and their retries are the next overload. A system
//! that can be stuck in it, although what is asked for fits, is metastable (Bronson et al., HotOS
//! 2021).

use super::{Point, Times};
use crate::retry::Retry;

const BASE: f64 = 0.9;
const KICK: f64 = 3.0;
const TIMES: u32 = 3;

pub(super) fn point(times: &Times) -> Point {
    Point::peak("storm", BASE, ("kick", KICK), times.spike).retried(Retry::AtOnce(TIMES))
}
