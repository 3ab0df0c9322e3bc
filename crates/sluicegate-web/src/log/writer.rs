//! The file of a log that is written now: ended in time, within a budget, by whole lines.
use super::disk::{Disk, State};
use super::old::Old;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Lines that are written at once, in bytes, unless a file is smaller.
const PIECE: usize = 256 * 1024;
/// After a rotation that failed, how long the file is written on before the next trial.
const ROTATE_AGAIN: Duration = Duration::from_secs(1);
/// Names that a rotation tries, if others take them between the look and the rename.
const NAMES: usize = 16;

/// When the file of a log is ended and begun anew, and how many bytes all of its files may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file; only a line that is longer by itself makes it larger.
    pub size: Option<u64>,
    /// A file has lines of one such span of time, counted from the Unix epoch.
    pub age: Option<Duration>,
    /// Bytes of the file and the old ones together.
    pub budget: Option<u64>,
}

impl Limits {
    /// Whether files are ended at all.
    pub fn rotate(&self) -> bool {
        *self != Limits::default()
    }
}

/// Not all was written.
#[derive(Debug)]
pub struct Failed {
    /// What the system says.
    pub error: io::Error,
    /// Bytes of whole lines that are in the file all the same, from the first on.
    pub kept: usize,
}

/// Writes a log.
#[derive(Debug)]
pub struct Writer<D: Disk> {
    disk: D,
    /// Where the file is opened again; none where somebody else owns it.
    path: Option<PathBuf>,
    limits: Limits,
    file: Option<D::File>,
    /// The file was looked at since it was opened.
    is_known: bool,
    /// It is plain and our own: it may be cut and renamed.
    is_own: bool,
    /// The span of time of its lines.
    span: u64,
    /// What has to be written before anything else: an end for the last line.
    rest: Vec<u8>,
    /// That line is one of ours, which counts as written.
    owed: bool,
    /// The length of the file when that was left over.
    end: u64,
    /// Lines that counted as written and were not completed.
    broken: usize,
    /// The last write failed: the file may be another one by now.
    failed: bool,
    old: Old,
    /// No rotation before this, after one that failed; and why that did, until it is asked for.
    rotate_from: Option<SystemTime>,
    unrotated: Option<io::Error>,
    rotated: u64,
}

impl<D: Disk> Writer<D> {
    /// One that is not open yet.
    pub fn new(disk: D, path: Option<PathBuf>, limits: Limits) -> Self {
        Self {
            disk,
            path,
            limits,
            file: None,
            is_known: false,
            is_own: false,
            span: 0,
            rest: Vec::new(),
            owed: false,
            end: 0,
            broken: 0,
            failed: false,
            old: Old::default(),
            rotate_from: None,
            unrotated: None,
            rotated: 0,
        }
    }

    /// Goes on with a file that was opened by somebody else.
    pub fn adopt(&mut self, file: D::File) {
        if self.owed {
            // The last moment for it; what fails counts as broken.
            let _ = self.complete();
        }
        self.forget_rest();
        (self.file, self.is_known, self.rotate_from) = (Some(file), false, None);
    }

    /// Other limits from now on.
    pub fn limit(&mut self, limits: Limits) {
        (self.limits, self.is_known) = (limits, self.is_known && limits == self.limits);
    }

    /// Writes all of these lines.
    ///
    /// # Errors
    /// What the system says; the next call tries again, with the file that has the name then.
    pub fn write(&mut self, lines: &[u8], at: SystemTime) -> Result<(), Failed> {
        let mut kept = 0;
        let written = self.write_pieces(lines, at, &mut kept);
        self.failed = written.is_err();
        written.map_err(|error| Failed { error, kept })
    }

    /// Completes the last line, if that is needed and can be done.
    pub fn finish(&mut self) {
        if self.owed && self.complete().is_err() {
            self.forget_rest();
        }
    }

    /// Lines that counted as written and are not, since the last call.
    pub fn take_broken(&mut self) -> usize {
        std::mem::take(&mut self.broken)
    }

    /// Why the file could not be ended, once until it can be.
    pub fn take_unrotated(&mut self) -> Option<io::Error> {
        self.unrotated.take()
    }

    /// How many files were ended, since the last call.
    pub fn take_rotated(&mut self) -> u64 {
        std::mem::take(&mut self.rotated)
    }

    fn write_pieces(&mut self, lines: &[u8], at: SystemTime, kept: &mut usize) -> io::Result<()> {
        self.ready(at)?;
        if self.owed {
            self.complete()?;
        }
        while *kept < lines.len() {
            let piece = piece(&lines[*kept..], self.limits.size);
            self.make_room((self.rest.len() + piece.len()) as u64, at)?;
            self.complete()?;
            let (appended, done) = self.append(piece);
            *kept += appended;
            done?;
        }
        Ok(())
    }

    /// Sees to it that there is a file, which has a name, and what is known of it.
    fn ready(&mut self, at: SystemTime) -> io::Result<()> {
        if let Some(path) = self.path.clone() {
            let state = self.file.as_ref().map(|file| self.disk.state(file)).transpose();
            let is_gone = match state {
                Ok(Some(state)) if state.names == 0 => {
                    self.forget_rest();
                    true
                }
                Ok(Some(state)) => {
                    let other = |found: Option<State>| found.is_none_or(|now| now.id != state.id);
                    self.failed && other(self.disk.find(&path)?)
                }
                Ok(None) | Err(_) => true,
            };
            if is_gone {
                let file = self.disk.open(&path)?;
                self.adopt(file);
            }
        }
        if !self.is_known {
            self.know(at)?;
        }
        Ok(())
    }

    /// Looks at a file that was just opened.
    fn know(&mut self, at: SystemTime) -> io::Result<()> {
        let state = self.disk.state(self.file()?)?;
        self.is_own = state.is_plain && self.path.is_some();
        self.span = self.span_of(if state.len > 0 { state.modified } else { at });
        if let Some(path) = self.path.as_ref().filter(|_| self.is_own) {
            self.old = self.find_old(path)?;
            if !self.owed {
                self.end_line(state.len)?;
            }
        }
        self.is_known = true;
        Ok(())
    }

    /// Has a line ended that was cut off, as by a crash, so that it does not swallow the next one.
    /// Where the file may not be read nothing is known of that.
    fn end_line(&mut self, len: u64) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| len > 0) else {
            self.forget_rest();
            return Ok(());
        };
        let is_ended = match self.disk.ends_a_line(path) {
            Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
            known => known.unwrap_or(true),
        };
        self.forget_rest();
        if !is_ended {
            (self.rest, self.end) = (b"\n".to_vec(), len);
        }
        Ok(())
    }

    /// The old files, which are asked for where there is a budget.
    fn find_old(&self, path: &Path) -> io::Result<Old> {
        match self.limits.budget {
            Some(_) => Old::find(&self.disk, path),
            None => Ok(Old::default()),
        }
    }

    /// Writes what the last line lacks, unless the file was changed by others.
    fn complete(&mut self) -> io::Result<()> {
        if self.is_own && !self.rest.is_empty() {
            let len = self.len()?;
            if len != self.end {
                self.end_line(len)?;
            }
        }
        while !self.rest.is_empty() {
            let n = self.write_some(&self.rest)?;
            self.rest.drain(..n);
            self.end += n as u64;
        }
        self.owed = false;
        Ok(())
    }

    fn forget_rest(&mut self) {
        self.broken += usize::from(std::mem::take(&mut self.owed));
        self.rest.clear();
    }

    /// Ends the file if it is time, and removes the oldest until so many bytes fit the budget.
    fn make_room(&mut self, bytes: u64, at: SystemTime) -> io::Result<()> {
        if !self.is_own || !self.limits.rotate() {
            return Ok(());
        }
        let mut len = self.len()?;
        if self.is_due(len + bytes, at) && len > 0 {
            self.try_to_rotate(at);
            len = self.len()?;
        }
        let Some(budget) = self.limits.budget else { return Ok(()) };
        while self.old.bytes() + len + bytes > budget {
            let Some(oldest) = self.old.first() else {
                return Err(io::Error::other(
                    "its budget is used up, and the file could not be ended to make room",
                ));
            };
            match self.disk.remove(oldest) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => self.old.pop(),
            }
        }
        Ok(())
    }

    fn is_due(&self, len: u64, at: SystemTime) -> bool {
        let waits = self.rotate_from.is_some_and(|from| at < from && from < at + ROTATE_AGAIN * 2);
        let full = self.limits.size.is_some_and(|size| len > size);
        !waits && (full || self.span_of(at) > self.span)
    }

    fn try_to_rotate(&mut self, at: SystemTime) {
        match self.rotate(at) {
            Ok(()) => (self.rotate_from, self.unrotated) = (None, None),
            Err(error) => {
                if self.rotate_from.replace(at + ROTATE_AGAIN).is_none() {
                    self.unrotated = Some(error);
                }
            }
        }
    }

    /// Ends the file under another name, and begins a new one. Where that fails all is as before.
    fn rotate(&mut self, at: SystemTime) -> io::Result<()> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let state = self.disk.state(self.file()?)?;
        let found = self.disk.find(&path)?;
        // Else somebody has renamed it already.
        if found.is_some_and(|found| found.id == state.id) {
            let mut old = Old::find(&self.disk, &path)?;
            let name = self.rename(&path, &old, at)?;
            let file = self.disk.open(&path);
            if file.is_err() {
                // If that fails too, the file is found without its name the next time.
                let _ = self.disk.rename(&name, &path);
            }
            self.file = Some(file?);
            old.push(name, state.len);
            self.old = old;
            self.rotated += 1;
        } else {
            self.file = Some(self.disk.open(&path)?);
            self.old = self.find_old(&path)?;
        }
        self.forget_rest();
        self.span = self.span_of(at);
        Ok(())
    }

    /// Renames the file to a name that is free; to which.
    fn rename(&self, path: &Path, old: &Old, at: SystemTime) -> io::Result<PathBuf> {
        for name in old.free_names(path, at).take(NAMES) {
            match self.disk.rename(path, &name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                done => return done.map(|()| name),
            }
        }
        Err(io::Error::other("others take the names that its old files would have"))
    }

    /// Appends lines: how many bytes of whole ones are in the file now, and whether all are.
    fn append(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let start = match self.is_own.then(|| self.len()).transpose() {
            Ok(start) => start,
            Err(error) => return (0, Err(error)),
        };
        let mut written = 0;
        while written < lines.len() {
            match self.write_some(&lines[written..]) {
                Ok(n) => written += n,
                Err(error) => return (self.mend(lines, written, start), Err(error)),
            }
        }
        (written, Ok(()))
    }

    /// After a write that ended within a line: cuts the line off, or else keeps what it lacks.
    /// How many bytes of whole lines that leaves.
    fn mend(&mut self, lines: &[u8], written: usize, start: Option<u64>) -> usize {
        let last = lines[..written].iter().rposition(|byte| *byte == b'\n');
        let whole = last.map_or(0, |at| at + 1);
        if whole == written {
            return whole;
        }
        if let (Some(start), Ok(len)) = (start, self.len()) {
            let end = start + written as u64;
            // Else others have cut it, or written to it too.
            let is_cut = len == end && self.cut(start + whole as u64).is_ok();
            if is_cut {
                return whole;
            }
        }
        let missing = lines[written..].iter().position(|byte| *byte == b'\n');
        let next = missing.map_or(lines.len(), |at| written + at + 1);
        (self.rest, self.owed) = (lines[written..next].to_vec(), true);
        self.end = start.unwrap_or(0) + written as u64;
        next
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.disk.truncate(self.file()?, len)
    }

    /// Some of these bytes, at least one.
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file()?;
        loop {
            match self.disk.write(file, bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state(self.file()?)?.len)
    }

    fn file(&self) -> io::Result<&D::File> {
        self.file.as_ref().ok_or_else(|| io::Error::other("it is not open"))
    }

    fn span_of(&self, at: SystemTime) -> u64 {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.limits.age.map_or(0, |age| (since.as_millis() / age.as_millis().max(1)) as u64)
    }
}

/// The first lines, not more than are written at once; one at least.
fn piece(lines: &[u8], size: Option<u64>) -> &[u8] {
    let most = size.map_or(PIECE, |size| PIECE.min(usize::try_from(size).unwrap_or(PIECE)));
    let within = &lines[..lines.len().min(most)];
    if within.len() == lines.len() {
        return lines;
    }
    let end = within.iter().rposition(|byte| *byte == b'\n');
    let end = end.or_else(|| lines.iter().position(|byte| *byte == b'\n'));
    &lines[..end.map_or(lines.len(), |at| at + 1)]
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
