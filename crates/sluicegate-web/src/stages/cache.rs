//! Answers from memory; asks `load` for what it does not know, once for all who wait for it.
use super::load::{Answered, Ask, Gone};
use super::waiting::Waiting;
use crate::cache::{Answer, Index, Job, Kept, Known};
use crate::files::Name;
use crate::serve;
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage, Tag, Why};
use sluicegate_http::{Exchange, Reply};
use sluicegate_macros::{From, Ports};
use std::collections::VecDeque;

/// All that the cache listens to.
#[derive(From)]
pub enum CacheIn {
    /// A request for the site.
    Asked(Exchange),
    /// What lies at a name.
    Answered(Answered),
    /// Pages to let go of.
    Gone(Gone),
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
}

/// One worker's cache.
#[derive(Debug, Default)]
pub struct Cache {
    index: Index,
    waiting: Waiting,
    /// Replied to, and waiting for room to be sent.
    ready: VecDeque<Event<Exchange>>,
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
                CacheIn::Answered(answered) => self.answered(tag, answered, cx),
                CacheIn::Gone(Gone(pages)) => {
                    pages.iter().for_each(|page| self.index.release(page));
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
            let status = if ended.why == Why::Failed { 500 } else { 503 };
            for mut event in self.waiting.died(tag) {
                event.reply(Reply::plain(status));
                self.ready.push_back(event);
            }
        }
        self.flush(cx);
    }
}

impl Cache {
    fn asked(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, CacheOut>) {
        let reply = match serve::methods(&event) {
            Some(reply) => reply,
            None => match self.index.get(event.path(), cx.now()) {
                Some(known) => {
                    if let Some(job) = serve::lacking(&event, known) {
                        cx.out.make.emit(Event::note(cx.worker(), job));
                    }
                    serve::known(&event, known)
                }
                None => match Name::new(event.path()) {
                    Some(name) => return self.waiting.join(name, event),
                    None => Reply::plain(404),
                },
            },
        };
        event.reply(reply);
        cx.out.reply.emit(event);
    }

    fn answered(
        &mut self,
        tag: Tag,
        Answered { name, answer }: Answered,
        cx: &mut Cx<'_, CacheOut>,
    ) {
        let Some((waited, asked)) = self.waiting.answered(&name, tag) else { return };
        let known = match answer {
            Answer::Page(page) => Known::Page(Kept::new(page)),
            Answer::Directory => Known::Directory,
            Answer::Missing => Known::Missing,
            Answer::Stream(forms) => {
                self.index.forget(&name);
                return self.answer(waited, |exchange| serve::stream(exchange, &forms));
            }
            Answer::Failed => {
                self.index.forget(&name);
                return self.answer(waited, |exchange| exchange.reply(Reply::plain(503)));
            }
        };
        // On a quiet site each request finds that its page has to be looked at anew.
        if let Known::Page(kept) = &known
            && kept.page().is_warm()
            && let Some(job) = waited.iter().find_map(|event| serve::lacking(event, &known))
        {
            cx.out.make.emit(Event::note(cx.worker(), job));
        }
        self.answer(waited, |exchange| exchange.reply(serve::known(exchange, &known)));
        self.index.put(name, known, asked);
    }

    fn answer(&mut self, waited: Vec<Event<Exchange>>, reply: impl Fn(&mut Exchange)) {
        for mut event in waited {
            event.set_missed();
            reply(&mut event);
            self.ready.push_back(event);
        }
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
        if !self.ready.is_empty() {
            cx.again();
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
