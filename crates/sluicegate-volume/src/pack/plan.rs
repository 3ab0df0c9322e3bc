//! What there is to be packed: the files and directories that a server would serve.
use crate::layout::{LEN_MAX, NAMES_MAX};
use crate::pack::PackError;
use sluicegate_files::{Held, LeftOut, NAME_MAX, Root, Stamp, What, held};
use std::collections::BTreeMap;
use std::io;

/// A directory as it was at one moment.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// By name, in order: the stamps of files, nothing for directories.
    pub(super) found: Found,
    /// Why things were left out, and how many.
    pub(super) left_out: BTreeMap<&'static str, u64>,
}

pub(super) type Found = BTreeMap<String, Option<Stamp>>;

/// An object to be packed.
#[derive(Debug)]
pub(super) struct Object {
    /// The first is that of the file or the directory.
    pub(super) names: Vec<String>,
    /// Of a file.
    pub(super) stamp: Option<Stamp>,
}

/// Files and directories of a volume: a directory with an index gives that a further name.
pub(super) const FOUND_MAX: usize = NAMES_MAX / 2;

const LOOP: &str = "links to a directory above them";
const LONG: &str = "names that are too long";

fn word(why: LeftOut) -> &'static str {
    match why {
        LeftOut::Hidden => "names with a dot in front",
        LeftOut::Name => "names that are not UTF-8",
        LeftOut::Link => "links that lead nowhere or out of the directory",
        LeftOut::Odd => "pipes, sockets and devices",
    }
}

impl Walked {
    /// Walks the directory. `volume` is the file that must not be in it.
    pub(super) fn new(root: &Root, volume: Option<(u64, u64)>) -> Result<Walked, PackError> {
        let top = root.look("").and_then(|dir| dir.metadata()).map_err(PackError::Root)?;
        let mut walked = Walked::default();
        // Each with the directories on the way to it.
        let mut ways = vec![(String::new(), vec![Stamp::of(&top).file()])];
        while let Some((dir, above)) = ways.pop() {
            let failed = |error| failed(&dir, error);
            for entry in held(root, &dir).map_err(failed)? {
                let Held { name, what } = entry.map_err(failed)?;
                let slash = if dir.is_empty() { "" } else { "/" };
                let name = format!("{dir}{slash}{name}");
                match what {
                    What::LeftOut(why) => walked.leave_out(word(why)),
                    // That of a directory gets a slash.
                    _ if name.len() >= NAME_MAX => walked.leave_out(LONG),
                    What::File(stamp) if Some(stamp.file()) == volume => {
                        return Err(PackError::Inside(name));
                    }
                    What::File(stamp) if stamp.len > LEN_MAX => {
                        return Err(PackError::TooLong(name));
                    }
                    What::File(stamp) => drop(walked.found.insert(name, Some(stamp))),
                    What::Directory(stamp) if above.contains(&stamp.file()) => {
                        walked.leave_out(LOOP);
                    }
                    What::Directory(stamp) => {
                        walked.found.insert(name.clone(), None);
                        ways.push((name, [&above[..], &[stamp.file()]].concat()));
                    }
                }
            }
            if walked.found.len() > FOUND_MAX {
                return Err(PackError::TooMany);
            }
        }
        Ok(walked)
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// Whether the directory is the same at a later moment.
    pub(super) fn check(&self, later: &Walked) -> Result<(), PackError> {
        let other = |a: &Found, b: &Found| {
            let changed = a.iter().find(|(name, stamp)| b.get(*name) != Some(stamp));
            changed.map(|(name, _)| name.clone())
        };
        let changed = other(&self.found, &later.found);
        match changed.or_else(|| other(&later.found, &self.found)) {
            Some(name) => Err(PackError::Changed(name)),
            None => Ok(()),
        }
    }
}

/// What went wrong with a file or a directory.
pub(super) fn failed(name: &str, error: io::Error) -> PackError {
    match error.kind() {
        io::ErrorKind::NotFound => PackError::Unreadable(name.to_owned()),
        _ => PackError::Read(name.to_owned(), error),
    }
}

/// The objects for what was found, by name. A file that stands for its directory has that name too.
pub(super) fn objects(found: &Found, index: &[String]) -> Vec<Object> {
    let mut stands: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let directories = found.iter().filter(|(_, stamp)| stamp.is_none());
    let directories = directories.map(|(name, _)| format!("{name}/"));
    for directory in directories.chain([String::new()]) {
        let files = index.iter().map(|index| format!("{directory}{index}"));
        let mut files = files.filter(|name| matches!(found.get(name), Some(Some(_))));
        if let Some(file) = files.next() {
            stands.entry(file).or_default().push(directory);
        }
    }
    let object = |(name, stamp): (&String, &Option<Stamp>)| {
        let more = stands.remove(name).unwrap_or_default();
        Object { names: [vec![name.clone()], more].concat(), stamp: *stamp }
    };
    found.iter().map(object).collect()
}
