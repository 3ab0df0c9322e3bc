//! The loop of a worker: look at the machine, run stages by policy, batch by batch, then wait.
//!
//! The simulator runs this very loop; it only waits in another way.

use crate::control::TICK;
use crate::desk::Desk;
use crate::event::{Notice, StageId, WorkerId};
use crate::ledger::Ledger;
use crate::net::{BoxError, Kind};
use crate::observe::{Cut, Happening, Record, Tracer};
use crate::run::{
    Build, Context, Crew, Current, GROUP, Gating, Group, Machine, Mailbox, NEWS, Next, Plan,
    Policy, Pool, Raised, Ran, Ready, Runnable, Seats, Sleep, Stages, StopError, Wait, Wheel,
};
use crate::sim::Befallen;
use crate::time::{Time, nanos};
use std::any::Any;
use std::cell::Cell;
use std::iter;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// How long stages run before the machine is looked at again, so that a dear handler cannot
/// blind the gate.
const BETWEEN_POLLS: Duration = Duration::from_micros(500);

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
    /// Bits of the replicas that hear of pressure.
    hears_pressure: u64,
    epoch: u64,
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
    /// Makes the worker on the thread that is to run it.
    pub fn new(plan: &Arc<Plan>, id: WorkerId) -> Result<Self, BoxError> {
        let domain = plan.domain_of(id);
        let desk = Desk::new(id, plan.stages.len(), Arc::clone(&plan.gone));
        desk.tell_current(Arc::clone(&plan.currents[id.index()]));
        if plan.traced {
            desk.trace(Tracer::new(plan.clock.clone(), id));
        }
        let ready = Rc::new(Cell::new(0));
        let machine = (domain.machine)(id.index() - domain.first)?;
        let mailbox = Arc::clone(&plan.mailboxes[id.index()]);
        mailbox.set_waker(machine.waker());
        let replicas = build(plan, id, &desk, &ready);
        let names =
            domain.stages.iter().map(|&stage| plan.stages[stage.index()].spec.name.as_str());
        let mut policy = domain.policy.as_ref().map(|make| make());
        if let Some(policy) = &mut policy {
            policy.start(&names.collect::<Vec<_>>())?;
        }
        let policy_epoch =
            policy.as_deref_mut().map_or(0, |policy| domain.policy_settings.begin(policy));
        let mut worker = Self {
            plan: Arc::clone(plan),
            id,
            domain: plan.domains.iter().position(|d| std::ptr::eq(d, domain)).unwrap_or(0),
            replicas,
            policy,
            policy_epoch,
            ran: Ran::NONE,
            put_off: (0, Time(0)),
            rings: 0,
            pool: (domain.kind == Kind::Pool).then(|| Arc::clone(&domain.pool)),
            crew: domain.crew.clone(),
            number: id.index() - domain.first,
            made: false,
            current: Arc::clone(&plan.currents[id.index()]),
            sleep: Sleep::default(),
            desk,
            ready,
            machine,
            wheel: Wheel::new(),
            mailbox,
            raised: Raised::default(),
            notices: Vec::new(),
            polled: false,
            started: false,
            draining: false,
            hears_pressure: 0,
            epoch: 0,
            published: Time(0),
            gating: Gating::new(0, 0),
            tick: Time(u64::MAX),
            warm: false,
            now: plan.clock.now(),
        };
        let gates = worker.replicas.iter().enumerate().filter(|(_, replica)| replica.is_gated());
        let gated = gates.fold(0, |bits, (cell, _)| bits | 1 << cell);
        if gated != 0 {
            worker.tick = worker.now;
            worker.gating = Gating::new(gated, plan.leading_to(&domain.stages, gated));
        }
        for (cell, stage) in (0..).zip(&domain.stages) {
            let spec = &plan.stages[stage.index()].spec;
            worker.wheel.bound(cell, spec.timers);
            worker.hears_pressure |= u64::from(spec.hears_pressure) << domain.seat(cell).0;
        }
        if worker.is_on_duty() {
            worker.made = true;
            worker.each(|replica, cx| replica.start(cx));
            worker.look_at_all();
        }
        Ok(worker)
    }

    /// Runs what is ready, at most `runs` batches.
    pub fn turn(&mut self, runs: usize) -> Turn {
        let desk = Rc::clone(&self.desk);
        let _open = desk.open();
        self.now = self.plan.clock.now();
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
        if self.epoch != self.plan.stats.epoch() {
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

    /// Takes the worker out of those that can be woken, as one whose handler never returns.
    pub fn die(&mut self) {
        self.unpark();
        // It may have been woken for an event that it would have taken, telling of what is left.
        if let Some(pool) = &self.pool {
            Ready(pool.ready()).iter().for_each(|cell| pool.notify(1 << cell));
        }
        if let Some(crew) = &self.crew
            && crew.begin(self.number, self.now)
        {
            self.wake_watch();
        }
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

    /// Whether this thread may take what the threads of a pool share.
    fn is_on_duty(&self) -> bool {
        self.pool.as_ref().is_none_or(|pool| self.number < pool.on_duty())
    }

    /// Sees whether the pool has the right size, if that is due.
    fn look_after_crew(&mut self) {
        let (Some(crew), Some(pool)) = (&self.crew, &self.pool) else { return };
        if crew.is_due(self.now) {
            let see = || self.plan.seen(&self.plan.domains[self.domain]);
            let (threads, roused) = crew.look(self.now, see);
            if threads != pool.on_duty() {
                pool.set_on_duty(threads);
                self.note(Happening::Sized, threads as u64);
            }
            if roused {
                self.wake_watch();
            }
        }
    }

    /// Wakes who looks after the crew.
    fn wake_watch(&self) {
        let domain = &self.plan.domains[self.domain];
        if let Some(watch) = self.crew.as_ref().and_then(|crew| crew.watch(domain.on_duty())) {
            self.plan.mailboxes[domain.first + watch].wake();
        }
    }

    /// Runs one replica, and tells its crew. Whether it has more to do, and how long it ran.
    fn run(&mut self, next: usize) -> (bool, Duration) {
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
        let (events, time) = (cx.handled, cx.now.since(self.now));
        self.now = cx.now;
        self.ran = Ran { stage: next, events, time };
        if let Some(crew) = &self.crew {
            crew.end(self.number);
        }
        if cfg!(debug_assertions) && self.pool.is_none() && Sleep::is_worth_a_look(time) {
            self.sleep.look(&*self.machine, &self.plan, self.desk.running(), self.number);
        }
        (more, time)
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
        for stage in std::mem::take(&mut self.raised.0) {
            let planned = &self.plan.stages[stage.index()];
            assert_eq!(planned.domain, self.domain, "a machine raises flags of its own domain");
            let (cell, member) = self.plan.seat(stage);
            self.replicas[cell].signal(member);
            self.ready.set(self.ready.get() | 1 << cell);
        }
    }

    /// Gathers what is ready: told by other workers, by the pool, by timers.
    fn collect(&mut self) {
        let ready = self.ready.get() | self.mailbox.take_ready();
        self.ready.set(ready & !NEWS);
        if ready & NEWS != 0 {
            self.notices.append(&mut self.mailbox.take_notices());
            self.hand_out();
            self.raise_signals();
            self.tune_policy();
            if !self.draining && self.plan.draining.load(SeqCst) {
                self.draining = true;
                self.note(Happening::Drained, 0);
                self.each(|replica, cx| replica.drain(cx));
                self.look_at_all();
            }
        }
        while let Some((cell, token)) = self.wheel.expired(self.now) {
            let (cell, member) = self.plan.domains[self.domain].seat(cell);
            self.replicas[cell].timer(member, token);
            self.ready.set(self.ready.get() | 1 << cell);
        }
    }

    /// Has its replicas hear that the net has started, or that there is another pressure.
    fn raise_signals(&mut self) {
        if !self.started && self.plan.started.load(SeqCst) {
            self.started = true;
            self.note(Happening::Started, 0);
            self.replicas.iter_mut().for_each(|replica| replica.started());
            self.look_at_all();
        }
        for cell in Ready(self.hears_pressure).iter() {
            self.replicas[cell].pressed();
        }
        self.ready.set(self.ready.get() | self.hears_pressure);
    }

    /// Gives the policy what was set of its settings.
    fn tune_policy(&mut self) {
        let settings = &self.plan.domains[self.domain].policy_settings;
        if let Some(policy) =
            self.policy.as_deref_mut().filter(|_| settings.epoch() != self.policy_epoch)
        {
            self.policy_epoch = settings.give(policy);
        }
    }

    fn run_ready(&mut self, runs: usize) {
        let began = self.now;
        self.put_off.0 = 0;
        for _ in 0..runs {
            // What the threads of a pool share stays there until one of them really runs it.
            let pool = self.pool.as_ref().filter(|_| self.is_on_duty());
            let shared = pool.map_or(0, |pool| pool.ready() & !self.parked());
            let ready = Ready(self.ready.get() | shared);
            if ready.0 == 0 || self.now.since(began) >= BETWEEN_POLLS {
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
            let (more, time) = self.run(next);
            self.gating.ran(next, time, self.now);
            if more {
                self.ready.set(self.ready.get() | 1 << next);
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
        if !self.made {
            return;
        }
        let all = (0..self.replicas.len()).fold(0, |bits, cell| bits | 1 << cell);
        self.ready.set(self.ready.get() | all);
    }

    /// Carries the ends of flows to their sources.
    fn carry_notices(&mut self) {
        if !self.desk.take_news() {
            return;
        }
        self.send_letters();
        if let Some((stage, panic)) = self.desk.take_stop() {
            let stage = self.plan.stages[stage.index()].spec.name.clone();
            self.plan.fail(StopError::Stage { stage, panic: panic.to_string() });
        }
        self.desk.take_notices(&mut self.notices);
        self.hand_out();
        while let Some(stage) = self.desk.take_roused() {
            let (cell, member) = self.plan.seat(stage);
            self.replicas[cell].signal(member);
            self.ready.set(self.ready.get() | 1 << cell);
        }
    }

    /// Has replicas send letters of the flows that panics cost them.
    fn send_letters(&mut self) {
        while let Some(stage) = self.desk.salvager() {
            let tags = self.desk.take_salvaged(stage);
            let (cell, member) = self.plan.seat(stage);
            let now = (self.now, self.draining);
            let mut cx = context(&self.plan, &self.desk, &mut self.wheel, &mut self.machine, now);
            self.replicas[cell].send_letters(member, tags, &mut cx);
        }
    }

    fn hand_out(&mut self) {
        let mut notices = self.notices.drain(..).peekable();
        while let Some(notice) = notices.next() {
            if notice.home == self.id {
                let (cell, member) = self.plan.seat(notice.source);
                self.replicas[cell].notice(member, notice);
                self.ready.set(self.ready.get() | 1 << cell);
            } else {
                // Those of a batch mostly have one home: they are told together.
                let more = iter::from_fn(|| notices.next_if(|next| next.home == notice.home));
                let home = &self.plan.mailboxes[notice.home.index()];
                home.leave(iter::once(notice).chain(more));
            }
        }
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

    /// The worker's part of the ledger: what it counted, and what it holds.
    pub fn ledger(&mut self) -> Ledger {
        let mut ledger = self.desk.counts.ledger();
        ledger.in_flight = self.replicas.iter_mut().map(|replica| replica.in_flight()).sum();
        ledger
    }

    /// Whether the worker could be in a handler that never returns and leave nothing undone: it is
    /// on duty, and no flow and no output is in its hands.
    pub fn may_die(&mut self) -> bool {
        self.is_on_duty() && self.parked() == 0 && self.ledger().in_flight == 0
    }

    /// Flows that this worker put into queues, less those it took out.
    pub fn queued(&self) -> i64 {
        self.desk.queued()
    }

    /// Publishes the worker's part of the ledger for the epoch.
    fn publish(&mut self) {
        self.epoch = self.plan.stats.epoch();
        self.published = self.now;
        let mut drained = true;
        if self.draining {
            self.each(|replica, cx| drained &= replica.drained(cx));
            self.look_at_all();
        }
        let cut = Cut { epoch: self.epoch, drained, ..self.cut() };
        self.plan.stats.publish(self.id, cut);
    }

    /// The worker's part of the ledger, with what it put into queues and nobody took.
    pub fn cut(&mut self) -> Cut {
        let mut ledger = self.ledger();
        ledger.in_flight += self.queued();
        Cut { epoch: self.epoch, at: self.plan.clock.now(), ledger, drained: false }
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

    /// Ends all that the worker holds. No worker may run any more.
    pub fn close(&mut self) {
        self.desk.end_letters();
        self.each(|replica, cx| replica.close(cx));
        let desk = Rc::clone(&self.desk);
        let _open = desk.open();
        self.desk.take_notices(&mut self.notices);
        self.notices.append(&mut self.mailbox.take_notices());
        let freed = self.notices.drain(..).filter(|notice| !notice.question).count();
        let places = &self.desk.counts.places;
        places.set(places.get() - freed as i64);
        let cut = Cut { epoch: u64::MAX, drained: true, ..self.cut() };
        self.plan.stats.publish(self.id, cut);
    }
}

/// Builds a worker's replicas, in groups where there are more than it has ready bits.
fn build(
    plan: &Arc<Plan>,
    worker: WorkerId,
    desk: &Rc<Desk>,
    ready: &Rc<Cell<u64>>,
) -> Vec<Box<dyn Runnable>> {
    let domain = plan.domain_of(worker);
    let mailboxes = domain.groups_of(worker);
    let groups: Vec<_> = mailboxes.iter().map(|_| Rc::new(Cell::new(0))).collect();
    let seats = Seats::default();
    let one = |&stage: &StageId| {
        let build = Build::new(plan, stage, desk, (ready, &groups), &seats);
        plan.stages[stage.index()].build(&build)
    };
    if groups.is_empty() {
        return domain.stages.iter().map(one).collect();
    }
    let group = |(n, stages): (usize, &[StageId])| {
        let (ready, mailbox) = (Rc::clone(&groups[n]), Arc::clone(&mailboxes[n]));
        let group = Group::new(stages.iter().map(one).collect(), ready, mailbox);
        Box::new(group) as Box<dyn Runnable>
    };
    domain.stages.chunks(GROUP).enumerate().map(group).collect()
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
    Context { now, clock: &plan.clock, desk, wheel, machine, draining, takes: true, handled: 0 }
}
