//! A variant: one coded form of a page, made once and sent often.
use super::budget::Charge;
use super::page::{Meta, Page};
use super::stored::Stored;
use bytes::Bytes;
use sluicegate_http::Coding;
use std::sync::Arc;

/// What a variant costs beside its content.
const COST: u64 = 1024;

/// The coded content of a page.
#[derive(Debug)]
pub struct Variant {
    /// Its coding.
    pub coding: Coding,
    /// What a client is told about it.
    pub meta: Arc<Meta>,
    content: Stored,
    charge: Charge,
}

impl Variant {
    /// The bytes that a variant of this length is charged with.
    pub fn cost(len: u64) -> u64 {
        Stored::cost(len).saturating_add(COST)
    }

    /// Coded content with its charge, of which what is too much is given back.
    pub fn new(coding: Coding, meta: Meta, content: Stored, mut charge: Charge) -> Arc<Variant> {
        charge.shrink(Variant::cost(content.len() as u64));
        Arc::new(Variant { coding, meta: Arc::new(meta), content, charge })
    }

    /// The bytes of the budget it holds.
    pub fn charged(&self) -> u64 {
        self.charge.bytes()
    }

    /// The content with a count of references of its own, as [`Page::bytes`].
    pub fn bytes(self: &Arc<Self>) -> Bytes {
        Bytes::from_owner(Held(Arc::clone(self)))
    }
}

/// A variant as the owner of the bytes that are sent.
struct Held(Arc<Variant>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0.content
    }
}

/// The one right to make a variant of a page. Dropped before it has begun it gives the right
/// back; after that nobody tries again, whatever came of it.
#[derive(Debug)]
pub struct Job {
    page: Arc<Page>,
    coding: Coding,
    begun: bool,
}

impl Job {
    /// Takes the right, unless somebody has taken it before.
    pub fn claim(page: &Arc<Page>, coding: Coding) -> Option<Job> {
        page.claim(coding).then(|| Job { page: Arc::clone(page), coding, begun: false })
    }

    /// Begins; returns what is to be coded.
    pub fn begin(mut self) -> (Arc<Page>, Coding) {
        self.begun = true;
        (Arc::clone(&self.page), self.coding)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.begun {
            self.page.unclaim(self.coding);
        }
    }
}
