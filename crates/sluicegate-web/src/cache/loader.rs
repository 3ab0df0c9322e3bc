//! From a name to an answer: runs in the pool, where it may wait for the disk.
use super::budget::Budget;
use super::counts::Counts;
use super::page::{Files, Meta, Page};
use super::store::{Eviction, Loading, Store};
use super::stored::Stored;
use crate::files::{Found, Name, Opened, SiteId};
use crate::rules::Plan;
use sluicegate::WorkerId;
use sluicegate_files::{Compression, Order, coded_tag, extension};
use sluicegate_files::{Stamp, content_tag};
use sluicegate_http::Coding;
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
    pub(super) plan: Arc<Plan>,
    pub(super) store: Store,
    stream_above: u64,
    pub(super) compression: Compression,
    pub(super) counts: Arc<Counts>,
}

/// What lies at a name.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Content in memory.
    Page(Arc<Page>),
    /// Content too large to keep, or for which there is no room now.
    Stream(Forms),
    /// A directory, asked for without its slash.
    Directory,
    /// A directory without an index, in a site that shows some.
    Listable,
    /// Nothing that is served.
    Missing,
    /// The disk does not answer, or descriptors have run out.
    Failed,
}

/// A large file in all its forms. The forms that nobody asked for are closed with this.
#[derive(Clone, Debug)]
pub struct Forms {
    /// The file as it is.
    pub plain: Arc<Large>,
    /// Files coded ahead, best first.
    pub coded: Vec<(Coding, Arc<Large>)>,
}

/// An open file that is sent in pieces.
#[derive(Debug)]
pub struct Large {
    file: File,
    /// What a client is told about it.
    pub meta: Meta,
}

impl Loader {
    /// Serves the sites of `plan`, keeping pages in `store`; files longer than `stream_above`
    /// bytes never.
    pub fn new(plan: impl Into<Arc<Plan>>, store: Store, stream_above: u64) -> Loader {
        let (plan, compression, counts) = (plan.into(), Compression::off(), Arc::default());
        Loader { plan, store, stream_above, compression, counts }
    }

    /// What is served.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The same with coded forms.
    pub fn coding(self, compression: Compression) -> Loader {
        Loader { compression, ..self }
    }

    /// What becomes of the variants.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// The budget of what is kept.
    pub fn budget(&self) -> &Arc<Budget> {
        self.store.budget()
    }

    /// What lies at `name`, for the worker `holder`. The file is looked at each time, but read
    /// only when it is not the one in the store. Pages that had to go are added to `gone`.
    pub fn answer(&self, name: &Name, holder: WorkerId, gone: &mut Vec<Eviction>) -> Answer {
        let loading = self.store.begin(name);
        let answer = match self.plan.of(name.site()).content().find(name) {
            Ok(Found::File(opened)) => self.file(&loading, name, opened, holder, gone),
            Ok(Found::Bundled(content, media)) => {
                let tag = content_tag(content);
                // Made anew for each worker, it has no place for variants.
                let (len, codings) = (content.len() as u64, Order::NONE);
                let meta = Meta { media: media.into(), tag, modified: None, len, codings };
                return Answer::Page(Page::bundled(name.clone(), meta, content));
            }
            Ok(Found::Directory) => Ok(Answer::Directory),
            Ok(Found::Listable) => Ok(Answer::Listable),
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
        opened: Opened,
        holder: WorkerId,
        gone: &mut Vec<Eviction>,
    ) -> io::Result<Answer> {
        let mut stamp = opened.stamp;
        let ahead = self.ahead(name.site(), &opened)?;
        let known = loading.page().filter(|page| {
            page.files.is_some_and(|files| files.stamp == stamp && files.coded == stamps(&ahead))
        });
        if let Some(page) = known.as_ref().filter(|page| page.is_settled()) {
            loading.hold(holder);
            return Ok(Answer::Page(Arc::clone(page)));
        }
        for _ in 0..READS_MAX {
            if stamp.len > self.stream_above {
                break;
            }
            let now = SystemTime::now();
            let Some(charge) = loading.room(Page::cost(name, stamp.len), gone) else { break };
            let content = Stored::read(&opened.file, stamp.len)?;
            let after = Stamp::of(&opened.file.metadata()?);
            if after == stamp && content.len() as u64 == stamp.len {
                let files = Files { stamp, coded: stamps(&ahead) };
                let settled = files.are_settled(now);
                // What was made of a page is good when that has not changed till now. Files coded
                // ahead may have been read too early.
                let same = |page: &&Arc<Page>| {
                    page.files == Some(Files::alone(stamp)) && page.content() == &*content
                };
                if let Some(page) = known.as_ref().filter(same) {
                    if settled {
                        page.settle();
                    }
                    loading.hold(holder);
                    return Ok(Answer::Page(Arc::clone(page)));
                }
                let meta = self.meta(&opened, &stamp, content_tag(&content), now);
                let page = Page::read(name.clone(), meta, files, settled, content, charge);
                loading.keep(&page, holder, gone);
                return Ok(Answer::Page(page));
            }
            stamp = after;
        }
        Ok(Answer::Stream(self.stream(opened, &stamp, ahead)))
    }

    /// What a client is told of a file with this stamp.
    fn meta(&self, opened: &Opened, stamp: &Stamp, tag: String, now: SystemTime) -> Meta {
        let (media, len) = (opened.media, stamp.len);
        let codings = self.compression.order_for(media, len);
        let modified = Some(stamp.modified().min(now));
        Meta { media: media.into(), tag, modified, len, codings }
    }

    fn stream(&self, opened: Opened, stamp: &Stamp, mut ahead: Ahead) -> Forms {
        let now = SystemTime::now();
        let meta = self.meta(&opened, stamp, stamp.tag(now), now);
        let mut coded = Vec::new();
        for coding in meta.codings.iter() {
            if let Some(Opened { file, stamp, .. }) = ahead[coding as usize].take() {
                let tag = coded_tag(&stamp.tag(now), coding);
                let modified = Some(stamp.modified().min(now));
                let meta = Meta { tag, modified, len: stamp.len, ..meta.clone() };
                coded.push((coding, Arc::new(Large { file, meta })));
            }
        }
        Forms { plain: Arc::new(Large { file: opened.file, meta }), coded }
    }

    /// The files beside one that were coded ahead and can be used.
    pub(super) fn ahead(&self, site: SiteId, opened: &Opened) -> io::Result<Ahead> {
        let mut ahead = Ahead::default();
        for coding in self.compression.order_for(opened.media, opened.stamp.len).iter() {
            let content = self.plan.of(site).content();
            ahead[coding as usize] = content.beside(opened, extension(coding))?;
        }
        Ok(ahead)
    }
}

/// Files that were coded ahead, by coding.
pub(super) type Ahead = [Option<Opened>; Coding::ALL.len()];

fn stamps(ahead: &Ahead) -> [Option<Stamp>; Coding::ALL.len()] {
    ahead.each_ref().map(|file| file.as_ref().map(|file| file.stamp))
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

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
