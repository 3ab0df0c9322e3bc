//! Writes to a simulated disk and syncs: delays, faults, a disk that is full and one that hangs, in
//! virtual time.

use std::time::Duration;

use sluicegate::sim::Troubles;
use sluicegate_io::sim::{SimDisk, SimDiskOptions};
use sluicegate_io::{DiskOptions, PAGE, WriteDone};

use crate::sim_reads::numbered;
use crate::sim_world::{PAGES, SimWorld};

const SECOND: Duration = Duration::from_secs(1);

/// A disk that does all it is asked for, in one go.
fn faithful(pages: usize) -> SimDisk {
    let options = SimDiskOptions { short: 0, ..SimDiskOptions::default() };
    SimDisk::new(1, numbered(pages), options)
}

/// By the workers and by a pool; what comes at once is one batch.
fn worlds() -> [SimWorld; 2] {
    [false, true].map(|pool| {
        let options = DiskOptions { pool_batch: 64, ..DiskOptions::default() };
        SimWorld::new(1, options, pool, Troubles::none())
    })
}

fn written(world: &mut SimWorld) -> Vec<WriteDone> {
    world.pass(SECOND);
    world.answers.written.try_iter().collect()
}

#[test]
fn writes_go_by_place_behind_reads() {
    let disk = faithful(200);
    let mut world = SimWorld::plain(1, 1);
    let places = [90, 7, 55, 130, 2, 77, 40, 21];
    places.iter().for_each(|page| world.write(&disk.device(), *page, &[1; PAGE], *page as u64));
    places.iter().for_each(|page| assert!(world.ask(&disk.device(), *page, 1, *page as u64)));
    for done in world.pass(SECOND) {
        let old = done.frames.freeze(done.result.unwrap());
        assert!(old.chunks().all(|chunk| chunk == [done.token as u8; PAGE]), "{}", done.token);
    }
    let tokens: Vec<u64> = world.answers.written.try_iter().map(|done| done.token).collect();
    assert_eq!(tokens, [2, 7, 21, 40, 55, 77, 90, 130]);
}

#[test]
fn neighbours_are_written_as_one_up_to_a_bound() {
    let disk = faithful(200);
    let mut world = SimWorld::plain(1, 4);
    // 100 pages side by side, and one apart.
    for n in 0..50 {
        world.write(&disk.device(), 2 * (49 - n), &[n as u8; 2 * PAGE], n as u64);
    }
    world.write(&disk.device(), 150, &[99; PAGE], 50);
    assert!(written(&mut world).iter().all(|done| done.result.is_ok()));
    let count = world.ledger.count();
    assert_eq!((count.writes, count.written), (51, 101 * PAGE as u64));
    // Two of 64 pages at most, and the one apart.
    assert_eq!((count.calls, count.merged), (3, 50));
    let mut model = numbered(200);
    (0..50).for_each(|n| model[2 * (49 - n) * PAGE..][..2 * PAGE].fill(n as u8));
    model[150 * PAGE..151 * PAGE].fill(99);
    assert!(disk.content() == model);
    assert_eq!(world.arena.free(), PAGES);
}

#[test]
fn a_bad_place_costs_whoever_wrote_there() {
    for mut world in worlds() {
        let disk = faithful(64);
        disk.spoil(5 * PAGE as u64 + 100..5 * PAGE as u64 + 101);
        (0..10).for_each(|page| world.write(&disk.device(), page, &[77; PAGE], page as u64));
        for WriteDone { token, written, result, .. } in written(&mut world) {
            assert_eq!(
                (result.is_ok(), written),
                if token == 5 { (false, 0) } else { (true, PAGE) }
            );
        }
        let count = world.ledger.count();
        // One for all, and one for each.
        assert_eq!((count.calls, count.merged, count.errors), (11, 10, 1), "{count:?}");
        let mut model = numbered(64);
        model[..10 * PAGE].fill(77);
        model[5 * PAGE..6 * PAGE].fill(5);
        assert!(disk.content() == model);
    }
}

#[test]
fn a_full_disk_says_how_far_it_came() {
    for mut world in worlds() {
        let disk = faithful(64);
        world.write(&disk.device(), 60, &[1; 8 * PAGE], 0);
        world.write(&disk.device(), 100, &[1; PAGE], 1);
        let mut done = written(&mut world);
        done.sort_by_key(|done| done.token);
        for (done, written) in done.into_iter().zip([4 * PAGE, 0]) {
            let error = done.result.unwrap_err();
            assert_eq!((error.kind(), done.written), (std::io::ErrorKind::StorageFull, written));
        }
        // Neighbours of which some find room.
        (0..6).for_each(|n| world.write(&disk.device(), 61 + n, &[2; PAGE], n as u64));
        for done in written(&mut world) {
            assert_eq!(done.result.is_ok(), done.token < 3, "{}", done.token);
            assert_eq!(done.written, if done.token < 3 { PAGE } else { 0 });
        }
        let content = disk.content();
        assert!(content[60 * PAGE..61 * PAGE] == [1; PAGE]);
        assert!(content.len() == 64 * PAGE && content[61 * PAGE..] == [2; 3 * PAGE]);
    }
}

#[test]
fn syncs_that_come_together_are_one_and_fail_as_one() {
    for mut world in worlds() {
        let disk = faithful(64);
        for fails in [false, true] {
            disk.fail_syncs(fails);
            let before = world.ledger.count();
            (0..9).for_each(|n| world.sync(&disk.device(), n));
            world.pass(SECOND);
            let done: Vec<_> = world.answers.synced.try_iter().collect();
            assert!(done.iter().all(|done| done.result.is_err() == fails));
            assert!(done.iter().map(|done| done.token).eq(0..9));
            let after = world.ledger.count();
            assert_eq!((after.syncs - before.syncs, after.calls - before.calls), (9, 1));
            assert_eq!(after.errors, if fails { 9 } else { 0 });
        }
        assert_eq!(world.ledger.count().sync_latency.count(), 2);
    }
}

#[test]
fn a_disk_that_hangs_keeps_what_it_was_given() {
    let disk = faithful(64);
    let mut world = SimWorld::plain(3, 8);
    disk.hang(true);
    (0..4).for_each(|n| world.write(&disk.device(), 5 * n, &[77; PAGE], n as u64));
    world.sync(&disk.device(), 9);
    assert!(written(&mut world).is_empty());
    assert!(world.answers.synced.try_iter().next().is_none());
    assert_eq!((world.ledger.count().in_flight, world.arena.free()), (5, PAGES - 4));
    disk.hang(false);
    assert_eq!(written(&mut world).len(), 4);
    assert_eq!(world.answers.synced.try_iter().count(), 1);
    assert_eq!((world.ledger.count().in_flight, world.arena.free()), (0, PAGES));
}
