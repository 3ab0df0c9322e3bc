//! How long a client will wait, as fields of its request say it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sluicegate::Time;

use crate::head::Head;

/// The field of gRPC, which has a format of its own.
const GRPC: &str = "grpc-timeout";
/// Digits of a value: those that gRPC allows, more than two years of milliseconds.
const DIGITS_MAX: usize = 8;

/// Which fields of a request are believed when they say how long the client will wait.
///
/// `grpc-timeout` is read as gRPC's HTTP/2 mapping says: up to eight digits and one of `H`, `M`,
/// `S`, `m`, `u`, `n`. In all others a number is milliseconds, unless `us`, `ms` or `s` follows at
/// once. Time counts from the first byte of the request. Of several values the nearest holds; what
/// cannot be read is counted, and says nothing.
///
/// Whoever sends such a field can only bring the end of its own request nearer.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    /// The names, in any case.
    pub fields: Vec<String>,
    /// Counts values that could not be read.
    pub ignored: Arc<AtomicU64>,
}

impl Deadlines {
    /// The nearest deadline of a request that was `born` then.
    pub(crate) fn of(&self, head: &Head, born: Time) -> Option<Time> {
        let values = self.fields.iter().flat_map(|field| head.all(field).map(move |v| (field, v)));
        let waits = values.filter_map(|(field, value)| {
            let wait = wait(field, value);
            if wait.is_none() {
                self.ignored.fetch_add(1, Relaxed);
            }
            wait
        });
        waits.min().map(|wait| born + wait)
    }
}

/// What a value says, if it can be read.
fn wait(field: &str, value: &[u8]) -> Option<Duration> {
    let value = std::str::from_utf8(value).ok()?;
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (digits, unit) = value.split_at(end);
    if digits.len() > DIGITS_MAX {
        return None;
    }
    // Without a digit there is no number.
    let n: u64 = digits.parse().ok()?;
    if field.eq_ignore_ascii_case(GRPC) {
        return match unit {
            "H" => Some(Duration::from_secs(n * 3600)),
            "M" => Some(Duration::from_secs(n * 60)),
            "S" => Some(Duration::from_secs(n)),
            "m" => Some(Duration::from_millis(n)),
            "u" => Some(Duration::from_micros(n)),
            "n" => Some(Duration::from_nanos(n)),
            _ => None,
        };
    }
    match unit {
        "" | "ms" => Some(Duration::from_millis(n)),
        "us" => Some(Duration::from_micros(n)),
        "s" => Some(Duration::from_secs(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OTHER: &str = "X-Request-Timeout";

    #[test]
    fn each_unit_is_known_in_its_field() {
        let seconds = Duration::from_secs;
        for (field, value, expected) in [
            ("gRPC-Timeout", "2H", Some(seconds(7200))),
            (GRPC, "3M", Some(seconds(180))),
            (GRPC, "4S", Some(seconds(4))),
            (GRPC, "5m", Some(Duration::from_millis(5))),
            (GRPC, "6u", Some(Duration::from_micros(6))),
            (GRPC, "7n", Some(Duration::from_nanos(7))),
            (GRPC, "99999999H", Some(seconds(99_999_999 * 3600))),
            (GRPC, "0n", Some(Duration::ZERO)),
            (OTHER, "250", Some(Duration::from_millis(250))),
            (OTHER, "250ms", Some(Duration::from_millis(250))),
            (OTHER, "250us", Some(Duration::from_micros(250))),
            (OTHER, "2s", Some(seconds(2))),
            (OTHER, "0", Some(Duration::ZERO)),
        ] {
            assert_eq!(wait(field, value.as_bytes()), expected, "{field}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let long = "1".repeat(100_000);
        for value in ["", "s", "-1", "+1", "1.5", " 1", "1 ", "123456789", "1S2", "1\u{e9}", &long]
        {
            assert_eq!(wait(GRPC, value.as_bytes()), None, "{value}");
            assert_eq!(wait(OTHER, value.as_bytes()), None, "{value}");
        }
        assert_eq!(wait(GRPC, b"100"), None, "gRPC has no number without a unit");
        assert_eq!(wait(GRPC, b"100ms"), None);
        assert_eq!(wait(OTHER, b"100m"), None, "minutes or milliseconds?");
        assert_eq!(wait(OTHER, b"\xff\xfe"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_number_with_a_unit_or_nothing(
            value in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            for field in [GRPC, OTHER] {
                let known = wait(field, &value).is_some();
                let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
                prop_assert!(!known || (1..=DIGITS_MAX).contains(&digits));
                prop_assert!(!known || value.len() - digits <= 2);
            }
        }

        #[test]
        fn of_several_the_nearest_holds_and_the_rest_is_counted(
            values in prop::collection::vec((any::<bool>(), 0_u64..100_000), 0..6),
        ) {
            let mut text = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
            for (good, n) in &values {
                let unit = if *good { "m" } else { "x" };
                text += &format!("Grpc-Timeout: {n}{unit}\r\n");
            }
            let head = Head::read((text + "\r\n").as_bytes()).unwrap();
            let deadlines = Deadlines { fields: vec![GRPC.to_owned()], ..Deadlines::default() };
            let born = Time(17);
            let nearest = values.iter().filter(|value| value.0).map(|value| value.1).min();
            let expected = nearest.map(|n| born + Duration::from_millis(n));
            prop_assert_eq!(deadlines.of(&head, born), expected);
            let bad = values.iter().filter(|value| !value.0).count() as u64;
            prop_assert_eq!(deadlines.ignored.load(Relaxed), bad);
        }
    }
}
