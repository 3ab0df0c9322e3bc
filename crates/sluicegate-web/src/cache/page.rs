//! A page: the content of one file in memory, shared by all workers and never changed.
use super::budget::Charge;
use super::policy::HEAT_MAX;
use crate::files::{Name, Stamp};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::time::SystemTime;

/// What a page costs beside its content: itself, its head, and its places in the indexes.
const COST: u64 = 1024;

/// What a client is told about content, whether it is kept or streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Content type.
    pub media: &'static str,
    /// Entity tag with its quotes.
    pub tag: String,
    /// Last modification, where there is one.
    pub modified: Option<SystemTime>,
    /// Length in bytes.
    pub len: u64,
}

/// Content in memory.
#[derive(Debug)]
pub struct Page {
    /// What it was found by.
    pub name: Name,
    /// What a client is told about it.
    pub meta: Meta,
    /// The state of the file when it was read; nothing for bundled content, which never changes.
    pub stamp: Option<Stamp>,
    /// Whether the same stamp means the same content. A file read within a tick of its last
    /// change may change again without leaving a trace.
    pub settled: bool,
    content: Content,
    heat: AtomicU8,
    gone: AtomicBool,
}

#[derive(Debug)]
enum Content {
    Bundled(&'static [u8]),
    Read(Vec<u8>, Charge),
}

impl Page {
    /// The bytes that a page of this length is charged with.
    pub fn cost(name: &Name, len: u64) -> u64 {
        len.saturating_add(name.as_str().len() as u64).saturating_add(COST)
    }

    /// Content that was read from a file, with its charge.
    pub fn read(
        name: Name,
        meta: Meta,
        stamp: Stamp,
        settled: bool,
        content: Vec<u8>,
        charge: Charge,
    ) -> Arc<Page> {
        Page::new(name, meta, Some(stamp), settled, Content::Read(content, charge))
    }

    /// Content of the program itself: costs nothing and stays as it is.
    pub fn bundled(name: Name, meta: Meta, content: &'static [u8]) -> Arc<Page> {
        Page::new(name, meta, None, true, Content::Bundled(content))
    }

    fn new(
        name: Name,
        meta: Meta,
        stamp: Option<Stamp>,
        settled: bool,
        content: Content,
    ) -> Arc<Page> {
        let (heat, gone) = (AtomicU8::new(0), AtomicBool::new(false));
        Arc::new(Page { name, meta, stamp, settled, content, heat, gone })
    }

    /// The content with a count of references of its own: a worker that keeps one handle counts
    /// in its own cache lines, whatever the other workers do. The page, and with it the charge,
    /// lives until the last of them is gone.
    pub fn bytes(self: &Arc<Self>) -> Bytes {
        match self.content {
            Content::Bundled(bytes) => Bytes::from_static(bytes),
            Content::Read(..) => Bytes::from_owner(Held(Arc::clone(self))),
        }
    }

    /// The bytes of the budget it holds.
    pub fn charged(&self) -> u64 {
        match &self.content {
            Content::Bundled(_) => 0,
            Content::Read(_, charge) => charge.bytes(),
        }
    }

    /// Notes a hit. A page that is hot already is not written to, so that workers share it in
    /// peace.
    pub fn warm(&self) {
        let heat = self.heat.load(Relaxed);
        if heat < HEAT_MAX {
            self.heat.store(heat + 1, Relaxed);
        }
    }

    /// Whether the store has let go of it: whoever holds it may still answer with it, not keep it.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    pub(super) fn set_gone(&self) {
        self.gone.store(true, Relaxed);
    }

    pub(super) fn heat(&self) -> u8 {
        self.heat.load(Relaxed)
    }

    pub(super) fn set_heat(&self, heat: u8) {
        self.heat.store(heat, Relaxed);
    }
}

/// A page as the owner of the bytes that are sent.
struct Held(Arc<Page>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        match &self.0.content {
            Content::Bundled(bytes) => bytes,
            Content::Read(bytes, _) => bytes,
        }
    }
}
