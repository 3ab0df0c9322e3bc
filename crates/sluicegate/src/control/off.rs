//! No law: the capacity of the queue is the only bound.

use super::{Adjust, Controller, Sample};
use crate::time::Time;

/// Admits whatever there is room for. What experiments compare with.
///
/// ```
/// use sluicegate::{Off, bounded};
///
/// let queue = bounded(1024).admit(Off);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Off;

impl Controller for Off {
    fn name(&self) -> &'static str {
        "off"
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        Adjust { measured: Some(sample.work), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn nothing_is_bounded_whatever_waits() {
        let sample = Sample { work: ms(1000), queued: 1000, ..Sample::default() };
        let adjust = Off.tick(Time(0), &sample);
        assert_eq!(adjust, Adjust { measured: Some(ms(1000)), ..Adjust::default() });
    }
}
