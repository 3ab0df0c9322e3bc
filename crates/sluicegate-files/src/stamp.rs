//! What tells one state of a file from another: its metadata for the cache, its tag for clients.
use rustix::fs::Stat;
use siphasher::sip::SipHasher13;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// Two changes closer than this may leave one time stamp: file systems count in ticks.
const TICK: Duration = Duration::from_secs(1);

/// The metadata of a file at one moment. While it stays the same, so does what the cache keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// Bytes.
    pub len: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    /// The stamp in a file's metadata.
    pub fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The same from what `stat` says.
    pub(crate) fn of_stat(stat: &Stat) -> Stamp {
        Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            len: stat.st_size.unsigned_abs(),
            modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec as i64),
            changed_ns: ns(stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }

    /// What tells the file from all others of the machine: device and inode.
    pub fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether this file, which lies beside another one, can be that one coded ahead: it is not
    /// older, for then it was made of something else, not empty, and shorter.
    pub fn is_coded_from(&self, plain: &Stamp) -> bool {
        self.modified() >= plain.modified() && (1..plain.len).contains(&self.len)
    }

    /// When the file was last modified; files from before 1970 are of 1970.
    pub fn modified(&self) -> SystemTime {
        since_epoch(self.modified_ns)
    }

    /// Whether the last change is so long ago that another one cannot hide in the same tick.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        now.duration_since(since_epoch(self.changed_ns)).is_ok_and(|age| age > TICK)
    }

    /// The entity tag of a file that is streamed. Hashing it would mean to read it twice, so the
    /// tag is made of all that the kernel changes with it: device, inode, length and both times.
    /// A user can set back the time of modification but not the time of change. The tag is strong
    /// once the file has settled.
    pub fn tag(&self, now: SystemTime) -> String {
        let mut hash = DefaultHasher::new();
        hash.write_u64(self.device);
        hash.write_u64(self.inode);
        hash.write_i128(self.modified_ns);
        hash.write_i128(self.changed_ns);
        let weak = if self.is_settled(now) { "" } else { "W/" };
        format!("{weak}\"{:x}-{:016x}-s\"", self.len, hash.finish())
    }
}

/// The entity tag of content that was read whole: its length and a hash of it, so that it is
/// strong whatever the file system does with times. SipHash with a fixed key is no defence
/// against someone who writes files to collide; whoever may do that may write what he likes.
pub fn content_tag(content: &[u8]) -> String {
    let mut tagger = Tagger::default();
    tagger.add(content);
    tagger.tag()
}

/// Makes the [`content_tag`] of content that comes in parts.
#[derive(Debug)]
pub struct Tagger {
    /// Not that of `std`, which may become another one: tags are packed, and compared later.
    hash: SipHasher13,
    len: u64,
}

impl Default for Tagger {
    fn default() -> Tagger {
        Tagger { hash: SipHasher13::new(), len: 0 }
    }
}

impl Tagger {
    /// Adds the next part.
    pub fn add(&mut self, part: &[u8]) {
        self.hash.write(part);
        self.len += part.len() as u64;
    }

    /// The tag of all that was added.
    pub fn tag(&self) -> String {
        format!("\"{:x}-{:016x}\"", self.len, self.hash.finish())
    }
}

fn ns(seconds: i64, nanos: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}

fn since_epoch(ns: i128) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Stamp = Stamp {
        device: 1,
        inode: 2,
        len: 255,
        modified_ns: 5_000_000_000,
        changed_ns: 5_000_000_000,
    };

    #[test]
    fn a_streamed_file_has_a_strong_tag_once_it_has_settled() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        let strong = FILE.tag(at(7));
        assert!(strong.starts_with("\"ff-") && strong.ends_with("-s\""), "{strong}");
        assert_eq!(FILE.tag(at(5)), format!("W/{strong}"));
        assert_eq!(FILE.tag(at(1)), format!("W/{strong}"), "changed in the future");
    }

    #[test]
    fn every_part_that_can_tell_a_change_is_in_the_tag() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        for other in [
            Stamp { device: 9, ..FILE },
            Stamp { inode: 9, ..FILE },
            Stamp { len: 9, ..FILE },
            Stamp { modified_ns: 9, ..FILE },
            Stamp { changed_ns: 9, ..FILE },
        ] {
            assert_ne!(other.tag(now), FILE.tag(now));
        }
    }

    #[test]
    fn content_in_parts_has_the_tag_of_the_whole() {
        let content: Vec<u8> = (0..1000u32).map(|at| (at * 7) as u8).collect();
        for size in [1, 3, 8, 64, 999] {
            let mut tagger = Tagger::default();
            content.chunks(size).for_each(|part| tagger.add(part));
            assert_eq!(tagger.tag(), content_tag(&content), "{size}");
        }
    }

    #[test]
    fn content_decides_the_tag_of_a_page() {
        assert_eq!(content_tag(b"abc"), content_tag(b"abc"));
        assert_ne!(content_tag(b"abc"), content_tag(b"abd"));
        // Whatever it is compiled with.
        assert_eq!(content_tag(b"abc"), "\"3-c03bc3a0042630f2\"");
    }
}
