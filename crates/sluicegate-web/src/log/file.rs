//! Where the lines of the access log go: opened again when it is asked for, never in the way.
use super::{Format, Formatter};
use sluicegate_http::log::Lost;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
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

/// A log that may be written to, by one thread at a time.
#[derive(Debug)]
pub struct LogFile {
    target: Target,
    /// Locked only to be taken or replaced, so that to open it again never waits for a write.
    open: Mutex<Option<Arc<File>>>,
    /// Lines that nobody wrote.
    lost: Arc<Lost>,
}

impl LogFile {
    /// One that is not open yet; `lost` counts the lines that are not written.
    pub fn new(target: Target, lost: Arc<Lost>) -> LogFile {
        LogFile { target, open: Mutex::new(None), lost }
    }

    /// Opens it, or opens it again: after a file was renamed, a new one is begun.
    ///
    /// # Errors
    /// What the system says; then the old file is written on.
    pub fn open(&self) -> io::Result<()> {
        let file = match &self.target {
            Target::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            Target::Stderr => File::from(io::stderr().as_fd().try_clone_to_owned()?),
            Target::File(path) => File::options().append(true).create(true).open(path)?,
        };
        let old = self.file().replace(Arc::new(file));
        drop(old);
        Ok(())
    }

    /// What it is written to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The counts of lines that were not written.
    pub fn lost(&self) -> &Arc<Lost> {
        &self.lost
    }

    /// Writes all of it, by one call of the system unless that takes less.
    ///
    /// # Errors
    /// What the system says, and whether a part was written.
    pub fn write(&self, mut bytes: &[u8]) -> Result<(), (io::Error, bool)> {
        let none = || (io::Error::other("it is not open"), false);
        let file = self.file().clone().ok_or_else(none)?;
        let len = bytes.len();
        while !bytes.is_empty() {
            match (&*file).write(bytes) {
                Ok(0) => return Err((ErrorKind::WriteZero.into(), bytes.len() < len)),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err((error, bytes.len() < len)),
            }
        }
        Ok(())
    }

    /// At the end of the service: the last word, if lines are missing.
    pub fn finish(&self, format: Format) {
        let lost = self.lost.take_untold();
        if lost > 0 {
            let mut line = Vec::new();
            Formatter::new(format).lost(lost, SystemTime::now(), &mut line);
            // The count is in the net's own figures too; there is nobody left to tell.
            let _ = self.write(&line);
        }
    }

    fn file(&self) -> std::sync::MutexGuard<'_, Option<Arc<File>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
