//! A file system of one test, as that of a machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Removed with its value.
pub(super) struct Root(PathBuf);

impl Root {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sluicegate-io-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let root = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&root.0).expect("it can be written");
        root
    }

    /// With these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let root = Self::new();
        files.iter().for_each(|(file, text)| root.write(file, text));
        root
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, making its directories.
    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a name inside")).expect("it can be written");
        fs::write(path, text).expect("it can be written");
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
