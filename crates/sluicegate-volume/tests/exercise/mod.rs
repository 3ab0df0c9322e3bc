//! Damaged and forged volumes: what is read of them is right or an error, and nothing panics.
//! Shared by the property tests and the fuzz target.
#![allow(dead_code, reason = "each user has a part of it")]

#[path = "../common/mod.rs"]
pub(crate) mod common;

use bytes::Bytes;
use common::{Disk, Got, Model, Scratch, expected, noise, pack_into, read, text, write};
use sluicegate_volume::{BLOCK, Front, Kind, Storage, Volume, verify};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A sound volume of two generations, and what each of them holds.
pub(crate) struct Sound {
    pub(crate) image: Vec<u8>,
    old: BTreeMap<String, Got>,
    new: BTreeMap<String, Got>,
}

pub(crate) fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let old = Model::from([("index.html", text(1, 900)), ("a/b.bin", noise(2, 5000))]);
        let new = Model::from([
            ("index.html", text(3, 900)),
            ("a/b.bin", noise(4, 5000)),
            ("a/large.bin", noise(5, 140_000)),
            ("a/index.html", text(6, 300)),
        ]);
        let mut disk = Disk::default();
        for model in [&old, &new] {
            let dir = Scratch::new();
            write(&dir, model);
            pack_into(&mut disk, &dir).expect("there is room");
        }
        Sound { image: disk.bytes, old: expected(&old, &new), new: expected(&new, &old) }
    })
}

/// One way to damage a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    /// One bit is another.
    Flip(u32, u8),
    /// So many bytes are zero.
    Zero(u32, u16),
    /// One block is written in the place of another.
    Misplace(u16, u16),
    /// The end is missing.
    Truncate(u32),
}

/// Whatever was damaged, a name is read as it was packed, in one generation, or with an error.
pub(crate) fn damaged_is_never_wrong(damages: &[Damage]) {
    let sound = sound();
    let mut image = sound.image.clone();
    damages.iter().for_each(|damage| damage.apply(&mut image));
    let disk = Disk::of(image);
    let mut wrong = 0;
    let checked = verify(&disk, |_| wrong += 1);
    let Ok(volume) = Volume::open(&disk) else { return assert!(checked.is_err()) };
    let holds = if volume.generation() == 2 { &sound.new } else { &sound.old };
    let mut errors = 0;
    for (name, expected) in holds {
        match read(&disk, &volume, name) {
            Ok(got) => assert_eq!(got, *expected, "{name} after {damages:?}"),
            Err(_) => errors += 1,
        }
    }
    let checked = checked.expect("it can be opened");
    assert_eq!(checked.broken, wrong);
    assert!(errors == 0 || wrong > 0, "verify finds what cannot be read after {damages:?}");
}

impl Damage {
    fn apply(self, image: &mut Vec<u8>) {
        let len = image.len();
        match self {
            Damage::Flip(at, bit) if len > 0 => image[at as usize % len] ^= 1 << (bit % 8),
            Damage::Zero(at, number) if len > 0 => {
                let at = at as usize % len;
                let end = len.min(at + usize::from(number));
                image[at..end].fill(0);
            }
            Damage::Misplace(from, to) if len >= BLOCK as usize => {
                let block = |number: u16| {
                    let start = usize::from(number) % (len / BLOCK as usize) * BLOCK as usize;
                    start..start + BLOCK as usize
                };
                image.copy_within(block(from), block(to).start);
            }
            Damage::Truncate(to) => image.truncate(to as usize % (len + 1)),
            Damage::Flip(..) | Damage::Zero(..) | Damage::Misplace(..) => {}
        }
    }
}

/// Where things stand in a superblock, and in an entry of the index.
const INDEX_SUM: usize = 12;
const INDEX: usize = 32;
const OBJECTS: usize = 40;
const ENTRY: usize = 32;

/// What no disk would do: bytes of somebody's choice with checksums that are right. The first byte
/// says where they go.
pub(crate) fn forged_does_not_panic(data: &[u8]) {
    let Some((&way, data)) = data.split_first() else { return };
    let mut image = sound().image.clone();
    match way % 4 {
        0 => image = data.to_vec(),
        1 => {
            let len = data.len().min(100);
            let slot = slot(&image);
            image[slot + 8..slot + 8 + len].copy_from_slice(&data[..len]);
            seal(&mut image, slot);
        }
        2 => {
            let (slot, index) = (slot(&image), index(&image));
            let len = data.len().min(index.len());
            image[index.start..index.start + len].copy_from_slice(&data[..len]);
            seal_index(&mut image, slot);
        }
        _ => forge_front(&mut image, data),
    }
    try_all(&Disk::of(image));
}

/// The newest superblock: generation 2 is in slot 0.
fn slot(_image: &[u8]) -> usize {
    0
}

fn number(image: &[u8], at: usize) -> usize {
    u64::from_le_bytes(image[at..at + 8].try_into().expect("eight bytes")) as usize
}

fn index(image: &[u8]) -> std::ops::Range<usize> {
    let slot = slot(image);
    let start = number(image, slot + INDEX) * BLOCK as usize;
    start..start + number(image, slot + OBJECTS) * ENTRY
}

/// Puts bytes in the place of the front of one object, chosen by their first.
fn forge_front(image: &mut [u8], data: &[u8]) {
    let Some((&which, data)) = data.split_first() else { return };
    let (slot, index) = (slot(image), index(image));
    let entry = index.start + usize::from(which) * ENTRY % index.len();
    let front = number(image, entry + 8) * BLOCK as usize;
    let len = data.len().min(BLOCK as usize);
    if len == 0 {
        return;
    }
    image[front..front + len].copy_from_slice(&data[..len]);
    let sum = crc32c::crc32c(&data[..len]);
    image[entry + 16..entry + 20].copy_from_slice(&(len as u32).to_le_bytes());
    image[entry + 20..entry + 24].copy_from_slice(&sum.to_le_bytes());
    seal_index(image, slot);
}

fn seal_index(image: &mut [u8], slot: usize) {
    let sum = crc32c::crc32c(&image[index(image)]);
    image[slot + INDEX_SUM..slot + INDEX_SUM + 4].copy_from_slice(&sum.to_le_bytes());
    seal(image, slot);
}

fn seal(image: &mut [u8], slot: usize) {
    let end = slot + BLOCK as usize - 4;
    let sum = crc32c::crc32c(&image[slot..end]);
    image[end..end + 4].copy_from_slice(&sum.to_le_bytes());
}

/// What `forged_does_not_panic` takes to change nothing.
pub(crate) fn forged(way: u8, which: u8) -> Vec<u8> {
    let image = &sound().image;
    match way {
        1 => [&[way], &image[slot(image) + 8..][..52]].concat(),
        2 => [&[way], &image[index(image)]].concat(),
        _ => {
            let entry = index(image).start + usize::from(which) * ENTRY % index(image).len();
            let front = number(image, entry + 8) * BLOCK as usize;
            let len = number(image, entry + 16) & 0xffff_ffff;
            [&[way, which], &image[front..front + len]].concat()
        }
    }
}

/// Does with a volume all that there is to be done.
fn try_all(disk: &Disk) {
    let _ = verify(disk, |broken| drop(broken.to_string()));
    let Ok(volume) = Volume::open(disk) else { return };
    let size = disk.size().expect("it is in memory");
    for name in sound().new.keys() {
        let Some(entry) = volume.find(name.as_bytes()) else { continue };
        assert!(entry.offset() + entry.extent_len() <= size && volume.end() <= size);
        assert!(entry.front_len() <= entry.near_len() && entry.near_len() <= entry.extent_len());
        let mut near = vec![0; entry.near_len() as usize];
        disk.read_at(entry.offset(), &mut near).expect("it lies inside");
        let Ok(front) = Front::parse(Bytes::from(near), name.as_bytes(), &entry) else { continue };
        let Kind::File { forms, .. } = front.kind else { continue };
        for form in forms {
            assert!(form.offset + form.len <= size);
            let _ = common::body(disk, &form);
        }
    }
}
