//! What all clones of a gate share: the queue, and who waits in it.

use crate::keeper;
use slab::Slab;
use sluicegate::{
    AdmissionQueue, AdmissionQueueView, Ask, Concurrency, Place, Setting, SettingFaults, Time,
    Value, Why,
};
use smallvec::SmallVec;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long none may have begun before it is taken that those whose turn it is will not: who does
/// not poll the future of a call shall not hold up the others.
const STUCK: Duration = Duration::from_secs(1);

/// Those that are to be woken when the lock is free again: mostly one.
type Woken = SmallVec<[Waker; 2]>;

pub(crate) struct Shared {
    start: Instant,
    /// One queue for all threads needs a lock: it is taken twice a call, and never while a service
    /// or a closure of the user's runs.
    state: Mutex<State>,
    /// Refusals, to draw when they come again.
    draws: AtomicUsize,
    /// Tells those who wait for the end of a drain.
    drained: Notify,
}

struct State {
    queue: AdmissionQueue<usize>,
    /// The calls in the queue, and those that have not heard yet what became of them.
    calls: Slab<Call>,
    /// Whether a task ticks the laws.
    kept: bool,
    /// Calls that have a place and whose service was not polled yet; how many there may be; and
    /// when one was polled last, or the first of them got its place.
    starting: usize,
    starting_most: usize,
    started: Time,
}

enum Call {
    Waits(Option<Waker>),
    Goes(Place),
    Ends(Why),
}

/// A call in the queue. Dropped, it leaves it.
pub(crate) struct Waiting {
    shared: Arc<Shared>,
    ask: Ask,
    key: usize,
    /// Whether it has heard what became of it.
    heard: bool,
}

/// A call that has a place. Dropped before it is [answered](Self::answered), it frees that.
pub(crate) struct Served {
    shared: Arc<Shared>,
    place: Option<Place>,
    /// Whether it was not begun yet.
    starting: bool,
    /// What it has used of a thread.
    used: Duration,
}

/// What becomes of a call that enters.
pub(crate) enum Entered {
    Serve(Served),
    Wait(Waiting),
}

impl Shared {
    pub fn new(queue: AdmissionQueue<usize>) -> Arc<Self> {
        let threads = available_parallelism().map_or(1, NonZero::get);
        let state = State {
            queue: queue.threads(threads),
            calls: Slab::new(),
            kept: false,
            starting: 0,
            // As many as threads can poll at once; for more it is too early to say who is next.
            starting_most: threads,
            started: Time(0),
        };
        let state = Mutex::new(state);
        let (draws, drained) = Default::default();
        Arc::new(Self { start: Instant::now(), state, draws, drained })
    }

    pub fn now(&self) -> Time {
        Time(0) + self.start.elapsed()
    }

    /// The next draw of when to come again.
    pub fn draw(&self) -> usize {
        self.draws.fetch_add(1, Relaxed)
    }

    pub fn set_concurrency(&self, places: Concurrency) {
        self.change(|state, _| state.queue.set_concurrency(places));
    }

    /// The settings of the queue of a gate called `name`.
    pub fn settings(&self, name: &str) -> Vec<Setting> {
        self.lock().queue.settings(name)
    }

    /// Says whether these could be changed so.
    pub fn check(&self, name: &str, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        self.lock().queue.check(name, changes)
    }

    /// Changes all of these, or none.
    pub fn set(&self, name: &str, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        self.lock().queue.change(name, changes)
    }

    pub fn set_frozen(&self, law: &str, frozen: bool) -> bool {
        self.lock().queue.set_frozen(law, frozen)
    }

    /// Takes no more.
    pub fn close(&self) {
        self.lock().queue.close();
    }

    /// Waits until nothing waits or is served any more, after it was [closed](Self::close).
    pub async fn idle(&self) {
        loop {
            // Made before the look, so that nothing is missed between that and the wait.
            let drained = self.drained.notified();
            if self.lock().queue.is_drained() {
                return;
            }
            drained.await;
        }
    }

    pub fn view(&self) -> AdmissionQueueView {
        let now = self.now();
        self.lock().queue.view(now)
    }

    /// Has a call enter the queue at `now`, or says why it may not. One that waits is told by
    /// `waker`; one that has a place `begins` at once, or says so later.
    pub fn enter(
        self: &Arc<Self>,
        now: Time,
        ask: Ask,
        waker: &Waker,
        begins: bool,
    ) -> Result<Entered, Why> {
        let mut state = self.lock();
        state.queue.tick(now);
        let key = state.calls.insert(Call::Waits(None));
        let offered = state.queue.offer(now, ask, key);
        if offered.is_err() {
            state.calls.remove(key);
        }
        let mut woken = state.settle(now);
        if let Err(why) = offered {
            drop(state);
            wake(woken);
            return Err(why);
        }
        let heard = state.hear(key, waker);
        if begins && matches!(heard, Poll::Ready(Ok(_))) {
            state.begin(now);
            woken.extend(state.settle(now));
        }
        let keep = heard.is_pending() && !std::mem::replace(&mut state.kept, true);
        drop(state);
        wake(woken);
        if keep {
            keeper::start(self);
        }
        match heard {
            Poll::Ready(Ok(place)) => Ok(Entered::Serve(self.serve(place, !begins))),
            Poll::Ready(Err(why)) => Err(why),
            Poll::Pending => {
                Ok(Entered::Wait(Waiting { shared: Arc::clone(self), ask, key, heard: false }))
            }
        }
    }

    /// Ticks the laws. Whether there is a reason to go on.
    pub fn look(&self) -> bool {
        self.change(|_, _| {});
        let mut state = self.lock();
        state.kept = !state.queue.is_idle();
        state.kept
    }

    /// Nobody ticks the laws any more.
    pub fn unkeep(&self) {
        self.lock().kept = false;
    }

    fn serve(self: &Arc<Self>, place: Place, starting: bool) -> Served {
        Served { shared: Arc::clone(self), place: Some(place), starting, used: Duration::ZERO }
    }

    /// Changes what is shared, and tells those whom that concerns.
    fn change(&self, change: impl FnOnce(&mut State, Time)) {
        let now = self.now();
        let mut state = self.lock();
        change(&mut state, now);
        state.queue.tick(now);
        let woken = state.settle(now);
        let drained = state.queue.is_drained();
        drop(state);
        wake(woken);
        if drained {
            self.drained.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing of the user's runs under the lock that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("view", &self.view()).finish_non_exhaustive()
    }
}

impl State {
    /// Gives free places to those whose turn it is. Those that are to be woken.
    fn settle(&mut self, now: Time) -> Woken {
        let mut woken = Woken::new();
        if self.starting >= self.starting_most && now.since(self.started) >= STUCK {
            self.starting = 0;
        }
        let Self { queue, calls, .. } = self;
        let mut tell = |key: usize, news: Call| {
            // All that the queue has are there.
            let Some(call) = calls.get_mut(key) else { return };
            if let Call::Waits(Some(waker)) = std::mem::replace(call, news) {
                woken.push(waker);
            }
        };
        while self.starting < self.starting_most
            && let Some((key, place)) = queue.take(now)
        {
            if self.starting == 0 {
                self.started = now;
            }
            self.starting += 1;
            tell(key, Call::Goes(place));
        }
        for (key, why) in queue.dropped() {
            tell(key, Call::Ends(why));
        }
        woken
    }

    /// One of those that have a place is begun, or will not be.
    fn begin(&mut self, now: Time) {
        self.starting = self.starting.saturating_sub(1);
        self.started = now;
    }

    /// What became of a call, which is forgotten when it has heard it; else it is told by `waker`.
    fn hear(&mut self, key: usize, waker: &Waker) -> Poll<Result<Place, Why>> {
        if let Some(Call::Waits(known)) = self.calls.get_mut(key) {
            match known {
                Some(known) => known.clone_from(waker),
                None => *known = Some(waker.clone()),
            }
            return Poll::Pending;
        }
        match self.calls.remove(key) {
            Call::Goes(place) => Poll::Ready(Ok(place)),
            Call::Ends(why) => Poll::Ready(Err(why)),
            Call::Waits(_) => Poll::Pending,
        }
    }
}

impl Waiting {
    /// Waits until it is served, or may wait no longer.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Served, Why>> {
        let heard = self.shared.lock().hear(self.key, cx.waker());
        self.heard = heard.is_ready();
        heard.map(|heard| heard.map(|place| self.shared.serve(place, true)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.heard {
            return;
        }
        let Self { shared, ask, key, .. } = self;
        shared.change(|state, now| match state.calls.remove(*key) {
            Call::Waits(_) => {
                state.queue.leave(now, *ask, |other| other == key);
            }
            Call::Goes(place) => {
                state.begin(now);
                state.queue.done(now, place, Duration::ZERO, Some(Why::Gone));
            }
            Call::Ends(_) => {}
        });
    }
}

impl Served {
    /// Gives the place back, after the service was polled for so long.
    pub fn answered(mut self, used: Duration) {
        self.used += used;
        self.end(None);
    }

    /// Says that the service was polled for so long: so others may get their places.
    pub fn polled(&mut self, used: Duration) {
        self.used += used;
        if std::mem::take(&mut self.starting) {
            self.shared.change(State::begin);
        }
    }

    fn end(&mut self, ended: Option<Why>) {
        let Some(place) = self.place.take() else { return };
        let (starting, used) = (std::mem::take(&mut self.starting), self.used);
        self.shared.change(|state, now| {
            if starting {
                state.begin(now);
            }
            state.queue.done(now, place, used, ended);
        });
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        self.end(Some(if failed { Why::Failed } else { Why::Gone }));
    }
}

fn wake(woken: Woken) {
    woken.into_iter().for_each(Waker::wake);
}
