//! The Range field: ranges of bytes of a representation (RFC 9110 section 14).

/// Ranges that one field may ask for. Nobody needs more; many small ones cost more to answer than
/// all of the content, and a field with more is not heeded (RFC 9110 section 14.2).
pub const RANGES_MAX: usize = 32;

/// What a Range field asks of a representation of a certain length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// All of it: no range, one that is not understood, or too many.
    Whole,
    /// The bytes `first..=last`: 206.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, below the length.
        last: u64,
    },
    /// Several parts, each the offsets of its first and last byte: 206 as a
    /// [`Multipart`](crate::multipart::Multipart). No two of them overlap or adjoin.
    Parts(Vec<(u64, u64)>),
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
    let specs = value[equals + 1..].split(|&b| b == b',').map(<[u8]>::trim_ascii);
    let (mut parts, mut asked) = (Vec::new(), 0);
    for spec in specs.filter(|spec| !spec.is_empty()) {
        asked += 1;
        if asked > RANGES_MAX {
            return None;
        }
        // What lies outside is left out where something else lies within.
        parts.extend(one(spec)?.within(len)?);
    }
    coalesce(&mut parts);
    match parts[..] {
        _ if asked == 0 => None,
        [] => Some(Ranged::Unsatisfiable),
        [(first, last)] => Some(Ranged::Part { first, last }),
        _ => Some(Ranged::Parts(parts)),
    }
}

/// One range as it is written.
enum Spec {
    Span(u64, u64),
    Suffix(u64),
}

fn one(spec: &[u8]) -> Option<Spec> {
    let dash = spec.iter().position(|&b| b == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        return number(last).map(Spec::Suffix);
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    (first <= last).then_some(Spec::Span(first, last))
}

impl Spec {
    /// The part of `len` bytes that it names; `Some(None)` where that is no byte. Nothing where
    /// it is an empty part of nothing, which Content-Range cannot say.
    fn within(self, len: u64) -> Option<Option<(u64, u64)>> {
        match self {
            Self::Suffix(0) => Some(None),
            Self::Suffix(_) if len == 0 => None,
            Self::Suffix(suffix) => Some(Some((len.saturating_sub(suffix), len - 1))),
            Self::Span(first, _) if first >= len => Some(None),
            Self::Span(first, last) => Some(Some((first, last.min(len - 1)))),
        }
    }
}

/// Joins parts that overlap or adjoin. What is left keeps the order in which it was asked for
/// (RFC 9110 section 15.3.7.2).
fn coalesce(parts: &mut Vec<(u64, u64)>) {
    if parts.len() < 2 {
        return;
    }
    let mut sorted: Vec<_> = parts.iter().copied().enumerate().collect();
    sorted.sort_unstable_by_key(|(_, part)| *part);
    let mut joined: Vec<(usize, (u64, u64))> = Vec::new();
    for (place, (first, last)) in sorted {
        match joined.last_mut() {
            Some((before, (_, end))) if first <= end.saturating_add(1) => {
                *before = place.min(*before);
                *end = last.max(*end);
            }
            _ => joined.push((place, (first, last))),
        }
    }
    joined.sort_unstable_by_key(|(place, _)| *place);
    *parts = joined.into_iter().map(|(_, part)| part).collect();
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
        check("bytes=0-1,5-2", 10, Ranged::Whole);
        check("bytes=,", 10, Ranged::Whole);
        // An empty part of nothing cannot be said in Content-Range.
        check("bytes=-5", 0, Ranged::Whole);
    }

    #[test]
    fn several_ranges_are_joined_where_they_touch() {
        check("bytes=0-1, 3-4", 10, Ranged::Parts(vec![(0, 1), (3, 4)]));
        check("bytes=-1,0-0", 10, Ranged::Parts(vec![(9, 9), (0, 0)]));
        check("bytes=0-1,2-4", 10, part(0, 4));
        check("bytes=4-6,0-4", 10, part(0, 6));
        check("bytes=8-8,0-1,,1-3", 10, Ranged::Parts(vec![(8, 8), (0, 3)]));
        check("bytes=0-,0-,0-", 10, part(0, 9));
        // RFC 9110 section 14.1.2: it is satisfiable when one of its ranges is.
        check("bytes=10-,3-4,-0", 10, part(3, 4));
        check("bytes=10-,20-30", 10, Ranged::Unsatisfiable);
    }

    #[test]
    fn too_many_ranges_get_everything() {
        let ranges = |n: u64| (0..n).map(|at| format!("{}-{}", 2 * at, 2 * at));
        let value = |n| format!("bytes={}", ranges(n).collect::<Vec<_>>().join(","));
        let most = RANGES_MAX as u64;
        assert!(matches!(select(value(most).as_bytes(), 1000), Ranged::Parts(all)
            if all.len() == RANGES_MAX));
        check(&value(most + 1), 1000, Ranged::Whole);
        check(&format!("bytes={}0-0", "0-,".repeat(RANGES_MAX)), 1000, Ranged::Whole);
    }

    proptest! {
        #[test]
        fn parts_are_the_bytes_asked_for(
            asked in prop::collection::vec((prop::option::of(0u64..60), 0u64..60), 1..8),
            len in 1u64..50,
        ) {
            let text: Vec<_> = asked.iter().map(|(first, n)| match first {
                Some(first) => format!("{first}-{}", first + n),
                None => format!("-{n}"),
            }).collect();
            let parts = match select(format!("bytes={}", text.join(",")).as_bytes(), len) {
                Ranged::Whole => panic!("it is well formed"),
                Ranged::Part { first, last } => vec![(first, last)],
                Ranged::Parts(parts) => parts,
                Ranged::Unsatisfiable => Vec::new(),
            };
            // Byte by byte: is it asked for, and in how many parts is it?
            for at in 0..len {
                let wanted = asked.iter().any(|&(first, n)| match first {
                    Some(first) => (first..=first + n).contains(&at),
                    None => at >= len.saturating_sub(n),
                });
                let times = parts.iter().filter(|(first, last)| (first..=last).contains(&&at));
                prop_assert_eq!(times.count(), usize::from(wanted), "byte {}", at);
            }
            let touch = |a: &(u64, u64), b: &(u64, u64)| a.1 + 1 == b.0;
            let apart = |a| !parts.iter().any(|b| touch(a, b));
            prop_assert!(parts.iter().all(|part| part.1 < len && apart(part)), "{:?}", parts);
        }

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
