//! The Range field: one range of bytes of a representation (RFC 9110 section 14).

/// What a Range field asks of a representation of a certain length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// All of it: no range, one that is not understood, or several.
    Whole,
    /// The bytes `first..=last`: 206.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, below the length.
        last: u64,
    },
    /// Nothing of it: 416 with [`unsatisfied`].
    Unsatisfiable,
}

/// What the value of a Range field selects of a representation of `len` bytes.
pub fn select(value: &[u8], len: u64) -> Ranged {
    // What cannot be understood is as if it were not there (RFC 9110 section 14.2).
    parse(value, len).unwrap_or(Ranged::Whole)
}

/// The Content-Range value of a 206 with the bytes `first..=last` of `len`.
pub fn content_range(first: u64, last: u64, len: u64) -> String {
    format!("bytes {first}-{last}/{len}")
}

/// The Content-Range value of a 416 for a representation of `len` bytes.
pub fn unsatisfied(len: u64) -> String {
    format!("bytes */{len}")
}

fn parse(value: &[u8], len: u64) -> Option<Ranged> {
    let equals = value.iter().position(|&b| b == b'=')?;
    if !value[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let spec = value[equals + 1..].trim_ascii();
    let dash = spec.iter().position(|&b| b == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(match (suffix, len) {
            (0, _) => Ranged::Unsatisfiable,
            (_, 0) => Ranged::Whole,
            _ => Ranged::Part { first: len.saturating_sub(suffix), last: len - 1 },
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    let part = || Ranged::Part { first, last: last.min(len - 1) };
    Some(if first >= len { Ranged::Unsatisfiable } else { part() })
}

/// Digits and nothing else; what does not fit is as large as can be said.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u64, &b: &u8| sum.saturating_mul(10).saturating_add(u64::from(b - b'0'));
    Some(digits.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(value: &str, len: u64, expect: Ranged) {
        assert_eq!(select(value.as_bytes(), len), expect, "{value:?} of {len}");
    }

    fn part(first: u64, last: u64) -> Ranged {
        Ranged::Part { first, last }
    }

    #[test]
    fn one_range_is_selected() {
        // RFC 9110 section 14.1.2: first-last, open-ended, and suffix ranges.
        check("bytes=0-0", 10, part(0, 0));
        check("bytes=2-5", 10, part(2, 5));
        check("bytes=5-", 10, part(5, 9));
        check("bytes=-3", 10, part(7, 9));
        // RFC 9110 section 14.1.2: a last position past the end means the end.
        check("bytes=2-99999999999999999999999", 10, part(2, 9));
        check("bytes=-99", 10, part(0, 9));
        // RFC 9110 section 14.1: range units are case-insensitive.
        check("Bytes=1-1", 10, part(1, 1));
        check("bytes= 1-1", 10, part(1, 1));
    }

    #[test]
    fn what_lies_outside_is_unsatisfiable() {
        // RFC 9110 section 14.1.2: a first position past the end, or a suffix of length zero.
        check("bytes=10-", 10, Ranged::Unsatisfiable);
        check("bytes=99999999999999999999999-", 10, Ranged::Unsatisfiable);
        check("bytes=-0", 10, Ranged::Unsatisfiable);
        check("bytes=0-", 0, Ranged::Unsatisfiable);
        assert_eq!(unsatisfied(10), "bytes */10");
        assert_eq!(content_range(2, 5, 10), "bytes 2-5/10");
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        // RFC 9110 section 14.2: an invalid ranges-specifier or unknown unit is ignored.
        let odd = [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "lines=0-1",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1-2x",
            "bytes=1 -2",
            "bytes=1--2",
            "=0-1",
        ];
        odd.iter().for_each(|value| check(value, 10, Ranged::Whole));
        // RFC 9110 section 14.2: a server may ignore Range; several ranges get everything.
        check("bytes=0-1,3-4", 10, Ranged::Whole);
        // An empty part of nothing cannot be said in Content-Range.
        check("bytes=-5", 0, Ranged::Whole);
    }

    proptest! {
        #[test]
        fn a_part_lies_inside(value in "bytes=[0-9]{0,21}-[0-9]{0,21}", len in 0..u64::MAX) {
            if let Ranged::Part { first, last } = select(value.as_bytes(), len) {
                prop_assert!(first <= last && last < len);
            }
        }

        #[test]
        fn any_bytes_are_fine(
            value in prop::collection::vec(any::<u8>(), 0..40),
            len in any::<u64>(),
        ) {
            select(&value, len);
        }

        #[test]
        fn a_range_within_is_taken_as_it_is(a in 0u64..1000, n in 1u64..1000, more in 0u64..1000) {
            let (last, len) = (a + n - 1, a + n + more);
            prop_assert_eq!(select(format!("bytes={a}-{last}").as_bytes(), len), part(a, last));
        }
    }
}
