//! Reads from files and devices.

use sluicegate::sim::Random;
use sluicegate_io::{
    Arena, Asked, Choice, ConnLedger, Device, DiskOptions, PAGE, Read, ReadDone, Settings,
};

use crate::noise;
use crate::world::{ARENA, By, Scratch, World, bytes, each, registered_works};

each![
    bytes_come_as_they_are,
    what_is_asked_at_once_is_answered_each,
    a_bad_place_costs_whoever_asked_for_it,
    what_waits_beyond_the_inlet_is_refused,
    a_net_that_ends_gives_its_frames_back,
];

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
    assert_eq!(world.end().free(), ARENA / PAGE);
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
    assert_eq!(world.end().free(), ARENA / PAGE);
}

/// Memory of this process as a file: one page that is there, and one behind it that is not.
pub fn half_bad() -> (Device, u64) {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping touches nobody's memory. What is written and unmapped is of it.
    let at = unsafe {
        let at = mmap_anonymous(std::ptr::null_mut(), 3 * PAGE, prot, flags).unwrap();
        at.cast::<u8>().write_bytes(b'x', PAGE);
        munmap(at.cast::<u8>().add(PAGE).cast(), PAGE).unwrap();
        at as u64
    };
    (Device::open_to_write("/proc/self/mem").unwrap(), at / PAGE as u64)
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
        match world.entry.send(read.into()) {
            Ok(()) => sent += 1,
            Err(_) => refused += 1,
        }
        world.answers.read.try_iter().for_each(|done| {
            sent -= 1;
            done.result.unwrap();
        });
    }
    (0..sent).for_each(|_| assert_eq!(world.answer().result.unwrap(), 100 * PAGE));
    assert_eq!(world.end().free(), ARENA / PAGE);
}

fn a_net_that_ends_gives_its_frames_back(by: By) {
    let scratch = Scratch::new(&noise(6, 2048 * PAGE));
    let device = Device::open(&scratch.0).unwrap();
    for _ in 0..10 {
        let world = World::new(by, DiskOptions::default());
        (0..500).for_each(|n| world.ask(&device, n * 7 % 2000, 20, n));
        let World { arena, running, answers, .. } = world;
        drop(running);
        drop(answers);
        assert_eq!(arena.free(), arena.pages());
    }
}

#[test]
fn a_machine_without_disks_says_so() {
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

#[test]
fn pages_that_are_not_registered_are_read_as_ever() {
    if !registered_works() {
        return;
    }
    let content = noise(9, 64 * PAGE);
    let scratch = Scratch::new(&content);
    let device = Device::open(&scratch.0).unwrap();
    let mut world = World::new(By::Registered, DiskOptions::default());
    let other = Arena::new(ARENA).unwrap();
    let registered = std::mem::replace(&mut world.arena, other.clone());
    for turn in 0..50 {
        // Of both, as neighbours, and each alone.
        for page in 0..8 {
            world.ask(&device, page, 1, page);
            let [registered, other] = [&registered, &other].map(Arena::clone);
            world.arena = if (page + turn) % 3 == 0 { registered } else { other };
        }
        for _ in 0..8 {
            let ReadDone { token, frames, result } = world.answer();
            let first = token as usize * PAGE;
            assert!(bytes(frames, result.unwrap()) == content[first..first + PAGE]);
        }
    }
    world.end();
    assert_eq!((registered.free(), other.free()), (ARENA / PAGE, ARENA / PAGE));
}

#[test]
fn who_registers_pages_in_vain_is_told_why() {
    let arena = Arena::new(16 * PAGE).unwrap();
    let machine = |asked| {
        let choice = Choice::new(asked).unwrap();
        choice.machine(Settings::default(), ConnLedger::new()).unwrap()
    };
    let error = machine(Asked::Epoll).register(&arena).unwrap_err().to_string();
    assert_eq!(error, "epoll does not register pages");
    if registered_works() {
        let mut io = machine(Asked::Uring);
        for _ in 0..2 {
            io.register(&arena).unwrap();
        }
        let error = io.register(&Arena::new(PAGE).unwrap()).unwrap_err().to_string();
        assert_eq!(error, "another arena is registered already");
    }
}
