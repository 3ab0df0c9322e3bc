//! Answers from memory; asks `load` for what it does not know of directories, and `pages` for what
//! it does not know of volumes: once for all who wait for it.
mod detours;
mod volumes;

use super::load::{Answered, Ask, Gone};
use super::waiting::Waiting;
use crate::cache::{Answer, Index, Job, Kept, Known, Lack};
use crate::files::{Content, Name, SiteId};
use crate::rules::{Effect, Plan};
use crate::serve;
use crate::volume::{Counts, Evicted, Fault, Fetch, Fetched, Memory};
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Time, Why};
use sluicegate_http::{Exchange, Reply};
use sluicegate_io::resources::{Sampler, Samples};
use sluicegate_macros::{From, Ports};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use volumes::Current;

/// Time between two looks whether other generations have taken the place of the volumes served.
const LOOK: Duration = Duration::from_millis(500);

/// All that the cache listens to.
#[derive(From)]
pub enum CacheIn {
    /// A request for a site; or one that has a reply already, of a handler or of the gate: the site
    /// adds its fields, and may have a page for an error.
    Asked(Exchange),
    /// A request that gets a page in the place of what it asked for.
    Cheaper(Cheaper),
    /// What lies at a name.
    Answered(Answered),
    /// Pages to let go of.
    Gone(Gone),
    /// What a volume holds.
    Fetched(Fetched),
    /// What of volumes is to be let go of.
    Evicted(Evicted),
}

/// A request that there is too much to do for, and the page that it gets instead, by its path.
#[derive(Debug)]
pub struct Cheaper {
    /// The request.
    pub exchange: Exchange,
    /// The page.
    pub page: Arc<str>,
}

/// Where the cache sends.
#[derive(Ports)]
pub struct CacheOut {
    /// Replies.
    pub reply: Out<Exchange>,
    /// Names it does not know, or not lately.
    pub ask: Out<Ask>,
    /// What it does not know of volumes.
    pub fetch: Out<Fetch>,
    /// Variants that are worth being made: of pages that are asked for again, by somebody who
    /// would like them better.
    pub make: Out<Job>,
    /// Requests for directories that are shown.
    pub list: Out<Exchange>,
}

/// One worker's cache.
#[derive(Debug)]
pub struct Cache {
    plan: Arc<Plan>,
    /// One for each site.
    indexes: Box<[Index]>,
    /// One site alone, whose replies go as they are, and no gate before it: then a hit looks at
    /// nothing but this.
    plain: bool,
    /// For each site the volume that it serves, if it does.
    volumes: Box<[Option<Current>]>,
    memory: Arc<Memory>,
    /// Who waits for names of directories.
    waiting: Waiting<Name>,
    /// Who waits for objects of volumes.
    fetching: Waiting<Fetch>,
    /// Replied to, and waiting for room to be sent.
    ready: VecDeque<Event<Exchange>>,
    /// Directories to be shown, waiting for room to be sent.
    lists: VecDeque<Event<Exchange>>,
    /// Has each answer that it gave from memory, as 0. Written by this worker alone.
    lookups: Sampler,
}

/// What lies at a name, ready for all who waited for it.
enum Came {
    Known(Known),
    /// Of a volume: why.
    Fault(Fault),
    /// The disk of a directory fails.
    Failed,
}

impl Default for Cache {
    /// Of the demo site.
    fn default() -> Cache {
        Cache::new(Content::demo().into(), Arc::default(), Samples::default().sampler())
    }
}

impl Stage for Cache {
    type In = CacheIn;
    type Out = CacheOut;

    fn start(&mut self, cx: &mut Cx<'_, CacheOut>) {
        if self.volumes.iter().any(Option::is_some) {
            cx.after(LOOK, 0);
        }
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, CacheOut>) {
        self.renew();
        cx.after(LOOK, 0);
    }

    fn handle(&mut self, mut batch: Batch<'_, CacheIn>, cx: &mut Cx<'_, CacheOut>) {
        // Those who waited for one answer may be more than the outbox takes: the batch ends when
        // it is full, and the rest leaves when it has been delivered.
        self.send(cx);
        while cx.out.reply.room() > self.ready.len()
            && let Some(event) = batch.next()
        {
            let (tag, body) = event.split();
            match body {
                CacheIn::Asked(exchange) => self.asked(tag.with(exchange), cx),
                CacheIn::Cheaper(Cheaper { exchange, page }) => {
                    self.cheaper(tag.with(exchange), &page, cx.now());
                }
                CacheIn::Answered(answered) => self.answered(tag, answered, cx),
                CacheIn::Fetched(fetched) => self.fetched(tag, fetched, cx.now()),
                CacheIn::Evicted(evicted) => self.evicted(&evicted),
                CacheIn::Gone(Gone(pages)) => {
                    for page in pages {
                        self.indexes[page.name.site().number()].release(&page);
                    }
                }
            }
        }
        self.flush(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, CacheOut>) {
        self.flush(cx);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, CacheOut>) {
        if let Some(tag) = ended.tag {
            let fetched = self.fetching.has(&tag);
            if ended.why == Why::Expired {
                // One deadline: who else waits is asked for by the next question.
                let late = match fetched {
                    true => self.fetching.expired(tag),
                    false => self.waiting.expired(tag),
                };
                if let Some(event) = late {
                    self.too_late(event);
                }
                return self.flush(cx);
            }
            let status = if ended.why == Why::Failed { 500 } else { 503 };
            let waited = if fetched { self.fetching.died(tag) } else { self.waiting.died(tag) };
            waited.into_iter().for_each(|event| self.lost(event, status));
        }
        self.flush(cx);
    }
}

impl Cache {
    /// A cache that knows nothing yet, and tells `lookups` of what it answers from memory. `memory`
    /// is that of volumes, for its counts.
    pub fn new(plan: Arc<Plan>, memory: Arc<Memory>, lookups: Sampler) -> Cache {
        let volumes: Box<[_]> =
            (0..plan.len()).map(|n| Current::of(&plan, SiteId(n as u16))).collect();
        let index = |volume: &Option<Current>| match volume {
            Some(_) => Index::lasting(),
            None => Index::default(),
        };
        Cache {
            indexes: volumes.iter().map(index).collect(),
            plain: plan.is_plain(),
            plan,
            volumes,
            memory,
            waiting: Waiting::default(),
            fetching: Waiting::default(),
            ready: VecDeque::new(),
            lists: VecDeque::new(),
            lookups,
        }
    }

    fn asked(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, CacheOut>) {
        if !self.plain {
            return self.ruled(event, cx);
        }
        match self.reply(&mut event, SiteId::default(), cx) {
            Ok(()) => {
                self.lookups.add(0);
                cx.out.reply.emit(event);
            }
            Err(lack) => self.miss(event, SiteId::default(), lack, cx.now()),
        }
    }

    /// The same where rules may hold; kept apart, so that a hit without any does not pay for it.
    #[inline(never)]
    fn ruled(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, CacheOut>) {
        let now = cx.now();
        let site = self.plan.site(&event);
        let id = site.id();
        if event.replied().is_some() {
            return self.finish(event, id, None, now);
        }
        let known = self.indexes[id.number()].get(event.path(), now);
        if matches!(known, Some(Known::Listable))
            && event.method.is_read()
            && site.lists(event.path())
        {
            return self.lists.push_back(event);
        }
        match self.reply(&mut event, id, cx) {
            Ok(()) => {
                self.lookups.add(0);
                self.finish(event, id, None, now);
            }
            Err(lack) => self.miss(event, id, lack, now),
        }
    }

    /// Replies from memory; or says what of what is known lacks, if anything is known.
    fn reply(
        &self,
        exchange: &mut Exchange,
        id: SiteId,
        cx: &mut Cx<'_, CacheOut>,
    ) -> Result<(), Option<Lack>> {
        if let Some(reply) = serve::methods(exchange) {
            exchange.reply(reply);
            return Ok(());
        }
        let Some(known) = self.indexes[id.number()].get(exchange.path(), cx.now()) else {
            return Err(None);
        };
        if let Some(job) = serve::lacking(exchange, known) {
            cx.out.make.emit(Event::note(cx.worker(), job));
        }
        serve::known(exchange, known)?;
        if self.volumes[id.number()].is_some() {
            Counts::add(&self.memory.share(cx.worker()).counts.hits, 1);
        }
        Ok(())
    }

    /// Has a request wait for what it asks for, unless that is never served.
    #[inline(never)]
    fn miss(&mut self, mut event: Event<Exchange>, id: SiteId, lack: Option<Lack>, now: Time) {
        match (Name::of_site(id, event.path()), lack) {
            (Some(name), Some(lack)) => self.lacks(event, name, lack),
            (Some(name), None) => self.find(event, name, now),
            (None, _) => {
                event.reply(Reply::plain(404));
                self.finish(event, id, None, now);
            }
        }
    }

    fn answered(
        &mut self,
        tag: Tag,
        Answered { name, answer }: Answered,
        cx: &mut Cx<'_, CacheOut>,
    ) {
        let Some((waited, asked)) = self.waiting.answered(&name, tag) else { return };
        let came = match answer {
            Answer::Page(page) => self.made(&name, |effect| Kept::page(page, effect)),
            Answer::Directory => Came::Known(Known::Directory),
            Answer::Listable => Came::Known(Known::Listable),
            Answer::Missing => Came::Known(Known::Missing),
            Answer::Stream(forms) => self.made(&name, |effect| Kept::files(&forms, effect)),
            Answer::Failed => Came::Failed,
        };
        // On a quiet site each request finds that its page has to be looked at anew.
        if let Came::Known(known @ Known::Page(kept)) = &came
            && kept.is_warm()
            && let Some(job) = waited.iter().find_map(|event| serve::lacking(event, known))
        {
            cx.out.make.emit(Event::note(cx.worker(), job));
        }
        for mut event in waited {
            event.set_missed();
            self.settle(event, &name, &came, cx.now());
        }
        let index = &mut self.indexes[name.site().number()];
        match came {
            Came::Known(known) => index.put(name, known, asked),
            Came::Fault(_) | Came::Failed => index.forget(&name),
        }
    }

    /// Content made ready with the fields that hold for its path.
    fn made(&self, name: &Name, make: impl FnOnce(&Effect<'_>) -> Kept) -> Came {
        let path = [b"/", name.as_str().as_bytes()].concat();
        Came::Known(Known::Page(make(&self.plan.of(name.site()).effect(&path))))
    }

    /// Adds what holds for the path, and lines the reply up.
    fn dress(&mut self, mut event: Event<Exchange>) {
        let site = self.plan.site(&event);
        if !site.is_plain()
            && let Some(reply) = event.take_reply()
        {
            let reply = site.dress(&event, reply);
            event.reply(reply);
        }
        self.ready.push_back(event);
    }

    /// Sends what is ready and asks what is to be asked.
    fn flush(&mut self, cx: &mut Cx<'_, CacheOut>) {
        self.send(cx);
        let now = cx.now();
        self.waiting.ask(&mut cx.out.ask, now);
        self.fetching.ask(&mut cx.out.fetch, now);
    }

    /// Sends what is ready, as far as there is room; the rest when that has been delivered.
    fn send(&mut self, cx: &mut Cx<'_, CacheOut>) {
        while cx.out.reply.room() > 0
            && let Some(event) = self.ready.pop_front()
        {
            cx.out.reply.emit(event);
        }
        while cx.out.list.room() > 0
            && let Some(event) = self.lists.pop_front()
        {
            cx.out.list.emit(event);
        }
        if !(self.ready.is_empty() && self.lists.is_empty()) {
            cx.again();
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
