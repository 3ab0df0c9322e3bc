//! A pack that is cut off anywhere leaves the old generation or the new one, whole.

mod common;

use common::{Disk, Model, Op, Random, Scratch, expected, holds, noise, pack_into, text, write};
use sluicegate_volume::{Volume, VolumeError};

/// What a disk writes at once: a write of more may be torn between any two.
const SECTOR: usize = 512;
/// Ways in which what was not yet safe is lost, at each cut.
const WAYS: u64 = 6;

fn site(seed: u64) -> Model {
    Model::from([
        ("index.html", text(seed, 700)),
        ("dir/same.css", text(1, 600)),
        ("dir/page.html", text(seed + 1, 5000)),
        ("noise.bin", noise(seed, 140_000)),
    ])
}

/// The disk after a cut: what was synced is there; of the rest, sector by sector, only some is.
fn cut(base: &Disk, log: &[Op], random: &mut Random) -> Disk {
    let safe = log.iter().rposition(|op| *op == Op::Sync).map_or(0, |at| at + 1);
    let mut disk = Disk::of(base.bytes.clone());
    // All, none, or some: often enough one of the extremes.
    let keep = [0, 100, 50, 10, 90][random.below(5) as usize];
    for (at, op) in log.iter().enumerate() {
        let Op::Write(offset, bytes) = op else { continue };
        for (sector, part) in bytes.chunks(SECTOR).enumerate() {
            if at < safe || random.below(100) < keep {
                disk.put(offset + (sector * SECTOR) as u64, part);
            }
        }
    }
    disk
}

/// Packs a model, and returns what that did.
fn pack_logged(disk: &mut Disk, model: &Model) -> Vec<Op> {
    let dir = Scratch::new();
    write(&dir, model);
    disk.log.clear();
    pack_into(disk, &dir).expect("there is room");
    std::mem::take(&mut disk.log)
}

#[test]
fn a_cut_at_any_write_leaves_one_generation_whole() {
    let mut disk = Disk::default();
    pack_logged(&mut disk, &site(10));
    // From the third one on space is used again.
    for (generation, seed) in [(1, 20), (2, 30), (3, 40)] {
        let base = disk.clone();
        let log = pack_logged(&mut disk, &site(seed));
        let (before, after) = (site(seed - 10), site(seed));
        let old = (Ok(generation), expected(&before, &after));
        let new = (Ok(generation + 1), expected(&after, &before));
        let (is_old, is_new) = (
            |disk: &Disk| holds(disk, &old.1) == old.0,
            |disk: &Disk| holds(disk, &new.1) == new.0,
        );
        // The last two are the superblock and its sync.
        let switch = log.len() - 2;
        assert!(matches!(&log[switch..], [Op::Write(_, block), Op::Sync] if block.len() == 4096));
        for end in 0..=log.len() {
            for way in 0..WAYS {
                let mut random = Random::new((generation * 1000 + end as u64) * WAYS + way);
                let left = cut(&base, &log[..end], &mut random);
                let place = format!("generation {generation}, cut at {end}, way {way}");
                match end {
                    _ if end <= switch => assert!(is_old(&left), "{place}"),
                    _ if end == log.len() => assert!(is_new(&left), "{place}"),
                    _ => assert!(is_old(&left) || is_new(&left), "{place}"),
                }
            }
            // And it can go on from there.
            let mut left = cut(&base, &log[..end], &mut Random::new(end as u64));
            pack_logged(&mut left, &site(50));
            let found = holds(&left, &expected(&site(50), &after));
            assert!(found == Ok(generation + 1) || found == Ok(generation + 2), "{found:?}");
        }
    }
}

#[test]
fn a_first_pack_that_is_cut_is_begun_again() {
    let mut disk = Disk::default();
    let log = pack_logged(&mut disk, &site(10));
    let new = expected(&site(10), &Model::new());
    let founded = log.iter().position(|op| *op == Op::Sync).unwrap() + 1;
    for end in 0..=log.len() {
        for way in 0..WAYS {
            let seed = end as u64 * WAYS + way;
            let mut left = cut(&Disk::default(), &log[..end], &mut Random::new(seed));
            match Volume::open(&left) {
                Ok(_) => assert!(end + 1 >= log.len() && holds(&left, &new) == Ok(1)),
                Err(VolumeError::NoVolume) => assert!(end < founded, "{end} of {founded}"),
                Err(VolumeError::Unfinished) => assert!(end < log.len()),
                Err(other) => panic!("{other}"),
            }
            if end >= founded {
                pack_logged(&mut left, &site(10));
                assert!(holds(&left, &new).is_ok(), "cut at {end}");
            }
        }
    }
}
