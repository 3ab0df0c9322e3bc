//! The files that a log was in before: their names tell when each was ended, and so their order.
use super::disk::Disk;
use super::format::Date;
use std::collections::{HashSet, VecDeque};
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
        found.retain(|(name, _)| stamp_of(name, own).is_some());
        found.sort();
        let bytes = found.iter().map(|(_, len)| len).sum();
        let files = found.into_iter().map(|(name, len)| (log.with_file_name(name), len)).collect();
        Ok(Old { files, bytes })
    }

    /// Names for the file of this log that is ended at this time, the best first. None has the
    /// stamp of another, also where a tool has added to that one's name, as it may to this one.
    pub fn free_names(&self, log: &Path, at: SystemTime) -> impl Iterator<Item = PathBuf> {
        let own = log.file_name().unwrap_or_default();
        let known = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            stamp_of(name, own.to_str()?).map(str::to_owned)
        };
        let taken: HashSet<_> = self.files.iter().filter_map(|(path, _)| known(path)).collect();
        let stamps = (0..).map(move |step| stamp(at + STEP * step));
        let free = stamps.filter(move |stamp| !taken.contains(stamp));
        free.map(move |stamp| {
            let mut name = own.to_owned();
            name.push(format!(".{stamp}"));
            log.with_file_name(name)
        })
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

/// A time as names have it: in UTC, so that they sort by it.
fn stamp(at: SystemTime) -> String {
    let date = httpdate::fmt_http_date(at);
    let Date { day, number, year, time, .. } = Date::of(&date);
    let millis = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_millis();
    format!("{year}{number:02}{day}T{}.{millis:03}Z", time.replace(':', ""))
}

/// The stamp of a name, if it is that of an old file of this log; also where a tool that
/// compressed the file has added to it.
fn stamp_of<'a>(name: &'a str, log: &str) -> Option<&'a str> {
    let stamp = name.strip_prefix(log)?.strip_prefix('.')?;
    let (stamp, rest) = stamp.split_at_checked(STAMP_LEN)?;
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'.',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    let is_old = stamp.bytes().enumerate().all(shape) && (rest.is_empty() || rest.starts_with('.'));
    is_old.then_some(stamp)
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
    fn a_name_is_the_time_unless_another_has_it_in_any_form() {
        let scratch = Scratch::new();
        let log = scratch.path().join("a.log");
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_998);
        let names = || -> Vec<_> {
            let old = Old::find(&System, &log).expect("the directory is there");
            let free = old.free_names(&log, at).take(2);
            free.map(|path| path.file_name().expect("a name").to_owned()).collect()
        };
        let (a, b) = ("a.log.19941106T084937.998Z", "a.log.19941106T084937.999Z");
        assert_eq!(names(), [a, b]);
        // One that was compressed, one that is, and one of another log; and a gap between.
        scratch.write(&format!("{a}.gz"), "");
        scratch.write("a.log.19941106T084938.000Z", "");
        scratch.write(&format!("b{b}"), "");
        assert_eq!(names(), [b, "a.log.19941106T084938.001Z"]);
    }
}
