//! A net on threads, whose stage `disk` calls real files.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use sluicegate::{Entry, Net, Running};
use sluicegate_io::{
    Arena, Asked, Choice, ConnLedger, Device, DiskBy, DiskIn, DiskOptions, DiskSync, DiskWrite,
    Frames, PAGE, Read, ReadDone, Settings, SyncDone, WriteDone, disk,
};

use crate::common::real::uring_works;
use crate::hears::{Answers, answers};

/// After so long a test has failed.
pub const LOST: Duration = Duration::from_secs(60);

/// Bytes of the pages of a net.
pub const ARENA: usize = 64 << 20;

/// Who makes the calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    Ring,
    /// A ring that the pages are registered with.
    Registered,
    Pool,
}

/// Makes a test for each.
macro_rules! each {
    ($($name:ident,)*) => {
        mod by_ring {
            $(#[test]
            fn $name() {
                if crate::common::real::uring_works() {
                    super::$name(crate::world::By::Ring);
                }
            })*
        }

        mod by_ring_registered {
            $(#[test]
            fn $name() {
                if crate::world::registered_works() {
                    super::$name(crate::world::By::Registered);
                }
            })*
        }

        mod by_pool {
            $(#[test]
            fn $name() {
                super::$name(crate::world::By::Pool);
            })*
        }
    };
}
pub(crate) use each;

/// A net that calls disks, and what that gave.
pub struct World {
    pub arena: Arena,
    pub options: DiskOptions,
    pub entry: Entry<DiskIn>,
    pub answers: Answers,
    pub running: Running,
}

impl World {
    pub fn new(by: By, options: DiskOptions) -> Self {
        let asked = if by == By::Pool { Asked::Epoll } else { Asked::Uring };
        let choice = Choice::new(asked).unwrap();
        assert_eq!(choice.has_disks(), by != By::Pool);
        Self::on(choice, by, options)
    }

    pub fn on(choice: Choice, by: By, options: DiskOptions) -> Self {
        let mut net = Net::new("reader");
        let arena = Arena::new(ARENA).unwrap();
        let registered = (by == By::Registered).then(|| arena.clone());
        let machine = move |_| {
            let mut io = choice.machine(Settings::default(), ConnLedger::new())?;
            registered.iter().try_for_each(|arena| io.register(arena))?;
            Ok(io)
        };
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let by = match by {
            By::Ring | By::Registered => DiskBy::Workers(cpu),
            By::Pool => DiskBy::Pool(net.domain("disk").pool(4)),
        };
        let disk = disk(&mut net, by, &options);
        let answers = answers(&mut net, cpu, disk);
        let entry = net.entry(disk.inlet);
        let running = net.run().unwrap();
        Self { arena, options, entry, answers, running }
    }

    pub fn ask(&self, device: &Device, page: u64, pages: usize, token: u64) {
        let frames = self.arena.take(pages).expect("the arena has room");
        let offset = page * PAGE as u64;
        self.send(Read { device: device.clone(), offset, frames, token });
    }

    /// Asks for pages of these bytes to be written.
    pub fn write(&self, device: &Device, page: u64, bytes: &[u8], token: u64) {
        let frames = filled(&self.arena, bytes);
        let offset = page * PAGE as u64;
        self.send(DiskWrite { device: device.clone(), offset, frames, token });
    }

    pub fn sync(&self, device: &Device, token: u64) {
        self.send(DiskSync { device: device.clone(), token });
    }

    fn send(&self, asked: impl Into<DiskIn>) {
        assert!(self.entry.send(asked.into()).is_ok(), "the inlet is full");
    }

    pub fn answer(&self) -> ReadDone {
        self.answers.read.recv_timeout(LOST).expect("an answer")
    }

    pub fn written(&self) -> WriteDone {
        self.answers.written.recv_timeout(LOST).expect("an answer")
    }

    pub fn synced(&self) -> SyncDone {
        self.answers.synced.recv_timeout(LOST).expect("an answer")
    }

    pub fn end(self) -> Arena {
        let drained = self.running.drain(LOST);
        assert!(drained.complete && drained.ledger.balanced(), "{:?}", drained.ledger);
        assert_eq!(self.options.ledger.count().in_flight, 0);
        self.arena
    }
}

/// Whether pages can be registered here; where not, it is said that the test is skipped.
pub fn registered_works() -> bool {
    if !uring_works() {
        return false;
    }
    let choice = Choice::new(Asked::Uring).unwrap();
    let mut io = choice.machine(Settings::default(), ConnLedger::new()).unwrap();
    let result = io.register(&Arena::new(ARENA).unwrap());
    if let Err(error) = &result {
        // Past the test harness, which keeps what is printed by a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped: {error}");
    }
    result.is_ok()
}

/// A file that is gone when the test is.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(bytes: &[u8]) -> Self {
        let name =
            format!("sluicegate-disk-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        File::create(&path).unwrap().write_all(bytes).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn bytes(frames: Frames, len: usize) -> Vec<u8> {
    frames.freeze(len).chunks().collect::<Vec<_>>().concat()
}

/// Pages of an arena that hold these bytes, which are whole pages.
pub fn filled(arena: &Arena, mut bytes: &[u8]) -> Frames {
    let mut frames = arena.take(bytes.len() / PAGE).expect("the arena has room");
    for slice in frames.slices_mut() {
        let (mine, rest) = bytes.split_at(slice.len());
        slice.copy_from_slice(mine);
        bytes = rest;
    }
    frames
}
