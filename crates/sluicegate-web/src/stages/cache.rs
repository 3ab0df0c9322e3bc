//! Answers from memory; asks `load` for what it does not know of directories, and `pages` for what
//! it does not know of volumes: once for all who wait for it.
use super::instead;
use super::load::{Answered, Ask, Gone};
use super::waiting::Waiting;
use crate::cache::{Answer, Index, Job, Kept, Known, Lack};
use crate::files::{Content, Name, SiteId};
use crate::rules::{Effect, Plan};
use crate::serve;
use crate::volume::{Counts, Edition, Evicted, Fault, Fetch, Fetched, Got, Memory, Source};
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Time, Why};
use sluicegate_http::{Exchange, Reply};
use sluicegate_macros::{From, Ports};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks whether other generations have taken the place of the volumes served.
const LOOK: Duration = Duration::from_millis(500);
/// When who was refused by a volume may come again, in seconds.
const RETRY_AFTER: &str = "1";

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
    volumes: Box<[Option<Served>]>,
    memory: Arc<Memory>,
    /// Who waits for names of directories.
    waiting: Waiting<Name>,
    /// Who waits for objects of volumes.
    fetching: Waiting<Fetch>,
    /// Replied to, and waiting for room to be sent.
    ready: VecDeque<Event<Exchange>>,
    /// Directories to be shown, waiting for room to be sent.
    lists: VecDeque<Event<Exchange>>,
}

/// A volume as it is served.
#[derive(Debug)]
struct Served {
    source: Arc<Source>,
    edition: Arc<Edition>,
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
    /// Of a volume: why.
    Fault(Fault),
    /// The disk of a directory fails.
    Failed,
}

impl Default for Cache {
    /// Of the demo site.
    fn default() -> Cache {
        Cache::new(Content::demo().into(), Arc::default())
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
        for (index, volume) in self.indexes.iter_mut().zip(&mut self.volumes) {
            if let Some(served) = volume
                && served.edition.is_over()
            {
                served.edition = served.source.edition();
                index.clear();
            }
        }
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
            for mut event in waited {
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
    /// A cache that knows nothing yet. `memory` is that of volumes, for the counts.
    pub fn new(plan: Arc<Plan>, memory: Arc<Memory>) -> Cache {
        let ids = || (0..plan.len()).map(|number| SiteId(number as u16));
        let served = |id| {
            let source = Arc::clone(plan.of(id).content().source()?);
            Some(Served { edition: source.edition(), source })
        };
        let volumes: Box<[_]> = ids().map(served).collect();
        let index = |volume: &Option<Served>| match volume {
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
        match self.reply(&mut event, SiteId::default(), cx) {
            Ok(()) => cx.out.reply.emit(event),
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
            Ok(()) => self.finish(event, id, None, now),
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

    /// Has a request wait for what lies at a name of which nothing is known.
    fn find(&mut self, event: Event<Exchange>, name: Name, now: Time) {
        let Some(Served { edition, .. }) = &self.volumes[name.site().number()] else {
            return self.waiting.join(name, event);
        };
        match edition.look(&name) {
            Some(fetch) => self.fetching.join(fetch, event),
            None => self.settle(event, &name, &Came::Known(Known::Missing), now),
        }
    }

    /// Has a request wait for a form of an object that it is to get.
    fn lacks(&mut self, event: Event<Exchange>, name: Name, Lack { object, form }: Lack) {
        let (number, ahead, name) = (0, 0, Some(name));
        self.fetching.join(Fetch::Piece { object, form, number, ahead, name }, event);
    }

    /// Replies with a page in the place of what was asked for; where there is none the request is
    /// refused, as it would have been without.
    fn cheaper(&mut self, mut event: Event<Exchange>, page: &str, now: Time) {
        let id = self.plan.site(&event).id();
        let Some(name) = Name::of_site(id, page.as_bytes()) else {
            return instead::refuse(event);
        };
        let lack = match self.indexes[id.number()].at(&name, now) {
            Some(Known::Page(kept)) => {
                event.reply(cheaper());
                serve::instead(&mut event, kept).err()
            }
            Some(_) => return instead::refuse(event),
            None => {
                event.keep(Detour::Cheaper);
                return self.find(event, name, now);
            }
        };
        match lack {
            None => self.dress(event),
            Some(lack) => {
                event.keep(Detour::Cheaper);
                self.lacks(event, name, lack);
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

    /// Takes what a volume holds, for all who waited for it.
    fn fetched(&mut self, tag: Tag, Fetched { fetch, got }: Fetched, now: Time) {
        let Some((waited, asked)) = self.fetching.answered(&fetch, tag) else { return };
        let Some(name) = fetch.name().cloned() else { return };
        let piece = match &got {
            Ok(Got::Object(_, piece)) => piece.clone(),
            Ok(Got::Piece(piece)) => Some(Arc::clone(piece)),
            Ok(Got::Nothing) | Err(_) => None,
        };
        let object = match (&got, &fetch) {
            (Ok(Got::Object(object, _)), _) => Some(object),
            (Ok(Got::Piece(_)), Fetch::Piece { object, .. }) => Some(object),
            _ => None,
        };
        let number = name.site().number();
        let mut came = match (object, &got) {
            (Some(object), _) => match self.indexes[number].take(&name, object.key()) {
                Some(kept) => Came::Known(Known::Page(kept)),
                None if object.forms().is_empty() => Came::Known(Known::Directory),
                None => self.made(&name, |effect| Kept::object(object, effect)),
            },
            (None, Err(fault)) => Came::Fault(*fault),
            (None, Ok(_)) => Came::Known(Known::Missing),
        };
        if let (Came::Known(Known::Page(kept)), Some(piece)) = (&mut came, &piece) {
            kept.add(piece);
        }
        for mut event in waited {
            event.set_missed();
            self.settle(event, &name, &came, now);
        }
        if let (Came::Known(Known::Page(kept)), Some(piece)) = (&mut came, &piece)
            && piece.life.is_gone()
        {
            kept.release(piece);
        }
        let served = self.volumes[number].as_ref();
        if let Came::Known(known) = came
            && served.is_some_and(|served| Arc::ptr_eq(&served.edition, fetch.edition()))
        {
            self.indexes[number].put(name, known, asked);
        }
    }

    /// Lets go of what had to go.
    fn evicted(&mut self, Evicted { objects, pieces, all }: &Evicted) {
        for (index, volume) in self.indexes.iter_mut().zip(&self.volumes) {
            let Some(Served { edition, .. }) = volume else { continue };
            if *all {
                index.clear();
            }
            let own = |of: &Arc<Edition>| Arc::ptr_eq(of, edition);
            for piece in pieces.iter().filter(|piece| own(piece.edition())) {
                index.release_piece(piece);
            }
            for object in objects.iter().filter(|object| own(object.edition())) {
                index.release_object(object);
            }
        }
    }

    /// Replies to one who waited for what lies at `name`; or has it wait for what still lacks.
    fn settle(&mut self, mut event: Event<Exchange>, name: &Name, came: &Came, now: Time) {
        let id = name.site();
        let detour = event.take_kept::<Detour>();
        let replied = match (&detour, came) {
            (Some(Detour::Error), Came::Known(Known::Page(kept))) => {
                serve::instead(&mut event, kept)
            }
            // There is no such page: the reply stays as it was.
            (Some(Detour::Error), _) => Ok(()),
            (Some(Detour::Cheaper), Came::Known(Known::Page(kept))) => {
                event.reply(cheaper());
                serve::instead(&mut event, kept)
            }
            (Some(Detour::Cheaper), _) => return instead::refuse(event),
            (Some(Detour::Fallback), Came::Known(known)) if !matches!(known, Known::Page(_)) => {
                Ok(())
            }
            (None, Came::Known(Known::Listable)) if self.plan.of(id).lists(event.path()) => {
                return self.lists.push_back(event);
            }
            (_, Came::Known(known)) => serve::known(&mut event, known),
            (_, Came::Fault(fault)) => {
                event.reply(refused(*fault));
                Ok(())
            }
            (_, Came::Failed) => {
                event.reply(Reply::plain(503));
                Ok(())
            }
        };
        match (replied, detour) {
            (Err(lack), detour) => {
                if let Some(detour) = detour {
                    event.keep(detour);
                }
                self.lacks(event, name.clone(), lack);
            }
            (Ok(()), Some(Detour::Error | Detour::Cheaper)) => self.dress(event),
            (Ok(()), detour) => self.finish(event, id, detour, now),
        }
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
            let name = name.clone();
            match index.at(&name, now) {
                Some(known @ Known::Page(_)) => match serve::known(&mut event, known) {
                    Ok(()) => return self.dress(event),
                    Err(lack) => {
                        event.keep(Detour::Fallback);
                        return self.lacks(event, name, lack);
                    }
                },
                Some(_) => {}
                None => {
                    event.keep(Detour::Fallback);
                    return self.find(event, name, now);
                }
            }
        }
        if let Some(name) = site.error(status) {
            let name = name.clone();
            match index.at(&name, now) {
                Some(Known::Page(kept)) => {
                    if let Err(lack) = serve::instead(&mut event, kept) {
                        event.keep(Detour::Error);
                        return self.lacks(event, name, lack);
                    }
                }
                Some(_) => {}
                None => {
                    event.keep(Detour::Error);
                    return self.find(event, name, now);
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

/// What stands in the place of a handler's reply, still without its page: not to be kept as that.
fn cheaper() -> Reply {
    Reply::new(200).header("Cache-Control", "no-store")
}

/// What is replied where a volume has no answer.
fn refused(fault: Fault) -> Reply {
    let reply = Reply::plain(fault.status());
    match fault {
        Fault::Busy | Fault::Late => reply.header("Retry-After", RETRY_AFTER),
        Fault::Device | Fault::Damaged => reply,
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
