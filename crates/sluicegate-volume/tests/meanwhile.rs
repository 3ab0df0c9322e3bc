//! A directory that changes while it is packed, and one of many rounds.

mod common;

use common::{Disk, Model, Scratch, expected, holds, noise, options, pack_into, text, write};
use sluicegate_volume::{PackError, Storage, Target, Volume, pack, verify};
use std::fs;
use std::io;
use std::path::Path;

/// A disk on which the first write of a pack has something done to the directory.
struct Meddler<'a> {
    disk: Disk,
    meddle: Option<&'a dyn Fn()>,
}

impl Storage for Meddler<'_> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(offset, into)
    }

    fn size(&self) -> io::Result<u64> {
        self.disk.size()
    }
}

impl Target for Meddler<'_> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(meddle) = self.meddle.take() {
            meddle();
        }
        self.disk.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync()
    }

    fn limit(&self) -> Option<u64> {
        None
    }

    fn file(&self) -> Option<(u64, u64)> {
        None
    }
}

#[test]
fn a_change_is_noticed_and_the_generation_before_stays() {
    let before = Model::from([("a.txt", text(1, 3000)), ("d/b.txt", text(2, 50))]);
    // What is longer than 8 MiB is read a second time when it is written.
    let after = Model::from([
        ("a.txt", text(3, 3000)),
        ("d/b.txt", text(4, 50)),
        ("z.bin", noise(5, 9 << 20)),
    ]);
    let mut disk = Disk::default();
    let old = Scratch::new();
    write(&old, &before);
    pack_into(&mut disk, &old).unwrap();
    let changes: [(&str, fn(&Path)); 5] = [
        ("a.txt", |dir| fs::write(dir.join("a.txt"), text(9, 3000)).unwrap()),
        ("d/b.txt", |dir| fs::remove_file(dir.join("d/b.txt")).unwrap()),
        ("d/new.txt", |dir| fs::write(dir.join("d/new.txt"), "new").unwrap()),
        ("z.bin", |dir| fs::write(dir.join("z.bin"), noise(6, 9 << 20)).unwrap()),
        ("z.bin", |dir| fs::write(dir.join("z.bin"), "short").unwrap()),
    ];
    for (name, change) in changes {
        let dir = Scratch::new();
        write(&dir, &after);
        let meddle = || change(dir.path());
        let mut meddler = Meddler { disk: disk.clone(), meddle: Some(&meddle) };
        match pack(dir.path(), &mut meddler, &options()) {
            Err(PackError::Changed(told)) => assert_eq!(told, name),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(holds(&meddler.disk, &expected(&before, &Model::new())), Ok(1), "{name}");
    }
}

#[test]
fn rounds_follow_one_another() {
    const FILES: usize = 5000;
    let dir = Scratch::new();
    for number in 0..FILES {
        dir.write(&format!("{}/{number}", number % 7), number.to_string());
    }
    let mut disk = Disk::default();
    let packed = pack_into(&mut disk, &dir).unwrap();
    assert_eq!((packed.files, packed.directories), (FILES as u64, 7));
    let volume = Volume::open(&disk).unwrap();
    for number in 0..FILES {
        let got = common::read(&disk, &volume, &format!("{}/{number}", number % 7)).unwrap();
        let media = "application/octet-stream".to_owned();
        assert_eq!(got, common::Got::File(media, number.to_string().into_bytes()));
    }
    assert_eq!(verify(&disk, |broken| panic!("{broken}")).unwrap().objects, FILES as u64 + 7);
}
