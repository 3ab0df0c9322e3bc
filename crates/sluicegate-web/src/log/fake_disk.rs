//! A file system in memory, any call of which can be made to fail.
use super::disk::{Disk, State};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It succeeds.
    None,
    /// It fails and does nothing.
    Error(ErrorKind),
    /// A write takes so many bytes at most; other calls succeed.
    Short(usize),
}

/// The errors that a disk may give.
pub const ERRORS: [ErrorKind; 4] = [
    ErrorKind::StorageFull,
    ErrorKind::QuotaExceeded,
    ErrorKind::Other,
    ErrorKind::ReadOnlyFilesystem,
];

#[derive(Clone, Debug, Default)]
pub struct FakeDisk(Arc<Mutex<Content>>);

#[derive(Debug)]
pub struct Content {
    names: BTreeMap<PathBuf, usize>,
    /// All that there ever were.
    files: Vec<(Vec<u8>, SystemTime)>,
    /// What becomes of the next calls; then all succeed.
    pub faults: VecDeque<Fault>,
    /// Calls until now.
    pub calls: usize,
    /// Bytes that files with names may have.
    pub capacity: usize,
    pub now: SystemTime,
    /// Names that somebody else takes for a file of his own just before a rename to them.
    pub claims: usize,
    /// The most bytes that the files of the log ever had.
    pub peak: usize,
}

impl Default for Content {
    fn default() -> Content {
        Content {
            names: BTreeMap::new(),
            files: Vec::new(),
            faults: VecDeque::new(),
            calls: 0,
            capacity: usize::MAX,
            now: SystemTime::UNIX_EPOCH,
            claims: 0,
            peak: 0,
        }
    }
}

impl FakeDisk {
    pub fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("no test panics with it")
    }

    /// Begins a call, which may fail.
    fn call(&self) -> io::Result<(MutexGuard<'_, Content>, usize)> {
        let mut content = self.lock();
        content.calls += 1;
        match content.faults.pop_front() {
            Some(Fault::Error(kind)) => Err(kind.into()),
            Some(Fault::Short(n)) => Ok((content, n)),
            Some(Fault::None) | None => Ok((content, usize::MAX)),
        }
    }
}

impl Content {
    fn used(&self, wanted: impl Fn(&Path) -> bool) -> usize {
        let named = self.names.iter().filter(|(path, _)| wanted(path));
        named.map(|(_, file)| self.files[*file].0.len()).sum()
    }

    /// The bytes of a log and of its old files.
    pub fn used_by(&self, log: &Path) -> usize {
        let log = log.to_str().expect("text");
        self.used(|path| path.to_str().is_some_and(|path| path.starts_with(log)))
    }

    /// What was ever written, file by file.
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|(data, _)| &data[..])
    }

    /// Somebody else renames a file, or removes it.
    pub fn take_away(&mut self, path: &Path, to: Option<&str>) {
        if let Some(file) = self.names.remove(path)
            && let Some(to) = to
        {
            self.names.insert(path.with_file_name(to), file);
        }
    }

    /// Somebody else copies a file and empties it.
    pub fn copy_and_empty(&mut self, path: &Path) {
        if let Some(&file) = self.names.get(path) {
            let copy = std::mem::take(&mut self.files[file].0);
            self.files.push((copy, self.now));
        }
    }

    fn state(&self, file: usize) -> State {
        let (data, modified) = &self.files[file];
        State {
            len: data.len() as u64,
            modified: *modified,
            id: (1, file as u64),
            names: self.names.values().filter(|named| **named == file).count() as u64,
            is_plain: true,
        }
    }
}

impl Disk for FakeDisk {
    type File = usize;

    fn open(&self, path: &Path) -> io::Result<usize> {
        let (mut content, _) = self.call()?;
        let now = content.now;
        if let Some(&file) = content.names.get(path) {
            return Ok(file);
        }
        content.files.push((Vec::new(), now));
        let file = content.files.len() - 1;
        content.names.insert(path.to_owned(), file);
        Ok(file)
    }

    fn write(&self, file: &usize, bytes: &[u8]) -> io::Result<usize> {
        let (mut content, most) = self.call()?;
        let room = content.capacity.saturating_sub(content.used(|_| true));
        let n = bytes.len().min(most.max(1)).min(room);
        if n == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        let now = content.now;
        content.files[*file].0.extend_from_slice(&bytes[..n]);
        content.files[*file].1 = now;
        content.peak = content.peak.max(content.used_by(Path::new(LOG)));
        Ok(n)
    }

    fn truncate(&self, file: &usize, len: u64) -> io::Result<()> {
        self.call()?.0.files[*file].0.truncate(len as usize);
        Ok(())
    }

    fn state(&self, file: &usize) -> io::Result<State> {
        Ok(self.call()?.0.state(*file))
    }

    fn find(&self, path: &Path) -> io::Result<Option<State>> {
        let (content, _) = self.call()?;
        Ok(content.names.get(path).map(|file| content.state(*file)))
    }

    fn ends_a_line(&self, path: &Path) -> io::Result<bool> {
        let (content, _) = self.call()?;
        let file = content.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(content.files[*file].0.ends_with(b"\n"))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut content, _) = self.call()?;
        if content.claims > 0 {
            content.claims -= 1;
            let now = content.now;
            content.files.push((Vec::new(), now));
            let claimed = content.files.len() - 1;
            content.names.entry(to.to_owned()).or_insert(claimed);
        }
        if content.names.contains_key(to) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = content.names.remove(from).ok_or(ErrorKind::NotFound)?;
        content.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?.0.names.remove(path).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn list(&self, _dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let (content, _) = self.call()?;
        let entry = |(path, file): (&PathBuf, &usize)| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("text");
            (name.to_owned(), content.files[*file].0.len() as u64)
        };
        Ok(content.names.iter().map(entry).collect())
    }
}

/// The log of the tests.
pub const LOG: &str = "/l/log";
