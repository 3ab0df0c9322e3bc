//! Answers from memory; asks `load` for what it does not know, once for all who wait for it.
use super::instead;
use super::load::{Answered, Ask, Gone};
use super::waiting::Waiting;
use crate::cache::{Answer, Forms, Index, Job, Kept, Known};
use crate::files::{Content, Name, SiteId};
use crate::rules::Plan;
use crate::serve;
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Time, Why};
use sluicegate_http::{Body, Exchange, Head, Reply};
use sluicegate_io::resources::{Sampler, Samples};
use sluicegate_macros::{From, Ports};
use std::collections::VecDeque;
use std::sync::Arc;

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
    waiting: Waiting,
    /// Replied to, and waiting for room to be sent.
    ready: VecDeque<Event<Exchange>>,
    /// Directories to be shown, waiting for room to be sent.
    lists: VecDeque<Event<Exchange>>,
    /// Has each answer that it gave from memory, as 0. Written by this worker alone.
    lookups: Sampler,
}

/// What a request waits for instead of what it asked for; left in its exchange.
#[derive(Debug, PartialEq, Eq)]
enum Detour {
    /// The page that stands in the place of what is missing.
    Fallback,
    /// The page for its reply, which is an error.
    Error,
    /// The page that it gets because there is too much to do.
    Cheaper,
}

/// What lies at a name, ready for all who waited for it.
enum Came {
    Known(Known),
    Large(Forms),
    Failed,
}

impl Default for Cache {
    /// Of the demo site.
    fn default() -> Cache {
        Cache::new(Content::demo().into(), Samples::default().sampler())
    }
}

impl Stage for Cache {
    type In = CacheIn;
    type Out = CacheOut;

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
            if ended.why == Why::Expired {
                // One deadline: who else waits is asked for by the next question.
                if let Some(event) = self.waiting.expired(tag) {
                    self.too_late(event);
                }
                return self.flush(cx);
            }
            let status = if ended.why == Why::Failed { 500 } else { 503 };
            for mut event in self.waiting.died(tag) {
                // Who waited for the page of an error has a reply; and where something is wrong
                // with the disk no other page is waited for.
                match event.take_kept::<Detour>() {
                    Some(Detour::Error) => {}
                    Some(Detour::Cheaper) => {
                        instead::refuse(event);
                        continue;
                    }
                    _ => event.reply(Reply::plain(status)),
                }
                self.dress(event);
            }
        }
        self.flush(cx);
    }
}

impl Cache {
    /// A cache that knows nothing yet, and tells `lookups` of what it answers from memory.
    pub fn new(plan: Arc<Plan>, lookups: Sampler) -> Cache {
        Cache {
            indexes: (0..plan.len()).map(|_| Index::default()).collect(),
            plain: plan.is_plain(),
            plan,
            waiting: Waiting::default(),
            ready: VecDeque::new(),
            lists: VecDeque::new(),
            lookups,
        }
    }

    /// The file that a request asks for came too late. Who waited for the page of an error has a
    /// reply.
    fn too_late(&mut self, mut event: Event<Exchange>) {
        match event.take_kept::<Detour>() {
            Some(Detour::Error) => self.dress(event),
            _ => event.split().0.refuse(Why::Expired),
        }
    }

    fn asked(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, CacheOut>) {
        if !self.plain {
            return self.ruled(event, cx);
        }
        match self.reply(&event, SiteId::default(), cx) {
            Some(reply) => {
                self.lookups.add(0);
                event.reply(reply);
                cx.out.reply.emit(event);
            }
            None => self.miss(event, SiteId::default(), cx.now()),
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
        match self.reply(&event, id, cx) {
            Some(reply) => {
                self.lookups.add(0);
                event.reply(reply);
                self.finish(event, id, None, now);
            }
            None => self.miss(event, id, now),
        }
    }

    /// The reply from memory.
    fn reply(&self, head: &Head, id: SiteId, cx: &mut Cx<'_, CacheOut>) -> Option<Reply> {
        if let Some(reply) = serve::methods(head) {
            return Some(reply);
        }
        let known = self.indexes[id.number()].get(head.path(), cx.now())?;
        if let Some(job) = serve::lacking(head, known) {
            cx.out.make.emit(Event::note(cx.worker(), job));
        }
        Some(serve::known(head, known))
    }

    /// Has a request wait for what it asks for, unless that is never served.
    #[inline(never)]
    fn miss(&mut self, mut event: Event<Exchange>, id: SiteId, now: Time) {
        match Name::of_site(id, event.path()) {
            Some(name) => self.waiting.join(name, event),
            None => {
                event.reply(Reply::plain(404));
                self.finish(event, id, None, now);
            }
        }
    }

    /// Replies with a page in the place of what was asked for; where there is none the request is
    /// refused, as it would have been without.
    fn cheaper(&mut self, mut event: Event<Exchange>, page: &str, now: Time) {
        let id = self.plan.site(&event).id();
        match self.indexes[id.number()].get(page.as_bytes(), now) {
            Some(Known::Page(kept)) => {
                event.reply(cheaper());
                replace_by(&mut event, kept);
                self.dress(event);
            }
            Some(_) => instead::refuse(event),
            None => match Name::of_site(id, page.as_bytes()) {
                Some(name) => {
                    event.keep(Detour::Cheaper);
                    self.waiting.join(name, event);
                }
                None => instead::refuse(event),
            },
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
            Answer::Page(page) => {
                let path = [b"/", name.as_str().as_bytes()].concat();
                let effect = self.plan.of(name.site()).effect(&path);
                Came::Known(Known::Page(Kept::new(page, &effect)))
            }
            Answer::Directory => Came::Known(Known::Directory),
            Answer::Listable => Came::Known(Known::Listable),
            Answer::Missing => Came::Known(Known::Missing),
            Answer::Stream(forms) => Came::Large(forms),
            Answer::Failed => Came::Failed,
        };
        // On a quiet site each request finds that its page has to be looked at anew.
        if let Came::Known(known @ Known::Page(kept)) = &came
            && kept.page().is_warm()
            && let Some(job) = waited.iter().find_map(|event| serve::lacking(event, known))
        {
            cx.out.make.emit(Event::note(cx.worker(), job));
        }
        for mut event in waited {
            event.set_missed();
            self.settle(event, name.site(), &came, cx.now());
        }
        let index = &mut self.indexes[name.site().number()];
        match came {
            Came::Known(known) => index.put(name, known, asked),
            Came::Large(_) | Came::Failed => index.forget(&name),
        }
    }

    /// Replies to one who waited.
    fn settle(&mut self, mut event: Event<Exchange>, id: SiteId, came: &Came, now: Time) {
        let detour = event.take_kept::<Detour>();
        match (&detour, came) {
            (Some(Detour::Error), _) => {
                replace(&mut event, came);
                return self.dress(event);
            }
            (Some(Detour::Cheaper), Came::Known(Known::Page(_)) | Came::Large(_)) => {
                event.reply(cheaper());
                replace(&mut event, came);
                return self.dress(event);
            }
            (Some(Detour::Cheaper), _) => return instead::refuse(event),
            (Some(Detour::Fallback), Came::Known(known)) if !matches!(known, Known::Page(_)) => {}
            (None, Came::Known(Known::Listable)) if self.plan.of(id).lists(event.path()) => {
                return self.lists.push_back(event);
            }
            (_, Came::Known(known)) => {
                let reply = serve::known(&event, known);
                event.reply(reply);
            }
            (_, Came::Large(forms)) => serve::stream(&mut event, forms),
            (_, Came::Failed) => event.reply(Reply::plain(503)),
        }
        self.finish(event, id, detour, now);
    }

    /// Sends a reply, unless the site has a page to stand in its place. `detour` is the one that
    /// the request has made: none is made twice.
    fn finish(
        &mut self,
        mut event: Event<Exchange>,
        id: SiteId,
        detour: Option<Detour>,
        now: Time,
    ) {
        let site = self.plan.of(id);
        let index = &self.indexes[id.number()];
        let status = event.replied().map_or(0, Reply::status);
        if status == 404
            && detour.is_none()
            && event.method.is_read()
            && let Some(name) = site.fallback(&event)
        {
            match index.at(name, now) {
                Some(known @ Known::Page(_)) => {
                    let reply = serve::known(&event, known);
                    event.reply(reply);
                    return self.dress(event);
                }
                Some(_) => {}
                None => {
                    event.keep(Detour::Fallback);
                    return self.waiting.join(name.clone(), event);
                }
            }
        }
        if let Some(name) = site.error(status) {
            match index.at(name, now) {
                Some(Known::Page(kept)) => replace_by(&mut event, kept),
                Some(_) => {}
                None => {
                    event.keep(Detour::Error);
                    return self.waiting.join(name.clone(), event);
                }
            }
        }
        self.dress(event);
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

/// What stands in the place of a handler's reply, still without its page: not to be kept as that.
fn cheaper() -> Reply {
    Reply::new(200).header("Cache-Control", "no-store")
}

/// Puts the page that came in the place of an error's content; its status and fields stay.
fn replace(exchange: &mut Exchange, came: &Came) {
    match came {
        Came::Known(Known::Page(kept)) => replace_by(exchange, kept),
        Came::Large(forms) => serve::stream_instead(exchange, forms),
        // There is no such page: the reply stays as it was.
        Came::Known(_) | Came::Failed => {}
    }
}

fn replace_by(exchange: &mut Exchange, kept: &Kept) {
    if let Some(reply) = exchange.take_reply() {
        let body = Body::Bytes(kept.plain.body.clone());
        exchange.reply(reply.with_content(kept.page().meta.media, body));
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
