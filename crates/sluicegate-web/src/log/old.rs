//! The files that a log was in before: their names tell when each was ended, and so their order.
use super::disk::Disk;
use super::format::Date;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The length of a stamp such as `20261130T175217.123Z`.
const STAMP_LEN: usize = 20;
/// The unit of the stamps: no two files of a log have the same.
const STEP: Duration = Duration::from_millis(1);

/// Those of one log, oldest first, with their bytes.
#[derive(Debug, Default)]
pub struct Old {
    files: VecDeque<(PathBuf, u64)>,
    bytes: u64,
}

impl Old {
    /// Finds them in the directory of the log.
    pub fn find(disk: &impl Disk, log: &Path) -> io::Result<Old> {
        let dir = log.parent().filter(|dir| !dir.as_os_str().is_empty());
        let own = log.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut found = disk.list(dir.unwrap_or(Path::new(".")))?;
        found.retain(|(name, _)| is_old(name, own));
        found.sort();
        let bytes = found.iter().map(|(_, len)| len).sum();
        let files = found.into_iter().map(|(name, len)| (log.with_file_name(name), len)).collect();
        Ok(Old { files, bytes })
    }

    /// The bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// One more, which is the newest.
    pub fn push(&mut self, path: PathBuf, len: u64) {
        self.files.push_back((path, len));
        self.bytes += len;
    }

    /// The oldest.
    pub fn first(&self) -> Option<&Path> {
        self.files.front().map(|(path, _)| path.as_path())
    }

    /// The oldest is gone.
    pub fn pop(&mut self) {
        self.bytes -= self.files.pop_front().map_or(0, |(_, len)| len);
    }
}

/// A free name for the file of a log that is ended at this time.
pub fn free_name(disk: &impl Disk, log: &Path, mut at: SystemTime) -> io::Result<PathBuf> {
    loop {
        let mut name = log.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", stamp(at)));
        let path = log.with_file_name(name);
        if disk.find(&path)?.is_none() {
            return Ok(path);
        }
        at += STEP;
    }
}

/// A time as names have it: in UTC, so that they sort by it.
fn stamp(at: SystemTime) -> String {
    let date = httpdate::fmt_http_date(at);
    let Date { day, number, year, time, .. } = Date::of(&date);
    let millis = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_millis();
    format!("{year}{number:02}{day}T{}.{millis:03}Z", time.replace(':', ""))
}

/// Whether a name is that of a log with a stamp; also where a tool that compressed the file has
/// added to it.
fn is_old(name: &str, log: &str) -> bool {
    let stamp = name.strip_prefix(log).and_then(|rest| rest.strip_prefix('.'));
    let Some((stamp, rest)) = stamp.and_then(|stamp| stamp.split_at_checked(STAMP_LEN)) else {
        return false;
    };
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'.',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    stamp.bytes().enumerate().all(shape) && (rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::System;
    use crate::scratch::Scratch;

    #[test]
    fn old_files_are_found_in_their_order_and_no_others() {
        let scratch = Scratch::new();
        let log = scratch.path().join("a.log");
        let others = ["a.log", "a.log.1", "a.log.2.gz", "b.log.20261130T175217.123Z", "a.log.x"];
        let near = ["a.log.20261130T175217.123", "a.log.20261130T175217.123Zx", "aa.log"];
        others.iter().chain(&near).for_each(|name| scratch.write(name, "other"));
        scratch.write("a.log.20261130T175217.124Z", "12");
        scratch.write("a.log.20261130T175217.123Z", "1");
        scratch.write("a.log.20251130T175217.123Z.gz", "123");
        let mut old = Old::find(&System, &log).expect("the directory is there");
        let mut seen = Vec::new();
        while let Some(path) = old.first() {
            seen.push((path.file_name().expect("a name").to_owned(), old.bytes()));
            old.pop();
        }
        let expected = [
            ("a.log.20251130T175217.123Z.gz", 6),
            ("a.log.20261130T175217.123Z", 3),
            ("a.log.20261130T175217.124Z", 2),
        ];
        assert_eq!(seen, expected.map(|(name, bytes)| (name.into(), bytes)));
    }

    #[test]
    fn a_name_is_the_time_and_free() {
        let scratch = Scratch::new();
        let log = scratch.path().join("a.log");
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_999);
        let mut names = Vec::new();
        for _ in 0..2 {
            let path = free_name(&System, &log, at).expect("the directory is there");
            let name = path.file_name().and_then(|name| name.to_str()).expect("text").to_owned();
            assert!(is_old(&name, "a.log"));
            scratch.write(&name, "");
            names.push(name);
        }
        assert_eq!(names, ["a.log.19941106T084937.999Z", "a.log.19941106T084938.000Z"]);
    }
}
