//! Connections that come to nothing and never end, beside clients who mean it.

use super::{Point, Times};
use crate::overload::trouble::Trouble;

const LOAD: f64 = 0.5;
/// Half of them say nothing, half drip.
const CONNECTIONS: usize = 4000;
/// Descriptors of the server in the second run: fewer than there are connections.
const DESCRIPTORS: u64 = 1024;

pub(super) fn points(times: &Times) -> Vec<Point> {
    let point = |name, told: &str, descriptors| {
        let mut point = Point::steady(name, LOAD, times);
        point.phases[0].name = format!("{LOAD}x, {told}");
        point.trouble = Some(Trouble::Drip(CONNECTIONS));
        point.descriptors = descriptors;
        point
    };
    vec![
        point("slowloris", &format!("{CONNECTIONS} beside it"), None),
        point("slowloris-few", &format!("with {DESCRIPTORS} descriptors"), Some(DESCRIPTORS)),
    ]
}
