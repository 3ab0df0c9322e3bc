//! A page: the content of one file in memory, shared by all workers and never changed.
use super::budget::Charge;
use super::life::Life;
use super::stored::Stored;
use super::variant::Variant;
use crate::files::Name;
use bytes::Bytes;
use sluicegate_files::Order;
use sluicegate_files::Stamp;
use sluicegate_http::Coding;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// What a page costs beside its content: itself, its head, and its places in the indexes.
const COST: u64 = 1024;

/// What a client is told about content, whether it is kept or streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Content type.
    pub media: Cow<'static, str>,
    /// Entity tag with its quotes.
    pub tag: String,
    /// Last modification, where there is one.
    pub modified: Option<SystemTime>,
    /// Length in bytes.
    pub len: u64,
    /// The codings in which it may be had beside as it is; then replies say that they vary.
    pub codings: Order,
}

/// The files of a page as they were when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// The file itself.
    pub stamp: Stamp,
    /// The files coded ahead that lie beside it.
    pub coded: [Option<Stamp>; Coding::ALL.len()],
}

impl Files {
    /// A file with nothing beside it.
    pub fn alone(stamp: Stamp) -> Files {
        Files { stamp, coded: [None; Coding::ALL.len()] }
    }

    /// Whether the last change of each is so long ago that another cannot hide.
    pub fn are_settled(&self, now: SystemTime) -> bool {
        self.stamp.is_settled(now) && self.coded.iter().flatten().all(|file| file.is_settled(now))
    }
}

/// Content in memory.
#[derive(Debug)]
pub struct Page {
    /// What it was found by.
    pub name: Name,
    /// What a client is told about it.
    pub meta: Meta,
    /// Its files when they were read; nothing for bundled content, which never changes.
    pub files: Option<Files>,
    /// Whether the same stamps mean the same content. A file read within a tick of its last
    /// change may change again without leaving a trace.
    settled: AtomicBool,
    content: Content,
    /// The variants made so far; they are charged to the budget and go with the page.
    variants: [OnceLock<Arc<Variant>>; Coding::ALL.len()],
    /// A bit for each coding in which a variant is being made, or was tried.
    claimed: AtomicU8,
    /// A bit for each coding in which it was tried in vain.
    failed: AtomicU8,
    /// A page that was read anew goes on with the heat of its forerunner.
    pub life: Life,
}

#[derive(Debug)]
enum Content {
    Bundled(&'static [u8]),
    Read(Stored, Charge),
}

impl Page {
    /// The bytes that a page of this length is charged with.
    pub fn cost(name: &Name, len: u64) -> u64 {
        Stored::cost(len).saturating_add(name.as_str().len() as u64).saturating_add(COST)
    }

    /// Content that was read from a file, with its charge.
    pub fn read(
        name: Name,
        meta: Meta,
        files: Files,
        settled: bool,
        content: Stored,
        charge: Charge,
    ) -> Arc<Page> {
        Page::new(name, meta, Some(files), settled, Content::Read(content, charge))
    }

    /// Content of the program itself: costs nothing and stays as it is.
    pub fn bundled(name: Name, meta: Meta, content: &'static [u8]) -> Arc<Page> {
        Page::new(name, meta, None, true, Content::Bundled(content))
    }

    fn new(
        name: Name,
        meta: Meta,
        files: Option<Files>,
        settled: bool,
        content: Content,
    ) -> Arc<Page> {
        Arc::new(Page {
            name,
            meta,
            files,
            settled: AtomicBool::new(settled),
            content,
            variants: Default::default(),
            claimed: AtomicU8::new(0),
            failed: AtomicU8::new(0),
            life: Life::default(),
        })
    }

    /// The content.
    pub fn content(&self) -> &[u8] {
        match &self.content {
            Content::Bundled(bytes) => bytes,
            Content::Read(bytes, _) => bytes,
        }
    }

    /// Whether the same stamps mean the same content.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Relaxed)
    }

    /// Notes that they do by now: it was read again, and had not changed.
    pub fn settle(&self) {
        self.settled.store(true, Relaxed);
    }

    /// The variant in this coding, if it has been made.
    pub fn variant(&self, coding: Coding) -> Option<&Arc<Variant>> {
        self.variants[coding as usize].get()
    }

    /// Whether nobody has begun to make a variant in this coding.
    pub fn is_untried(&self, coding: Coding) -> bool {
        self.claimed.load(Relaxed) & (1 << coding as u8) == 0
    }

    /// Takes the right to make a variant in this coding; only one gets it.
    pub(super) fn claim(&self, coding: Coding) -> bool {
        let bit = 1 << coding as u8;
        self.claimed.fetch_or(bit, Relaxed) & bit == 0
    }

    pub(super) fn unclaim(&self, coding: Coding) {
        self.claimed.fetch_and(!(1 << coding as u8), Relaxed);
    }

    /// Whether there may be a variant in this coding, now or soon.
    pub fn is_possible(&self, coding: Coding) -> bool {
        self.failed.load(Relaxed) & (1 << coding as u8) == 0
    }

    pub(super) fn fail(&self, coding: Coding) {
        self.failed.fetch_or(1 << coding as u8, Relaxed);
    }

    pub(super) fn add(&self, variant: Arc<Variant>) {
        // Only who has the claim comes here, once.
        let _ = self.variants[variant.coding as usize].set(variant);
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
}

/// A page as the owner of the bytes that are sent.
struct Held(Arc<Page>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.0.content()
    }
}
