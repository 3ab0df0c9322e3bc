//! What one replica keeps of one kind, objects or pieces: found by where it lies, sent away by the
//! policy of the cache, each with the workers that are to be told then.
use super::fetch::Key;
use crate::cache::{Heat, Life, Policy};
use sluicegate::WorkerId;
use std::collections::HashMap;
use std::sync::Arc;

/// What can be kept.
pub trait Kept {
    /// Where it lies.
    fn key(&self) -> Key;
    /// How often it is asked for.
    fn life(&self) -> &Life;
    /// What it takes of the budget.
    fn size(&self) -> u64;
}

/// What is kept.
#[derive(Debug)]
pub struct Shelf<T> {
    slots: Slots<T>,
    policy: Policy<Key>,
    size: u64,
}

#[derive(Debug)]
struct Slots<T>(HashMap<Key, Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    item: Arc<T>,
    holders: Vec<WorkerId>,
}

impl<T: Kept> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { slots: Slots(HashMap::new()), policy: Policy::new(), size: 0 }
    }
}

impl<T: Kept> Shelf<T> {
    /// What lies there, if it is kept.
    pub fn get(&self, key: Key) -> Option<&Arc<T>> {
        self.slots.0.get(&key).map(|slot| &slot.item)
    }

    /// Notes that a worker is about to hold what lies there.
    pub fn hold(&mut self, key: Key, holder: WorkerId) {
        if let Some(slot) = self.slots.0.get_mut(&key)
            && !slot.holders.contains(&holder)
        {
            slot.holders.push(holder);
        }
    }

    /// Keeps what is not kept yet.
    pub fn put(&mut self, item: &Arc<T>) {
        let key = item.key();
        let slot = Slot { item: Arc::clone(item), holders: Vec::new() };
        if self.slots.0.insert(key, slot).is_none() {
            self.size += item.size();
            self.policy.admit(key, item.size());
        }
    }

    /// Lets go of what the policy says, if anything is kept: that, and who holds it.
    pub fn evict(&mut self) -> Option<(Arc<T>, Vec<WorkerId>)> {
        let key = self.policy.evict(&self.slots)?;
        self.take(key)
    }

    /// Lets go of all that does not fulfil a condition.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) -> Vec<(Arc<T>, Vec<WorkerId>)> {
        let goes = self.slots.0.iter().filter(|(_, slot)| !stays(&slot.item));
        let goes: Vec<Key> = goes.map(|(key, _)| *key).collect();
        let gone: Vec<_> = goes.into_iter().filter_map(|key| self.take(key)).collect();
        if !gone.is_empty() {
            self.policy.sweep(&self.slots);
        }
        gone
    }

    /// What all that is kept takes of the budget.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn take(&mut self, key: Key) -> Option<(Arc<T>, Vec<WorkerId>)> {
        let Slot { item, holders } = self.slots.0.remove(&key)?;
        self.size -= item.size();
        item.life().set_gone();
        Some((item, holders))
    }
}

impl<T: Kept> Heat<Key> for Slots<T> {
    fn heat(&self, key: &Key) -> Option<u8> {
        self.0.get(key).map(|slot| slot.item.life().heat())
    }

    fn set_heat(&self, key: &Key, heat: u8) {
        if let Some(slot) = self.0.get(key) {
            slot.item.life().set_heat(heat);
        }
    }
}
