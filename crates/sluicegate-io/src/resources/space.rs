//! Space: how full the file systems are on which directories lie.

use rustix::fs::{StatVfs, statvfs};
use std::path::{Path, PathBuf};

/// The fullest of the file systems of some directories. Each is looked at by its path: an open
/// descriptor would keep a file system from being unmounted. A network's may take its time.
#[derive(Debug)]
pub(super) struct Space(Vec<PathBuf>);

impl Space {
    pub fn of(dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(dirs.into_iter().collect())
    }

    /// The share of it that is in use; nothing where none can be looked at.
    pub fn read(&self) -> Option<f64> {
        self.0.iter().filter_map(|dir| full(dir)).reduce(f64::max)
    }
}

fn full(dir: &Path) -> Option<f64> {
    let StatVfs { f_blocks, f_bfree, f_bavail, f_files, f_ffree, .. } = statvfs(dir).ok()?;
    // Blocks that only root may use are neither in use nor free, as `df` reckons.
    let blocks = part(f_blocks.saturating_sub(f_bfree), f_bavail);
    let files = part(f_files.saturating_sub(f_ffree), f_ffree);
    [blocks, files].into_iter().flatten().reduce(f64::max)
}

/// What is used of what is used or free. Some file systems do not bound what they count as files.
fn part(used: u64, free: u64) -> Option<f64> {
    let all = used.checked_add(free).filter(|all| *all > 0)?;
    Some(used as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;

    #[test]
    fn a_share_is_told_of_what_is_there_and_nothing_of_what_is_not() {
        let root = Root::new();
        let there = Space::of([root.path().to_owned(), PathBuf::from("/nowhere")]).read();
        assert!(there.is_some_and(|used| (0.0..=1.0).contains(&used)), "{there:?}");
        assert_eq!(Space::of([PathBuf::from("/nowhere")]).read(), None);
        assert_eq!(Space::of([]).read(), None);
        let parts = [part(3, 1), part(0, 7), part(7, 0), part(0, 0), part(u64::MAX, 1)];
        assert_eq!(parts, [Some(0.75), Some(0.0), Some(1.0), None, None]);
    }
}
