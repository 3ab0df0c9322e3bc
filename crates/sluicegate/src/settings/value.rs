//! The values of settings: whole numbers, times and others, told with their units.

use std::fmt;
use std::time::Duration;

/// The largest whole number that a plain number can tell apart from the next one.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A value that a setting has, or is to have.
///
/// A plain number, whole or not, is taken in the unit of the setting: 20000 for a time is 20 ms.
///
/// ```
/// use sluicegate::{Value, ms};
///
/// assert_eq!(Value::Time(ms(20)).number(), 20_000.0);
/// assert_eq!(Value::Count(64).to_string(), "64");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// A time; its unit is the microsecond.
    Time(Duration),
    /// Any other number.
    Number(f64),
}

impl Value {
    /// The number, in the unit of its setting.
    pub fn number(self) -> f64 {
        match self {
            Self::Count(n) => n as f64,
            Self::Time(time) => time.as_nanos() as f64 / 1000.0,
            Self::Number(n) => n,
        }
    }

    /// The same as a value of the kind of `other`, if it can be one.
    pub(crate) fn like(self, other: Self) -> Option<Self> {
        match (other, self) {
            (Self::Count(_), Self::Count(_))
            | (Self::Time(_), Self::Time(_))
            | (Self::Number(_), Self::Number(_)) => Some(self),
            (Self::Count(_), Self::Number(n)) => {
                let whole = (0.0..=WHOLE_MAX).contains(&n) && n.fract() == 0.0;
                whole.then_some(Self::Count(n as u64))
            }
            (Self::Time(_), Self::Number(n)) => {
                let fits = (0.0..=WHOLE_MAX / 1000.0).contains(&n);
                fits.then(|| Self::Time(Duration::from_nanos((n * 1000.0).round() as u64)))
            }
            (Self::Time(_), Self::Count(n)) => Some(Self::Time(Duration::from_micros(n))),
            (Self::Number(_), Self::Count(n)) => Some(Self::Number(n as f64)),
            _ => None,
        }
    }

    /// The whole number; as much as there can be for what is none.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Count(n) => usize::try_from(n).unwrap_or(usize::MAX),
            Self::Time(_) | Self::Number(_) => usize::MAX,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

impl From<usize> for Value {
    fn from(n: usize) -> Self {
        Self::Count(n as u64)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        u64::try_from(n).map_or(Self::Number(n.into()), Self::Count)
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Number(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn a_plain_number_is_taken_in_the_unit_of_the_setting() {
        let (count, time, number) = (Value::from(1), Value::from(ms(1)), Value::from(0.5));
        assert_eq!(Value::from(20_000.0).like(time), Some(ms(20).into()));
        assert_eq!(Value::from(20_000).like(time), Some(ms(20).into()));
        assert_eq!(Value::from(0.5).like(time), Some(Duration::from_nanos(500).into()));
        assert_eq!(Value::from(8.0).like(count), Some(8.into()));
        assert_eq!(Value::from(1).like(number), Some(1.0.into()));
        for odd in [8.5, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Value::from(odd).like(count), None, "{odd}");
        }
        for odd in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Value::from(odd).like(time), None, "{odd}");
        }
        assert_eq!(Value::from(ms(1)).like(count), None);
        assert_eq!(Value::from(ms(1)).like(number), None);
        assert_eq!(Value::from(ms(20)).number(), 20_000.0);
    }
}
