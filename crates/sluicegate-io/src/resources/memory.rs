//! Memory: what of the process is resident.

use std::fs;
use std::path::Path;

/// Bytes that are resident.
pub(super) fn read(root: &Path) -> Option<u64> {
    resident(&fs::read_to_string(root.join("proc/self/status")).ok()?)
}

/// What `/proc/self/status` says.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_among_others_and_nothing_else_is_taken_for_it() {
        let whole = "Name:\tx\nVmHWM:\t  9999 kB\nVmRSS:\t    2048 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(resident(whole), Some(2 << 20));
        for text in ["", "VmRSS:", "VmRSS: kB", "VmRSS:\t12", "VmRSS:\t-1 kB", "VmRSS: 1 MB"] {
            assert_eq!(resident(text), None, "{text:?}");
        }
        assert_eq!(resident("VmRSS: 18446744073709551615 kB"), None, "more than there can be");
    }
}
