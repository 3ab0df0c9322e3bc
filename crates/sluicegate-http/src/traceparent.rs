//! The trace that a request is part of, as W3C Trace Context names it in the field `traceparent`.
//! What is told to others is made of it by [`Tag::traceparent`](sluicegate::Tag::traceparent).

use crate::head::Head;
use sluicegate::TraceParent;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const FIELD: &str = "traceparent";
/// Bytes of a value of version 00: `00-`, 32 digits, `-`, 16 digits, `-` and 2 digits.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// Reads `traceparent`, while flows are traced. Whoever sends one can have its own flows be kept,
/// as many as [are kept by chance](sluicegate::Kept::Sampled).
#[derive(Clone, Debug, Default)]
pub struct TraceParents {
    /// Counts fields that could not be read.
    pub ignored: Arc<AtomicU64>,
}

impl TraceParents {
    /// What a request says.
    pub(crate) fn of(&self, head: &Head) -> Option<TraceParent> {
        let of = of(head)?;
        if of.is_none() {
            self.ignored.fetch_add(1, Relaxed);
        }
        of
    }
}

/// What a request says, if it says anything: nothing where that cannot be read.
pub(crate) fn of(head: &Head) -> Option<Option<TraceParent>> {
    let mut values = head.all(FIELD);
    let value = values.next()?;
    Some(if values.next().is_none() { read(value) } else { None })
}

/// Reads a value, strictly: digits are small, and neither number is 0. Of a version that is not
/// known yet what follows the flags is passed over, as the specification says.
fn read(value: &[u8]) -> Option<TraceParent> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let [b'-', b'-', b'-'] = [known[2], known[35], known[52]] else { return None };
    let version = digits(&known[..2])?;
    let fits = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.is_empty() || rest[0] == b'-',
    };
    let (trace, parent) = (digits(&known[3..35])?, digits(&known[36..52])?);
    let flags = digits(&known[53..])?;
    (fits && trace != 0 && parent != 0).then_some(TraceParent {
        trace,
        parent: parent as u64,
        sampled: flags as u8 & SAMPLED != 0,
    })
}

/// The number that small hexadecimal digits stand for.
fn digits(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_specification_s_example_is_read_and_what_differs_is_not() {
        let right = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let expected = TraceParent {
            trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            parent: 0x00f0_67aa_0ba9_02b7,
            sampled: true,
        };
        assert_eq!(read(right.as_bytes()), Some(expected));
        let later = right.replace("00-4", "cc-4") + "-what-comes-later";
        assert_eq!(read(later.as_bytes()), Some(expected));
        let quiet = right.replace("-01", "-02");
        assert_eq!(read(quiet.as_bytes()).map(|trace| trace.sampled), Some(false));
        for wrong in [
            "",
            "00",
            &right[1..],
            &right[..54],
            &(right.to_owned() + "-"),
            &(right.to_owned() + "0"),
            &right.replace("00-4", "ff-4"),
            &right.replace("00-4", "0g-4"),
            &right.to_uppercase(),
            &right.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &right.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &right.replace("-01", "_01"),
            &right.replace("-01", "-0x"),
            &(right.replace("00-4", "cc-4") + "x"),
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn of_several_none_is_believed_and_it_is_counted() {
        let field = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
        let head = |fields: &str| {
            Head::read(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes()).unwrap()
        };
        let parents = TraceParents::default();
        assert!(parents.of(&head("")).is_none());
        assert!(parents.of(&head(field)).is_some());
        assert_eq!(parents.ignored.load(Relaxed), 0);
        assert!(parents.of(&head(&field.repeat(2))).is_none());
        assert!(parents.of(&head("traceparent: x\r\n")).is_none());
        assert_eq!(parents.ignored.load(Relaxed), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_written_is_read(trace in 1_u128.., parent in 1_u64.., flags: u8) {
            let text = format!("00-{trace:032x}-{parent:016x}-{flags:02x}");
            let sampled = flags % 2 == 1;
            let told = TraceParent { trace, parent, sampled };
            prop_assert_eq!(read(text.as_bytes()), Some(told));
            prop_assert_eq!(read(told.to_string().as_bytes()), Some(told));
        }
    }
}
