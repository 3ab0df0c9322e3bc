//! Reads from a simulated disk: delays, faults and a disk that hangs, in virtual time.

use std::time::Duration;

use sluicegate::sim::{Random, Trouble, Troubles};
use sluicegate::{Why, ms};
use sluicegate_io::sim::{SimDisk, SimDiskOptions};
use sluicegate_io::{DiskOptions, PAGE, ReadDone};

use crate::noise;
use crate::sim_world::{PAGES, SEEDS, SimWorld};

pub fn numbered(pages: usize) -> Vec<u8> {
    (0..pages).flat_map(|page| [page as u8; PAGE]).collect()
}

/// The tokens that were read, and those that failed, in the order in which that was told.
fn tokens(done: &[ReadDone]) -> (Vec<u64>, Vec<u64>) {
    let tokens = |good| {
        let told = done.iter().filter(move |done| done.result.is_ok() == good);
        told.map(|done| done.token).collect()
    };
    (tokens(true), tokens(false))
}

/// Asks for all kinds of places; all are answered, once, with what is there. Returns the story.
fn storm(seed: u64, pool: bool) -> Vec<(u64, Option<usize>)> {
    let mut random = Random::new(seed);
    let content = noise(seed, 500 * PAGE + 1024);
    let options = SimDiskOptions { short: 30, errors: 5, ..SimDiskOptions::default() };
    let device = SimDisk::new(seed, content.clone(), options).device();
    let options = DiskOptions { depth: 1 + random.below(8), ..DiskOptions::default() };
    let depth = if pool { 2 } else { options.depth };
    let mut world = SimWorld::new(seed, options, pool, Troubles::none());
    let (mut asked, mut story) = (Vec::new(), Vec::new());
    let mut check = |done: Vec<ReadDone>, asked: &[(usize, usize)]| {
        for ReadDone { token, frames, result } in done {
            let (page, pages) = asked[token as usize];
            let first = (page * PAGE).min(content.len());
            let end = ((page + pages) * PAGE).min(content.len());
            story.push((token, result.as_ref().ok().copied()));
            if let Ok(len) = result {
                assert_eq!(len, end - first);
                let read = frames.freeze(len).chunks().collect::<Vec<_>>().concat();
                assert!(read == content[first..end], "other bytes");
            }
        }
    };
    for _ in 0..20 {
        for _ in 0..random.below(40) {
            let (page, pages) = (random.below(505), 1 + random.below(12));
            assert!(world.ask(&device, page, pages, asked.len() as u64));
            asked.push((page, pages));
        }
        let pause = Duration::from_micros(random.below(3000) as u64);
        check(world.pass(pause), &asked);
        assert!(world.ledger.count().in_flight <= depth as u64);
    }
    check(world.pass(Duration::from_secs(60)), &asked);
    let count = world.ledger.count();
    assert_eq!((count.reads, count.in_flight), (asked.len() as u64, 0));
    assert_eq!(count.latency.count(), count.calls);
    assert_eq!(world.arena.free(), PAGES);
    let failed = story.iter().filter(|(_, result)| result.is_none()).count();
    assert_eq!(count.errors, failed as u64);
    let mut told: Vec<u64> = story.iter().map(|(token, _)| *token).collect();
    told.sort_unstable();
    assert!(told.into_iter().eq(0..asked.len() as u64));
    story
}

#[test]
fn every_read_is_answered_once_with_what_is_there() {
    for seed in 0..SEEDS {
        storm(seed, false);
        storm(seed, true);
    }
}

#[test]
fn a_seed_tells_one_story() {
    assert_eq!(storm(7, false), storm(7, false));
    assert_ne!(storm(7, false), storm(8, false));
}

#[test]
fn a_bad_place_costs_whoever_asked_for_it() {
    for pool in [false, true] {
        let options = SimDiskOptions { short: 0, ..SimDiskOptions::default() };
        let disk = SimDisk::new(1, numbered(64), options);
        disk.spoil(5 * PAGE as u64 + 100..5 * PAGE as u64 + 101);
        let options = DiskOptions { pool_batch: 64, ..DiskOptions::default() };
        let mut world = SimWorld::new(1, options, pool, Troubles::none());
        (0..10).for_each(|page| assert!(world.ask(&disk.device(), page, 1, page as u64)));
        let done = world.pass(Duration::from_secs(1));
        let (mut good, bad) = tokens(&done);
        good.sort_unstable();
        assert_eq!((good, bad), (vec![0, 1, 2, 3, 4, 6, 7, 8, 9], vec![5]));
        let count = world.ledger.count();
        // One for all, and one for each.
        assert_eq!((count.calls, count.merged, count.errors), (11, 10, 1), "{pool} {count:?}");
    }
}

#[test]
fn reads_go_by_place() {
    let device = SimDisk::new(1, numbered(200), SimDiskOptions::default()).device();
    let mut world = SimWorld::plain(1, 1);
    let places = [90, 7, 55, 130, 2, 77, 40, 21];
    places.iter().for_each(|page| assert!(world.ask(&device, *page, 1, *page as u64)));
    let (good, _) = tokens(&world.pass(Duration::from_secs(1)));
    assert_eq!(good, [2, 7, 21, 40, 55, 77, 90, 130]);
}

#[test]
fn neighbours_are_read_as_one_up_to_a_bound() {
    let options = SimDiskOptions { short: 0, ..SimDiskOptions::default() };
    let device = SimDisk::new(1, numbered(200), options).device();
    let mut world = SimWorld::plain(1, 4);
    // 100 pages side by side, and one apart.
    (0..50).for_each(|n| assert!(world.ask(&device, 2 * (49 - n), 2, n as u64)));
    assert!(world.ask(&device, 150, 1, 50));
    let done = world.pass(Duration::from_secs(1));
    let count = world.ledger.count();
    assert_eq!((done.len(), count.reads, count.bytes), (51, 51, 101 * PAGE as u64));
    // Two of 64 pages at most, and the one apart.
    assert_eq!((count.calls, count.merged), (3, 50));
    for done in done {
        let first = match done.token {
            50 => 150,
            n => 2 * (49 - n as u8),
        };
        assert_eq!(done.frames.slices().next().unwrap()[0], first);
    }
}

#[test]
fn a_disk_that_hangs_holds_up_nobody_else() {
    let (slow, good) = (
        SimDisk::new(1, numbered(200), SimDiskOptions::default()),
        SimDisk::new(2, numbered(200), SimDiskOptions::default()),
    );
    let mut world = SimWorld::plain(3, 8);
    slow.hang(true);
    let hung = slow.device();
    (0..4).for_each(|n| assert!(world.ask(&hung, 5 * n, 1, n as u64)));
    assert!(world.pass(Duration::from_secs(10)).is_empty());
    assert_eq!((world.ledger.count().in_flight, world.arena.free()), (4, PAGES - 4));
    // The other disk is read, and the worker handles what has nothing to do with either.
    (4..40).for_each(|n| assert!(world.ask(&good.device(), n, 1, n as u64)));
    world.other.send(1).unwrap();
    let done = world.pass(Duration::from_secs(10));
    assert_eq!(done.len(), 36);
    drop(done);
    assert_eq!(world.sim.ledger().finished, 37);
    slow.hang(false);
    let done = world.pass(Duration::from_secs(1));
    let (mut told, _) = tokens(&done);
    told.sort_unstable();
    drop(done);
    assert_eq!((told, world.arena.free()), (vec![0, 1, 2, 3], PAGES));
}

#[test]
fn what_waits_beyond_depth_and_inlet_is_refused() {
    let disk = SimDisk::new(1, numbered(200), SimDiskOptions::default());
    disk.hang(true);
    let options = DiskOptions { depth: 2, queue: 5, batch: 1, ..DiskOptions::default() };
    let mut world = SimWorld::new(1, options, false, Troubles::none());
    let mut taken = 0;
    while world.ask(&disk.device(), 3 * taken, 1, taken as u64) {
        taken += 1;
        assert!(world.pass(ms(10)).is_empty());
    }
    // In flight, and in the inlet.
    assert_eq!((taken, world.ledger.count().in_flight), (2 + 5, 2));
    assert_eq!(world.arena.free(), PAGES - taken);
    disk.hang(false);
    assert_eq!(world.pass(Duration::from_secs(1)).len(), taken);
}

#[test]
fn frames_of_a_net_that_ends_while_a_disk_hangs_come_home() {
    let disk = SimDisk::new(1, numbered(200), SimDiskOptions::default());
    disk.hang(true);
    let mut world = SimWorld::plain(1, 8);
    (0..20).for_each(|n| assert!(world.ask(&disk.device(), 3 * n, 1, n as u64)));
    world.pass(Duration::from_secs(1));
    let SimWorld { sim, arena, ledger, .. } = world;
    drop(sim);
    assert_eq!((arena.free(), ledger.count().in_flight), (PAGES, 0));
}

#[test]
fn a_panic_costs_the_reads_that_the_stage_held() {
    for seed in 0..SEEDS {
        let device = SimDisk::new(seed, numbered(200), SimDiskOptions::default()).device();
        let panic = Trouble::Panic { stage: "disk".to_owned(), after: 1 };
        let troubles = Troubles::none().at(sluicegate::Time(1_000_000), panic);
        let options = DiskOptions { depth: 4, ..DiskOptions::default() };
        let mut world = SimWorld::new(seed, options, false, troubles);
        let mut told = 0;
        for n in 0..30 {
            assert!(world.ask(&device, 3 * n, 1, n as u64));
            told += world.pass(Duration::from_micros(100)).len();
        }
        told += world.pass(Duration::from_secs(1)).len();
        // The one in hand, those in flight and those that were sorted for then.
        let flows = world.sim.ledger();
        assert_eq!(flows.ended[Why::Failed] as usize, 30 - told, "{flows:?}");
        assert!(told < 30);
        assert!(world.ask(&device, 150, 1, 99), "it is built anew");
        assert_eq!(tokens(&world.pass(Duration::from_secs(1))).0, [99]);
        assert_eq!((world.arena.free(), world.ledger.count().in_flight), (PAGES, 0));
    }
}
