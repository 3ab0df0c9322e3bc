//! The two queues by which flows pass from a slot into a part, and what became of them comes back.

use crate::event::WorkerId;
use crate::ledger::Why;
use crate::run::Plan;
use crate::stage::{Entering, Flag};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// What a slot knows of its parts, shared by its replicas.
pub(super) struct Board<T, R> {
    /// Raised whenever a part comes, or takes nothing any more.
    epoch: AtomicU64,
    open: Mutex<Vec<Arc<Joint<T, R>>>>,
    slots: Mutex<Vec<Arc<Down<R>>>>,
}

impl<T, R> Default for Board<T, R> {
    fn default() -> Self {
        Self { epoch: AtomicU64::new(0), open: Mutex::default(), slots: Mutex::default() }
    }
}

impl<T, R> Board<T, R> {
    pub fn epoch(&self) -> u64 {
        self.epoch.load(SeqCst)
    }

    /// The part that takes what comes: of those that are open the one that came last. One that
    /// ended by itself is on the board until it is removed.
    pub fn current(&self) -> Option<Arc<Joint<T, R>>> {
        lock(&self.open).iter().rev().find(|joint| joint.takes()).cloned()
    }

    pub fn open(&self, joint: Arc<Joint<T, R>>) {
        lock(&self.open).push(joint);
        self.tell();
    }

    /// Nothing more passes into the part once this has returned.
    pub fn shut(&self, joint: &Arc<Joint<T, R>>) {
        for up in joint.ups() {
            up.lock().shut = true;
        }
        lock(&self.open).retain(|other| !Arc::ptr_eq(other, joint));
        self.tell();
    }

    pub fn enlist(&self, slot: &Arc<Down<R>>) {
        lock(&self.slots).push(Arc::clone(slot));
    }

    pub fn dismiss(&self, slot: &Arc<Down<R>>) {
        lock(&self.slots).retain(|other| !Arc::ptr_eq(other, slot));
    }

    /// Has the slots look.
    fn tell(&self) {
        self.epoch.fetch_add(1, SeqCst);
        lock(&self.slots).iter().for_each(|slot| slot.raise());
    }
}

/// Where one part is joined to its slot.
pub(super) struct Joint<T, R> {
    /// One a replica of the door.
    ups: Mutex<Vec<Arc<Up<T, R>>>>,
    /// Flows that passed in, and of which the slot has not heard yet.
    inside: AtomicUsize,
    part: OnceLock<Weak<Plan>>,
}

impl<T, R> Default for Joint<T, R> {
    fn default() -> Self {
        Self { ups: Mutex::default(), inside: AtomicUsize::new(0), part: OnceLock::new() }
    }
}

impl<T, R> Joint<T, R> {
    pub fn ups(&self) -> Vec<Arc<Up<T, R>>> {
        lock(&self.ups).clone()
    }

    /// That of the door's replica on a worker; a replica that is built anew finds it again.
    pub fn up(&self, worker: WorkerId) -> Arc<Up<T, R>> {
        let mut ups = lock(&self.ups);
        if let Some(up) = ups.iter().find(|up| up.worker == worker) {
            return Arc::clone(up);
        }
        let up = Arc::new(Up { worker, flag: OnceLock::new(), passing: Mutex::default() });
        ups.push(Arc::clone(&up));
        up
    }

    pub fn lead_to(&self, part: &Arc<Plan>) {
        let _ = self.part.set(Arc::downgrade(part));
    }

    /// Whether the part ended by itself. Its workers go one after the other, and each shuts its way
    /// alone: what passed to the last of them would be lost.
    pub fn has_stopped(&self) -> bool {
        let part = self.part.get().and_then(Weak::upgrade);
        part.is_some_and(|part| part.stopped.get().is_some())
    }

    /// Whether anything may pass.
    fn takes(&self) -> bool {
        !self.has_stopped() && self.ups().iter().any(|up| !up.lock().shut)
    }

    /// Has the door hear that nobody waits any more for what passed by this name.
    pub fn set_gone(&self, slot: &Arc<Down<R>>, key: u64) {
        let ups = self.ups();
        if let Some(up) = ups.iter().find(|up| up.lock().set_gone(slot, key)) {
            up.raise();
        }
    }

    pub fn inside(&self) -> usize {
        self.inside.load(SeqCst)
    }

    pub fn enter(&self, flows: usize) {
        self.inside.fetch_add(flows, SeqCst);
    }

    pub fn leave(&self, flows: usize) {
        self.inside.fetch_sub(flows, SeqCst);
    }
}

/// What passes into one replica of a door. Bounded by the places of the slot.
pub(super) struct Up<T, R> {
    worker: WorkerId,
    flag: OnceLock<Flag>,
    passing: Mutex<Passing<T, R>>,
}

pub(super) struct Passing<T, R> {
    /// What the door has not taken yet.
    pub waiting: VecDeque<Item<T, R>>,
    /// What it let into its net, by the number of the flow there; `None` once it was answered.
    pub inside: Held<Option<Origin<R>>>,
    /// Those inside for whose answer nobody waits any more, until the door has said so.
    gone: Vec<u64>,
    /// Whether nothing more passes.
    pub shut: bool,
}

impl<T, R> Passing<T, R> {
    /// Nobody waits any more for what passed by this name. Whether it is here: it is looked for at
    /// once, for when its end has been told another may pass by the same name.
    fn set_gone(&mut self, slot: &Arc<Down<R>>, key: u64) -> bool {
        if let Some(item) = self.waiting.iter_mut().find(|item| item.origin.is(slot, key)) {
            item.gone = true;
            return true;
        }
        let is = |origin: &Option<Origin<R>>| origin.as_ref().is_some_and(|one| one.is(slot, key));
        let flow = self.inside.each().find(|(_, origin)| is(origin)).map(|(flow, _)| flow);
        self.gone.extend(flow);
        flow.is_some()
    }

    /// The flows inside for whose answer nobody waits any more, each told once.
    pub fn take_gone(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.gone)
    }

    /// A flow is inside no more. Who waits for it still, if anyone.
    pub fn leave(&mut self, flow: u64) -> Option<Origin<R>> {
        self.gone.retain(|gone| *gone != flow);
        self.inside.remove(flow).flatten()
    }
}

impl<T, R> Default for Passing<T, R> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), inside: Held::default(), gone: Vec::new(), shut: false }
    }
}

/// A flow on its way into a part.
pub(super) struct Item<T, R> {
    pub origin: Origin<R>,
    pub entering: Entering,
    pub weight: u8,
    pub body: T,
    /// Whether nobody waits for its answer any more.
    pub gone: bool,
}

/// Where a flow is waited for.
pub(super) struct Origin<R> {
    pub slot: Arc<Down<R>>,
    pub key: u64,
}

impl<R> Origin<R> {
    fn is(&self, slot: &Arc<Down<R>>, key: u64) -> bool {
        self.key == key && Arc::ptr_eq(&self.slot, slot)
    }

    pub fn tell(self, outcome: Outcome<R>) {
        lock(&self.slot.done).push_back((self.key, outcome));
        self.slot.raise();
    }
}

impl<T, R> Up<T, R> {
    pub fn lock(&self) -> MutexGuard<'_, Passing<T, R>> {
        lock(&self.passing)
    }

    pub fn set_flag(&self, flag: Flag) {
        let _ = self.flag.set(flag);
    }

    /// Has the door look.
    pub fn raise(&self) {
        self.flag.get().into_iter().for_each(Flag::raise);
    }

    /// The part ends: tells the slot of all that is inside.
    pub fn close(&self) {
        let mut passing = self.lock();
        passing.shut = true;
        let mut left: Vec<_> = passing.inside.drain().flatten().collect();
        let waiting = std::mem::take(&mut passing.waiting);
        drop(passing);
        left.extend(waiting.into_iter().map(|item| item.origin));
        left.into_iter().for_each(|origin| origin.tell(Outcome::Ended(Why::Draining)));
    }
}

/// What became of a flow inside.
pub(super) enum Outcome<R> {
    Answered(R),
    Finished,
    Ended(Why),
}

/// What comes back to one replica of a slot. Bounded by its places.
pub(super) struct Down<R> {
    flag: OnceLock<Flag>,
    done: Mutex<VecDeque<(u64, Outcome<R>)>>,
}

impl<R> Default for Down<R> {
    fn default() -> Self {
        Self { flag: OnceLock::new(), done: Mutex::default() }
    }
}

impl<R> Down<R> {
    pub fn set_flag(&self, flag: Flag) {
        let _ = self.flag.set(flag);
    }

    fn raise(&self) {
        self.flag.get().into_iter().for_each(Flag::raise);
    }

    /// Moves up to `most` to `into`; whether there are more.
    pub fn take(&self, most: usize, into: &mut Vec<(u64, Outcome<R>)>) -> bool {
        let mut done = lock(&self.done);
        let n = done.len().min(most);
        into.extend(done.drain(..n));
        !done.is_empty()
    }
}

/// Values by small numbers that are used again.
pub(super) struct Held<V> {
    values: Vec<Option<V>>,
    free: Vec<u32>,
}

impl<V> Default for Held<V> {
    fn default() -> Self {
        Self { values: Vec::new(), free: Vec::new() }
    }
}

impl<V> Held<V> {
    pub fn len(&self) -> usize {
        self.values.len() - self.free.len()
    }

    /// The number under which the next value is put.
    pub fn next(&self) -> u64 {
        self.free.last().map_or(self.values.len() as u64, |place| (*place).into())
    }

    pub fn insert(&mut self, value: V) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.values.push(None);
            u32::try_from(self.values.len() - 1).expect("places are fewer than 2^32")
        });
        self.values[place as usize] = Some(value);
        place.into()
    }

    pub fn each(&self) -> impl Iterator<Item = (u64, &V)> {
        (0..).zip(&self.values).filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    pub fn each_mut(&mut self) -> impl Iterator<Item = (u64, &mut V)> {
        (0..).zip(&mut self.values).filter_map(|(key, value)| Some((key, value.as_mut()?)))
    }

    pub fn get(&mut self, key: u64) -> Option<&mut V> {
        self.values.get_mut(usize::try_from(key).ok()?)?.as_mut()
    }

    pub fn remove(&mut self, key: u64) -> Option<V> {
        let value = self.values.get_mut(usize::try_from(key).ok()?)?.take()?;
        self.free.push(key as u32);
        Some(value)
    }

    pub fn drain(&mut self) -> impl Iterator<Item = V> {
        self.free.clear();
        std::mem::take(&mut self.values).into_iter().flatten()
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    // Nothing under these locks leaves them half changed, whatever panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
