//! Pages that a ring knows: the kernel looks their memory up once, and not for each call that moves
//! them.

use std::io;

use crate::arena::Arena;
use crate::uring::ring::Ring;

/// Bytes of a part that is registered: the kernel takes no more as one.
const PART: usize = 1 << 30;

/// An arena that is registered with a ring.
pub(super) struct Registered {
    /// Keeps the addresses from being anybody else's.
    arena: Arena,
    /// Whether lists of places may be of it (Linux 6.15).
    has_lists: bool,
}

impl Registered {
    /// Registers an arena, which has all of it brought into memory.
    pub fn new(ring: &Ring, arena: &Arena) -> io::Result<Self> {
        let (mut at, mut left) = arena.bytes();
        let mut parts = Vec::new();
        while left > 0 {
            let len = left.min(PART);
            parts.push(libc::iovec { iov_base: at.cast(), iov_len: len });
            (at, left) = (at.wrapping_add(len), left - len);
        }
        // SAFETY: the arena is mapped as long as it is here, and it is here until the ring is gone.
        unsafe { ring.register_pages(&parts) }.map_err(told)?;
        Ok(Self { arena: arena.clone(), has_lists: ring.has_lists_of_registered() })
    }

    /// Whether it is this one.
    pub fn is_of(&self, arena: &Arena) -> bool {
        self.arena.bytes() == arena.bytes()
    }

    /// The number of the part in which all of these lie, where one call can move them.
    pub fn part_of_all(&self, places: &[libc::iovec]) -> Option<u16> {
        let (begin, len) = self.arena.bytes();
        let part = |place: &libc::iovec| part(begin as usize, len, place);
        let (first, others) = places.split_first()?;
        let number = part(first)?;
        let all = (others.is_empty() || self.has_lists)
            && others.iter().all(|place| part(place) == Some(number));
        all.then_some(number)
    }
}

/// The number of the part in which these bytes lie, if they are of one of those that begin at
/// `begin`.
fn part(begin: usize, len: usize, place: &libc::iovec) -> Option<u16> {
    let first = (place.iov_base as usize).checked_sub(begin)?;
    let last = first + place.iov_len.checked_sub(1)?;
    (last < len && first / PART == last / PART).then_some((first / PART) as u16)
}

/// Why it is not to be had.
fn told(error: io::Error) -> io::Error {
    let text = match error.raw_os_error() {
        Some(libc::ENOMEM) => {
            format!("RLIMIT_MEMLOCK is below the bytes of the pages, or memory is short: {error}")
        }
        _ => format!("the pages cannot be registered: {error}"),
    };
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_one_part_or_of_none() {
        let begin = 5 * PART + 4096;
        let part = |at: usize, iov_len| {
            part(begin, 2 * PART + 8192, &libc::iovec { iov_base: at as *mut _, iov_len })
        };
        assert_eq!((part(begin, 1), part(begin, PART)), (Some(0), Some(0)));
        assert_eq!((part(begin, PART + 1), part(begin + PART - 1, 2)), (None, None));
        assert_eq!((part(begin + PART, 4096), part(begin + 2 * PART, 8192)), (Some(1), Some(2)));
        assert_eq!((part(begin - 1, 1), part(begin + 2 * PART, 8193)), (None, None));
        assert_eq!(part(begin, 0), None);
    }
}
