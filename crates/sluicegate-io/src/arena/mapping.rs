//! The mapping of an arena: huge and locked where allowed, ordinary where not.

use std::fmt;
use std::io;
use std::ptr::NonNull;

use rustix::mm::{
    Advice, MapFlags, MlockFlags, ProtFlags, madvise, mlock_with, mmap_anonymous, munmap,
};

/// Bytes of a huge page.
const HUGE: usize = 2 << 20;
/// Where the system says whether it makes huge pages of ordinary memory.
const TRANSPARENT: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// What memory an [`Arena`](crate::Arena) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backing {
    /// How large its pages are to the processor.
    pub pages: PageKind,
    /// Whether it is never written to a swap device.
    pub locked: bool,
    /// What stands in the way of huge pages from the pool, and of locking.
    pub why: Vec<String>,
}

/// How large pages are to the processor, which keeps few addresses of small ones in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Huge pages that were set aside for such use (`vm.nr_hugepages`).
    Pool,
    /// Ordinary memory, of which the system makes huge pages where it can.
    Transparent,
    /// Pages of 4 KiB.
    Ordinary,
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.pages {
            PageKind::Pool => "huge pages of the pool",
            PageKind::Transparent => "transparent huge pages",
            PageKind::Ordinary => "ordinary pages",
        })?;
        f.write_str(if self.locked { ", locked" } else { ", not locked" })?;
        for (n, why) in self.why.iter().enumerate() {
            write!(f, "{}{why}", if n == 0 { " (" } else { "; " })?;
        }
        if self.why.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Memory of zeroes at first, unmapped when this is dropped.
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: it is but a range of addresses; who may touch which of them is up to the arena.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// So many bytes, whole pages; fewer where whole huge pages are had.
    pub fn new(bytes: usize) -> io::Result<(Self, Backing)> {
        let mut why = Vec::new();
        let (mapping, pages) = match Self::of_pool(bytes) {
            Ok(mapping) => (mapping, PageKind::Pool),
            Err(error) => {
                why.push(error);
                let mapping = Self::mapped(bytes, MapFlags::empty())?;
                let pages = mapping.advise().unwrap_or_else(|error| {
                    why.push(error);
                    PageKind::Ordinary
                });
                (mapping, pages)
            }
        };
        let locked = mapping.lock().map_err(|error| why.push(error)).is_ok();
        Ok((mapping, Backing { pages, locked, why }))
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The address so many bytes from the beginning.
    pub fn at(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset < self.len, "no page of this arena");
        self.base.as_ptr().wrapping_add(offset)
    }

    fn of_pool(bytes: usize) -> Result<Self, String> {
        if bytes < HUGE || cfg!(miri) {
            return Err("it is smaller than a huge page".to_owned());
        }
        let flags = MapFlags::HUGETLB | MapFlags::HUGE_2MB;
        Self::mapped(bytes / HUGE * HUGE, flags).map_err(|error| {
            format!("no {} huge pages in the pool, vm.nr_hugepages: {error}", bytes / HUGE)
        })
    }

    fn mapped(len: usize, flags: MapFlags) -> io::Result<Self> {
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | flags);
        // SAFETY: a new mapping, at addresses of the kernel's choice, touches nobody's memory.
        let base = unsafe { mmap_anonymous(std::ptr::null_mut(), len, prot, flags)? };
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Self { base, len };
        // A core dump holds what a service knows, not what it serves. And a child must not share
        // pages into which a device writes: it would get them and leave a copy to the parent.
        // Failing makes a dump larger, and there are no children that go on without `exec`.
        for advice in [Advice::LinuxDontDump, Advice::LinuxDontFork] {
            let _ = mapping.madvise(advice);
        }
        Ok(mapping)
    }

    fn madvise(&self, advice: Advice) -> io::Result<()> {
        if cfg!(miri) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: the advice that is given here changes nothing that this process could see.
        unsafe { madvise(self.base.as_ptr().cast(), self.len, advice)? };
        Ok(())
    }

    /// Asks for huge pages where the system makes them.
    fn advise(&self) -> Result<PageKind, String> {
        if self.len < HUGE {
            return Ok(PageKind::Ordinary);
        }
        let never = std::fs::read_to_string(TRANSPARENT).is_ok_and(|how| how.contains("[never]"));
        if never {
            return Err(format!("{TRANSPARENT} says never"));
        }
        let refused = |error| format!("no transparent huge pages: {error}");
        self.madvise(Advice::LinuxHugepage).map(|()| PageKind::Transparent).map_err(refused)
    }

    /// Keeps what is used of it in memory.
    fn lock(&self) -> Result<(), String> {
        if cfg!(miri) {
            return Err("not under miri".to_owned());
        }
        let at = self.base.as_ptr().cast();
        // SAFETY: the range is mapped, and locking changes nothing that this process could see.
        unsafe { mlock_with(at, self.len, MlockFlags::ONFAULT) }.map_err(|error| {
            format!("RLIMIT_MEMLOCK is below its {} bytes, or locking fails: {error}", self.len)
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the arena and all that was taken from it are gone, so nobody refers to it.
        // It fails only where there is nothing mapped.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
    }
}
