//! How variants are made: read from a file that was coded ahead, or coded here. In a pool.
use super::counts::Counts;
use super::loader::Loader;
use super::page::{Meta, Page};
use super::store::Eviction;
use super::stored::Stored;
use super::variant::{Job, Variant};
use crate::files::{Found, Opened};
use sluicegate_files::{Stamp, content_tag};
use sluicegate_files::{coded_tag, encode, worth};
use sluicegate_http::Coding;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// Why there is no variant.
enum Not {
    /// It would save too little.
    Worth,
    /// The page went or changed, there was no room, or the disk failed.
    Now,
}

impl Loader {
    /// Makes the variant of a page that somebody may ask for again. Pages that had to go for it
    /// are added to `gone`.
    pub fn make(&self, job: Job, gone: &mut Vec<Eviction>) {
        let (page, coding) = job.begin();
        let ahead = page.files.and_then(|files| files.coded[coding as usize]);
        let made = match ahead {
            Some(stamp) => self.read_ahead(&page, coding, stamp, gone).unwrap_or(Err(Not::Now)),
            None => self.code_page(&page, coding, gone),
        };
        let counts = &self.counts;
        match made {
            Ok(variant) => {
                let saved = page.meta.len - variant.meta.len;
                // The page may have gone while this was made.
                if !self.store.attach(&page, variant) {
                    return Counts::count(&counts.dropped, 1);
                }
                Counts::count(&counts.made, 1);
                Counts::count(&counts.ahead, u64::from(ahead.is_some()));
                Counts::count(&counts.saved, saved);
            }
            Err(not) => {
                page.fail(coding);
                let which = match not {
                    Not::Worth => &counts.too_large,
                    Not::Now => &counts.dropped,
                };
                Counts::count(which, 1);
            }
        }
    }

    fn code_page(
        &self,
        page: &Arc<Page>,
        coding: Coding,
        gone: &mut Vec<Eviction>,
    ) -> Result<Arc<Variant>, Not> {
        let limit = worth(page.meta.len);
        let charge = self.store.room(Variant::cost(limit), gone).ok_or(Not::Now)?;
        if page.life.is_gone() {
            return Err(Not::Now);
        }
        // A page fits in memory, so that its length fits a `usize`.
        let coded = encode(coding, self.compression.effort, page.content(), limit as usize);
        let coded = coded.ok_or(Not::Worth)?;
        let tag = coded_tag(&content_tag(&coded), coding);
        let meta = Meta { tag, len: coded.len() as u64, ..page.meta.clone() };
        Ok(Variant::new(coding, meta, coded.into(), charge))
    }

    /// The file has to be the one that was seen when the page was read.
    fn read_ahead(
        &self,
        page: &Arc<Page>,
        coding: Coding,
        stamp: Stamp,
        gone: &mut Vec<Eviction>,
    ) -> io::Result<Result<Arc<Variant>, Not>> {
        let Found::File(plain) = self.plan.of(page.name.site()).content().find(&page.name)? else {
            return Ok(Err(Not::Now));
        };
        let file = self.ahead(page.name.site(), &plain)?[coding as usize].take();
        let same = |opened: &Opened| {
            opened.stamp == stamp && page.files.is_some_and(|files| files.stamp == plain.stamp)
        };
        let Some(Opened { file, .. }) = file.filter(same) else { return Ok(Err(Not::Now)) };
        let Some(charge) = self.store.room(Variant::cost(stamp.len), gone) else {
            return Ok(Err(Not::Now));
        };
        let coded = Stored::read(&file, stamp.len)?;
        if Stamp::of(&file.metadata()?) != stamp || coded.len() as u64 != stamp.len {
            return Ok(Err(Not::Now));
        }
        let tag = coded_tag(&content_tag(&coded), coding);
        let modified = page.meta.modified.max(Some(stamp.modified().min(SystemTime::now())));
        let meta = Meta { tag, modified, len: stamp.len, ..page.meta.clone() };
        Ok(Ok(Variant::new(coding, meta, coded, charge)))
    }
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
