//! The settings of a domain's policy, shared by its workers, each of which has one of its own.

use super::Policy;
use crate::settings::{Own, OwnSettings, Owned, Value};
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct PolicySettings {
    /// Raised whenever anything is set.
    epoch: AtomicU64,
    owned: Mutex<Owned>,
}

impl PolicySettings {
    /// Hears what a policy declares that was made just now, and gives it what was set before.
    /// Returns the epoch of that.
    pub fn begin(&self, policy: &mut dyn Policy) -> u64 {
        let mut owned = self.look();
        if owned.declared.is_empty() {
            owned.declared = OwnSettings::list(|own| policy.settings(own));
        }
        drop(owned);
        self.give(policy)
    }

    /// Differs from what it was before if anything was set since.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Acquire)
    }

    /// Gives a policy what was set. Returns the epoch of that.
    pub fn give(&self, policy: &mut dyn Policy) -> u64 {
        let owned = self.look();
        if !owned.set.is_empty() {
            OwnSettings::set(&owned.set, |own| policy.settings(own));
        }
        self.epoch()
    }

    pub fn set(&self, name: &str, value: Value) {
        self.look().set(name, value);
        self.epoch.fetch_add(1, Release);
    }

    /// Calls `f` for what the policy declared, with the values of now.
    pub fn each(&self, mut f: impl FnMut(&Own, Value)) {
        let owned = self.look();
        owned.declared.iter().for_each(|own| f(own, owned.value(own)));
    }

    fn look(&self) -> MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
