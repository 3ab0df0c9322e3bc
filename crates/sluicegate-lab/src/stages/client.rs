//! The client stage: every request from when it is due until it is answered or given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use rustix::io::Errno;
use sluicegate::{Batch, Cx, Ended, Entering, Event, Out, Stage, Tag, Time};
use sluicegate_io::{Connect, ConnectFailed, Io, Opened, Write};
use sluicegate_macros::{From, Ports};

use crate::ask::draw;
use crate::parser::{Answer, Parser};
use crate::plan::{Plan, Population};
use crate::report::Report;
use crate::retry::Budget;
use crate::stages::answer::Reading;
use crate::stages::request::{Request, bytes, number_of};
use crate::stages::slots::{Link, Slots};
use crate::stages::tally::Tally;
use crate::stages::{Asking, Done, Due, Heard, What};
use sluicegate::sim::Random;

/// The stream of random numbers that pauses are drawn from: unlike those of the arrivals.
const PAUSES: u64 = u64::MAX;
/// The stream that paths are drawn from.
const PATHS: u64 = u64::MAX - 1;

/// Plays all clients.
pub(crate) struct ClientStage {
    plan: Arc<Plan>,
    report: Sender<Report>,
    /// By number. Bounded by the flows of `arrive`.
    requests: HashMap<u64, Request>,
    slots: Slots,
    tallies: Vec<Tally>,
    budgets: Vec<Budget>,
    /// What a request of each population sends, for each of its paths.
    bytes: Vec<Vec<Bytes>>,
    pauses: Random,
    paths: Random,
    began: Time,
}

/// What a client hears.
#[derive(From)]
pub(crate) enum ClientIn {
    Asking(Asking),
    Opened(Opened),
    Failed(ConnectFailed),
    Heard(Heard),
}

/// Where it sends.
#[derive(Ports)]
pub(crate) struct ClientOut {
    /// Requests that are over.
    pub done: Out<Done>,
    /// Connections to be opened, each a flow.
    pub connect: Out<Connect>,
    pub write: Out<Write>,
}

/// What became of an attempt.
enum Fate<'a> {
    Answered(Answer),
    TimedOut,
    Broken(&'a str),
}

impl ClientStage {
    pub fn new(plan: Arc<Plan>, report: Sender<Report>) -> Self {
        let populations = &plan.populations;
        Self {
            requests: HashMap::new(),
            slots: Slots::new(populations),
            tallies: populations.iter().map(|_| Tally::new(plan.rows())).collect(),
            budgets: populations.iter().map(|one| Budget::new(one.budget)).collect(),
            bytes: populations.iter().map(|one| bytes(&plan.to, one)).collect(),
            pauses: Random::stream(plan.seed, PAUSES),
            paths: Random::stream(plan.seed, PATHS),
            began: Time(0),
            report,
            plan,
        }
    }

    fn asked(&mut self, tag: Tag, asking: Asking, cx: &mut Cx<'_, ClientOut>) {
        match asking {
            Asking::Began(at) => {
                self.began = at;
                self.tallies.iter_mut().for_each(|tally| tally.begin(at));
            }
            Asking::Due(due) => {
                let number = tag.flow();
                let asks = &self.plan.populations[usize::from(due.population)].asks;
                let ask = draw(asks, due.at.since(self.began), &mut self.paths);
                let cost = asks[ask].cost;
                let tally = self.tally(due.population);
                tally.enter();
                let row = tally.row(due.at);
                row.first += 1;
                row.asked_work += cost;
                self.budgets[usize::from(due.population)].first();
                self.requests.insert(number, Request::new(tag, due, ask));
                self.attempt(number, cx);
            }
            Asking::Missed(due) => self.tally(due.population).row(due.at).missed += 1,
            Asking::Over => self.tell(),
        }
    }

    /// Begins an attempt at the time that stands in the request.
    fn attempt(&mut self, number: u64, cx: &mut Cx<'_, ClientOut>) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        let Due { population, user, .. } = request.due;
        request.tries += 1;
        request.rests = false;
        let (at, tries) = (request.attempt, request.tries);
        self.set_timer(number, at + self.population(population).timeout, cx);
        self.tally(population).row(at).attempts += 1;
        match self.slots.take(population, user, number) {
            Some(slot) => self.send(slot, number, at, cx),
            None => self.slots.wait(population, number, tries),
        }
    }

    /// Sends a request, which has the place `slot`, as soon as there is a connection. It could be
    /// sent at `ready`: what is later is the generator's own lag.
    fn send(&mut self, slot: u32, number: u64, ready: Time, cx: &mut Cx<'_, ClientOut>) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.slot = Some(slot);
        let ask = request.ask;
        let (home, stage) = (cx.worker(), cx.stage());
        let place = self.slots.get(slot);
        let io = cx.local.get::<Io>();
        match place.link {
            Link::Open(conn) if io.is_open(conn) => {
                io.watch_drained(conn, stage);
                place.ready = Some(ready);
                let bytes = self.bytes[usize::from(place.population)][ask].clone();
                cx.out.write.emit(Event::note(home, Write::one(conn, bytes)));
            }
            Link::Opening => {}
            Link::Open(_) | Link::Closed => {
                place.link = Link::Opening;
                let (to, from) = (self.plan.to.clone(), place.from);
                // A flow of its own, so that a place is kept for what becomes of it.
                let tag = cx.enter(slot.into(), Entering::default());
                let tag = tag.expect("each place opens one connection at a time");
                cx.out.connect.emit(tag.with(Connect { to, from, token: slot.into() }));
            }
        }
    }

    fn opened(&mut self, opened: &Opened, cx: &mut Cx<'_, ClientOut>) {
        let (slot, conn) = (opened.token as u32, *opened.conn);
        let io = cx.local.get::<Io>();
        io.set_state(conn, Box::new(Reading { slot, parser: Parser::default() }));
        io.read(conn);
        let place = self.slots.get(slot);
        place.link = Link::Open(conn);
        let (population, request) = (place.population, place.request);
        self.tally(population).opened();
        if let Some(number) = request {
            let now = cx.now();
            self.send(slot, number, now, cx);
        }
    }

    fn unopened(&mut self, failed: &ConnectFailed, cx: &mut Cx<'_, ClientOut>) {
        let slot = failed.token as u32;
        if Errno::from_io_error(&failed.error).is_some_and(is_our_want) {
            let population = self.slots.get(slot).population;
            self.tally(population).starved();
        }
        self.failed(slot, &format!("no connection: {}", failed.error), cx);
    }

    fn failed(&mut self, slot: u32, why: &str, cx: &mut Cx<'_, ClientOut>) {
        let place = self.slots.get(slot);
        place.link = Link::Closed;
        if let Some(number) = place.request {
            self.over(number, &Fate::Broken(why), cx);
        }
    }

    fn heard(&mut self, heard: &Heard, cx: &mut Cx<'_, ClientOut>) {
        let place = self.slots.get(heard.slot);
        // What a connection that was given up still says concerns nobody.
        if place.link != Link::Open(*heard.conn) {
            return;
        }
        let (population, request) = (place.population, place.request);
        let keep = self.population(population).connections.keep;
        let fate = match heard.what {
            What::Answer(answer) => {
                if answer.close || !keep || request.is_none() {
                    self.close(heard.slot, cx);
                }
                Fate::Answered(answer)
            }
            What::Bad(bad) => {
                self.close(heard.slot, cx);
                Fate::Broken(bad.name())
            }
            What::Closed => {
                self.close(heard.slot, cx);
                Fate::Broken("closed without an answer")
            }
        };
        if let Some(number) = request {
            self.over(number, &fate, cx);
        }
    }

    fn close(&mut self, slot: u32, cx: &mut Cx<'_, ClientOut>) {
        let place = self.slots.get(slot);
        if let Link::Open(conn) = place.link {
            place.link = Link::Closed;
            place.ready = None;
            cx.local.get::<Io>().close(conn);
        }
    }

    /// An attempt is over: counts it, gives its place to the next, and tries again or not.
    fn over(&mut self, number: u64, fate: &Fate<'_>, cx: &mut Cx<'_, ClientOut>) {
        let now = cx.now();
        let Some(request) = self.requests.get_mut(&number) else { return };
        let (due, attempt, slot) = (request.due, request.attempt, request.slot.take());
        if let Some(timer) = request.take_timer() {
            cx.cancel(timer);
        }
        let Population { target, asks, .. } = &self.plan.populations[usize::from(due.population)];
        let (target, cost) = (*target, asks[request.ask].cost);
        let tally = &mut self.tallies[usize::from(due.population)];
        let row = tally.row(attempt);
        let mut answered = false;
        match fate {
            Fate::Answered(answer) => {
                row.bytes += answer.body;
                answered = (200..300).contains(&answer.status);
                match answer.status {
                    200..300 => {
                        row.ok += 1;
                        row.ok_work += cost;
                        if let Some(took) = answer.took {
                            tally.row(due.at).told.record(took);
                        }
                    }
                    429 | 503 => {
                        row.refused += 1;
                        row.refusal.record(now.since(attempt));
                    }
                    _ => row.odd += 1,
                }
            }
            Fate::TimedOut => row.timeouts += 1,
            Fate::Broken(why) => tally.error(attempt, why),
        }
        if answered
            && tally.answered(due.at, now, target, cost)
            && let Some(slot) = slot
        {
            self.slots.get(slot).good += 1;
        }
        if let Some(slot) = slot {
            self.release(slot, cx);
        }
        if answered {
            self.done(number, cx);
        } else {
            self.retry(number, cx);
        }
    }

    /// Gives a place to the next attempt that waits for one.
    fn release(&mut self, slot: u32, cx: &mut Cx<'_, ClientOut>) {
        let requests = &self.requests;
        let is_there = |number, tries| {
            let request: Option<&Request> = requests.get(&number);
            request.is_some_and(|request| request.tries == tries && !request.rests)
        };
        if let Some(next) = self.slots.release(slot, is_there) {
            let now = cx.now();
            self.send(slot, next, now, cx);
        }
    }

    fn retry(&mut self, number: u64, cx: &mut Cx<'_, ClientOut>) {
        let now = cx.now();
        let Some(request) = self.requests.get(&number) else { return };
        let (due, tries) = (request.due, request.tries);
        let retry = self.population(due.population).retry;
        let Some(pause) = retry.pause(tries, &mut self.pauses) else {
            self.tally(due.population).row(due.at).failed += 1;
            return self.done(number, cx);
        };
        if !self.budgets[usize::from(due.population)].take() {
            let row = self.tally(due.population).row(due.at);
            row.unpaid += 1;
            row.failed += 1;
            return self.done(number, cx);
        }
        if let Some(request) = self.requests.get_mut(&number) {
            request.attempt = now + pause;
            request.rests = true;
        }
        if pause.is_zero() {
            self.attempt(number, cx);
        } else {
            self.set_timer(number, now + pause, cx);
        }
    }

    fn done(&mut self, number: u64, cx: &mut Cx<'_, ClientOut>) {
        let Some(request) = self.requests.remove(&number) else { return };
        let Due { population, user, .. } = request.due;
        self.tally(population).leave();
        cx.out.done.emit(request.tag.with(Done { population, user }));
    }

    fn set_timer(&mut self, number: u64, at: Time, cx: &mut Cx<'_, ClientOut>) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        let token = request.next_wait(number);
        let now = cx.now();
        request.set_timer(cx.after(at - now, token));
    }

    /// Hands out what was counted. Whoever asked for it may be gone; then nobody wants it.
    fn tell(&mut self) {
        let populations = self.plan.populations.iter().enumerate();
        let outcomes = populations
            .map(|(n, population)| self.tallies[n].outcome(population, self.slots.of(n)))
            .collect();
        let _ = self.report.send(Report::new(&self.plan, outcomes));
    }

    fn population(&self, n: u16) -> &Population {
        &self.plan.populations[usize::from(n)]
    }

    fn tally(&mut self, population: u16) -> &mut Tally {
        &mut self.tallies[usize::from(population)]
    }
}

impl Stage for ClientStage {
    type In = ClientIn;
    type Out = ClientOut;

    fn handle(&mut self, batch: Batch<'_, ClientIn>, cx: &mut Cx<'_, ClientOut>) {
        for event in batch {
            let (tag, body) = event.split();
            match body {
                ClientIn::Asking(asking) => self.asked(tag, asking, cx),
                ClientIn::Opened(opened) => {
                    tag.finish();
                    self.opened(&opened, cx);
                }
                ClientIn::Failed(failed) => {
                    tag.finish();
                    self.unopened(&failed, cx);
                }
                ClientIn::Heard(heard) => self.heard(&heard, cx),
            }
        }
    }

    /// What became of a connection got lost in the net.
    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, ClientOut>) {
        let slot = ended.flow as u32;
        if let Some(tag) = ended.tag {
            tag.refuse(ended.why);
        }
        self.failed(slot, "lost while it was opened", cx);
    }

    /// Writes that were watched are written.
    fn signal(&mut self, cx: &mut Cx<'_, ClientOut>) {
        let (now, stage) = (cx.now(), cx.stage());
        let io = cx.local.get::<Io>();
        while let Some(conn) = io.next_drained(stage) {
            let Some(slot) = io.state::<Reading>(conn).map(|reading| reading.slot) else {
                continue;
            };
            let place = self.slots.get(slot);
            if let Some(ready) = place.ready.take() {
                let tally = &mut self.tallies[usize::from(place.population)];
                tally.row(ready).lag.record(now.since(ready));
            }
        }
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, ClientOut>) {
        let number = number_of(token);
        let Some(request) = self.requests.get_mut(&number) else { return };
        if !request.waits_for(token) {
            return;
        }
        request.take_timer();
        if request.rests {
            return self.attempt(number, cx);
        }
        if let Some(slot) = request.slot {
            self.close(slot, cx);
        }
        self.over(number, &Fate::TimedOut, cx);
    }
}

/// Whether a connection failed for want of what this process or machine has to give: descriptors,
/// memory, ports. No server is to blame for that.
fn is_our_want(error: Errno) -> bool {
    let addresses = matches!(error, Errno::ADDRINUSE | Errno::ADDRNOTAVAIL);
    addresses || matches!(error, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
}

/// How long a request may wait for a connection to stand: as long as the most patient client.
pub(crate) fn connect_time(plan: &Plan) -> Duration {
    plan.populations.iter().map(|one| one.timeout).max().unwrap_or_default()
}
