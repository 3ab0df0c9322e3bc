//! Memory for large content, which the kernel may send from without copying it.
//!
//! It is written once, before it is shared, and its pages are never used again: who frees it gives
//! them back to the system. So the kernel may go on referring to them for as long as a connection
//! takes to send them, whatever became of their owner.

mod holes;
mod splice;

use std::fmt;
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

use holes::Holes;
pub(crate) use splice::Splice;

/// Content of at least so many bytes is worth pages of its own: below, a copy costs as little.
pub const LARGE: usize = 32 * 1024;

/// Addresses are given out in units of so many bytes: whole pages, whatever their size. Of a unit
/// only the pages that are written cost memory.
const UNIT: usize = 64 * 1024;
/// Addresses that are set aside, in bytes: no memory, only room for it. Where the process may not
/// have so many, half as many are tried, and so on down to `REGION_MIN`.
const REGION_MAX: usize = 1 << 38;
const REGION_MIN: usize = 1 << 30;

/// Immutable bytes in pages of their own.
pub struct PageMemory {
    /// Its place in the region, in units.
    first: u32,
    units: u32,
    len: usize,
}

impl PageMemory {
    /// Memory for `len` bytes, zeroes at first, of which `fill` says how many are the content.
    /// `None` where the process may have no region, or the region is full.
    ///
    /// # Errors
    /// What `fill` returns.
    pub fn filled(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Option<Self>> {
        let Some(region) = region() else { return Ok(None) };
        let Ok(units) = u32::try_from(len.div_ceil(UNIT).max(1)) else { return Ok(None) };
        let Some(first) = region.holes().take(units) else { return Ok(None) };
        let mut memory = Self { first, units, len };
        // SAFETY: the pages are mapped, nobody else has them, and they are not shared yet. What
        // the kernel still sends from are pages that lay here before.
        let room = unsafe { std::slice::from_raw_parts_mut(region.at(first), len) };
        memory.len = fill(room)?.min(len);
        Ok(Some(memory))
    }
}

impl Deref for PageMemory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let Some(region) = region() else { return &[] };
        // SAFETY: the pages are mapped and ours until `self` is dropped, and are written no more.
        unsafe { std::slice::from_raw_parts(region.at(self.first), self.len) }
    }
}

impl AsRef<[u8]> for PageMemory {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for PageMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageMemory({} bytes)", self.len)
    }
}

impl Drop for PageMemory {
    fn drop(&mut self) {
        let Some(region) = region() else { return };
        let (at, len) = (region.at(self.first), self.units as usize * UNIT);
        // SAFETY: the range is mapped and ours alone, and nobody refers to it any more. The
        // addresses get other pages when they are next touched.
        let gone = unsafe { madvise(at.cast(), len, Advice::LinuxDontNeed) };
        // Else the old pages stay where they are, and their addresses must not be used again.
        if gone.is_ok() {
            region.holes().give_back(self.first, self.units);
        }
    }
}

/// Whether all of `bytes` is [`PageMemory`].
fn is_page_memory(bytes: &[u8]) -> bool {
    REGION.get().and_then(Option::as_ref).is_some_and(|region| {
        let (base, at) = (region.base.as_ptr() as usize, bytes.as_ptr() as usize);
        at >= base && at + bytes.len() <= base + region.len
    })
}

/// Addresses for all page memory of the process: so that by its address alone bytes are known to
/// lie in it, however they came to the socket.
struct Region {
    base: NonNull<u8>,
    len: usize,
    /// Taken for large content that is loaded or let go of, never to send it.
    holes: Mutex<Holes>,
}

static REGION: OnceLock<Option<Region>> = OnceLock::new();

// SAFETY: it is but a range of addresses; who may touch which of them is up to `holes`.
unsafe impl Send for Region {}
// SAFETY: the same.
unsafe impl Sync for Region {}

fn region() -> Option<&'static Region> {
    REGION.get_or_init(Region::reserve).as_ref()
}

impl Region {
    fn reserve() -> Option<Self> {
        let mut len = REGION_MAX;
        while len >= REGION_MIN {
            let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            let at = std::ptr::null_mut();
            // SAFETY: a new mapping, at addresses of the kernel's choice, touches nobody's memory.
            let mapped = unsafe { mmap_anonymous(at, len, prot, flags | MapFlags::NORESERVE) };
            if let Some(base) = mapped.ok().and_then(|at| NonNull::new(at.cast::<u8>())) {
                // A core dump holds what a service knows, not the files it serves. Failing only
                // makes it larger.
                // SAFETY: the advice changes nothing that this process could see.
                let _ = unsafe { madvise(base.as_ptr().cast(), len, Advice::LinuxDontDump) };
                let holes = Mutex::new(Holes::new((len / UNIT) as u32));
                return Some(Self { base, len, holes });
            }
            len /= 2;
        }
        None
    }

    fn at(&self, unit: u32) -> *mut u8 {
        // Inside of the region, as `holes` gives out nothing else.
        self.base.as_ptr().wrapping_add(unit as usize * UNIT)
    }

    fn holes(&self) -> std::sync::MutexGuard<'_, Holes> {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(byte: u8, len: usize) -> PageMemory {
        let fill = |room: &mut [u8]| {
            room.fill(byte);
            Ok(room.len())
        };
        PageMemory::filled(len, fill).unwrap().expect("the process may have a region")
    }

    #[test]
    fn it_is_what_was_filled_in_and_known_by_its_address() {
        let (a, b) = (memory(b'a', 3 * UNIT + 1), memory(b'b', 1));
        assert!(a.len() == 3 * UNIT + 1 && a.iter().all(|byte| *byte == b'a'));
        assert_eq!(&*b, b"b");
        assert!(is_page_memory(&a) && is_page_memory(&a[UNIT..]) && is_page_memory(&b));
        assert!(!is_page_memory(&vec![b'a'; UNIT]) && !is_page_memory(b"static"));
    }

    #[test]
    fn what_fill_left_out_is_not_content() {
        let half = PageMemory::filled(100, |room| {
            room[..50].fill(1);
            Ok(50)
        });
        assert_eq!(&*half.unwrap().unwrap(), [1; 50]);
        let failed = PageMemory::filled(100, |_| Err(io::Error::other("no file")));
        assert_eq!(failed.unwrap_err().to_string(), "no file");
    }

    #[test]
    fn used_addresses_hold_zeroes_again() {
        let len = 5 * UNIT;
        for _ in 0..3 {
            drop(memory(b'x', len));
            let zeroes = PageMemory::filled(len, |room| {
                assert!(room.iter().all(|byte| *byte == 0));
                Ok(len)
            });
            assert_eq!(zeroes.unwrap().unwrap().len(), len);
        }
    }
}
