//! Reads from files and devices, the same by the workers' own rings and by a pool.

mod common;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use common::reads::answers;
use common::real::uring_works;
use sluicegate::sim::Random;
use sluicegate::{Entry, Net, Running};
use sluicegate_io::{
    Arena, Asked, Choice, ConnLedger, Device, DiskOptions, Frames, PAGE, Read, ReadDone, Readers,
    Settings, disk,
};

/// After so long a test has failed.
const LOST: Duration = Duration::from_secs(60);

/// Who reads.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Ring,
    Pool,
}

/// Makes a test for both.
macro_rules! both {
    ($($name:ident,)*) => {
        mod by_ring {
            $(#[test]
            fn $name() {
                if super::uring_works() {
                    super::$name(super::By::Ring);
                }
            })*
        }

        mod by_pool {
            $(#[test]
            fn $name() {
                super::$name(super::By::Pool);
            })*
        }
    };
}

both![
    bytes_come_as_they_are,
    what_is_asked_at_once_is_answered_each,
    a_bad_place_costs_whoever_asked_for_it,
    what_waits_beyond_the_inlet_is_refused,
    a_net_that_ends_gives_its_frames_back,
];

/// A net that reads, and what it read.
struct World {
    arena: Arena,
    options: DiskOptions,
    entry: Entry<Read>,
    done: Receiver<ReadDone>,
    running: Running,
}

impl World {
    fn new(by: By, options: DiskOptions) -> Self {
        let choice = Choice::new(if by == By::Ring { Asked::Uring } else { Asked::Epoll });
        let choice = choice.unwrap();
        assert_eq!(choice.reads(), by == By::Ring);
        Self::on(choice, by, options)
    }

    fn on(choice: Choice, by: By, options: DiskOptions) -> Self {
        let mut net = Net::new("reader");
        let machine = move |_| Ok(choice.machine(Settings::default(), ConnLedger::new())?);
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let readers = match by {
            By::Ring => Readers::Workers(cpu),
            By::Pool => Readers::Pool(net.domain("disk").pool(4)),
        };
        let disk = disk(&mut net, readers, &options);
        let done = answers(&mut net, cpu, disk.done);
        let entry = net.entry(disk.read);
        let running = net.run().unwrap();
        Self { arena: Arena::new(64 << 20).unwrap(), options, entry, done, running }
    }

    fn ask(&self, device: &Device, page: u64, pages: usize, token: u64) {
        let frames = self.arena.take(pages).expect("the arena has room");
        let offset = page * PAGE as u64;
        let read = Read { device: device.clone(), offset, frames, token };
        assert!(self.entry.send(read).is_ok(), "the inlet is full");
    }

    fn answer(&self) -> ReadDone {
        self.done.recv_timeout(LOST).expect("an answer")
    }

    fn end(self) -> Arena {
        let drained = self.running.drain(LOST);
        assert!(drained.complete && drained.ledger.balanced(), "{:?}", drained.ledger);
        assert_eq!(self.options.ledger.count().in_flight, 0);
        self.arena
    }
}

/// A file that is gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(bytes: &[u8]) -> Self {
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

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes: Vec<u8> =
        (0..len.div_ceil(8)).flat_map(|_| random.next_u64().to_ne_bytes()).collect();
    bytes.truncate(len);
    bytes
}

fn bytes(frames: Frames, len: usize) -> Vec<u8> {
    frames.freeze(len).chunks().collect::<Vec<_>>().concat()
}

fn bytes_come_as_they_are(by: By) {
    let content = noise(1, 300 * PAGE + 777);
    let scratch = Scratch::new(&content);
    let device = Device::open(&scratch.0).unwrap();
    assert_eq!(device.len(), content.len() as u64);
    let (world, mut random) = (World::new(by, DiskOptions::default()), Random::new(2));
    for _ in 0..200 {
        let (page, pages) = (random.below(310), random.below(40) + 1);
        world.ask(&device, page as u64, pages, 5);
        let ReadDone { token, frames, result } = world.answer();
        let first = (page * PAGE).min(content.len());
        let end = ((page + pages) * PAGE).min(content.len());
        assert_eq!((token, result.unwrap()), (5, end - first));
        assert!(bytes(frames, end - first) == content[first..end]);
    }
    let count = world.options.ledger.count();
    assert_eq!((count.reads, count.calls, count.errors), (200, 200, 0));
    assert_eq!(count.latency.count(), 200);
    assert_eq!(world.end().free(), (64 << 20) / PAGE);
}

fn what_is_asked_at_once_is_answered_each(by: By) {
    let content = noise(3, 256 * PAGE + 9);
    let scratch = Scratch::new(&content);
    let device = Device::open(&scratch.0).unwrap();
    let (world, mut random) = (World::new(by, DiskOptions::default()), Random::new(4));
    for round in 0..20 {
        let asked: Vec<(usize, usize)> =
            (0..200).map(|_| (random.below(257), random.below(25) + 1)).collect();
        for (token, (page, pages)) in asked.iter().enumerate() {
            world.ask(&device, *page as u64, *pages, token as u64);
        }
        let mut heard = vec![false; asked.len()];
        for _ in &asked {
            let ReadDone { token, frames, result } = world.answer();
            let (page, pages) = asked[token as usize];
            assert!(!std::mem::replace(&mut heard[token as usize], true), "answered twice");
            let end = ((page + pages) * PAGE).min(content.len());
            let len = result.unwrap();
            assert_eq!(len, end - page * PAGE, "round {round}");
            assert!(bytes(frames, len) == content[page * PAGE..end]);
        }
    }
    let count = world.options.ledger.count();
    assert_eq!((count.reads, count.errors), (4000, 0));
    assert!(count.calls <= count.reads && count.calls + count.merged >= count.reads);
    assert_eq!(world.end().free(), (64 << 20) / PAGE);
}

/// Memory of this process as a file: one page that is there, and one behind it that is not.
fn half_bad() -> (Device, u64) {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping touches nobody's memory. What is written and unmapped is of it.
    let at = unsafe {
        let at = mmap_anonymous(std::ptr::null_mut(), 3 * PAGE, prot, flags).unwrap();
        at.cast::<u8>().write_bytes(b'x', PAGE);
        munmap(at.cast::<u8>().add(PAGE).cast(), PAGE).unwrap();
        at as u64
    };
    (Device::open("/proc/self/mem").unwrap(), at / PAGE as u64)
}

fn a_bad_place_costs_whoever_asked_for_it(by: By) {
    let (device, page) = half_bad();
    assert!(device.why_buffered().is_some());
    let options = DiskOptions { pool_batch: 64, ..DiskOptions::default() };
    let world = World::new(by, options);
    for round in 0..50 {
        (0..3).for_each(|n| world.ask(&device, page + n, 1, n));
        let mut good = [None; 3];
        for _ in 0..3 {
            let ReadDone { token, frames, result } = world.answer();
            good[token as usize] = Some(result.is_ok_and(|len| {
                let byte = if token == 0 { b'x' } else { 0 };
                len == PAGE && bytes(frames, len) == [byte; PAGE]
            }));
        }
        assert_eq!(good, [Some(true), Some(false), Some(true)], "round {round}");
    }
    assert_eq!(world.options.ledger.count().errors, 50);
    world.end();
}

fn what_waits_beyond_the_inlet_is_refused(by: By) {
    let scratch = Scratch::new(&noise(5, 2048 * PAGE));
    let device = Device::open(&scratch.0).unwrap();
    let options = DiskOptions { queue: 4, depth: 1, batch: 1, ..DiskOptions::default() };
    let world = World::new(by, options);
    let (mut sent, mut refused) = (0, 0);
    while refused == 0 {
        let frames = world.arena.take(100).expect("what is refused is given back");
        let read = Read { device: device.clone(), offset: 0, frames, token: 0 };
        match world.entry.send(read) {
            Ok(()) => sent += 1,
            Err(_) => refused += 1,
        }
        world.done.try_iter().for_each(|done| {
            sent -= 1;
            done.result.unwrap();
        });
    }
    (0..sent).for_each(|_| assert_eq!(world.answer().result.unwrap(), 100 * PAGE));
    assert_eq!(world.end().free(), (64 << 20) / PAGE);
}

fn a_net_that_ends_gives_its_frames_back(by: By) {
    let scratch = Scratch::new(&noise(6, 2048 * PAGE));
    let device = Device::open(&scratch.0).unwrap();
    for _ in 0..10 {
        let world = World::new(by, DiskOptions::default());
        (0..500).for_each(|n| world.ask(&device, n * 7 % 2000, 20, n));
        let World { arena, running, done, .. } = world;
        drop(running);
        drop(done);
        assert_eq!(arena.free(), arena.pages());
    }
}

#[test]
fn a_machine_that_does_not_read_says_so() {
    let choice = Choice::new(Asked::Epoll).unwrap();
    let world = World::on(choice, By::Ring, DiskOptions::default());
    let scratch = Scratch::new(&noise(8, 4 * PAGE));
    let device = Device::open(&scratch.0).unwrap();
    (0..4).for_each(|n| world.ask(&device, n, 1, n));
    for _ in 0..4 {
        let error = world.answer().result.unwrap_err().to_string();
        assert!(error.contains("have a pool do it"), "{error}");
    }
    world.end();
}

#[test]
fn what_is_no_device_is_told() {
    let error = Device::open("/none/such").unwrap_err().to_string();
    assert!(error.starts_with("/none/such cannot be read: "), "{error}");
    let error = Device::open("/dev/null").unwrap_err().to_string();
    assert!(error.contains("neither a file nor a block device"), "{error}");
    assert!(Device::open(std::env::temp_dir()).is_err());
}

#[test]
fn a_thread_that_may_wait_reads_by_itself() {
    let content = noise(7, 3 * PAGE + 5);
    let scratch = Scratch::new(&content);
    let device = Device::open(&scratch.0).unwrap();
    let arena = Arena::new(8 * PAGE).unwrap();
    let mut frames = arena.take(4).unwrap();
    assert_eq!(device.read_at(PAGE as u64, &mut frames).unwrap(), 2 * PAGE + 5);
    assert!(bytes(frames, 2 * PAGE + 5) == content[PAGE..]);
    assert_eq!(device.read_at(1 << 40, &mut arena.take(1).unwrap()).unwrap(), 0);
}
