//! The list of what is hot: written while a service runs and at its end, and read into memory by
//! the next one, so that it does not begin with a cold memory.
use super::fetch::Fetch;
use super::memory::Memory;
use super::open_volume::OpenVolume;
use crate::files::Name;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Entries of each worker.
pub const HOT_MAX: usize = 1 << 14;
/// A longer list is not read; in bytes.
const LIST_MAX: u64 = 64 << 20;
const FIRST_LINE: &[u8] = b"sluicegate: hot content of volumes\n";

/// A form of an object that was asked for lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hot {
    /// The path of its volume.
    pub volume: String,
    /// A name of the object.
    pub name: Bytes,
    /// The number of the form.
    pub form: usize,
}

/// An object to be read ahead of all requests, and forms of it.
#[derive(Clone, Debug)]
pub struct Warm {
    /// What is asked first.
    pub fetch: Fetch,
    /// What then.
    pub forms: Vec<usize>,
}

/// Writes what is hot by now into a file, whole or not at all.
///
/// # Errors
/// It cannot be written; or what is there is no such list, and is left as it is.
pub fn write(path: &Path, memory: &Memory) -> io::Result<()> {
    open(path)?;
    let next = path.with_extension(format!("{}.next", std::process::id()));
    let written = write_new(&next, memory).and_then(|()| fs::rename(&next, path));
    if written.is_err() {
        // That it cannot be written is told; this would say the same.
        let _ = fs::remove_file(&next);
    }
    written
}

fn write_new(path: &Path, memory: &Memory) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(FIRST_LINE)?;
    for Hot { volume, name, form } in memory.shares().iter().flat_map(|share| share.hot()) {
        let name = String::from_utf8_lossy(&name);
        if !name.chars().chain(volume.chars()).any(char::is_control) {
            writeln!(out, "{form}\t{name}\t{volume}")?;
        }
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Opens a list behind its first line; nothing where there is none yet, or an empty file.
fn open(path: &Path) -> io::Result<Option<File>> {
    let no_list = || {
        let text = "it is no list of hot content; name another file, or remove it";
        Err(io::Error::new(ErrorKind::InvalidData, text))
    };
    match fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        // To open a pipe waits for somebody who writes to it.
        Ok(_) => return no_list(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut list = File::open(path)?;
    let mut first = Vec::with_capacity(FIRST_LINE.len());
    (&mut list).take(FIRST_LINE.len() as u64).read_to_end(&mut first)?;
    match &first[..] {
        [] => Ok(None),
        FIRST_LINE => Ok(Some(list)),
        _ => no_list(),
    }
}

/// What to read of volumes by the list in a file, sorted by place; nothing where there is none yet.
/// What has left the volumes since is passed over.
///
/// # Errors
/// It cannot be read, or is no such list.
pub fn read(path: &Path, volumes: &[Arc<OpenVolume>]) -> io::Result<Vec<Warm>> {
    let Some(list) = open(path)? else { return Ok(Vec::new()) };
    let mut text = String::new();
    list.take(LIST_MAX).read_to_string(&mut text)?;
    let editions: Vec<_> = volumes.iter().map(|volume| volume.edition()).collect();
    let mut found: BTreeMap<(u32, u64), Warm> = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, '\t');
        let (Some(form), Some(name), Some(volume)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let name = Name::new(format!("/{name}").as_bytes());
        let edition = editions.iter().find(|edition| edition.device().name() == volume);
        if let (Ok(form), Some(name), Some(edition)) = (form.parse(), name, edition)
            && let Some(fetch) = edition.look(&name)
        {
            let key = fetch.key();
            let warm = found.entry((key.edition, key.offset));
            let warm = warm.or_insert(Warm { fetch, forms: Vec::new() });
            warm.forms.push(form);
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::volume::pack;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use sluicegate_files::Compression;

    #[test]
    fn a_list_is_read_as_it_was_written_but_for_what_has_left() {
        let scratch = Scratch::new();
        for name in ["a.txt", "b.txt", "c d/index.html"] {
            scratch.write(&format!("site/{name}"), name);
        }
        let packed = scratch.path().join("volume");
        pack(&scratch.path().join("site"), &packed, Compression::off());
        let volumes = [Arc::new(OpenVolume::open(&packed).expect("it was packed"))];
        let volume = packed.display().to_string();
        let hot = |volume: &str, name: &'static str, form| {
            let (volume, name) = (volume.to_owned(), Bytes::from_static(name.as_bytes()));
            Hot { volume, name, form }
        };
        let memory = Memory::new(2 << 20, 2).expect("it is enough");
        memory.shares()[0].set_hot(vec![hot(&volume, "b.txt", 1), hot(&volume, "left.txt", 0)]);
        memory.shares()[1].set_hot(vec![
            hot(&volume, "c d/", 0),
            hot(&volume, "b.txt", 0),
            hot("/other", "a.txt", 0),
            hot(&volume, "odd\nname", 0),
        ]);
        let list = scratch.path().join("hot");
        assert!(read(&list, &volumes).expect("there is none yet").is_empty());
        write(&list, &memory).expect("it can be written");
        let warm = read(&list, &volumes).expect("it can be read");
        assert!(warm.is_sorted_by_key(|warm| warm.fetch.key().offset));
        let mut found: Vec<_> = warm
            .iter()
            .map(|warm| (warm.fetch.name().expect("a name").as_str().to_owned(), &warm.forms[..]))
            .collect();
        found.sort();
        assert_eq!(found, [("b.txt".to_owned(), &[1, 0][..]), ("c d/".to_owned(), &[0])]);
    }

    #[test]
    fn what_is_no_list_is_neither_read_nor_written_over() {
        let scratch = Scratch::new();
        let memory = Memory::new(1 << 20, 1).expect("it is enough");
        let (text, pipe) = (scratch.path().join("text"), scratch.path().join("pipe"));
        scratch.write("text", "nothing of the kind");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).expect("a pipe can be made");
        for path in [&text, &pipe, &scratch.path().to_owned()] {
            assert!(read(path, &[]).is_err(), "{path:?}");
            assert!(write(path, &memory).is_err(), "{path:?}");
        }
        assert_eq!(fs::read_to_string(text).expect("it stays"), "nothing of the kind");
        scratch.write("empty", "");
        write(&scratch.path().join("empty"), &memory).expect("nothing is lost");
        let names = fs::read_dir(scratch.path()).expect("it is there").count();
        assert_eq!(names, 3, "nothing is left of what was not written");
    }
}
