//! The arrive stage: the source of all requests, by timers in an open loop and by what is done in
//! a closed one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::{Batch, Cx, Ended, Entering, Event, Out, Stage, Time, TimerKey};

use crate::arrivals::Arrivals;
use crate::plan::{Load, Plan};
use crate::stages::{Asking, Done, Due};
use sluicegate::sim::Random;

/// How long before a request is due a plan that spins looks at the clock only: two ticks.
const SPIN: Duration = Duration::from_millis(2);

/// Lets the requests of a plan in when they are due. Each is a flow that comes back when it is
/// done.
pub(crate) struct ArriveStage {
    plan: Arc<Plan>,
    began: Time,
    /// What is due next, in the order of time: one of each open loop, and one of each user who
    /// thinks.
    due: BinaryHeap<Reverse<(Time, u16, u32)>>,
    /// The arrivals of each population that is open.
    open: Vec<Option<Arrivals>>,
    /// Requests so far: the number of the next flow.
    requests: u64,
    under_way: usize,
    timer: Option<(Time, TimerKey)>,
    over: bool,
}

impl ArriveStage {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            began: Time(0),
            due: BinaryHeap::new(),
            open: Vec::new(),
            requests: 0,
            under_way: 0,
            timer: None,
            over: false,
        }
    }

    /// Lets in what is due, as far as there is room, and sees to it that the next is let in.
    fn go_on(&mut self, cx: &mut Cx<'_, Out<Asking>>) {
        if self.over {
            return;
        }
        let (now, end) = (cx.now(), self.began + self.plan.time);
        for _ in 0..cx.room() {
            let Some(Reverse((at, population, user))) = self.due.peek().copied() else { break };
            if at > now && at < end {
                break;
            }
            self.due.pop();
            // Nobody begins when the plan's time is over.
            if at < end {
                self.plan_next(population);
                self.let_in(Due { population, user, at }, cx);
            }
        }
        match self.due.peek().map(|Reverse((at, ..))| *at) {
            Some(at) if at <= now || at >= end => cx.again(),
            Some(at) if self.plan.spin && at.since(now) < SPIN => cx.again(),
            Some(at) => self.wake_at(at.min(end), cx),
            None if now < end => self.wake_at(end, cx),
            None => self.end(cx),
        }
    }

    fn let_in(&mut self, due: Due, cx: &mut Cx<'_, Out<Asking>>) {
        let home = cx.worker();
        match cx.enter(self.requests, Entering { born: Some(due.at), ..Entering::default() }) {
            Ok(tag) => {
                self.under_way += 1;
                cx.out.emit(tag.with(Asking::Due(due)));
            }
            Err(_) => cx.out.emit(Event::note(home, Asking::Missed(due))),
        }
        self.requests += 1;
    }

    /// Plans the next arrival of an open loop.
    fn plan_next(&mut self, population: u16) {
        let arrivals = self.open[usize::from(population)].as_mut();
        if let Some(since) = arrivals.and_then(Iterator::next) {
            self.due.push(Reverse((self.began + since, population, 0)));
        }
    }

    fn wake_at(&mut self, at: Time, cx: &mut Cx<'_, Out<Asking>>) {
        match self.timer {
            Some((before, _)) if before <= at => return,
            Some((_, later)) => drop(cx.cancel(later)),
            None => {}
        }
        let now = cx.now();
        self.timer = Some((at, cx.after(at - now, 0)));
    }

    /// Tells the client when all is done.
    fn end(&mut self, cx: &mut Cx<'_, Out<Asking>>) {
        if self.under_way == 0 {
            self.over = true;
            let home = cx.worker();
            cx.out.emit(Event::note(home, Asking::Over));
        }
    }
}

impl Stage for ArriveStage {
    type In = Done;
    type Out = Out<Asking>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Asking>>) {
        self.began = cx.now();
        let home = cx.worker();
        cx.out.emit(Event::note(home, Asking::Began(self.began)));
        let plan = Arc::clone(&self.plan);
        for (n, population) in (0..).zip(&plan.populations) {
            let mut random = Random::stream(plan.seed, u64::from(n));
            let load = &population.load;
            if let Load::Closed { users, think } = load {
                let users = u32::try_from(*users).unwrap_or(u32::MAX);
                let first = |user| Reverse((self.began + think.mul_f64(random.unit()), n, user));
                self.due.extend((0..users).map(first));
            }
            self.open.push(match load {
                Load::Open(rate) => Some(Arrivals::new(rate.clone(), random)),
                Load::Closed { .. } => None,
            });
            self.plan_next(n);
        }
        cx.again();
    }

    fn handle(&mut self, batch: Batch<'_, Done>, cx: &mut Cx<'_, Out<Asking>>) {
        let now = cx.now();
        for event in batch {
            let (tag, Done { population, user }) = event.split();
            tag.finish();
            self.under_way -= 1;
            if let Load::Closed { think, .. } = self.plan.populations[usize::from(population)].load
            {
                self.due.push(Reverse((now + think, population, user)));
            }
        }
        self.go_on(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Asking>>) {
        self.go_on(cx);
    }

    fn timer(&mut self, _token: u64, cx: &mut Cx<'_, Out<Asking>>) {
        self.timer = None;
        self.go_on(cx);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Out<Asking>>) {
        if let Some(tag) = ended.tag {
            tag.refuse(ended.why);
        }
        self.under_way -= 1;
        self.go_on(cx);
    }

    fn drain(&mut self, _cx: &mut Cx<'_, Out<Asking>>) {
        self.over = true;
    }
}
