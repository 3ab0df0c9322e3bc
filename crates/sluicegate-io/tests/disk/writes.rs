//! Writes to files and devices, and syncs.

use sluicegate::sim::Random;
use sluicegate_io::{Device, DiskOptions, PAGE, ReadDone, SyncDone, WriteDone};

use crate::noise;
use crate::reads::half_bad;
use crate::world::{ARENA, By, Scratch, World, bytes, each};

each![
    bytes_go_as_they_are,
    what_is_asked_at_once_is_answered_each,
    a_bad_place_costs_whoever_wrote_there,
    a_sync_that_fails_is_told,
    what_is_open_to_be_read_is_not_written,
    a_net_that_ends_gives_its_frames_back,
];

/// What a file holds once these bytes are written at `page`.
fn put(model: &mut Vec<u8>, page: usize, bytes: &[u8]) {
    let end = page * PAGE + bytes.len();
    model.resize(model.len().max(end), 0);
    model[page * PAGE..end].copy_from_slice(bytes);
}

fn bytes_go_as_they_are(by: By) {
    let mut model = noise(1, 300 * PAGE + 777);
    let scratch = Scratch::new(&model);
    let device = Device::open_to_write(&scratch.0).unwrap();
    let (world, mut random) = (World::new(by, DiskOptions::default()), Random::new(2));
    let mut written = 0;
    for n in 0..200 {
        // Beyond the end too, where the file grows, with a hole before it.
        let (page, pages) = (random.below(340), random.below(40) + 1);
        let bytes = noise(n, pages * PAGE);
        world.write(&device, page as u64, &bytes, n);
        let WriteDone { token, frames, written: of_it, result } = world.written();
        result.unwrap();
        assert_eq!((token, of_it, frames.len()), (n, bytes.len(), bytes.len()));
        put(&mut model, page, &bytes);
        written += bytes.len() as u64;
        if n % 10 == 0 {
            world.sync(&device, n);
            let SyncDone { token, result } = world.synced();
            result.unwrap();
            assert_eq!(token, n);
        }
        world.ask(&device, page as u64, pages, n);
        let ReadDone { frames, result, .. } = world.answer();
        assert!(self::bytes(frames, result.unwrap()) == bytes);
    }
    assert!(std::fs::read(&scratch.0).unwrap() == model);
    let count = world.options.ledger.count();
    assert_eq!((count.reads, count.writes, count.syncs), (200, 200, 20));
    assert_eq!((count.calls, count.errors, count.written), (420, 0, written));
    let latencies = [count.latency, count.write_latency, count.sync_latency];
    assert_eq!(latencies.map(|latency| latency.count()), [200, 200, 20]);
    assert_eq!(world.end().free(), ARENA / PAGE);
}

fn what_is_asked_at_once_is_answered_each(by: By) {
    const PAGES: usize = 256;
    let mut model = noise(3, 2 * PAGES * PAGE);
    let scratch = Scratch::new(&model);
    let device = Device::open_to_write(&scratch.0).unwrap();
    let (world, mut random) = (World::new(by, DiskOptions::default()), Random::new(4));
    for round in 0..20 {
        // The first half is written, each page once; the second is read.
        let mut pages: Vec<usize> = (0..PAGES).collect();
        for n in (1..PAGES).rev() {
            pages.swap(n, random.below(n + 1));
        }
        for page in &pages {
            let bytes = noise(round << 10 | *page as u64, PAGE);
            world.write(&device, *page as u64, &bytes, *page as u64);
            put(&mut model, *page, &bytes);
            if page % 32 == 0 {
                world.sync(&device, *page as u64);
                world.ask(&device, (PAGES + page) as u64, 8, *page as u64);
            }
        }
        let mut heard = [0; PAGES];
        for _ in 0..PAGES {
            let WriteDone { token, written, result, .. } = world.written();
            result.unwrap();
            assert_eq!(written, PAGE);
            heard[token as usize] += 1;
        }
        assert_eq!(heard, [1; PAGES]);
        for _ in 0..PAGES / 32 {
            world.synced().result.unwrap();
            let ReadDone { token, frames, result } = world.answer();
            let first = (PAGES + token as usize) * PAGE;
            assert!(bytes(frames, result.unwrap()) == model[first..first + 8 * PAGE]);
        }
        assert!(std::fs::read(&scratch.0).unwrap() == model, "round {round}");
    }
    let count = world.options.ledger.count();
    let asked = count.reads + count.writes + count.syncs;
    assert_eq!((count.writes, asked, count.errors), (5120, 5120 + 2 * 160, 0));
    assert!(count.calls <= asked && count.calls + count.merged >= asked);
    assert_eq!(world.end().free(), ARENA / PAGE);
}

fn a_bad_place_costs_whoever_wrote_there(by: By) {
    let (memory, page) = half_bad();
    let options = DiskOptions { pool_batch: 64, ..DiskOptions::default() };
    let world = World::new(by, options);
    for round in 0..50 {
        let bytes = noise(round, PAGE);
        (0..3).for_each(|n| world.write(&memory, page + n, &bytes, n));
        let mut good = [None; 3];
        for _ in 0..3 {
            let WriteDone { token, written, result, .. } = world.written();
            assert_eq!(written, if result.is_ok() { PAGE } else { 0 });
            good[token as usize] = Some(result.is_ok());
        }
        assert_eq!(good, [Some(true), Some(false), Some(true)], "round {round}");
        world.ask(&memory, page, 1, 0);
        let ReadDone { frames, result, .. } = world.answer();
        assert!(self::bytes(frames, result.unwrap()) == bytes);
    }
    assert_eq!(world.options.ledger.count().errors, 50);
    world.end();
}

fn a_sync_that_fails_is_told(by: By) {
    // The memory of a process is kept nowhere.
    let memory = Device::open_to_write("/proc/self/mem").unwrap();
    let world = World::new(by, DiskOptions { pool_batch: 64, ..DiskOptions::default() });
    (0..20).for_each(|n| world.sync(&memory, n));
    let mut tokens: Vec<u64> = Vec::new();
    for _ in 0..20 {
        let SyncDone { token, result } = world.synced();
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        tokens.push(token);
    }
    tokens.sort_unstable();
    assert!(tokens.into_iter().eq(0..20));
    let count = world.options.ledger.count();
    assert_eq!((count.syncs, count.errors), (20, 20));
    assert_eq!(count.sync_latency.count(), count.calls);
    world.end();
}

fn what_is_open_to_be_read_is_not_written(by: By) {
    let content = noise(5, 4 * PAGE);
    let scratch = Scratch::new(&content);
    let device = Device::open(&scratch.0).unwrap();
    assert!(!device.is_writable() && Device::open_to_write(&scratch.0).unwrap().is_writable());
    let world = World::new(by, DiskOptions::default());
    world.write(&device, 1, &noise(6, PAGE), 1);
    world.sync(&device, 2);
    let WriteDone { token, written, result, .. } = world.written();
    assert_eq!((token, written), (1, 0));
    for error in [result.unwrap_err(), world.synced().result.unwrap_err()] {
        assert!(error.to_string().contains("open it by `Device::open_to_write`"), "{error}");
    }
    assert_eq!(world.options.ledger.count().calls, 0);
    world.ask(&device, 0, 4, 3);
    let ReadDone { frames, result, .. } = world.answer();
    assert!(bytes(frames, result.unwrap()) == content);
    world.end();
}

fn a_net_that_ends_gives_its_frames_back(by: By) {
    let scratch = Scratch::new(&noise(6, 2048 * PAGE));
    let device = Device::open_to_write(&scratch.0).unwrap();
    let bytes = noise(7, 20 * PAGE);
    for _ in 0..10 {
        let world = World::new(by, DiskOptions::default());
        (0..300).for_each(|n| world.write(&device, n * 7 % 2000, &bytes, n));
        (0..50).for_each(|n| world.sync(&device, n));
        let World { arena, running, answers, .. } = world;
        drop(running);
        drop(answers);
        assert_eq!(arena.free(), arena.pages());
    }
}

#[test]
fn what_cannot_be_written_is_told() {
    let error = Device::open_to_write("/none/such").unwrap_err().to_string();
    assert!(error.starts_with("/none/such cannot be written: "), "{error}");
    let error = Device::open_to_write("/dev/full").unwrap_err().to_string();
    assert!(error.contains("neither a file nor a block device"), "{error}");
    assert!(Device::open_to_write(std::env::temp_dir()).is_err());
    // A program that runs can be read only, whoever asks.
    let program = std::env::current_exe().unwrap();
    let error = Device::open_to_write(&program).unwrap_err().to_string();
    assert!(error.contains("cannot be written: "), "{error}");
    assert!(Device::open(&program).is_ok());
}
