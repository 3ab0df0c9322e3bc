//! Memory: what of the process is resident.

use std::fs;
use std::path::Path;

/// Bytes that are resident, by what `/proc/self/status` says.
pub(super) fn resident(status: &str) -> Option<u64> {
    Parts::of(status).resident
}

/// The memory of the process, in bytes; what the kernel does not tell is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What is resident: the sum of the next three.
    pub resident: Option<u64>,
    /// Memory without a file behind it: heap, stacks, buffers.
    pub anonymous: Option<u64>,
    /// Pages of files that are mapped, such as the program.
    pub files: Option<u64>,
    /// Memory that may be shared with other processes.
    pub shared: Option<u64>,
    /// What was moved to a disk, and is not resident.
    pub swapped: Option<u64>,
}

impl Parts {
    pub(super) fn read(root: &Path) -> Option<Self> {
        Some(Self::of(&fs::read_to_string(root.join("proc/self/status")).ok()?))
    }

    /// What `/proc/self/status` says.
    fn of(status: &str) -> Self {
        let bytes = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
            kib.checked_mul(1024)
        };
        Self {
            resident: bytes("VmRSS:"),
            anonymous: bytes("RssAnon:"),
            files: bytes("RssFile:"),
            shared: bytes("RssShmem:"),
            swapped: bytes("VmSwap:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_among_others_and_nothing_else_is_taken_for_it() {
        let whole = "Name:\tx\nVmHWM:\t  9999 kB\nVmRSS:\t    2048 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(resident(whole), Some(2 << 20));
        let parts = Parts::of(whole);
        assert_eq!((parts.anonymous, parts.files), (Some(1024), None));
        for text in ["", "VmRSS:", "VmRSS: kB", "VmRSS:\t12", "VmRSS:\t-1 kB", "VmRSS: 1 MB"] {
            assert_eq!(resident(text), None, "{text:?}");
        }
        assert_eq!(resident("VmRSS: 18446744073709551615 kB"), None, "more than there can be");
    }
}
