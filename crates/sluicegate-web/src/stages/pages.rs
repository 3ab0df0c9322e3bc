//! Keeps pieces of volumes in pages of a bounded memory, and has those read that it lacks: once for
//! all who wait, so many at once, and without ever waiting itself.
use crate::volume::{
    Asker, Counts, Edition, Evicted, Fault, Fetch, Fetched, Got, Key, Memory, Miss, Misses, Object,
    Piece, Share, Shelf, Waiter,
};
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Time, WorkerId};
use sluicegate_io::{Frames, PAGE, Read, ReadDone};
use sluicegate_macros::{From, Ports};
use sluicegate_volume::{Bad, Entry, Front};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Reads that the device has not answered; what is asked for beyond that waits here, in order.
pub const READS: usize = 64;
/// Pieces that are waited for, by whomever: more are refused, but for those of replies under way.
pub const MISSES: usize = 512;
/// Who has waited for so long is refused: the device hangs, or slow clients hold all pages.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks at who waits.
const TICK: Duration = Duration::from_millis(250);
/// One part in this many of the memory is kept free ahead: what had to go is still held by caches
/// and sockets for a moment.
const SLACK: usize = 16;
/// What is read at once may take one part in this many of the pages.
const READ_SHARE: usize = 4;

/// All that the stage listens to.
#[derive(From)]
pub enum PagesIn {
    /// A question of a cache, which keeps the answer until it is told that it is gone.
    Asked(Fetch),
    /// A question for a reply that is sent in pieces.
    Next(Next),
    /// What came of a read.
    Read(ReadDone),
}

/// Asks for the next piece of a reply that is sent in pieces.
#[derive(Debug)]
pub struct Next(pub Fetch);

impl From<Fetch> for Next {
    fn from(fetch: Fetch) -> Next {
        Next(fetch)
    }
}

/// Where the stage sends.
#[derive(Ports)]
pub struct PagesOut {
    /// Answers to caches.
    pub answer: Out<Fetched>,
    /// Answers to those who feed replies.
    pub piece: Out<Fetched>,
    /// What is to be read.
    pub read: Out<Read>,
    /// What had to go, to those who may hold it.
    pub gone: Out<Evicted>,
}

/// What one worker keeps of all volumes: its share of the keys, in its share of the memory.
#[derive(Debug)]
pub struct Pages {
    memory: Arc<Memory>,
    share: Arc<Share>,
    objects: Shelf<Object>,
    pieces: Shelf<Piece>,
    misses: Misses,
    /// Those of which something may be kept.
    editions: Vec<Arc<Edition>>,
    askers: Vec<WorkerId>,
    /// Answered, and waiting for room to be sent.
    ready: VecDeque<(Asker, Event<Fetched>)>,
    gone: Vec<(WorkerId, Evicted)>,
    /// More was let go of than the budget asks for, as pages that had to go did not come home.
    pushed: bool,
}

impl Stage for Pages {
    type In = PagesIn;
    type Out = PagesOut;

    fn start(&mut self, cx: &mut Cx<'_, PagesOut>) {
        self.share = Arc::clone(self.memory.share(cx.worker()));
        let flag = cx.flag();
        self.share.arena.on_return(Arc::new(move || flag.raise()));
        // Whoever holds what a former replica kept would never be told of its end.
        self.askers = self.share.askers();
        let all = |to: &WorkerId| (*to, Evicted { all: true, ..Evicted::default() });
        self.gone = self.askers.iter().map(all).collect();
        self.go_on(cx);
        cx.after(TICK, 0);
    }

    fn handle(&mut self, mut batch: Batch<'_, PagesIn>, cx: &mut Cx<'_, PagesOut>) {
        // Those who waited for one piece may be more than the outbox takes: the rest leaves when
        // that has been delivered.
        self.send(cx);
        while self.ready.len() < cx.out.answer.room().min(cx.out.piece.room())
            && let Some(event) = batch.next()
        {
            let (tag, body) = event.split();
            match body {
                PagesIn::Asked(fetch) => self.asked(tag, fetch, Asker::Cache, cx.now()),
                PagesIn::Next(Next(fetch)) => self.asked(tag, fetch, Asker::Stream, cx.now()),
                PagesIn::Read(done) => {
                    tag.finish();
                    self.read(done);
                }
            }
        }
        self.go_on(cx);
    }

    /// Pages came home, or there is room for more answers.
    fn signal(&mut self, cx: &mut Cx<'_, PagesOut>) {
        self.go_on(cx);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, PagesOut>) {
        for waiter in self.misses.take_late(cx.now(), PATIENCE) {
            Counts::add(&self.share.counts.late, 1);
            self.answer(waiter, Err(Fault::Late));
        }
        self.pushed = false;
        self.let_go_of_former();
        self.go_on(cx);
        cx.after(TICK, 0);
    }

    /// A read has died with whoever was to make it.
    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, PagesOut>) {
        let Some(tag) = ended.tag else { return };
        if let Some(miss) = self.misses.died(&tag) {
            Counts::add(&self.share.counts.errors, 1);
            self.settle(miss.waiters, Err(Fault::Device));
        }
        tag.finish();
        self.go_on(cx);
    }
}

impl Pages {
    /// Keeps nothing yet.
    ///
    /// # Panics
    /// If there is no memory for any worker.
    pub fn new(memory: Arc<Memory>) -> Pages {
        let share = Arc::clone(memory.share(WorkerId::default()));
        Pages {
            memory,
            share,
            objects: Shelf::default(),
            pieces: Shelf::default(),
            misses: Misses::default(),
            editions: Vec::new(),
            askers: Vec::new(),
            ready: VecDeque::new(),
            gone: Vec::new(),
            pushed: false,
        }
    }

    fn asked(&mut self, tag: Tag, fetch: Fetch, asker: Asker, now: Time) {
        let home = tag.home();
        if asker == Asker::Cache && !self.askers.contains(&home) {
            self.askers.push(home);
            self.share.add_asker(home);
        }
        if let Some(next) = fetch.next() {
            self.read_ahead(&tag, next, now);
        }
        let waiter = Waiter { tag, fetch, asker };
        match self.kept(&waiter) {
            Some(got) => {
                Counts::add(&self.share.counts.kept, 1);
                self.answer(waiter, Ok(got));
            }
            None => self.miss(waiter, now),
        }
    }

    /// What is kept of what somebody asks for, who is noted to hold it.
    fn kept(&mut self, waiter: &Waiter) -> Option<Got> {
        let (key, home) = (waiter.fetch.key(), waiter.tag.home());
        if let Fetch::Piece { .. } = waiter.fetch {
            let piece = Arc::clone(self.pieces.get(key)?);
            match waiter.asker {
                Asker::Cache => self.pieces.hold(key, home),
                Asker::Stream => piece.life.warm(),
            }
            return Some(Got::Piece(piece));
        }
        let object = Arc::clone(self.objects.get(key)?);
        if !waiter.fetch.is_of(&object) {
            return Some(Got::Nothing);
        }
        self.objects.hold(key, home);
        let first = object.key_of(0, 0);
        let piece = self.pieces.get(first).filter(|_| object.is_small()).cloned();
        if piece.is_some() {
            self.pieces.hold(first, home);
        }
        Some(Got::Object(object, piece))
    }

    /// Has somebody wait for what is not kept.
    fn miss(&mut self, waiter: Waiter, now: Time) {
        let (key, share) = (waiter.fetch.key(), Arc::clone(&self.share));
        if let Some(miss) = self.misses.get_mut(key) {
            if miss.late {
                Counts::add(&share.counts.late, 1);
                return self.answer(waiter, Err(Fault::Late));
            }
            Counts::add(&share.counts.joined, 1);
            return miss.waiters.push(waiter);
        }
        let many = self.misses.len() >= MISSES && waiter.asker == Asker::Cache;
        if many || waiter.fetch.pages() > share.arena.pages() / READ_SHARE {
            Counts::add(&share.counts.refused, 1);
            return self.answer(waiter, Err(Fault::Busy));
        }
        Counts::add(&share.counts.misses, 1);
        let (tag, fetch) = (Some(second(&waiter.tag)), waiter.fetch.clone());
        let miss = Miss { fetch, since: now, waiters: vec![waiter], tag, late: false };
        self.misses.add(key, miss);
    }

    /// Has a piece be read that will be asked for, unless there is enough to do.
    fn read_ahead(&mut self, tag: &Tag, fetch: Fetch, now: Time) {
        let key = fetch.key();
        let there = self.pieces.get(key).is_some() || self.misses.has(key);
        if there || self.misses.len() >= READS / 2 {
            return;
        }
        Counts::add(&self.share.counts.ahead, 1);
        let (tag, waiters) = (Some(second(tag)), Vec::new());
        self.misses.add(key, Miss { fetch, since: now, waiters, tag, late: false });
    }

    /// Takes what came of a read, and answers all who waited for it.
    fn read(&mut self, ReadDone { token, frames, result }: ReadDone) {
        let Some(miss) = self.misses.end(token) else { return };
        let counts = &self.share.counts;
        let got = match result {
            Ok(n) => {
                Counts::add(&counts.bytes, n as u64);
                match &miss.fetch {
                    Fetch::Object { edition, entry, .. } => {
                        self.object((edition, entry), &miss, frames, n)
                    }
                    Fetch::Piece { object, form, number, .. } => {
                        self.piece(object, *form, *number, frames, n).map(Got::Piece)
                    }
                }
            }
            Err(_) => {
                Counts::add(&counts.errors, 1);
                Err(Fault::Device)
            }
        };
        if let Err(fault @ (Fault::Device | Fault::Damaged)) = got {
            tell(&miss.fetch, fault);
        }
        self.settle(miss.waiters, got);
    }

    /// The object in what was read, of which `n` bytes came, and its piece as it is.
    fn object(
        &mut self,
        (edition, entry): (&Arc<Edition>, &Entry),
        miss: &Miss,
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
        let front = front.into_boxed_slice().into();
        let front = match parse(miss, front, entry) {
            Ok(front) => front,
            Err(Bad::OtherName) => return Ok(Got::Nothing),
            Err(Bad::Sum | Bad::Structure) => {
                Counts::add(&self.share.counts.damaged, 1);
                return Err(Fault::Damaged);
            }
        };
        let Some(charge) = self.charge(Object::cost(entry.front_len())) else {
            Counts::add(&self.share.counts.refused, 1);
            return Err(Fault::Busy);
        };
        let object = Object::new(miss.fetch.key(), edition, front, charge);
        if self.stays(edition) {
            self.objects.put(&object);
        }
        let came = n.saturating_sub(front_pages * PAGE);
        if !object.is_small() || body.is_empty() {
            return Ok(Got::Object(object, None));
        }
        // It may have been kept longer than what was known of the object.
        if let Some(piece) = self.pieces.get(object.key_of(0, 0)) {
            return Ok(Got::Object(object, Some(Arc::clone(piece))));
        }
        // Who asks for it by itself is told what is wrong with it.
        let piece = self.piece(&object, 0, 0, body, came).ok();
        Ok(Got::Object(object, piece))
    }

    /// The piece in what was read, of which `n` bytes came.
    fn piece(
        &mut self,
        object: &Arc<Object>,
        form: usize,
        number: u64,
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
        if self.stays(object.edition()) {
            self.pieces.put(&piece);
        }
        Ok(piece)
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

    fn settle(&mut self, waiters: Vec<Waiter>, got: Result<Got, Fault>) {
        for waiter in waiters {
            // It is answered as one who asks now, so that it is noted where it is kept.
            let answer = match &got {
                Ok(Got::Object(object, _)) if !waiter.fetch.is_of(object) => Ok(Got::Nothing),
                Ok(_) => self.kept(&waiter).map_or_else(|| got.clone(), Ok),
                Err(fault) => Err(*fault),
            };
            self.answer(waiter, answer);
        }
    }

    fn answer(&mut self, Waiter { tag, fetch, asker }: Waiter, got: Result<Got, Fault>) {
        self.ready.push_back((asker, tag.with(Fetched { fetch, got })));
    }

    /// Begins to read what is waited for, as far as there is room, and sends what is ready.
    fn go_on(&mut self, cx: &mut Cx<'_, PagesOut>) {
        while self.misses.reading() < READS
            && cx.out.read.room() > 0
            && let Some(Miss { fetch, waiters, .. }) = self.misses.head()
        {
            let (pages, idle) = (fetch.pages(), waiters.is_empty());
            let (device, offset) = (fetch.edition().device().clone(), fetch.key().offset);
            match self.room(pages) {
                Some(frames) => {
                    let Some((tag, token)) = self.misses.begin(pages) else { break };
                    cx.out.read.emit(tag.with(Read { device, offset, frames, token }));
                }
                None if idle => self.misses.give_up_head(),
                None => break,
            }
        }
        self.send(cx);
        let counts = &self.share.counts;
        counts.pages.store(self.pieces.size(), Relaxed);
        counts.loading.store(self.misses.pages() as u64, Relaxed);
    }

    /// Takes pages to read into, letting go of others for them.
    fn room(&mut self, pages: usize) -> Option<Frames> {
        let all = self.share.arena.pages();
        let most = all - all / SLACK;
        while self.pieces.size() as usize + self.misses.pages() + pages > most {
            if !self.evict_piece() {
                break;
            }
        }
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
    fn charge(&mut self, bytes: u64) -> Option<crate::cache::Charge> {
        let limit = self.share.fronts.limit();
        while self.objects.size() + bytes > limit - limit / SLACK as u64 {
            let (object, holders) = self.objects.evict()?;
            self.note(&holders, |evicted| evicted.objects.push(Arc::clone(&object)));
        }
        self.share.fronts.take(bytes)
    }

    fn evict_piece(&mut self) -> bool {
        let Some((piece, holders)) = self.pieces.evict() else { return false };
        self.note(&holders, |evicted| evicted.pieces.push(Arc::clone(&piece)));
        true
    }

    /// Lets go of what is of editions in whose place others are by now.
    fn let_go_of_former(&mut self) {
        let known = self.editions.len();
        self.editions.retain(|edition| !edition.is_over());
        if self.editions.len() == known {
            return;
        }
        // The caches let go of their own.
        self.objects.retain(|object| !object.edition().is_over());
        self.pieces.retain(|piece| !piece.edition().is_over());
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

    /// Sends what is ready, as far as there is room; the rest when that has been delivered.
    fn send(&mut self, cx: &mut Cx<'_, PagesOut>) {
        while let Some((asker, _)) = self.ready.front() {
            let out = match asker {
                Asker::Cache => &mut cx.out.answer,
                Asker::Stream => &mut cx.out.piece,
            };
            if out.room() == 0 {
                break;
            }
            if let Some((_, event)) = self.ready.pop_front() {
                out.emit(event);
            }
        }
        while cx.out.gone.room() > 0
            && let Some((to, evicted)) = self.gone.pop()
        {
            cx.out.gone.emit(Event::note(to, evicted));
        }
        if !(self.ready.is_empty() && self.gone.is_empty()) {
            cx.again();
        }
    }
}

/// A second tag for a read, which others wait for too: it is not dropped for being late.
fn second(tag: &Tag) -> Tag {
    let mut second = tag.fork();
    second.set_deadline(None);
    second
}

/// The front of an object by any of the names that it is waited for by.
fn parse(miss: &Miss, front: bytes::Bytes, entry: &Entry) -> Result<Front, Bad> {
    let asked = std::iter::once(&miss.fetch).chain(miss.waiters.iter().map(|w| &w.fetch));
    let mut found = Err(Bad::OtherName);
    for name in asked.filter_map(Fetch::name) {
        found = Front::parse(front.clone(), name.as_str().as_bytes(), entry);
        if !matches!(found, Err(Bad::OtherName)) {
            break;
        }
    }
    found
}

/// Tells of what is wrong with a volume, where it lies.
fn tell(fetch: &Fetch, fault: Fault) {
    let Key { offset, .. } = fetch.key();
    let (volume, bytes) = (fetch.edition().device().name().to_owned(), fetch.pages() * PAGE);
    let what = match fault {
        Fault::Damaged => "a checksum is wrong",
        _ => "it cannot be read",
    };
    tracing::error!(
        target: "sluicegate::volume",
        volume, offset, bytes, "{what}; what lies there is answered with an error",
    );
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
