//! Descriptors: how many files and sockets the process has open.

use std::fs;
use std::path::Path;

/// Open files. From Linux 6.2 on the directory's size tells them; before they are counted one by
/// one.
pub(super) fn read(root: &Path) -> Option<u64> {
    let dir = root.join("proc/self/fd");
    match fs::metadata(&dir).ok()?.len() {
        0 => fs::read_dir(&dir).ok().map(count),
        told => Some(told),
    }
}

/// Those in the directory, without that by which it is read.
fn count(entries: fs::ReadDir) -> u64 {
    (entries.count() as u64).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn what_is_opened_is_counted_both_ways() {
        let open = || {
            let told = read(Path::new("/")).expect("this system has /proc");
            let counted = fs::read_dir("/proc/self/fd").map(count).expect("it is a directory");
            (told, counted)
        };
        // Other tests of this process open and close files meanwhile, but not so many.
        let before = open();
        let files: Vec<_> = (0..200).map(|_| File::open("/").expect("a file")).collect();
        let with = open();
        assert!(with.0 >= before.0 + 100 && with.1 >= before.1 + 100, "{before:?}, {with:?}");
        drop(files);
        let after = open();
        assert!(after.0 + 100 <= with.0 && after.1 + 100 <= with.1, "{with:?}, {after:?}");
        assert_eq!(read(Path::new("/nowhere")), None);
    }
}
