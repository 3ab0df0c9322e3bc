//! A file system that is full.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use sluicegate_io::{Device, DiskOptions, PAGE, WriteDone};

use crate::noise;
use crate::world::{By, World, each};

each![a_full_device_says_how_far_it_came,];

/// Pages for which there is room.
const ROOM: usize = 16;

/// A small file system that only this thread sees, and that is gone when the test is.
struct Small(PathBuf);

impl Small {
    fn new(by: By) -> io::Result<Self> {
        let name = format!("sluicegate-full-{by:?}-{}", std::process::id());
        let small = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&small.0)?;
        let size = CString::new(format!("size={}", ROOM * PAGE))?;
        let own = libc::MS_REC | libc::MS_PRIVATE;
        let (at, root, kind, nothing) = (small.at(), c"/", c"tmpfs".as_ptr(), std::ptr::null);
        // SAFETY: it changes what this thread sees of the file system, and no memory; all strings
        // end with a zero and outlive the calls.
        unsafe {
            told(libc::unshare(libc::CLONE_NEWNS))?;
            told(libc::mount(nothing(), root.as_ptr(), nothing(), own, nothing().cast()))?;
            told(libc::mount(kind, at.as_ptr(), kind, 0, size.as_ptr().cast()))?;
        }
        Ok(small)
    }

    fn at(&self) -> CString {
        CString::new(self.0.as_os_str().as_bytes()).expect("no zero within")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Also where it was not mounted: then that fails.
        // SAFETY: it changes what this thread sees of the file system, and no memory.
        unsafe { libc::umount2(self.at().as_ptr(), libc::MNT_DETACH) };
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn told(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn a_full_device_says_how_far_it_came(by: By) {
    let small = match Small::new(by) {
        Ok(small) => small,
        Err(error) => {
            // Past the test harness, which keeps what is printed by a test that passes.
            let text = format!("skipped: no small file system can be mounted here: {error}\n");
            let _ = io::stderr().write_all(text.as_bytes());
            return;
        }
    };
    let file = small.0.join("file");
    std::fs::write(&file, []).unwrap();
    let device = Device::open_to_write(&file).unwrap();
    let world = World::new(by, DiskOptions { pool_batch: 64, ..DiskOptions::default() });
    // There is room for a part of it.
    let bytes = noise(1, (ROOM + 8) * PAGE);
    world.write(&device, 0, &bytes, 1);
    let WriteDone { written, result, .. } = world.written();
    let error = result.unwrap_err();
    assert_eq!((error.raw_os_error(), written), (Some(libc::ENOSPC), ROOM * PAGE));
    assert!(std::fs::read(&file).unwrap() == bytes[..written]);
    // What is there can be written again, beside neighbours for which there is no room.
    let bytes = noise(2, PAGE);
    (0..8).for_each(|n| world.write(&device, (ROOM - 4) as u64 + n, &bytes, n));
    let mut good = [None; 8];
    for _ in 0..8 {
        let WriteDone { token, result, .. } = world.written();
        good[token as usize] = Some(result.is_ok());
    }
    assert_eq!(good, [true, true, true, true, false, false, false, false].map(Some));
    let file = std::fs::read(&file).unwrap();
    assert!(file[(ROOM - 4) * PAGE..] == bytes.repeat(4));
    let count = world.options.ledger.count();
    assert_eq!((count.writes, count.errors), (9, 5));
    assert_eq!(count.written, ((ROOM + 4) * PAGE) as u64);
    world.end();
}
