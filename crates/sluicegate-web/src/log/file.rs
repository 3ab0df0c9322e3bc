//! Where the lines of the access log go: opened again when it is asked for, never in the way.
use super::disk::{Disk, System};
use super::writer::{Failed, Limits, Writer};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What a log is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
    /// A file: appended to, made where it is not there.
    File(PathBuf),
}

/// A log that may be written to, by one thread at a time. A net and those that it took over from
/// share it while they have the same target, so that no two write to one file.
#[derive(Debug)]
pub struct LogFile {
    target: Target,
    writer: Mutex<Writer<System>>,
    /// What the next write goes on with. Locked only to be put here or taken, so that to open the
    /// log again never waits for a write.
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    file: Option<File>,
    limits: Option<Limits>,
}

/// What became of lines that were handed over.
#[derive(Debug)]
pub struct Written {
    /// Whether all were written.
    pub done: Result<(), Failed>,
    /// Lines that counted as written before, and could not be completed.
    pub broken: usize,
    /// Why the file could not be ended, though it was time: told once until it can be.
    pub unrotated: Option<io::Error>,
    /// Files that were ended.
    pub rotated: u64,
}

impl LogFile {
    /// One that is not open yet.
    pub fn new(target: Target, limits: Limits) -> LogFile {
        let path = match &target {
            Target::File(path) => Some(path.clone()),
            _ => None,
        };
        let writer = Mutex::new(Writer::new(System, path, limits));
        LogFile { target, writer, next: Mutex::default() }
    }

    /// Opens it, or opens it again: after a file was renamed, a new one is begun.
    ///
    /// # Errors
    /// What the system says; then the old file is written on.
    pub fn open(&self) -> io::Result<()> {
        let file = match &self.target {
            Target::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            Target::Stderr => File::from(io::stderr().as_fd().try_clone_to_owned()?),
            Target::File(path) => System.open(path)?,
        };
        let old = self.next().file.replace(file);
        drop(old);
        Ok(())
    }

    /// Sets other limits, from the next write on.
    pub fn limit(&self, limits: Limits) {
        self.next().limits = Some(limits);
    }

    /// Whether it was opened since the last write.
    pub fn is_opened(&self) -> bool {
        self.next().file.is_some()
    }

    /// What it is written to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Writes all of these lines, mostly by one call of the system.
    pub fn write(&self, lines: &[u8], at: SystemTime) -> Written {
        let mut writer = self.writer();
        let next = std::mem::take(&mut *self.next());
        next.limits.into_iter().for_each(|limits| writer.limit(limits));
        next.file.into_iter().for_each(|file| writer.adopt(file));
        let done = writer.write(lines, at);
        let (broken, unrotated) = (writer.take_broken(), writer.take_unrotated());
        Written { done, broken, unrotated, rotated: writer.take_rotated() }
    }

    /// Completes what was left over by a write that failed, if it can be; how many lines cannot.
    pub fn finish(&self) -> usize {
        let mut writer = self.writer();
        writer.finish();
        writer.take_broken()
    }

    fn writer(&self) -> MutexGuard<'_, Writer<System>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
