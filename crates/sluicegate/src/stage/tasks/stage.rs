//! The stage around an async one: begins futures, polls those that were woken, ends them.

use super::AsyncStage;
use super::cx::{Asked, AsyncCx, Shared};
use super::slot::Slot;
use super::woken::Woken;
use crate::control::Concurrency;
use crate::event::{Batch, Event, FlowKey};
use crate::ledger::Why;
use crate::run::TimerKey;
use crate::stage::{Cx, Stage, message};
use crate::time::Time;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long woken futures are polled before the worker looks at its other work.
const SLICE: Duration = Duration::from_micros(500);

/// `R` makes the future `F` of an event.
pub(super) struct Tasks<S, R, F> {
    stage: Rc<S>,
    run: R,
    places: Concurrency,
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    /// Free as soon as the gate has heard of those that were in them.
    freed: Vec<u32>,
    /// Made at the start, when it is known whose flag is to be raised.
    woken: Option<Arc<Woken>>,
    shared: Rc<Shared>,
    asked: Vec<Asked>,
    /// By the number of a sleep: its slot, and its timer.
    sleeps: HashMap<u64, (u32, TimerKey)>,
    /// The slots of flows that wait for somebody: one that is done in its first poll is not listed.
    flows: HashMap<FlowKey, u32>,
    /// How many flows had gone when this was last looked at.
    gone: u64,
    /// When the clock was last read: once a poll.
    now: Time,
}

impl<S, R, F> Tasks<S, R, F>
where
    S: AsyncStage,
    R: Fn(Rc<S>, Event<S::In>, AsyncCx) -> F + 'static,
    F: Future<Output = S::Done> + 'static,
{
    pub fn new(stage: S, places: Concurrency, run: R) -> Self {
        Self {
            stage: Rc::new(stage),
            run,
            places,
            slots: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            woken: None,
            shared: Rc::default(),
            asked: Vec::new(),
            sleeps: HashMap::new(),
            flows: HashMap::new(),
            gone: 0,
            now: Time(0),
        }
    }

    /// Begins the future of an event, and polls it.
    fn begin(&mut self, event: Event<S::In>, cx: &mut Cx<'_, S::Out>) {
        let Some(n) = self.free.pop().or_else(|| self.new_slot()) else { return };
        let now = self.now;
        let slot = &mut self.slots[n as usize];
        slot.generation = cx.runtime.hand.next_number();
        let token = Token::Deadline(n, slot.generation).pack();
        let deadline = event.tag().deadline().filter(|_| !cx.runtime.hand.keeps_late());
        let deadline = deadline.map(|deadline| cx.after(deadline.since(now), token));
        slot.begin(&event, now, deadline);
        cx.runtime.hand.took(n);
        let cx_of_future = AsyncCx { shared: Rc::clone(&self.shared), slot: n };
        let future = (self.run)(Rc::clone(&self.stage), event, cx_of_future);
        slot.future.set(Some(future));
        self.poll(n, cx);
    }

    fn new_slot(&mut self) -> Option<u32> {
        let n = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot::new(n, self.woken.as_ref()?));
        Some(n)
    }

    /// Polls what is in a slot that was woken, if it is still there.
    fn poll_woken(&mut self, n: u32, cx: &mut Cx<'_, S::Out>) {
        let slot = &self.slots[n as usize];
        // From now on who wakes it has it polled again.
        slot.wakes.polled();
        if !slot.is_free() {
            self.poll(n, cx);
        }
    }

    /// Polls what is in a slot; ends it when it is done.
    fn poll(&mut self, n: u32, cx: &mut Cx<'_, S::Out>) {
        let slot = &mut self.slots[n as usize];
        self.shared.begin(self.now, cx.quality());
        let (stage, future) = (&self.stage, &mut slot.future);
        let mut context = Context::from_waker(&slot.waker);
        let out = &mut *cx.out;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let Some(future) = future.as_mut().as_pin_mut() else { return true };
            let Poll::Ready(done) = future.poll(&mut context) else { return false };
            stage.emit(done, out);
            true
        }));
        let slot = &mut self.slots[n as usize];
        let before = std::mem::replace(&mut self.now, cx.clock());
        slot.used += self.now.since(before);
        match polled {
            Ok(false) => {
                if let (false, Some(flow)) = (slot.listed, slot.flow) {
                    slot.listed = true;
                    self.flows.insert(flow, n);
                }
                self.set_timers(cx);
            }
            Ok(true) => self.end(n, cx),
            Err(panic) => {
                cx.runtime.hand.panicked(message(&*panic));
                self.drop_future(n, Why::Failed, cx);
            }
        }
    }

    /// Drops a future that is not done, and its event's tag with it.
    fn drop_future(&mut self, n: u32, why: Why, cx: &mut Cx<'_, S::Out>) {
        let before = cx.runtime.desk.set_dropping(why);
        self.end(n, cx);
        cx.runtime.desk.set_dropping(before);
    }

    /// Empties a slot.
    fn end(&mut self, n: u32, cx: &mut Cx<'_, S::Out>) {
        let slot = &mut self.slots[n as usize];
        let future = &mut slot.future;
        let dropped = catch_unwind(AssertUnwindSafe(|| future.set(None)));
        if let Err(panic) = dropped {
            // What its destructor had not come to is dropped all the same.
            cx.runtime.hand.panicked(message(&*panic));
        }
        if let Some(flow) = slot.flow.take()
            && std::mem::take(&mut slot.listed)
        {
            self.flows.remove(&flow);
        }
        if let Some(timer) = slot.deadline.take() {
            cx.cancel(timer);
        }
        cx.runtime.hand.over(n, self.now, self.now.since(slot.taken), slot.used);
        self.freed.push(n);
        self.set_timers(cx);
    }

    /// Does what the future asked of the timers.
    fn set_timers(&mut self, cx: &mut Cx<'_, S::Out>) {
        if !self.shared.is_asked() {
            return;
        }
        self.shared.take_asked(&mut self.asked);
        for asked in self.asked.drain(..) {
            match asked {
                Asked::Sleep { sleep, slot, until } => {
                    let token = Token::Sleep(sleep).pack();
                    let timer = cx.after(until.since(cx.now()), token);
                    self.sleeps.insert(sleep, (slot, timer));
                }
                Asked::Cancel { sleep } => {
                    if let Some((_, timer)) = self.sleeps.remove(&sleep) {
                        cx.cancel(timer);
                    }
                }
            }
        }
    }

    /// Drops the futures of flows for whose answers nobody waits any more.
    fn drop_gone(&mut self, cx: &mut Cx<'_, S::Out>) {
        let went = cx.runtime.desk.gone.told();
        if std::mem::replace(&mut self.gone, went) == went {
            return;
        }
        for flow in cx.runtime.desk.gone.all() {
            if let Some(&n) = self.flows.get(&flow) {
                self.drop_future(n, Why::Gone, cx);
            }
        }
    }
}

impl<S, R, F> Stage for Tasks<S, R, F>
where
    S: AsyncStage,
    R: Fn(Rc<S>, Event<S::In>, AsyncCx) -> F + 'static,
    F: Future<Output = S::Done> + 'static,
{
    type In = S::In;
    type Out = S::Out;

    fn start(&mut self, cx: &mut Cx<'_, S::Out>) {
        self.woken = Some(Woken::new(cx.flag()));
        self.gone = cx.runtime.desk.gone.told();
        cx.runtime.hand.open(self.places.clone());
        self.shared.number_sleeps_from(cx.runtime.hand.first_sleep());
        cx.runtime.desk.watch_gone(cx.runtime.stage);
    }

    fn handle(&mut self, mut batch: Batch<'_, S::In>, cx: &mut Cx<'_, S::Out>) {
        self.now = cx.now();
        self.free.append(&mut self.freed);
        while cx.runtime.hand.room() > 0
            && let Some(event) = batch.next()
        {
            self.begin(event, cx);
        }
    }

    /// Some were woken, or some flows have gone.
    fn signal(&mut self, cx: &mut Cx<'_, S::Out>) {
        self.now = cx.now();
        self.drop_gone(cx);
        while cx.room() >= cx.runtime.emits && self.now.since(cx.now()) < SLICE {
            let Some(n) = self.woken.as_ref().and_then(|woken| woken.take()) else { return };
            self.poll_woken(n, cx);
        }
        cx.again();
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, S::Out>) {
        self.now = cx.now();
        match Token::of(token) {
            Token::Sleep(sleep) => {
                if let Some((slot, _)) = self.sleeps.remove(&sleep) {
                    self.slots[slot as usize].waker.wake_by_ref();
                }
            }
            Token::Deadline(n, generation) => {
                let slot = &self.slots[n as usize];
                if slot.generation == generation && !slot.is_free() {
                    self.drop_future(n, Why::Expired, cx);
                }
            }
        }
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// The sleep of this number.
    Sleep(u64),
    /// What is in this slot, unless another future came into it: of 31 bits.
    Deadline(u32, u32),
}

impl Token {
    const DEADLINE: u64 = 1 << 63;

    fn pack(self) -> u64 {
        match self {
            Self::Sleep(sleep) => sleep & !Self::DEADLINE,
            Self::Deadline(slot, generation) => {
                Self::DEADLINE | u64::from(generation) << 32 | u64::from(slot)
            }
        }
    }

    fn of(token: u64) -> Self {
        if token & Self::DEADLINE == 0 {
            return Self::Sleep(token);
        }
        let generation = (token & !Self::DEADLINE) >> 32;
        Self::Deadline(token as u32, generation as u32)
    }
}
