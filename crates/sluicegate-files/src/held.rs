//! What a directory holds, as far as it is served.
use crate::root::Root;
use crate::stamp::Stamp;
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// One entry of a directory.
#[derive(Debug)]
pub struct Held {
    /// Its name in the directory, where that is UTF-8; else with `\u{fffd}` in it.
    pub name: String,
    /// What it is.
    pub what: What,
}

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A file, or a link to one below the root.
    File(Stamp),
    /// A directory, or a link to one below the root.
    Directory(Stamp),
    /// Nothing that is served.
    LeftOut(LeftOut),
}

/// Why an entry is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// Its name begins with a dot.
    Hidden,
    /// Its name is not UTF-8.
    Name,
    /// A link that leaves the root, or leads nowhere.
    Link,
    /// A pipe, a socket or a device.
    Odd,
}

/// Reads the directory at a name below the root, in no order. What goes meanwhile is passed over.
///
/// # Errors
/// `NotFound` where no directory is; else what the kernel says, of the directory or of an entry:
/// nothing that is there is passed over because it cannot be read.
pub fn held<'a>(
    root: &'a Root,
    dir: &str,
) -> io::Result<impl Iterator<Item = io::Result<Held>> + use<'a>> {
    let opened = root.look(dir)?;
    if !opened.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let slash = if dir.is_empty() || dir.ends_with('/') { "" } else { "/" };
    let dir = format!("{dir}{slash}");
    let entries = Dir::read_from(&opened)?.filter_map(move |entry| match entry {
        Ok(entry) => look(root, &opened, &dir, entry.file_name().to_bytes()).transpose(),
        Err(error) => Some(Err(error.into())),
    });
    Ok(entries)
}

/// What is at an entry; nothing where that has gone.
fn look(root: &Root, opened: &File, dir: &str, name: &[u8]) -> io::Result<Option<Held>> {
    let what = match std::str::from_utf8(name) {
        Ok("." | "..") => return Ok(None),
        Ok(name) if name.starts_with('.') => What::LeftOut(LeftOut::Hidden),
        Ok(name) => {
            let stat = match statat(opened, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => match root.look(&format!("{dir}{name}")) {
                    Ok(target) => What::of(&fstat(target)?),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        What::LeftOut(LeftOut::Link)
                    }
                    Err(error) => return Err(error),
                },
                _ => What::of(&stat),
            }
        }
        Err(_) => What::LeftOut(LeftOut::Name),
    };
    Ok(Some(Held { name: String::from_utf8_lossy(name).into_owned(), what }))
}

impl What {
    fn of(stat: &Stat) -> What {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => What::File(Stamp::of_stat(stat)),
            FileType::Directory => What::Directory(Stamp::of_stat(stat)),
            _ => What::LeftOut(LeftOut::Odd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use rustix::fs::{CWD, Mode, mknodat};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_served_is_told_from_what_is_not() {
        let scratch = Scratch::new();
        scratch.write("site/dir/file", "123");
        scratch.write("site/dir/.hidden", "");
        scratch.write("site/dir/below/x", "");
        scratch.write("secret", "");
        let dir = scratch.path().join("site/dir");
        std::fs::write(dir.join(OsStr::from_bytes(b"\xff")), "").unwrap();
        symlink("file", dir.join("link")).unwrap();
        symlink("../dir", dir.join("loop")).unwrap();
        symlink("nowhere", dir.join("nothing")).unwrap();
        symlink("../../secret", dir.join("out")).unwrap();
        mknodat(CWD, dir.join("pipe"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
        let root = Root::open(&scratch.path().join("site")).unwrap();
        for name in ["dir", "dir/"] {
            let mut seen: Vec<String> = held(&root, name).unwrap().map(describe).collect();
            seen.sort();
            let expected = [
                ".hidden: Hidden",
                "below: directory",
                "file: 3",
                "link: 3",
                "loop: directory",
                "nothing: Link",
                "out: Link",
                "pipe: Odd",
                "\u{fffd}: Name",
            ];
            assert_eq!(seen, expected, "{name}");
        }
        let missing = held(&root, "dir/file").err().map(|error| error.kind());
        assert_eq!(missing, Some(io::ErrorKind::NotFound));
    }

    fn describe(held: io::Result<Held>) -> String {
        let Held { name, what } = held.unwrap();
        match what {
            What::File(stamp) => format!("{name}: {}", stamp.len),
            What::Directory(_) => format!("{name}: directory"),
            What::LeftOut(why) => format!("{name}: {why:?}"),
        }
    }
}
