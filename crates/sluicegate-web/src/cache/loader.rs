//! From a name to an answer: runs in the pool, where it may wait for the disk.
use super::budget::Budget;
use super::page::{Meta, Page};
use super::store::{Eviction, Loading, Store};
use crate::files::{Content, Found, Name, Opened, Stamp, content_tag};
use sluicegate::WorkerId;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

/// A file that changes while it is read is read again, this often at most.
const READS_MAX: usize = 3;

/// Finds what lies at names, and keeps what fits.
#[derive(Debug)]
pub struct Loader {
    content: Content,
    store: Store,
    stream_above: u64,
}

/// What lies at a name.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Content in memory.
    Page(Arc<Page>),
    /// Content too large to keep, or for which there is no room now.
    Stream(Arc<Large>),
    /// A directory, asked for without its slash.
    Directory,
    /// Nothing that is served.
    Missing,
    /// The disk does not answer, or descriptors have run out.
    Failed,
}

/// An open file that is sent in pieces.
#[derive(Debug)]
pub struct Large {
    file: File,
    /// What a client is told about it.
    pub meta: Meta,
}

impl Loader {
    /// Serves `content`, keeping pages in `store`; files longer than `stream_above` bytes never.
    pub fn new(content: Content, store: Store, stream_above: u64) -> Loader {
        Loader { content, store, stream_above }
    }

    /// The budget of what is kept.
    pub fn budget(&self) -> &Arc<Budget> {
        self.store.budget()
    }

    /// What lies at `name`, for the worker `holder`. The file is looked at each time, but read
    /// only when it is not the one in the store. Pages that had to go are added to `gone`.
    pub fn answer(&self, name: &Name, holder: WorkerId, gone: &mut Vec<Eviction>) -> Answer {
        let loading = self.store.begin(name);
        let answer = match self.content.find(name) {
            Ok(Found::File(opened)) => self.file(&loading, name, opened, holder, gone),
            Ok(Found::Bundled(content, media)) => {
                let tag = content_tag(content);
                let meta = Meta { media, tag, modified: None, len: content.len() as u64 };
                return Answer::Page(Page::bundled(name.clone(), meta, content));
            }
            Ok(Found::Directory) => Ok(Answer::Directory),
            Ok(Found::Missing) => Ok(Answer::Missing),
            // What is known goes on being served until descriptors or memory come back.
            Err(error)
                if is_shortage(&error)
                    && let Some(page) = loading.page() =>
            {
                loading.hold(holder);
                Ok(Answer::Page(page))
            }
            Err(error) => Err(error),
        };
        let answer = answer.unwrap_or(Answer::Failed);
        if !matches!(answer, Answer::Page(_)) {
            loading.forget(gone);
        }
        answer
    }

    fn file(
        &self,
        loading: &Loading<'_>,
        name: &Name,
        Opened { file, mut stamp, media }: Opened,
        holder: WorkerId,
        gone: &mut Vec<Eviction>,
    ) -> io::Result<Answer> {
        if let Some(page) = loading.page()
            && page.settled
            && page.stamp == Some(stamp)
        {
            loading.hold(holder);
            return Ok(Answer::Page(page));
        }
        for _ in 0..READS_MAX {
            if stamp.len > self.stream_above {
                break;
            }
            let now = SystemTime::now();
            let Some(charge) = loading.room(Page::cost(name, stamp.len), gone) else { break };
            let content = read(&file, stamp.len)?;
            let after = Stamp::of(&file.metadata()?);
            if after == stamp && content.len() as u64 == stamp.len {
                let tag = content_tag(&content);
                let meta =
                    Meta { media, tag, modified: Some(stamp.modified().min(now)), len: stamp.len };
                let settled = stamp.is_settled(now);
                let page = Page::read(name.clone(), meta, stamp, settled, content, charge);
                loading.keep(&page, holder, gone);
                return Ok(Answer::Page(page));
            }
            stamp = after;
        }
        let now = SystemTime::now();
        let tag = stamp.tag(now);
        let meta = Meta { media, tag, modified: Some(stamp.modified().min(now)), len: stamp.len };
        Ok(Answer::Stream(Arc::new(Large { file, meta })))
    }
}

impl Large {
    /// Reads the piece of `len` bytes at `offset`, both within the length that was promised.
    ///
    /// # Errors
    /// What the disk reports; `UnexpectedEof` when the file has shrunk since it was opened.
    pub fn piece(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; len];
        self.file.read_exact_at(&mut piece, offset)?;
        Ok(piece)
    }
}

/// Whether it is not the file that fails but what there is to look at it with.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| shortages.contains(&error))
}

/// Reads at most `len` bytes from the start.
fn read(file: &File, len: u64) -> io::Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < content.len() {
        match file.read_at(&mut content[filled..], filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.truncate(filled);
    Ok(content)
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
