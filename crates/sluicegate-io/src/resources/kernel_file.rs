//! A file of the kernel that is read again and again: opened once, and read from its beginning.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The longest text that is read: files of the kernel that are read here have a few kilobytes.
const TEXT_MAX: usize = 64 * 1024;

/// It need not be there, neither now nor later.
#[derive(Debug)]
pub(super) struct KernelFile {
    path: PathBuf,
    file: Option<File>,
    /// Kept for its memory.
    text: Vec<u8>,
}

impl KernelFile {
    pub fn at(path: PathBuf) -> Self {
        Self { path, file: None, text: Vec::new() }
    }

    /// What it says now. One that cannot be read is opened anew the next time.
    pub fn read(&mut self) -> Option<&str> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let len = fill(self.file.as_ref()?, &mut self.text);
        if len.is_none() {
            self.file = None;
        }
        std::str::from_utf8(&self.text[..len?]).ok()
    }
}

/// Reads all of a file, which the kernel may give out in several pieces.
fn fill(file: &File, text: &mut Vec<u8>) -> Option<usize> {
    let mut len = 0;
    while len < TEXT_MAX {
        text.resize((len + 4096).max(text.len()), 0);
        match file.read_at(&mut text[len..], len as u64).ok()? {
            0 => return Some(len),
            n => len += n,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;

    #[test]
    fn what_it_says_now_is_read_and_one_that_comes_later_is_found() {
        let root = Root::new();
        let mut file = KernelFile::at(root.path().join("a/b"));
        assert_eq!(file.read(), None);
        for text in ["one", "", "three\n"] {
            root.write("a/b", text);
            assert_eq!(file.read(), Some(text));
        }
        root.write("a/b", "x".repeat(10_000));
        assert_eq!(file.read().map(str::len), Some(10_000));
        root.write("a/b", "x".repeat(TEXT_MAX + 1));
        assert_eq!(file.read(), None, "no file of the kernel is so long");
        root.write("a/b", b"\xff\xfe");
        assert_eq!(file.read(), None);
        root.write("a/b", "well");
        assert_eq!(file.read(), Some("well"));
        assert_eq!(KernelFile::at(root.path().to_owned()).read(), None, "a directory");
    }
}
