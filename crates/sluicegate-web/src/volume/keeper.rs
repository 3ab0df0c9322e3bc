//! What one worker keeps of volumes, within its share of the memory: takes what was read, checks
//! it, and lets go of other things for it, of which whoever holds them is to be told.
use super::counts::Counts;
use super::edition::Edition;
use super::fetch::{Evicted, Fault, Fetch, Got, Key};
use super::hot::{HOT_MAX, Hot};
use super::memory::Share;
use super::object::Object;
use super::piece::Piece;
use super::shelf::Shelf;
use crate::cache::Charge;
use crate::files::Name;
use bytes::Bytes;
use sluicegate::WorkerId;
use sluicegate_io::{Frames, PAGE};
use sluicegate_volume::{Bad, Entry, Front};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// One part in this many of the memory is kept free ahead: what had to go is still held by caches
/// and sockets for a moment.
const SLACK: usize = 16;

/// What one worker keeps.
#[derive(Debug)]
pub struct Keeper {
    share: Arc<Share>,
    objects: Shelf<Object>,
    pieces: Shelf<Piece>,
    /// Those of which something may be kept.
    editions: Vec<Arc<Edition>>,
    gone: Vec<(WorkerId, Evicted)>,
    /// More was let go of than the budget asks for, as pages that had to go did not come home.
    pushed: bool,
}

impl Keeper {
    /// Keeps nothing yet. Whoever may hold what a former keeper of this share kept is to be told
    /// that it is gone.
    pub fn new(share: Arc<Share>) -> Keeper {
        let all = |to: WorkerId| (to, Evicted { all: true, ..Evicted::default() });
        let gone = share.askers().into_iter().map(all).collect();
        let (objects, pieces, editions) = Default::default();
        Keeper { share, objects, pieces, editions, gone, pushed: false }
    }

    /// What is kept of what is asked for. With a `holder`, it is noted to hold it from now on; else
    /// it is sent once.
    pub fn get(&mut self, fetch: &Fetch, holder: Option<WorkerId>) -> Option<Got> {
        let key = fetch.key();
        if let Fetch::Piece { .. } = fetch {
            let piece = Arc::clone(self.pieces.get(key)?);
            match holder {
                Some(holder) => self.pieces.hold(key, holder),
                None => piece.life.warm(),
            }
            return Some(Got::Piece(piece));
        }
        let object = Arc::clone(self.objects.get(key)?);
        if !fetch.is_of(&object) {
            return Some(Got::Nothing);
        }
        let first = object.key_of(0, 0);
        let piece = self.pieces.get(first).filter(|_| object.is_small()).cloned();
        if let Some(holder) = holder {
            self.objects.hold(key, holder);
            if piece.is_some() {
                self.pieces.hold(first, holder);
            }
        }
        Some(Got::Object(object, piece))
    }

    /// Whether it is kept.
    pub fn has(&self, fetch: &Fetch) -> bool {
        match fetch {
            Fetch::Object { .. } => self.objects.get(fetch.key()).is_some(),
            Fetch::Piece { .. } => self.pieces.get(fetch.key()).is_some(),
        }
    }

    /// Whether anything has to go for what is asked for, beside what else is: so many pages, and
    /// bytes of what is known of objects.
    pub fn is_full(&self, fetch: &Fetch, (pages, charge): (usize, u64)) -> bool {
        self.lacks_pages(fetch.pages(), pages) || self.lacks_charge(fetch.charge() + charge)
    }

    fn lacks_pages(&self, pages: usize, loading: usize) -> bool {
        let all = self.share.arena.pages();
        self.pieces.size() as usize + loading + pages > all - all / SLACK
    }

    fn lacks_charge(&self, bytes: u64) -> bool {
        self.objects.size() + bytes > self.charge_max()
    }

    /// The most bytes that may be known of all objects.
    fn charge_max(&self) -> u64 {
        let limit = self.share.fronts.limit();
        limit - limit / SLACK as u64
    }

    /// What is hot: forms of objects that were asked for lately.
    pub fn hot(&self) -> Vec<Hot> {
        let hot = self.pieces.iter().filter(|piece| piece.is_first() && piece.life.heat() > 0);
        let hot = hot.take(HOT_MAX).filter_map(|piece| {
            let (volume, form) = (piece.edition().device().name().to_owned(), piece.form());
            Some(Hot { volume, name: piece.names().first()?.clone(), form })
        });
        hot.collect()
    }

    /// Takes what was read for a question, of which `n` bytes came; others ask for it by `names`.
    ///
    /// # Errors
    /// It is not what was packed, the device ends before it, or there is no room for what is to be
    /// known of an object.
    pub fn take<'a>(
        &mut self,
        fetch: &'a Fetch,
        names: impl Iterator<Item = &'a Name>,
        frames: Frames,
        n: usize,
    ) -> Result<Got, Fault> {
        match fetch {
            Fetch::Object { edition, entry, name } => {
                let names = std::iter::once(name).chain(names);
                self.take_object((fetch.key(), edition, entry), names, frames, n)
            }
            Fetch::Piece { object, form, number, .. } => {
                self.take_piece(object, (*form, *number), frames, n).map(Got::Piece)
            }
        }
    }

    /// The object, and its piece as it is.
    fn take_object<'a>(
        &mut self,
        (key, edition, entry): (Key, &Arc<Edition>, &Entry),
        names: impl Iterator<Item = &'a Name>,
        mut frames: Frames,
        n: usize,
    ) -> Result<Got, Fault> {
        let (front_pages, _) = Edition::pages_of(entry);
        let body = frames.split_off(front_pages);
        let mut front = Vec::with_capacity(frames.len());
        frames.slices().for_each(|slice| front.extend_from_slice(slice));
        // What is known of objects lies beside the pages, charged to a budget of its own.
        drop(frames);
        front.truncate(n.min(entry.front_len() as usize));
        let front = match parse(front.into_boxed_slice().into(), names, entry) {
            Ok(front) => front,
            Err(Bad::OtherName) => return Ok(Got::Nothing),
            Err(Bad::Sum | Bad::Structure) => {
                Counts::add(&self.share.counts.damaged, 1);
                return Err(Fault::Damaged);
            }
        };
        let charge = self.charge(Object::cost(entry.front_len()));
        let charge = charge.inspect_err(|_| Counts::add(&self.share.counts.refused, 1))?;
        let mut object = Object::new(key, edition, front, charge);
        if self.stays(edition) {
            object = self.objects.put(object);
        }
        if !object.is_small() || body.is_empty() {
            return Ok(Got::Object(object, None));
        }
        let came = n.saturating_sub(front_pages * PAGE);
        // Who asks for it by itself is told what is wrong with it.
        let piece = self.take_piece(&object, (0, 0), body, came).ok();
        Ok(Got::Object(object, piece))
    }

    /// A piece by its form and number.
    fn take_piece(
        &mut self,
        object: &Object,
        (form, number): (usize, u64),
        frames: Frames,
        n: usize,
    ) -> Result<Arc<Piece>, Fault> {
        let len = object.len_of(form, number);
        if n < len {
            Counts::add(&self.share.counts.errors, 1);
            return Err(Fault::Device);
        }
        let Some(piece) = Piece::checked(object, form, number, frames.freeze(len)) else {
            Counts::add(&self.share.counts.damaged, 1);
            return Err(Fault::Damaged);
        };
        match self.stays(object.edition()) {
            true => Ok(self.pieces.put(piece)),
            false => Ok(piece),
        }
    }

    /// Whether what is of this edition may be kept; then its end is looked for.
    fn stays(&mut self, edition: &Arc<Edition>) -> bool {
        if edition.is_over() {
            return false;
        }
        if !self.editions.iter().any(|known| Arc::ptr_eq(known, edition)) {
            self.editions.push(Arc::clone(edition));
        }
        true
    }

    /// Takes pages to read into, letting go of others for them; `loading` are read into already.
    pub fn room(&mut self, pages: usize, loading: usize) -> Option<Frames> {
        while self.lacks_pages(pages, loading) && self.evict_piece() {}
        let frames = self.share.arena.take(pages);
        if frames.is_some() || self.pushed {
            return frames;
        }
        // What had to go is held by slow clients: once in a while more goes than the budget asks.
        self.pushed = true;
        let size = self.pieces.size();
        while size - self.pieces.size() < pages as u64 && self.evict_piece() {}
        self.share.arena.take(pages)
    }

    /// Charges what is known of an object, letting go of others for it.
    ///
    /// # Errors
    /// It is too large whatever goes, so that nothing does; or others hold too much.
    fn charge(&mut self, bytes: u64) -> Result<Charge, Fault> {
        if bytes > self.charge_max() {
            return Err(Fault::TooLarge);
        }
        while self.lacks_charge(bytes) {
            let (object, holders) = self.objects.evict().ok_or(Fault::Busy)?;
            self.note(&holders, |evicted| evicted.objects.push(Arc::clone(&object)));
        }
        self.share.fronts.take(bytes).ok_or(Fault::Busy)
    }

    fn evict_piece(&mut self) -> bool {
        let Some((piece, holders)) = self.pieces.evict() else { return false };
        self.note(&holders, |evicted| evicted.pieces.push(Arc::clone(&piece)));
        true
    }

    /// Notes for all who hold something that it had to go.
    fn note(&mut self, holders: &[WorkerId], what: impl Fn(&mut Evicted)) {
        Counts::add(&self.share.counts.evictions, 1);
        for holder in holders {
            match self.gone.iter_mut().find(|(to, _)| to == holder) {
                Some((_, evicted)) => what(evicted),
                None => {
                    let mut evicted = Evicted::default();
                    what(&mut evicted);
                    self.gone.push((*holder, evicted));
                }
            }
        }
    }

    /// Once in a while: lets go of what is of editions in whose place others are by now.
    pub fn look(&mut self) {
        self.pushed = false;
        let known = self.editions.len();
        self.editions.retain(|edition| !edition.is_over());
        if self.editions.len() < known {
            // The caches let go of their own.
            self.objects.drop_unless(|object| !object.edition().is_over());
            self.pieces.drop_unless(|piece| !piece.edition().is_over());
        }
    }

    /// Whether somebody is to be told that something is gone.
    pub fn has_news(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Who is to be told next, and of what.
    pub fn news(&mut self) -> Option<(WorkerId, Evicted)> {
        self.gone.pop()
    }

    /// Says how many pages are kept.
    pub fn publish(&self) {
        self.share.counts.pages.store(self.pieces.size(), Relaxed);
    }
}

/// The front of an object by any of these names.
fn parse<'a>(
    front: Bytes,
    names: impl Iterator<Item = &'a Name>,
    entry: &Entry,
) -> Result<Front, Bad> {
    let mut found = Err(Bad::OtherName);
    for name in names {
        found = Front::parse(front.clone(), name.as_str().as_bytes(), entry);
        if !matches!(found, Err(Bad::OtherName)) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::memory::{Memory, SHARE_MIN};
    use super::super::open_volume::OpenVolume;
    use super::super::pack;
    use super::*;
    use crate::scratch::Scratch;
    use sluicegate_files::Compression;
    use sluicegate_volume::Kind;

    #[test]
    fn nothing_goes_for_an_object_that_never_fits() {
        let scratch = Scratch::new();
        let (site, packed) = (scratch.path().join("site"), scratch.path().join("volume"));
        scratch.write("site/a", "a");
        pack(&site, &packed, Compression::off());
        let edition = OpenVolume::open(&packed).expect("it was packed").edition();
        let memory = Memory::new(SHARE_MIN, 1).expect("it is enough");
        let mut keeper = Keeper::new(Arc::clone(&memory.shares()[0]));
        let most = keeper.charge_max();
        let charge = keeper.charge(most / 2).expect("there is room");
        let front = Front { kind: Kind::Directory, names: Vec::new() };
        let key = Key { edition: edition.number(), offset: 0 };
        keeper.objects.put(Object::new(key, &edition, front, charge));
        assert_eq!(keeper.charge(most + 1).err(), Some(Fault::TooLarge));
        assert_eq!(keeper.objects.size(), most / 2, "it is kept");
        assert!(keeper.charge(most).is_ok(), "all others go for it");
        assert_eq!(keeper.objects.size(), 0);
    }
}
