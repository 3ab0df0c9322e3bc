//! How much memory the process may use, and how much of it the cache takes.
use sluicegate_io::resources::memory_max;
use std::path::Path;

/// The cache takes this part of memory ...
const SHARE: u64 = 4;
/// ... and never more than this many bytes, unless a setting says so.
const SHARE_MAX: u64 = 1 << 30;

/// The default budget of the cache on a machine with `memory` bytes.
pub fn share(memory: u64) -> u64 {
    (memory / SHARE).min(SHARE_MAX)
}

/// Bytes of memory that this process may use: the machine's, or less where a control group says
/// so.
pub fn available() -> u64 {
    memory_max(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_a_quarter_and_at_most_a_gibibyte() {
        assert_eq!(share(1 << 30), 256 << 20);
        assert_eq!(share(64 << 30), 1 << 30);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(available() > 1 << 20);
    }
}
