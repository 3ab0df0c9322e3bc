//! The directory that is served: opens what lies below it, and never anything else.
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Opened at start, so that a rename of the directory does not change what is served.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    /// Its path without links, for kernels that lack `openat2`.
    canonical: PathBuf,
    guard: Guard,
}

/// How a link that leaves the root is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The kernel refuses to leave (`openat2` with `RESOLVE_BENEATH`, Linux 5.6). It refuses
    /// absolute links even where they lead back inside.
    Kernel,
    /// What was opened is asked for its canonical path, which has to lie below the root.
    Canonical,
}

/// Reading, never blocking on a pipe, never taking over a terminal.
const OPEN: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Root {
    /// Opens a directory, with the kernel's guard where it has one.
    ///
    /// # Errors
    /// When it is missing, is no directory, or may not be read.
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let dir = rustix::fs::open(path, flags, Mode::empty())?;
        let mut root = Root { dir, canonical: path.canonicalize()?, guard: Guard::Kernel };
        // Containers may forbid `openat2` where the kernel has it: one try tells both.
        if root.open_beneath(".").is_err() {
            root.guard = Guard::Canonical;
        }
        Ok(root)
    }

    /// The same with the guard chosen, to test both.
    #[cfg(test)]
    pub(crate) fn open_with(path: &Path, guard: Guard) -> io::Result<Root> {
        Ok(Root { guard, ..Root::open(path)? })
    }

    /// Opens what lies at a name below the root, a file or a directory, by links or not.
    ///
    /// # Errors
    /// `NotFound` where nothing is there or a link leaves the root; else what the kernel says.
    pub fn look(&self, name: &str) -> io::Result<File> {
        let name = if name.is_empty() { "." } else { name };
        let opened = match self.guard {
            Guard::Kernel => self.open_beneath(name),
            Guard::Canonical => self.open_checked(name),
        };
        match opened {
            Ok(fd) => Ok(File::from(fd)),
            Err(
                // Left the root, went through a file, too many links, a name too long, a socket,
                // a directory that may not be searched: to a client there is nothing there.
                Errno::XDEV
                | Errno::NOTDIR
                | Errno::LOOP
                | Errno::NAMETOOLONG
                | Errno::NXIO
                | Errno::ACCESS
                | Errno::PERM
                | Errno::NOENT,
            ) => Err(io::ErrorKind::NotFound.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_beneath(&self, name: &str) -> Result<OwnedFd, Errno> {
        /// The kernel gives up with EAGAIN while something else renames above the file.
        const TRIES: usize = 16;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut last = Errno::AGAIN;
        for _ in 0..TRIES {
            match rustix::fs::openat2(&self.dir, name, OPEN, Mode::empty(), resolve) {
                Err(error @ (Errno::AGAIN | Errno::INTR)) => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    /// The file is opened first and asked where it lies after, so that no link can be exchanged
    /// between the check and the use.
    fn open_checked(&self, name: &str) -> Result<OwnedFd, Errno> {
        let fd = rustix::fs::openat(&self.dir, name, OPEN, Mode::empty())?;
        let proc = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let place = rustix::fs::readlinkat(CWD, proc, Vec::new())?;
        let place = Path::new(OsStr::from_bytes(place.to_bytes()));
        if place.starts_with(&self.canonical) { Ok(fd) } else { Err(Errno::XDEV) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn site() -> Scratch {
        let scratch = Scratch::new();
        scratch.write("secret", "secret");
        scratch.write("site/a.txt", "a");
        scratch.write("site/dir/b.txt", "b");
        let site = scratch.path().join("site");
        symlink("../a.txt", site.join("dir/inside")).unwrap();
        symlink("dir", site.join("alias")).unwrap();
        symlink("../secret", site.join("upward")).unwrap();
        symlink(scratch.path().join("secret"), site.join("absolute")).unwrap();
        symlink("..", site.join("parent")).unwrap();
        symlink("/proc/self/fd", site.join("magic")).unwrap();
        symlink("loop", site.join("loop")).unwrap();
        scratch
    }

    fn read(root: &Root, name: &str) -> Result<String, io::ErrorKind> {
        let mut text = String::new();
        let mut file = root.look(name).map_err(|error| error.kind())?;
        file.read_to_string(&mut text).map_err(|error| error.kind())?;
        Ok(text)
    }

    #[test]
    fn both_guards_serve_what_is_inside_and_nothing_else() {
        let scratch = site();
        for guard in [Guard::Kernel, Guard::Canonical] {
            let root = Root::open_with(&scratch.path().join("site"), guard).unwrap();
            for (name, expected) in [
                ("a.txt", Ok("a")),
                ("dir/b.txt", Ok("b")),
                ("dir/inside", Ok("a")),
                ("alias/b.txt", Ok("b")),
                ("missing", Err(io::ErrorKind::NotFound)),
                ("a.txt/below", Err(io::ErrorKind::NotFound)),
                ("upward", Err(io::ErrorKind::NotFound)),
                ("absolute", Err(io::ErrorKind::NotFound)),
                ("parent/secret", Err(io::ErrorKind::NotFound)),
                ("magic/0", Err(io::ErrorKind::NotFound)),
                ("loop", Err(io::ErrorKind::NotFound)),
                ("../secret", Err(io::ErrorKind::NotFound)),
                ("/etc/passwd", Err(io::ErrorKind::NotFound)),
            ] {
                let found = read(&root, name);
                assert_eq!(found.as_deref().map_err(|kind| *kind), expected, "{guard:?} {name}");
            }
            assert!(root.look("dir").unwrap().metadata().unwrap().is_dir());
            assert!(root.look("").unwrap().metadata().unwrap().is_dir());
        }
    }

    #[test]
    fn a_sibling_that_begins_like_the_root_is_outside() {
        let scratch = Scratch::new();
        scratch.write("site/a.txt", "a");
        scratch.write("site-two/b.txt", "b");
        symlink("../site-two/b.txt", scratch.path().join("site/near")).unwrap();
        let root = Root::open_with(&scratch.path().join("site"), Guard::Canonical).unwrap();
        assert_eq!(read(&root, "near"), Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_pipe_does_not_block() {
        let scratch = site();
        let pipe = scratch.path().join("site/pipe");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(CWD, &pipe, kind, Mode::from(0o600), 0).unwrap();
        let root = Root::open(&scratch.path().join("site")).unwrap();
        assert!(!root.look("pipe").unwrap().metadata().unwrap().is_file());
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let scratch = Scratch::new();
        assert!(Root::open(&scratch.path().join("nowhere")).is_err());
        scratch.write("file", "");
        assert!(Root::open(&scratch.path().join("file")).is_err());
    }
}
