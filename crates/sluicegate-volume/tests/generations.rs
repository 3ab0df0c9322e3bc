//! Generations: what a pack leaves alone, takes over, uses again and refuses.

mod common;

use common::{Disk, Model, Op, Scratch, expected, holds, noise, options, pack_into, text, write};
use sluicegate_volume::{BLOCK, Options, PackError, Volume, VolumeError, pack, verify};
use std::os::unix::fs::symlink;

fn site(seed: u64) -> Model {
    Model::from([
        ("index.html", text(seed, 2000)),
        ("same.css", text(1, 9000)),
        ("same.bin", noise(2, 30_000)),
        ("other.bin", noise(seed, 20_000)),
    ])
}

fn packed(disk: &mut Disk, model: &Model) -> sluicegate_volume::Packed {
    let dir = Scratch::new();
    write(&dir, model);
    pack_into(disk, &dir).expect("there is room")
}

#[test]
fn who_reads_the_generation_before_is_not_disturbed() {
    let mut disk = Disk::default();
    packed(&mut disk, &site(10));
    packed(&mut disk, &site(11));
    for seed in 12..20 {
        let before = Volume::open(&disk).unwrap();
        assert!(!before.newer(&disk).unwrap());
        let mut later = disk.clone();
        packed(&mut disk, &site(seed));
        packed(&mut later, &site(seed));
        packed(&mut later, &site(seed + 1));
        assert!(before.newer(&disk).unwrap() && before.newer(&later).unwrap());
        for (name, content) in site(seed - 1) {
            let got = [&disk, &later].map(|disk| common::read(disk, &before, name).unwrap());
            assert_eq!(got[0], got[1], "`{name}` after two packs");
            let common::Got::File(_, got) = &got[0] else { panic!("`{name}` is there") };
            assert!(*got == content, "`{name}` of the generation before");
        }
        let none = Model::new();
        assert_eq!(holds(&disk, &expected(&site(seed), &none)), Ok(seed - 9));
    }
}

#[test]
fn what_is_the_same_is_taken_over_and_space_is_used_again() {
    let mut disk = Disk::default();
    let first = packed(&mut disk, &site(10));
    assert_eq!(first.kept, 0);
    let mut ends = Vec::new();
    for seed in 11..30 {
        let next = packed(&mut disk, &site(seed));
        assert_eq!(next.kept, 2, "the two that are the same");
        ends.push(next.end);
    }
    let most = ends.iter().max().unwrap();
    assert!(*most < 3 * first.end, "three generations at most: {first:?} {ends:?}");
    assert_eq!(disk.bytes.len() as u64, *most);
}

#[test]
fn what_is_taken_over_is_read_first() {
    let mut disk = Disk::default();
    packed(&mut disk, &site(10));
    let entry = Volume::open(&disk).unwrap().find(b"same.bin").unwrap();
    disk.bytes[(entry.offset() + BLOCK) as usize + 77] ^= 1;
    assert_eq!(verify(&disk, |_| {}).unwrap().broken, 1);
    assert_eq!(packed(&mut disk, &site(10)).kept, 3, "all but the broken one");
    assert_eq!(verify(&disk, |broken| panic!("{broken}")).unwrap().generation, 2);
}

#[test]
fn a_device_is_as_long_as_it_is() {
    let mut disk = Disk::default();
    let end = packed(&mut disk, &site(10)).end;
    for (limit, fits) in [(end, true), (end + BLOCK - 1, true), (end - 1, false), (0, false)] {
        let bytes = vec![0; limit as usize];
        let mut device = Disk { limit: Some(limit), ..Disk::of(bytes) };
        let dir = Scratch::new();
        write(&dir, &site(10));
        match pack_into(&mut device, &dir) {
            Ok(_) => assert!(fits && device.bytes[..end as usize] == disk.bytes, "{limit}"),
            Err(PackError::Full(told)) => assert!(!fits && told <= limit, "{limit}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn without_space_the_generation_before_stays() {
    let mut disk = Disk::default();
    let end = packed(&mut disk, &site(10)).end;
    let dir = Scratch::new();
    write(&dir, &site(11));
    let (old, none) = (expected(&site(10), &site(11)), Model::new());
    for more in (0..20).map(|blocks| blocks * BLOCK) {
        let mut full = Disk { space: Some(end + more), ..disk.clone() };
        match pack_into(&mut full, &dir) {
            Err(PackError::Write(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
                assert_eq!(holds(&full, &old), Ok(1));
                full.space = None;
                pack_into(&mut full, &dir).unwrap();
            }
            Err(other) => panic!("{other}"),
            Ok(_) => assert!(more > 0),
        }
        assert_eq!(holds(&full, &expected(&site(11), &none)), Ok(2));
    }
}

#[test]
fn what_is_no_volume_is_left_alone_unless_it_may_be_lost() {
    let dir = Scratch::new();
    write(&dir, &site(10));
    let mut other = vec![0; 100_000];
    other[99_999] = 1;
    let mut disk = Disk::of(other.clone());
    assert!(matches!(pack_into(&mut disk, &dir), Err(PackError::NotEmpty)));
    assert!(disk.bytes == other && disk.log.is_empty());
    let over = Options { overwrite: true, ..options() };
    pack(dir.path(), &mut disk, &over).unwrap();
    assert_eq!(holds(&disk, &expected(&site(10), &Model::new())), Ok(1));
    // Nothing is lost by it where it is not needed.
    assert_eq!(pack(dir.path(), &mut disk, &over).unwrap().generation, 2);
    let mut zeros = Disk::of(vec![0; 5000]);
    pack_into(&mut zeros, &dir).expect("there is nothing");
}

#[test]
fn a_damaged_volume_is_not_written_to_unless_it_may_be_lost() {
    let dir = Scratch::new();
    write(&dir, &site(10));
    let mut disk = Disk::default();
    pack_into(&mut disk, &dir).unwrap();
    disk.bytes.truncate(disk.bytes.len() - 1);
    disk.log.clear();
    let refused = pack_into(&mut disk, &dir);
    assert!(matches!(refused, Err(PackError::Damaged(VolumeError::Truncated { .. }))));
    assert_eq!(disk.log, [] as [Op; 0]);
    pack(dir.path(), &mut disk, &Options { overwrite: true, ..options() }).unwrap();
    assert_eq!(holds(&disk, &expected(&site(10), &Model::new())), Ok(1));
}

#[test]
fn a_directory_that_cannot_be_read_leaves_the_volume_alone() {
    let mut disk = Disk::default();
    packed(&mut disk, &site(10));
    disk.log.clear();
    let gone = Scratch::new().path().to_owned();
    assert!(matches!(pack(&gone, &mut disk, &options()), Err(PackError::Root(_))));
    assert_eq!(disk.log, [] as [Op; 0]);
}

#[test]
fn the_same_site_has_few_objects_written_and_links_cost_as_files() {
    let dir = Scratch::new();
    dir.write("a.bin", noise(1, 5000));
    symlink("a.bin", dir.path().join("b.bin")).unwrap();
    let mut disk = Disk::default();
    let first = pack_into(&mut disk, &dir).unwrap();
    assert_eq!((first.files, first.bytes), (2, 10_000));
    disk.log.clear();
    assert_eq!(pack_into(&mut disk, &dir).unwrap().kept, 2);
    // The index, and its superblock.
    let writes = disk.log.iter().filter(|op| matches!(op, Op::Write(..))).count();
    assert_eq!(writes, 2);
}
