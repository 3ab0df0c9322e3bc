//! What one worker knows: a hit costs one look into this table, and nothing that is shared.
use super::kept::Kept;
use super::page::Page;
use crate::files::{Name, Text};
use crate::volume::{Key, Object, Piece};
use foldhash::fast::RandomState;
use sluicegate::Time;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What is known of a directory is believed for so long; then it is asked again before it is
/// served.
pub const FRESH: Duration = Duration::from_secs(1);
/// Names without a file that are known at once; the oldest go first.
const ABSENT_MAX: usize = 1024;

/// The names of one site and what is known of them.
#[derive(Debug)]
pub struct Index {
    /// How long what is known is believed; forever where that is nothing.
    fresh: Option<Duration>,
    known: HashMap<Text, Entry, RandomState>,
    /// Names that were absent when they were noted, in that order.
    absent: VecDeque<Name>,
}

#[derive(Debug)]
struct Entry {
    /// Until when it is believed.
    until: Time,
    what: Known,
}

impl Entry {
    fn believed(&self, now: Time) -> Option<&Known> {
        (now < self.until).then_some(&self.what)
    }
}

/// Of a directory, which may change at any time.
impl Default for Index {
    fn default() -> Index {
        Index { fresh: Some(FRESH), known: HashMap::default(), absent: VecDeque::new() }
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

impl Index {
    /// Of a volume, which never changes: what is known holds until it is told to be gone.
    pub fn lasting() -> Index {
        Index { fresh: None, ..Index::default() }
    }

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
        let until = self.fresh.map_or(Time(u64::MAX), |fresh| asked + fresh);
        match &what {
            // It may be sent, not be kept: it had to go on the way here, or is too large.
            Known::Page(kept) if !kept.may_stay() => self.forget(&name),
            Known::Page(_) => {
                self.known.insert(name.text().clone(), Entry { until, what });
            }
            Known::Directory | Known::Listable | Known::Missing => {
                let known = self.known.insert(name.text().clone(), Entry { until, what });
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
            && kept.is_of_page(page)
        {
            self.known.remove(page.name.text());
        }
    }

    /// What is kept under a name, if that is the object that lies there.
    fn kept_at(&mut self, name: &[u8], key: Key) -> Option<&mut Kept> {
        match self.known.get_mut(name) {
            Some(Entry { what: Known::Page(kept), .. }) if kept.lies_at(key) => Some(kept),
            _ => None,
        }
    }

    /// Takes out what is kept under a name, if that is the object that lies there.
    pub fn take(&mut self, name: &Name, key: Key) -> Option<Kept> {
        self.kept_at(name.as_str().as_bytes(), key)?;
        match self.known.remove(name.text())?.what {
            Known::Page(kept) => Some(kept),
            Known::Directory | Known::Listable | Known::Missing => None,
        }
    }

    /// Lets go of an object, unless another one has taken its place.
    pub fn release_object(&mut self, object: &Arc<Object>) {
        for name in object.names() {
            let kept = self.kept_at(name, object.key());
            if kept.is_some_and(|kept| kept.is_object(object)) {
                self.known.remove(&name[..]);
            }
        }
    }

    /// Lets go of the bytes of a form of an object.
    pub fn release_piece(&mut self, piece: &Arc<Piece>) {
        for name in piece.names() {
            if let Some(kept) = self.kept_at(name, piece.object()) {
                kept.release(piece);
            }
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.known.clear();
        self.absent.clear();
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
    use crate::cache::Meta;
    use crate::rules::Effect;
    use sluicegate_files::Order;

    fn page(path: &str) -> Arc<Page> {
        let tag = "\"x\"".to_owned();
        let meta =
            Meta { media: "text/plain".into(), tag, modified: None, len: 2, codings: Order::NONE };
        Page::bundled(Name::new(path.as_bytes()).expect("plain"), meta, b"ab")
    }

    fn put(index: &mut Index, page: &Arc<Page>, asked: Time) {
        index.put(
            page.name.clone(),
            Known::Page(Kept::page(Arc::clone(page), &Effect::default())),
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
    fn a_page_that_is_gone_is_not_kept() {
        let (mut index, old, new) = (Index::default(), page("/a"), page("/a"));
        put(&mut index, &old, Time(0));
        old.life.set_gone();
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
