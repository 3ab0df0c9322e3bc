//! The store: all pages of all workers under one budget. Only threads of the pool come here.
use super::budget::{Budget, Charge};
use super::page::Page;
use super::policy::{Heat, Policy};
use super::variant::Variant;
use crate::files::Name;
use sluicegate::WorkerId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One part in this many of the budget is kept free ahead: pages on their way out still count
/// until the last worker has let go of them.
const SLACK: u64 = 16;
/// A page may take one part in this many of the budget; larger files are streamed.
const PAGE_SHARE: u64 = 16;
/// Queue entries of deleted files that may wait to be swept, beside one for each page.
const STALE_MAX: usize = 64;

/// A page the store let go of, and the workers that have to be told.
#[derive(Debug)]
pub struct Eviction<H = WorkerId> {
    /// The page.
    pub page: Arc<Page>,
    /// Who may hold it.
    pub holders: Vec<H>,
}

/// All pages, found by name; `H` names a holder.
#[derive(Debug)]
pub struct Store<H = WorkerId> {
    budget: Arc<Budget>,
    inner: Mutex<Inner<H>>,
    /// Told whenever a load ends.
    loaded: Condvar,
}

#[derive(Debug)]
struct Inner<H> {
    pages: Pages<H>,
    policy: Policy<Key>,
    loading: HashSet<Name>,
    /// Charged bytes of the pages kept here.
    bytes: u64,
    next: u64,
}

/// A place in the policy's queues; a file that is deleted and comes back gets a new one.
type Key = (Name, u64);

#[derive(Debug)]
struct Pages<H>(HashMap<Name, Slot<H>>);

#[derive(Debug)]
struct Slot<H> {
    page: Arc<Page>,
    /// Charged bytes of its variants.
    coded: u64,
    place: u64,
    holders: Vec<H>,
}

/// The right to load one name; nobody else loads it meanwhile.
#[derive(Debug)]
pub struct Loading<'a, H = WorkerId> {
    store: &'a Store<H>,
    name: Name,
}

impl<H: Copy + Eq> Store<H> {
    /// An empty store with a budget in bytes.
    pub fn new(limit: u64) -> Store<H> {
        let inner = Inner {
            pages: Pages(HashMap::new()),
            policy: Policy::new(),
            loading: HashSet::new(),
            bytes: 0,
            next: 0,
        };
        Store { budget: Budget::new(limit), inner: Mutex::new(inner), loaded: Condvar::new() }
    }

    /// The budget, to look at.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The longest page that is kept, in bytes of cost.
    pub fn page_max(&self) -> u64 {
        self.budget.limit() / PAGE_SHARE
    }

    /// Waits until nobody loads `name`, then takes the right to. May block.
    pub fn begin(&self, name: &Name) -> Loading<'_, H> {
        let mut inner = self.lock();
        while inner.loading.contains(name) {
            inner = self.loaded.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        inner.loading.insert(name.clone());
        Loading { store: self, name: name.clone() }
    }

    /// Charges what a page or a variant costs before it is made, sending pages away for it. None
    /// when they are still held elsewhere: then this one cannot be kept now.
    pub fn room(&self, cost: u64, gone: &mut Vec<Eviction<H>>) -> Option<Charge> {
        let limit = self.budget.limit();
        if cost > self.page_max() {
            return None;
        }
        let mut inner = self.lock();
        while inner.bytes + cost > limit - limit / SLACK {
            gone.push(inner.evict()?);
        }
        self.budget.take(cost)
    }

    /// Adds a variant to a page, unless the store has let go of the page meanwhile.
    pub fn attach(&self, page: &Arc<Page>, variant: Arc<Variant>) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let slot = inner.pages.0.get_mut(&page.name).filter(|slot| Arc::ptr_eq(&slot.page, page));
        let Some(slot) = slot else { return false };
        slot.coded += variant.charged();
        inner.bytes += variant.charged();
        page.add(variant);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner<H>> {
        // Every change below is complete before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Copy + Eq> Loading<'_, H> {
    /// The page kept under the name.
    pub fn page(&self) -> Option<Arc<Page>> {
        self.store.lock().pages.0.get(&self.name).map(|slot| Arc::clone(&slot.page))
    }

    /// Notes that a worker is about to hold the page under the name.
    pub fn hold(&self, holder: H) {
        if let Some(slot) = self.store.lock().pages.0.get_mut(&self.name)
            && !slot.holders.contains(&holder)
        {
            slot.holders.push(holder);
        }
    }

    /// Charges the cost of a page before it is read: see [`Store::room`].
    pub fn room(&self, cost: u64, gone: &mut Vec<Eviction<H>>) -> Option<Charge> {
        self.store.room(cost, gone)
    }

    /// Keeps a page that was read, in the place of the one under its name.
    pub fn keep(&self, page: &Arc<Page>, holder: H, gone: &mut Vec<Eviction<H>>) {
        let mut inner = self.store.lock();
        let inner = &mut *inner;
        inner.bytes += page.charged();
        if let Some(slot) = inner.pages.0.get_mut(&self.name) {
            inner.bytes -= slot.page.charged() + std::mem::take(&mut slot.coded);
            slot.page.life.set_gone();
            page.life.set_heat(slot.page.life.heat());
            let old = std::mem::replace(&mut slot.page, Arc::clone(page));
            let holders = std::mem::replace(&mut slot.holders, vec![holder]);
            gone.push(Eviction { page: old, holders });
            return;
        }
        let place = inner.next;
        inner.next += 1;
        let slot = Slot { page: Arc::clone(page), coded: 0, place, holders: vec![holder] };
        inner.pages.0.insert(self.name.clone(), slot);
        inner.policy.admit((self.name.clone(), place), page.charged());
    }

    /// Lets go of the page under the name: its file is gone, or cannot be kept any more.
    pub fn forget(&self, gone: &mut Vec<Eviction<H>>) {
        let mut inner = self.store.lock();
        let inner = &mut *inner;
        gone.extend(inner.remove(&self.name));
        if inner.policy.len() > 2 * inner.pages.0.len() + STALE_MAX {
            inner.policy.sweep(&inner.pages);
        }
    }
}

impl<H> Drop for Loading<'_, H> {
    fn drop(&mut self) {
        let inner = self.store.inner.lock();
        inner.unwrap_or_else(PoisonError::into_inner).loading.remove(&self.name);
        self.store.loaded.notify_all();
    }
}

impl<H> Inner<H> {
    fn evict(&mut self) -> Option<Eviction<H>> {
        let (name, _) = self.policy.evict(&self.pages)?;
        self.remove(&name)
    }

    fn remove(&mut self, name: &Name) -> Option<Eviction<H>> {
        let Slot { page, coded, holders, .. } = self.pages.0.remove(name)?;
        self.bytes -= page.charged() + coded;
        page.life.set_gone();
        Some(Eviction { page, holders })
    }
}

impl<H> Heat<Key> for Pages<H> {
    fn heat(&self, (name, place): &Key) -> Option<u8> {
        self.0.get(name).filter(|slot| slot.place == *place).map(|slot| slot.page.life.heat())
    }

    fn set_heat(&self, (name, _): &Key, heat: u8) {
        if let Some(slot) = self.0.get(name) {
            slot.page.life.set_heat(heat);
        }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
