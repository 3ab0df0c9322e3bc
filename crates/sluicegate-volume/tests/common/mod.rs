//! What the tests of volumes share: a disk in memory that keeps a log, and reading everything back.
#![allow(dead_code, reason = "each test uses a part of it")]

#[path = "../../../sluicegate-files/src/coding/decode.rs"]
mod decode;
#[path = "../../../sluicegate-files/src/scratch.rs"]
mod scratch;

pub(crate) use decode::decode;
pub(crate) use scratch::{Random, Scratch};

use bytes::Bytes;
use sluicegate_files::{Compression, Effort};
use sluicegate_http::Coding;
use sluicegate_volume::{
    Bad, Form, Front, Kind, Options, PackError, Packed, Storage, Target, Volume, pack,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) bytes: Vec<u8>,
    /// What was done to it, in order.
    pub(crate) log: Vec<Op>,
    /// It cannot grow beyond this, as a device.
    pub(crate) limit: Option<u64>,
    /// There is no space after so many bytes, as on a full file system.
    pub(crate) space: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Write(u64, Vec<u8>),
    Sync,
}

impl Disk {
    pub(crate) fn of(bytes: Vec<u8>) -> Disk {
        Disk { bytes, ..Disk::default() }
    }

    pub(crate) fn put(&mut self, offset: u64, bytes: &[u8]) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[start..end].copy_from_slice(bytes);
    }
}

impl Storage for Disk {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = start.checked_add(into.len()).and_then(|end| self.bytes.get(start..end));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

impl Target for Disk {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        assert!(self.limit.is_none_or(|limit| end <= limit), "written behind the end of a device");
        if self.space.is_some_and(|space| end > space) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.put(offset, bytes);
        self.log.push(Op::Write(offset, bytes.to_vec()));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.log.push(Op::Sync);
        Ok(())
    }

    fn limit(&self) -> Option<u64> {
        self.limit
    }

    fn file(&self) -> Option<(u64, u64)> {
        None
    }
}

/// How all tests pack unless they say otherwise.
pub(crate) fn options() -> Options {
    Options {
        index: vec!["index.html".to_owned()],
        compression: Compression::usual(Effort::Low),
        threads: 2,
        overwrite: false,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000),
    }
}

pub(crate) fn pack_into(disk: &mut Disk, dir: &Scratch) -> Result<Packed, PackError> {
    pack(dir.path(), disk, &options())
}

/// Sets when a file was last modified, in seconds of Unix time.
pub(crate) fn set_modified(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).expect("the file is there");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("it is ours");
}

/// What a reader gets at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Directory,
    /// The content type, and the content as it is.
    File(String, Vec<u8>),
    Missing,
}

/// Reads a name as a server does.
///
/// # Errors
/// What is damaged.
pub(crate) fn read(disk: &Disk, volume: &Volume, name: &str) -> Result<Got, String> {
    let Some(front) = front(disk, volume, name)? else { return Ok(Got::Missing) };
    match &front.kind {
        Kind::Directory => Ok(Got::Directory),
        Kind::File { media, forms, .. } => {
            let media = String::from_utf8(media.to_vec()).expect("types are text");
            assert_eq!(forms[0].coding, None);
            let content = body(disk, &forms[0])?;
            for form in &forms[1..] {
                let coding = form.coding.expect("only the first is as it is");
                let coded = body(disk, form)?;
                assert_eq!(decode(coding, &coded), content, "{name} in {coding:?}");
            }
            Ok(Got::File(media, content))
        }
    }
}

/// The front at a name.
///
/// # Errors
/// That it is damaged.
pub(crate) fn front(disk: &Disk, volume: &Volume, name: &str) -> Result<Option<Front>, String> {
    let Some(entry) = volume.find(name.as_bytes()) else { return Ok(None) };
    let mut near = vec![0; entry.near_len() as usize];
    disk.read_at(entry.offset(), &mut near).map_err(|error| error.to_string())?;
    match Front::parse(Bytes::from(near), name.as_bytes(), &entry) {
        Ok(front) => Ok(Some(front)),
        Err(Bad::OtherName) => Ok(None),
        Err(bad) => Err(bad.to_string()),
    }
}

/// The body of a form, read in pieces and checked.
///
/// # Errors
/// That it is damaged.
pub(crate) fn body(disk: &Disk, form: &Form) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    for number in 0..form.pieces() {
        let range = form.piece(number).expect("there are so many");
        let mut piece = vec![0; (range.end - range.start) as usize];
        disk.read_at(form.offset + range.start, &mut piece).map_err(|error| error.to_string())?;
        form.check_piece(number, piece.chunks(4096)).map_err(|bad| bad.to_string())?;
        body.extend(piece);
    }
    Ok(body)
}

/// A site: content by name.
pub(crate) type Model = BTreeMap<&'static str, Vec<u8>>;

/// Makes the directory of a model.
pub(crate) fn write(dir: &Scratch, model: &Model) {
    for (name, content) in model {
        dir.write(name, content);
        set_modified(&dir.path().join(name), 1_000_000_000 + content.len() as u64);
    }
}

/// All that is to be found in a volume of a model, with the names of another one that must not be.
pub(crate) fn expected(model: &Model, others: &Model) -> BTreeMap<String, Got> {
    let mut all = BTreeMap::new();
    for name in others.keys().chain(model.keys()) {
        for (at, _) in name.match_indices('/') {
            let there = model.keys().any(|known| known.starts_with(&name[..=at]));
            let got = if there { Got::Directory } else { Got::Missing };
            all.insert(name[..at].to_owned(), got);
        }
        let got = model.get(name).map_or(Got::Missing, |content| {
            Got::File(sluicegate_files::media_type(name).to_owned(), content.clone())
        });
        if let Some(directory) = name.strip_suffix("index.html") {
            all.insert(directory.to_owned(), got.clone());
        }
        all.insert((*name).to_owned(), got);
    }
    all
}

/// Whether the volume holds exactly this.
///
/// # Errors
/// What differs first.
pub(crate) fn holds(disk: &Disk, expected: &BTreeMap<String, Got>) -> Result<u64, String> {
    let volume = Volume::open(disk).map_err(|error| error.to_string())?;
    for (name, expected) in expected {
        let got = read(disk, &volume, name)?;
        if got != *expected {
            return Err(format!("`{name}` is {got:?} and not {expected:?}"));
        }
    }
    Ok(volume.generation())
}

/// Text that shrinks well, and differs by its seed.
pub(crate) fn text(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let words = ["sluice ", "gate ", "stage ", "queue ", "wire\n", "net "];
    let words = std::iter::repeat_with(|| words[random.below(6) as usize]);
    words.flat_map(str::bytes).take(len).collect()
}

/// Bytes that do not shrink.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// The codings of the forms of a front.
pub(crate) fn codings(front: &Front) -> Vec<Option<Coding>> {
    match &front.kind {
        Kind::Directory => Vec::new(),
        Kind::File { forms, .. } => forms.iter().map(|form| form.coding).collect(),
    }
}
