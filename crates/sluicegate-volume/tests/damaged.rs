//! Volumes that were flipped, overwritten, truncated or forged.

mod exercise;

use exercise::common::Disk;
use exercise::{Damage, damaged_is_never_wrong, forged, forged_does_not_panic, sound};
use proptest::prelude::*;
use sluicegate_volume::{BLOCK, Volume, VolumeError, verify};

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        8 => (any::<u32>(), any::<u8>()).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (any::<u32>(), any::<u16>()).prop_map(|(at, number)| Damage::Zero(at, number)),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, to)| Damage::Misplace(from, to)),
        1 => any::<u32>().prop_map(Damage::Truncate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_read_is_right_or_an_error(damages in prop::collection::vec(damage(), 0..6)) {
        damaged_is_never_wrong(&damages);
    }

    #[test]
    fn forged_volumes_do_not_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        forged_does_not_panic(&data);
    }

    /// Numbers that are nearly right come further than arbitrary ones.
    #[test]
    fn changed_fronts_and_indexes_do_not_panic(
        way in 1u8..4,
        which in any::<u8>(),
        changes in prop::collection::vec((0usize..300, any::<u8>()), 1..4),
    ) {
        let mut data = forged(way, which);
        let head = if way == 3 { 2 } else { 1 };
        for (at, byte) in changes {
            let at = head + at % (data.len() - head);
            data[at] = byte;
        }
        forged_does_not_panic(&data);
    }
}

#[test]
fn every_byte_of_a_superblock_and_a_front_counts() {
    let sound = sound();
    let volume = Volume::open(&Disk::of(sound.image.clone())).unwrap();
    let front = volume.find(b"a/index.html").unwrap();
    let bytes = |start: u64, len: u64| (start..start + len).map(|at| (at, at % 8));
    for (at, bit) in bytes(0, 60).chain(bytes(front.offset(), front.front_len())) {
        let mut disk = Disk::of(sound.image.clone());
        disk.bytes[at as usize] ^= 1 << bit;
        let mut names = Vec::new();
        let checked = verify(&disk, |broken| names.push(broken.offset)).unwrap();
        match at {
            // Its superblock gone, the generation before counts.
            0..60 => assert_eq!((checked.generation, names.len()), (1, 0), "{at}"),
            _ => assert_eq!((checked.generation, names), (2, vec![front.offset()]), "{at}"),
        }
        damaged_is_never_wrong(&[Damage::Flip(at as u32, bit as u8)]);
    }
}

#[test]
fn what_is_wrong_is_told_by_name() {
    let sound = sound();
    let mut disk = Disk::of(sound.image.clone());
    let volume = Volume::open(&disk).unwrap();
    let large = volume.find(b"a/large.bin").unwrap();
    // The second piece begins behind the front and 32 blocks.
    disk.bytes[(large.offset() + 33 * BLOCK) as usize] ^= 1;
    let page = volume.find(b"").unwrap();
    disk.bytes[page.offset() as usize + 1] ^= 1;
    let mut told = Vec::new();
    let checked = verify(&disk, |broken| told.push(broken.to_string())).unwrap();
    told.sort();
    assert_eq!(checked.broken, 2);
    let expected = [
        "`a/large.bin`: its content (as it is), bytes 131072 to 139999: its checksum is wrong"
            .to_owned(),
        format!(
            "the object at byte {}: its front is damaged: its checksum is wrong",
            page.offset()
        ),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_no_volume_says_so() {
    let error = |bytes: Vec<u8>| Volume::open(&Disk::of(bytes)).map(drop).unwrap_err();
    for len in [0, 1, 4095, 4096, 100_000] {
        assert!(matches!(error(vec![0; len]), VolumeError::NoVolume), "{len}");
    }
    let image = &sound().image;
    let short = error(image[..image.len() - 1].to_vec());
    let VolumeError::Truncated { need, have } = short else { panic!("{short}") };
    assert_eq!((need, have), (image.len() as u64, image.len() as u64 - 1));
}
