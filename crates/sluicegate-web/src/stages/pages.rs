//! Keeps pieces of volumes in pages of a bounded memory, and has those read that it lacks: once for
//! all who wait, so many at once, and without ever waiting itself.
use super::load::{Measured, nanos};
use crate::volume::{
    Asker, Counts, Evicted, Fault, Fetch, Fetched, Got, Keeper, Key, Memory, Miss, Misses, Share,
    Waiter, Warm,
};
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Time, WorkerId};
use sluicegate_io::{Io, Read, ReadDone};
use sluicegate_macros::{From, Ports};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Reads that the device has not answered; what is asked for beyond that waits here, in order.
pub const READS: usize = 64;
/// Events of a batch. A device may answer all that it was asked at once: with few of them a batch,
/// what they bring is sent before more of it, and the worker sees meanwhile who asks for what is
/// kept and waits for no device.
pub const BATCH: usize = 4;
/// Pieces that are waited for, by whomever: more are refused, but for those of replies under way.
pub const MISSES: usize = 512;
/// Who has waited for so long is refused: the device hangs, or slow clients hold all pages.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks at who waits.
const TICK: Duration = Duration::from_millis(250);
/// What was hot is read while fewer are waited for.
const WARMING: usize = 8;
/// Looks between two lists of what is hot: half a minute.
const LISTED: u64 = 120;
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
    /// What was hot in a service before this one.
    Warm(Warm),
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
    measured: Measured,
    share: Arc<Share>,
    keeper: Keeper,
    misses: Misses,
    askers: Vec<WorkerId>,
    /// Answered, and waiting for room to be sent.
    ready: VecDeque<(Asker, Event<Fetched>)>,
    /// What is read behind all that is asked for.
    warm: VecDeque<Warm>,
    /// Forms to be read when their objects are known.
    forms: HashMap<Key, Vec<usize>>,
    /// Looks at who waits.
    ticks: u64,
}

impl Stage for Pages {
    type In = PagesIn;
    type Out = PagesOut;

    fn start(&mut self, cx: &mut Cx<'_, PagesOut>) {
        self.share = Arc::clone(self.memory.share(cx.worker()));
        if self.memory.is_registered() {
            self.share.register(cx.local.get::<Io>());
        }
        let flag = cx.flag();
        self.share.arena.on_return(Arc::new(move || flag.raise()));
        // Whoever holds what a former replica kept would never be told of its end else.
        self.keeper = Keeper::new(Arc::clone(&self.share));
        self.askers = self.share.askers();
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
                PagesIn::Warm(warm) => self.warm.push_back(warm),
                PagesIn::Read(done) => {
                    tag.finish();
                    self.read(done, cx.now());
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
        self.keeper.look();
        self.ticks += 1;
        if self.ticks.is_multiple_of(LISTED) {
            self.list();
        }
        self.go_on(cx);
        cx.after(TICK, 0);
    }

    fn drain(&mut self, _: &mut Cx<'_, PagesOut>) {
        self.list();
    }

    /// A read has died with whoever was to make it.
    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, PagesOut>) {
        let Some(tag) = ended.tag else { return };
        for miss in self.misses.died(&tag) {
            Counts::add(&self.share.counts.errors, 1);
            self.forms.remove(&miss.fetch.key());
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
    pub fn new(memory: Arc<Memory>, measured: Measured) -> Pages {
        let share = Arc::clone(memory.share(WorkerId::default()));
        Pages {
            memory,
            measured,
            keeper: Keeper::new(Arc::clone(&share)),
            share,
            misses: Misses::default(),
            askers: Vec::new(),
            ready: VecDeque::new(),
            warm: VecDeque::new(),
            forms: HashMap::new(),
            ticks: 0,
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
                self.measured.lookups.add(0);
                self.answer(waiter, Ok(got));
            }
            None => self.miss(waiter, now),
        }
    }

    /// What is kept of what somebody asks for, who is noted to hold it.
    fn kept(&mut self, waiter: &Waiter) -> Option<Got> {
        let holder = (waiter.asker == Asker::Cache).then(|| waiter.tag.home());
        self.keeper.get(&waiter.fetch, holder)
    }

    /// Has somebody wait for what is not kept.
    fn miss(&mut self, waiter: Waiter, now: Time) {
        let (key, share) = (waiter.fetch.key(), Arc::clone(&self.share));
        self.measured.lookups.add(1);
        if let Some(miss) = self.misses.get_mut(key) {
            if miss.late {
                Counts::add(&share.counts.late, 1);
                return self.answer(waiter, Err(Fault::Late));
            }
            Counts::add(&share.counts.joined, 1);
            return miss.waiters.push(waiter);
        }
        let many = self.misses.len() >= MISSES && waiter.asker == Asker::Cache;
        let large = waiter.fetch.pages() > share.arena.pages() / READ_SHARE;
        if many || large {
            Counts::add(&share.counts.refused, 1);
            let fault = if large { Fault::TooLarge } else { Fault::Busy };
            share.faults.note(&waiter.fetch, fault);
            return self.answer(waiter, Err(fault));
        }
        Counts::add(&share.counts.misses, 1);
        let (tag, fetch) = (second(&waiter.tag), waiter.fetch.clone());
        self.misses.add(key, Miss::new(fetch, now, vec![waiter], tag));
    }

    /// Has a piece be read that will be asked for, unless there is enough to do.
    fn read_ahead(&mut self, tag: &Tag, fetch: Fetch, now: Time) {
        let key = fetch.key();
        let there = self.keeper.has(&fetch) || self.misses.has(key);
        if there || self.misses.len() >= READS / 2 {
            return;
        }
        Counts::add(&self.share.counts.ahead, 1);
        self.misses.add(key, Miss::new(fetch, now, Vec::new(), second(tag)));
    }

    /// Notes what is hot, where that is written down.
    fn list(&self) {
        if self.memory.list().is_some() {
            self.share.set_hot(self.keeper.hot());
        }
    }

    /// Has what was hot be read while little else is waited for, until the memory is full.
    fn warm_up(&mut self, cx: &Cx<'_, PagesOut>) {
        while self.misses.len() < WARMING
            && let Some(Warm { fetch, forms }) = self.warm.pop_front()
        {
            if self.keeper.is_full(&fetch, self.misses.wants()) {
                return self.warm.clear();
            }
            let key = fetch.key();
            if self.keeper.has(&fetch) || self.misses.has(key) {
                continue;
            }
            if !forms.is_empty() {
                self.forms.insert(key, forms);
            }
            let tag = Tag::none(cx.worker());
            self.misses.add(key, Miss::new(fetch, cx.now(), Vec::new(), tag));
        }
    }

    /// Adds the forms of an object that were hot too.
    fn warm_forms(&mut self, key: Key, got: &Result<Got, Fault>) {
        let Some(forms) = self.forms.remove(&key) else { return };
        let Ok(Got::Object(object, _)) = got else { return };
        for form in forms.into_iter().filter(|form| *form < object.forms().len()) {
            let (object, number, ahead, name) = (Arc::clone(object), 0, 0, None);
            let fetch = Fetch::Piece { object, form, number, ahead, name };
            self.warm.push_front(Warm { fetch, forms: Vec::new() });
        }
    }

    /// Takes what came of a read, and answers all who waited for it.
    fn read(&mut self, ReadDone { token, frames, result }: ReadDone, now: Time) {
        let Some(miss) = self.misses.end(token) else { return };
        self.measured.took.add(nanos(now.since(miss.begun)));
        let counts = &self.share.counts;
        let got = match result {
            Ok(n) => {
                Counts::add(&counts.bytes, n as u64);
                let names = miss.waiters.iter().filter_map(|waiter| waiter.fetch.name());
                self.keeper.take(&miss.fetch, names, frames, n)
            }
            Err(_) => {
                Counts::add(&counts.errors, 1);
                Err(Fault::Device)
            }
        };
        if let Err(fault) = got {
            self.share.faults.note(&miss.fetch, fault);
        }
        self.warm_forms(miss.fetch.key(), &got);
        self.settle(miss.waiters, got);
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
        self.warm_up(cx);
        while self.misses.reading() < READS
            && cx.out.read.room() > 0
            && let Some(Miss { fetch, waiters, .. }) = self.misses.head()
        {
            let (pages, idle) = (fetch.pages(), waiters.is_empty());
            let (device, offset) = (fetch.edition().device().clone(), fetch.key().offset);
            match self.keeper.room(pages, self.misses.pages()) {
                Some(frames) => {
                    let Some((tag, token)) = self.misses.begin(pages, cx.now()) else { break };
                    cx.out.read.emit(tag.with(Read { device, offset, frames, token }));
                }
                None if idle => self.misses.give_up_head(),
                None => break,
            }
        }
        self.send(cx);
        self.keeper.publish();
        self.share.counts.loading.store(self.misses.pages() as u64, Relaxed);
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
            && let Some((to, evicted)) = self.keeper.news()
        {
            cx.out.gone.emit(Event::note(to, evicted));
        }
        if !self.ready.is_empty() || self.keeper.has_news() {
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

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
