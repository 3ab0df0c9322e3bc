//! What one worker knows: a hit costs one look into this table, and nothing that is shared.
use super::page::{Meta, Page};
use super::variant::{Job, Variant};
use crate::files::{Name, Text};
use crate::rules::Effect;
use bytes::Bytes;
use foldhash::fast::RandomState;
use sluicegate::Time;
use sluicegate_files::Told;
use sluicegate_http::Coding;
use sluicegate_http::coding::Accepted;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What is known is believed for so long; then it is asked again before it is served.
pub const FRESH: Duration = Duration::from_secs(1);
/// Names without a file that are known at once; the oldest go first.
const ABSENT_MAX: usize = 1024;

/// The names of one site and what is known of them.
#[derive(Debug, Default)]
pub struct Index {
    known: HashMap<Text, Entry, RandomState>,
    /// Names that were absent when they were noted, in that order.
    absent: VecDeque<Name>,
}

#[derive(Debug)]
struct Entry {
    /// When it was asked.
    asked: Time,
    what: Known,
}

impl Entry {
    fn believed(&self, now: Time) -> Option<&Known> {
        (now.since(self.asked) < FRESH).then_some(&self.what)
    }
}

/// What is known of a name.
#[derive(Debug)]
pub enum Known {
    /// A page.
    Page(Kept),
    /// A directory, asked for without its slash.
    Directory,
    /// A directory without an index, in a site that shows some.
    Listable,
    /// Nothing that is served.
    Missing,
}

/// A page ready to be sent by this worker: all reference counts it touches are the worker's own.
#[derive(Debug)]
pub struct Kept {
    page: Arc<Page>,
    /// The content as it is.
    pub plain: Form,
    /// Its variants, best first.
    pub coded: Vec<Coded>,
    /// A bit for each coding in which there is no variant, nor one asked for, as far as is known.
    lacking: Cell<u8>,
}

/// One form of a page.
#[derive(Debug)]
pub struct Form {
    /// The content.
    pub body: Bytes,
    /// The head of 200.
    pub head: Bytes,
    /// The head of 304.
    pub unchanged: Bytes,
}

/// A variant, ready as its page is.
#[derive(Debug)]
pub struct Coded {
    /// The variant.
    pub variant: Arc<Variant>,
    /// What is sent of it.
    pub form: Form,
}

impl Kept {
    /// Makes a page ready, with the fields that hold for its path and with the variants it has by
    /// now. It is made ready anew when it is asked for again: then it has those that were made
    /// meanwhile.
    pub fn new(page: Arc<Page>, effect: &Effect<'_>) -> Kept {
        let mut coded = Vec::new();
        let mut lacking = 0;
        for coding in page.meta.codings.iter() {
            if let Some(variant) = page.variant(coding) {
                let form = Form::new(&variant.meta, Some(coding), variant.bytes(), effect);
                coded.push(Coded { variant: Arc::clone(variant), form });
            } else if page.is_untried(coding) {
                lacking |= bit(coding);
            }
        }
        let plain = Form::new(&page.meta, None, page.bytes(), effect);
        Kept { page, plain, coded, lacking: Cell::new(lacking) }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Whether a variant may be lacking: to be asked first.
    pub fn lacks(&self) -> bool {
        self.lacking.get() != 0
    }

    /// The right to make the variant that a client would like best, where it is lacking. Nobody
    /// is asked twice before the page is looked at anew.
    pub fn lack(&self, accepted: &Accepted) -> Option<Job> {
        let (page, lacking) = (&self.page, self.lacking.get());
        let possible = page.meta.codings.iter().filter(|coding| page.is_possible(*coding));
        let coding = accepted.choose(possible).filter(|coding| lacking & bit(*coding) != 0)?;
        self.lacking.set(lacking & !bit(coding));
        Job::claim(page, coding)
    }
}

fn bit(coding: Coding) -> u8 {
    1 << coding as u8
}

impl Form {
    fn new(meta: &Meta, coding: Option<Coding>, body: Bytes, effect: &Effect<'_>) -> Form {
        let told = Told {
            media: meta.media,
            tag: &meta.tag,
            modified: meta.modified,
            len: meta.len,
            coding,
            varies: !meta.codings.is_empty(),
        };
        let (head, unchanged) = told.heads(effect.fields(200), effect.fields(304));
        Form { body, head, unchanged }
    }
}

impl Index {
    /// What is known of the name behind the slash of `path`, unless it is too old to be believed.
    pub fn get(&self, path: &[u8], now: Time) -> Option<&Known> {
        self.known.get(path.strip_prefix(b"/")?)?.believed(now)
    }

    /// The same of a name.
    pub fn at(&self, name: &Name, now: Time) -> Option<&Known> {
        self.known.get(name.text())?.believed(now)
    }

    /// Notes what lies at a name, as it was when it was asked for at `asked`.
    pub fn put(&mut self, name: Name, what: Known, asked: Time) {
        match &what {
            // The store has let go of it on the way here: it may be sent, not be kept.
            Known::Page(kept) if kept.page.is_gone() => self.forget(&name),
            Known::Page(_) => {
                self.known.insert(name.text().clone(), Entry { asked, what });
            }
            Known::Directory | Known::Listable | Known::Missing => {
                let known = self.known.insert(name.text().clone(), Entry { asked, what });
                if known.is_none_or(|known| matches!(known.what, Known::Page(_))) {
                    self.note_absent(name);
                }
            }
        }
    }

    /// Forgets what is at a name, whatever it is.
    pub fn forget(&mut self, name: &Name) {
        self.known.remove(name.text());
    }

    /// Lets go of a page, unless another one has taken its place.
    pub fn release(&mut self, page: &Arc<Page>) {
        if let Some(Entry { what: Known::Page(kept), .. }) = self.known.get(page.name.text())
            && Arc::ptr_eq(&kept.page, page)
        {
            self.known.remove(page.name.text());
        }
    }

    fn note_absent(&mut self, name: Name) {
        self.absent.push_back(name);
        if self.absent.len() > ABSENT_MAX
            && let Some(oldest) = self.absent.pop_front()
            && !matches!(self.known.get(oldest.text()), Some(Entry { what: Known::Page(_), .. }))
        {
            self.known.remove(oldest.text());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_files::Order;

    fn page(path: &str) -> Arc<Page> {
        let tag = "\"x\"".to_owned();
        let meta = Meta { media: "text/plain", tag, modified: None, len: 2, codings: Order::NONE };
        Page::bundled(Name::new(path.as_bytes()).expect("plain"), meta, b"ab")
    }

    fn put(index: &mut Index, page: &Arc<Page>, asked: Time) {
        index.put(
            page.name.clone(),
            Known::Page(Kept::new(Arc::clone(page), &Effect::default())),
            asked,
        );
    }

    #[test]
    fn what_is_known_is_believed_for_a_second() {
        let (mut index, page) = (Index::default(), page("/a"));
        put(&mut index, &page, Time(5));
        assert!(matches!(index.get(b"/a", Time(5)), Some(Known::Page(_))));
        assert!(index.get(b"/a", Time(5) + FRESH).is_none());
        assert!(index.get(b"/b", Time(5)).is_none());
        assert!(index.get(b"a", Time(5)).is_none());
        put(&mut index, &page, Time(5) + FRESH);
        assert!(index.get(b"/a", Time(6) + FRESH).is_some());
    }

    #[test]
    fn the_heads_of_a_page_are_made_ahead() {
        let kept = Kept::new(page("/a"), &Effect::default()).plain;
        assert_eq!(
            kept.head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: bytes\r\n\
             ETag: \"x\"\r\nContent-Length: 2\r\n"
        );
        assert_eq!(kept.unchanged, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n");
    }

    #[test]
    fn a_page_that_is_gone_is_not_kept() {
        let (mut index, old, new) = (Index::default(), page("/a"), page("/a"));
        put(&mut index, &old, Time(0));
        old.set_gone();
        index.release(&old);
        assert!(index.known.is_empty());
        put(&mut index, &old, Time(0));
        assert!(index.known.is_empty());
        put(&mut index, &new, Time(0));
        index.release(&old);
        assert_eq!(index.known.len(), 1, "another page has taken its place");
    }

    #[test]
    fn names_without_a_file_are_bounded() {
        let (mut index, kept) = (Index::default(), page("/kept"));
        index.put(kept.name.clone(), Known::Missing, Time(0));
        put(&mut index, &kept, Time(0));
        for n in 0..3 * ABSENT_MAX {
            let name = Name::new(format!("/{n}").as_bytes()).expect("plain");
            index.put(name.clone(), Known::Missing, Time(0));
            index.put(name, Known::Directory, Time(1));
        }
        assert_eq!(index.known.len(), ABSENT_MAX + 1);
        assert_eq!(index.absent.len(), ABSENT_MAX);
        assert!(index.get(b"/kept", Time(0)).is_some());
    }
}
