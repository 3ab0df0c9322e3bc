//! The loop of a worker: look at the machine, run stages by policy, batch by batch, then wait.
//!
//! The simulator runs this very loop; it only waits in another way.

mod duty;
mod ledger;
mod make;
mod news;

use crate::control::TICK;
use crate::desk::Desk;
use crate::event::{Notice, StageId, WorkerId};
use crate::observe::{Happening, Record};
use crate::run::{
    Context, Crew, Current, Gating, Machine, Mailbox, Next, Plan, Policy, Pool, Raised, Ran, Ready,
    Runnable, Sleep, Stages, Wait, Wheel,
};
use crate::sim::Befallen;
use crate::time::{Time, nanos};
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// How long stages run before the machine is looked at again, so that neither a dear handler nor a
/// burst of answers keeps from it what came meanwhile. A look costs a few microseconds.
const BETWEEN_POLLS: Duration = Duration::from_micros(100);

/// How old a worker's part of the ledger may get while it runs: a handler that looks at the net
/// cannot have its own worker publish, and sees what was published last.
const PUBLISHED_EVERY: Duration = Duration::from_millis(100);

/// One worker of a domain, with its replicas.
pub(crate) struct Worker {
    plan: Arc<Plan>,
    id: WorkerId,
    domain: usize,
    desk: Rc<Desk>,
    ready: Rc<Cell<u64>>,
    replicas: Vec<Box<dyn Runnable>>,
    machine: Box<dyn Machine>,
    wheel: Wheel,
    /// `None`: the exit first, for which nothing has to be looked up.
    policy: Option<Box<dyn Policy>>,
    /// The epoch of the settings that it has.
    policy_epoch: u64,
    /// What ran since it was last asked.
    ran: Ran,
    /// Bits of the replicas that it puts off, and until when.
    put_off: (u64, Time),
    /// What the pool said of what came, before the policy looked.
    rings: u64,
    mailbox: Arc<Mailbox>,
    pool: Option<Arc<Pool>>,
    /// In a pool whose size is not fixed.
    crew: Option<Arc<Crew>>,
    /// Its number in its domain.
    number: usize,
    /// Whether its replicas were made: in a pool when it first goes on duty.
    made: bool,
    current: Arc<Current>,
    sleep: Sleep,
    raised: Raised,
    notices: Vec<Notice>,
    /// Whether the machine has been looked at since stages last ran.
    polled: bool,
    started: bool,
    draining: bool,
    /// The stages that hear of pressure, or of levels.
    hears: Rc<[StageId]>,
    published: Time,
    gating: Gating,
    /// When their laws are asked next, and whether they have to be, whatever happens.
    tick: Time,
    warm: bool,
    now: Time,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more to do.
    Busy,
    /// There is nothing to do until this time, unless the worker is woken.
    Idle(Option<Time>),
    /// Nothing is to be done for so long, whatever happens.
    Rest(Duration),
    /// The net stops.
    Stopped,
}

impl Worker {
    /// Runs what is ready, at most `runs` batches.
    pub fn turn(&mut self, runs: usize) -> Turn {
        let desk = Rc::clone(&self.desk);
        let _open = desk.open();
        self.now = self.plan.clock.now();
        desk.measures.set(self.plan.measures.load(Relaxed));
        desk.flows.look();
        if !std::mem::take(&mut self.polled) {
            self.look(Wait::Not);
        }
        self.collect();
        if self.plan.stopping.load(SeqCst) {
            return Turn::Stopped;
        }
        if self.now.since(self.published) >= PUBLISHED_EVERY {
            self.publish();
        }
        if self.now >= self.tick {
            self.tick();
        }
        self.look_after_crew();
        let found = self.ready.get() != 0;
        if cfg!(debug_assertions) && self.pool.is_none() {
            self.sleep = Sleep::begin(&*self.machine);
        }
        self.run_ready(runs);
        self.current.clear();
        // What the machine finished, in no run.
        desk.settle(self.now);
        if self.desk.epoch.get() != self.plan.stats.epoch() {
            self.publish();
        }
        // Who rests has looked in vain: a look may bring but a part of what came.
        let put_off = self.put_off();
        if self.ready.get() & !put_off != 0 || found && put_off == 0 && self.desk.rest.is_due() {
            return Turn::Busy;
        }
        if let Some(rest) = self.rest() {
            self.machine.flush();
            self.note(Happening::Rested, nanos(rest));
            return Turn::Rest(rest);
        }
        if !self.park() {
            return Turn::Busy;
        }
        let next = self.next();
        self.note(Happening::Slept, next.map_or(0, |next| nanos(next.since(self.now))));
        Turn::Idle(next)
    }

    /// Notes what the worker does itself.
    fn note(&self, what: Happening, n: u64) {
        self.desk.note(None, what, n, "");
    }

    /// Moves what was noted since the last call to `into`.
    pub fn take_records(&self, into: &mut Vec<Record>) {
        if let Some(tracer) = self.desk.tracer() {
            tracer.take(into);
        }
    }

    /// Notes what befell the worker, or a stage.
    pub fn befell(&self, stage: Option<StageId>, what: Happening, n: u64, kind: &'static str) {
        self.desk.note(stage, what, n, kind);
    }

    /// Has the worker's handlers befallen by what is said there.
    pub fn befall(&mut self, befallen: Rc<[Befallen]>) {
        self.desk.befall(befallen);
    }

    /// Notes that the worker goes on, and why.
    pub fn woke(&self, why: &'static str) {
        self.desk.note(None, Happening::Woke, 0, why);
    }

    /// How long to rest, though not beyond what the worker has to do by itself.
    fn rest(&self) -> Option<Duration> {
        let rest = self.desk.rest.take(self.desk.counts.entered.get())?;
        let left = self.next().map_or(rest, |next| next.since(self.now));
        Some(rest.min(left))
    }

    /// When the worker has something to do by itself.
    fn next(&self) -> Option<Time> {
        let crew = self.crew.as_ref().and_then(|crew| {
            let on_duty = self.plan.domains[self.domain].on_duty();
            crew.due().filter(|_| crew.watch(on_duty) == Some(self.number))
        });
        let put_off = (self.put_off() != 0).then_some(self.put_off.1);
        [self.wheel.next(), self.warm.then_some(self.tick), crew, put_off]
            .into_iter()
            .flatten()
            .min()
    }

    /// The bits of the replicas that the policy puts off until a time that is to come.
    fn put_off(&self) -> u64 {
        let (bits, until) = self.put_off;
        if until > self.now { bits } else { 0 }
    }

    /// Runs one replica, and tells its crew. Whether it has more to do.
    fn run(&mut self, next: usize) -> bool {
        let takes = self.is_on_duty();
        if let Some(crew) = &self.crew {
            self.made = true;
            let told = match takes {
                true => crew.begin(self.number, self.now),
                false => crew.begin_aside(self.number, self.plan.domains[self.domain].on_duty()),
            };
            if told {
                self.wake_watch();
            }
        }
        let now = (self.now, self.draining);
        let mut cx = context(&self.plan, &self.desk, &mut self.wheel, &mut self.machine, now);
        cx.takes = takes;
        let more = self.replicas[next].run(&mut cx);
        let events = cx.handled;
        let began = std::mem::replace(&mut self.now, cx.now);
        let time = self.now.since(began);
        self.desk.stats.runs.add(1);
        self.desk.stats.busy.add(self.now.0.saturating_sub(began.0));
        if self.policy.is_some() {
            self.ran = Ran { stage: next, events, time };
        }
        self.gating.ran(next, time, self.now);
        if let Some(crew) = &self.crew {
            crew.end(self.number);
        }
        if cfg!(debug_assertions) && self.pool.is_none() && Sleep::is_worth_a_look(time) {
            self.sleep.look(&*self.machine, &self.plan, self.desk.running(), self.number);
        }
        more
    }

    /// Asks the laws of the inlets.
    fn tick(&mut self) {
        self.tick = self.now + TICK;
        self.note(Happening::Ticked, u64::from(self.gating.gated().0.count_ones()));
        self.warm = false;
        for cell in self.gating.gated().iter() {
            let now = (self.now, self.draining);
            let mut cx = context(&self.plan, &self.desk, &mut self.wheel, &mut self.machine, now);
            self.warm |= self.replicas[cell].tick(&mut cx);
        }
        // One of a pool is enough to see that nothing more happens.
        self.warm &= self.pool.is_none() || self.id.index() == self.plan.domain_of(self.id).first;
        self.carry_notices();
    }

    /// Waits in the machine until something happens, the worker is woken, or it is `until`.
    pub fn wait(&mut self, until: Option<Time>) {
        let now = self.plan.clock.now();
        let wait = match until {
            None => Wait::Forever,
            Some(until) if until <= now => Wait::Not,
            Some(until) => Wait::AtMost(until.since(now)),
        };
        self.look(wait);
        self.unpark();
        self.polled = true;
    }

    /// Takes the worker from those that are waiting.
    pub fn unpark(&mut self) {
        self.mailbox.unpark();
        if let Some(pool) = &self.pool {
            pool.unpark(&self.mailbox);
        }
    }

    fn park(&mut self) -> bool {
        if !self.mailbox.park() {
            return false;
        }
        let idle = self.pool.as_ref().is_none_or(|pool| {
            pool.park(&self.mailbox, self.number, self.parked(), (self.put_off(), self.rings))
        });
        if !idle {
            self.mailbox.unpark();
        }
        idle
    }

    /// The bits of the replicas that are parked.
    fn parked(&self) -> u64 {
        let replicas = self.replicas.iter().enumerate();
        replicas.fold(0, |bits, (cell, replica)| bits | u64::from(replica.is_parked()) << cell)
    }

    fn look(&mut self, wait: Wait) {
        self.gating.looked();
        self.machine.poll(self.now, wait, &mut self.raised);
        let mut raised = std::mem::take(&mut self.raised.0);
        for stage in raised.drain(..) {
            let planned = &self.plan.stages[stage.index()];
            assert_eq!(planned.domain, self.domain, "a machine raises flags of its own domain");
            self.tell(stage, |replica, member| replica.signal(member));
        }
        // For its memory.
        self.raised.0 = raised;
    }

    fn run_ready(&mut self, runs: usize) {
        // Replicas that are not made yet hear what they were told when they are.
        if !self.made && !self.is_on_duty() {
            self.ready.set(0);
            return;
        }
        let until = self.now + BETWEEN_POLLS;
        self.put_off.0 = 0;
        for _ in 0..runs {
            // What the threads of a pool share stays there until one of them really runs it.
            let pool = self.pool.as_ref().filter(|_| self.is_on_duty());
            let shared = pool.map_or(0, |pool| pool.ready() & !self.parked());
            let ready = Ready(self.ready.get() | shared);
            if ready.0 == 0 || self.now >= until {
                return;
            }
            if self.gating.is_stale(ready) {
                self.look(Wait::Not);
                continue;
            }
            let Some(next) = self.choose(ready) else { return };
            if !self.take(next, shared) {
                continue;
            }
            if self.gating.is_gated(next) {
                // Refusals that are on their way must not wait for what was admitted.
                self.machine.flush();
            }
            if self.run(next) {
                self.ready.set(self.ready.get() | 1 << next);
            }
            if self.desk.behind.take() {
                self.publish();
            }
            self.carry_notices();
        }
    }

    /// Which of those that are ready runs; none where the machine is looked at first, or where the
    /// policy puts all of them off.
    fn choose(&mut self, all: Ready) -> Option<usize> {
        let ready = self.gating.before(all, self.now);
        let next = match self.ask(ready, all) {
            // What is held must not wait for those that wait themselves.
            Next::Wait(_) if ready != all => self.ask(all, all),
            next => next,
        };
        match next {
            Next::Run(next) => Some(next),
            Next::Look => None,
            Next::Wait(until) => {
                self.put_off = (all.0, until);
                None
            }
        }
    }

    /// Asks the policy which of `ready` runs, which are some or `all` of those that are.
    fn ask(&mut self, ready: Ready, all: Ready) -> Next {
        let Some(policy) = &mut self.policy else { return ready.nearest_exit().into() };
        if let Some(pool) = &self.pool {
            self.rings = pool.rings();
        }
        let held = Ready(all.0 & !ready.0);
        let stages = Stages { now: self.now, held, ran: &self.ran, replicas: &self.replicas };
        let next = policy.next(ready, &stages);
        self.ran.stage = Ran::NONE.stage;
        match next {
            Next::Run(next) if !ready.contains(next) => Next::Look,
            next => next,
        }
    }

    /// Takes the ready bit of the replica `next`, its own and the one that it may take of what is
    /// `shared`. `false` when another thread of the pool was faster.
    fn take(&self, next: usize, shared: u64) -> bool {
        let (bit, ready) = (1 << next, self.ready.get());
        self.ready.set(ready & !bit);
        let took = self.pool.as_ref().is_some_and(|pool| pool.take(bit & shared));
        took || ready & bit != 0
    }

    /// After the stages did something outside the order of runs: runs each of them once.
    fn look_at_all(&mut self) {
        self.carry_notices();
        let all = (0..self.replicas.len()).fold(0, |bits, cell| bits | 1 << cell);
        self.ready.set(self.ready.get() | all);
    }

    fn each(&mut self, mut f: impl FnMut(&mut dyn Runnable, &mut Context<'_>)) {
        let desk = Rc::clone(&self.desk);
        let _open = desk.open();
        for replica in &mut self.replicas {
            let now = (self.now, self.draining);
            let mut cx = context(&self.plan, &self.desk, &mut self.wheel, &mut self.machine, now);
            f(&mut **replica, &mut cx);
        }
        self.current.clear();
    }

    /// When something happens by itself, in the simulator.
    pub fn due(&self) -> Option<Time> {
        let timer = self.next();
        let machine = self.machine.due();
        [timer, machine].into_iter().flatten().min()
    }

    pub fn is_parked(&self) -> bool {
        self.mailbox.is_parked()
    }
}

/// What a worker lends to the replica that runs.
fn context<'a>(
    plan: &'a Plan,
    desk: &'a Desk,
    wheel: &'a mut Wheel,
    machine: &'a mut Box<dyn Machine>,
    (now, draining): (Time, bool),
) -> Context<'a> {
    let machine: &mut dyn Any = &mut **machine;
    let (clock, takes) = (&plan.clock, true);
    Context { now, clock, desk, wheel, machine, draining, takes, handled: 0, deep: 0 }
}
