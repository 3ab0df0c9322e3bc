//! What is served: a directory, a volume, or the files bundled into the program.
use super::name::Name;
use crate::demo;
use crate::volume::Source;
use bytes::Bytes;
use sluicegate_files::{Root, Stamp, media_type};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// A type and content.
pub type Page = (Cow<'static, str>, Bytes);

/// Where names are looked up.
#[derive(Debug)]
pub struct Content {
    place: Place,
    /// Files that stand for their directory, first found.
    index: Vec<String>,
    /// Whether it matters that a directory without an index is there.
    listed: bool,
}

#[derive(Debug)]
enum Place {
    Directory(Root),
    Volume(Arc<Source>),
    Demo,
    Nowhere,
}

/// What lies at a name.
#[derive(Debug)]
pub enum Found {
    /// A file, open for reading.
    File(Opened),
    /// Bytes of the program itself.
    Bundled(&'static [u8], &'static str),
    /// A directory, asked for without its slash.
    Directory,
    /// A directory without an index, where that matters.
    Listable,
    /// Nothing that is served.
    Missing,
}

/// A file of the directory.
#[derive(Debug)]
pub struct Opened {
    /// Open for reading.
    pub file: File,
    /// Its state when it was opened.
    pub stamp: Stamp,
    /// Its content type.
    pub media: &'static str,
    /// Its place below the root, where it stands for a directory too.
    pub path: String,
}

impl Content {
    /// A directory and the names of its index files.
    pub fn directory(root: Root, index: Vec<String>) -> Content {
        Content { place: Place::Directory(root), index, listed: false }
    }

    /// A volume. What is packed into it has its index files already.
    pub fn volume(source: Source) -> Content {
        Content { place: Place::Volume(Arc::new(source)), index: Vec::new(), listed: false }
    }

    /// The same with directories that may be shown.
    pub fn listed(self, listed: bool) -> Content {
        Content { listed, ..self }
    }

    /// The directory that is served, where it is one.
    pub fn root(&self) -> Option<&Root> {
        match &self.place {
            Place::Directory(root) => Some(root),
            Place::Volume(_) | Place::Demo | Place::Nowhere => None,
        }
    }

    /// The volume that is served, where it is one.
    pub fn source(&self) -> Option<&Arc<Source>> {
        match &self.place {
            Place::Volume(source) => Some(source),
            Place::Directory(_) | Place::Demo | Place::Nowhere => None,
        }
    }

    /// The type and the content of a file of at most so many bytes; nothing where there is none. May
    /// block: for what is read before anything is served.
    ///
    /// # Errors
    /// A sentence about what cannot be read, is damaged or is longer.
    pub fn read(&self, name: &Name, most: u64) -> Result<Option<Page>, String> {
        let failed = |error: io::Error| format!("cannot be read: {error}");
        if let Place::Volume(source) = &self.place {
            let page = source.read(name, most)?;
            return Ok(page.map(|(media, body)| (media.into(), body)));
        }
        let (media, body): (_, Bytes) = match self.find(name).map_err(failed)? {
            Found::Bundled(body, media) => (media, Bytes::from_static(body)),
            Found::File(opened) => {
                let mut body = Vec::new();
                opened.file.take(most + 1).read_to_end(&mut body).map_err(failed)?;
                (opened.media, body.into())
            }
            Found::Directory | Found::Listable | Found::Missing => return Ok(None),
        };
        match body.len() as u64 > most {
            true => Err(format!("is longer than {} KiB", most >> 10)),
            false => Ok(Some((media.into(), body))),
        }
    }

    /// The demo site.
    pub fn demo() -> Content {
        Content { place: Place::Demo, index: vec!["index.html".to_owned()], listed: false }
    }

    /// Nothing at all.
    pub fn none() -> Content {
        Content { place: Place::Nowhere, index: Vec::new(), listed: false }
    }

    /// Whether there is a file. May block.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn has(&self, name: &Name) -> io::Result<bool> {
        match &self.place {
            Place::Volume(source) => Ok(source.edition().look(name).is_some()),
            _ => Ok(matches!(self.find(name)?, Found::File(_) | Found::Bundled(..))),
        }
    }

    /// Looks a name up; in a volume, whose names are looked up elsewhere, nothing is found. May
    /// block on the disk.
    ///
    /// # Errors
    /// What the disk reports, and descriptors running out; never that nothing is there.
    pub fn find(&self, name: &Name) -> io::Result<Found> {
        if !name.is_directory() {
            return self.look(name.as_str());
        }
        for index in &self.index {
            let found = self.look(&format!("{}{index}", name.as_str()))?;
            if matches!(found, Found::File(_) | Found::Bundled(..)) {
                return Ok(found);
            }
        }
        if self.listed && matches!(self.look(name.as_str())?, Found::Directory) {
            return Ok(Found::Listable);
        }
        Ok(Found::Missing)
    }

    /// The file with this extension beside one that was found, if it can be that one coded ahead.
    /// May block on the disk.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn beside(&self, file: &Opened, extension: &str) -> io::Result<Option<Opened>> {
        let found = self.look(&format!("{}{extension}", file.path))?;
        Ok(match found {
            Found::File(other) if other.stamp.is_coded_from(&file.stamp) => Some(other),
            _ => None,
        })
    }

    fn look(&self, name: &str) -> io::Result<Found> {
        let root = match &self.place {
            Place::Directory(root) => root,
            Place::Volume(_) | Place::Nowhere => return Ok(Found::Missing),
            Place::Demo => {
                let own = demo::FILES.iter().find(|(known, _)| *known == name);
                // It draws the net as the dashboard does.
                let shared = || sluicegate_admin::drawing(name).map(str::as_bytes);
                let bytes = own.map(|(_, bytes)| *bytes).or_else(shared);
                return Ok(
                    bytes.map_or(Found::Missing, |bytes| Found::Bundled(bytes, media_type(name)))
                );
            }
        };
        let file = match root.look(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        Ok(if metadata.is_file() {
            let (stamp, media) = (Stamp::of(&metadata), media_type(name));
            Found::File(Opened { file, stamp, media, path: name.to_owned() })
        } else if metadata.is_dir() {
            Found::Directory
        } else {
            Found::Missing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn describe(content: &Content, path: &str) -> String {
        let name = Name::new(path.as_bytes()).expect("a plain path");
        match content.find(&name).expect("the disk works") {
            Found::File(opened) => format!("{} {}", opened.stamp.len, opened.media),
            Found::Bundled(bytes, media) => format!("{} {media}", bytes.len() > 100),
            Found::Directory => "directory".to_owned(),
            Found::Listable => "listable".to_owned(),
            Found::Missing => "missing".to_owned(),
        }
    }

    #[test]
    fn names_are_looked_up_in_a_directory() {
        let scratch = Scratch::new();
        scratch.write("index.html", "12345");
        scratch.write("docs/index.htm", "123");
        scratch.write("empty/x.bin", "1");
        scratch.write("odd/index.html/x", "1");
        let index = ["index.html", "index.htm"].map(str::to_owned).to_vec();
        let content = Content::directory(Root::open(scratch.path()).unwrap(), index);
        for (path, expected) in [
            ("/", "5 text/html; charset=utf-8"),
            ("/index.html", "5 text/html; charset=utf-8"),
            ("/index.html/", "missing"),
            ("/docs", "directory"),
            ("/docs/", "3 text/html; charset=utf-8"),
            ("/empty/", "missing"),
            ("/empty/x.bin", "1 application/octet-stream"),
            ("/odd/", "missing"),
            ("/none", "missing"),
        ] {
            assert_eq!(describe(&content, path), expected, "{path}");
        }
    }

    #[test]
    fn the_demo_site_is_bundled() {
        let content = Content::demo();
        assert_eq!(describe(&content, "/"), "true text/html; charset=utf-8");
        assert_eq!(describe(&content, "/index.html"), "true text/html; charset=utf-8");
        assert_eq!(describe(&content, "/draw.js"), "true text/javascript; charset=utf-8");
        assert_eq!(describe(&content, "/none"), "missing");
    }
}
