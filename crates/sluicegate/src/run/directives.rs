//! What the replicas of a stage are told from outside while they run: other numbers, to pause, to
//! step, to be another value.
//!
//! A replica compares one number once a run, and looks closer only where something is new.

use crate::settings::{Own, Owned, Value, Which};
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one stage is told, shared by its replicas.
#[derive(Default)]
pub(crate) struct Directives {
    /// Raised whenever anything is told.
    epoch: AtomicU64,
    told: Mutex<Told>,
}

#[derive(Default)]
pub(crate) struct Told {
    /// Whether nothing is to be handled, but for so many runs of one replica each.
    pub paused: bool,
    pub steps: u32,
    /// Raised whenever another value takes the place of the stage.
    pub replaced: u64,
    /// The type of that.
    pub value: Option<&'static str>,
    /// Raised whenever another number is set.
    pub numbers: u64,
    /// Other numbers than those that were declared.
    pub batch: Option<usize>,
    pub slice: Option<Duration>,
    /// By port.
    pub windows: Vec<(usize, usize)>,
    /// What the stage declares itself.
    pub own: Owned,
}

impl Directives {
    /// Differs from what it was before if anything was told since.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Acquire)
    }

    /// Nothing is told until this is dropped.
    pub fn look(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells something, all of it at once.
    pub fn tell<R>(&self, tell: impl FnOnce(&mut Told) -> R) -> R {
        let mut told = self.look();
        let done = tell(&mut told);
        self.epoch.fetch_add(1, Release);
        done
    }

    /// Whether the stage is paused, and the steps that it has not taken.
    pub fn pause(&self) -> (bool, u32) {
        let told = self.look();
        (told.paused, told.steps)
    }

    /// The number that was set, if one was.
    pub fn number(&self, which: Which) -> Option<Value> {
        let told = self.look();
        match which {
            Which::Batch => told.batch.map(Value::from),
            Which::Slice => told.slice.map(Value::from),
            Which::Capacity | Which::Emits | Which::Flows => None,
        }
    }

    /// The window of a port that was set, if one was.
    pub fn window(&self, port: usize) -> Option<usize> {
        self.look().windows.iter().find(|window| window.0 == port).map(|window| window.1)
    }

    /// Calls `f` for what the stage declared itself, with the values of now.
    pub fn each_own(&self, mut f: impl FnMut(&Own, Value)) {
        let told = self.look();
        told.own.declared.iter().for_each(|own| f(own, told.own.value(own)));
    }
}

impl Told {
    pub fn set(&mut self, which: Which, value: Value) {
        match (which, value) {
            (Which::Batch, _) => self.batch = Some(value.count()),
            (Which::Slice, Value::Time(slice)) => self.slice = Some(slice),
            _ => {}
        }
    }

    pub fn set_window(&mut self, port: usize, places: usize) {
        match self.windows.iter_mut().find(|window| window.0 == port) {
            Some(window) => window.1 = places,
            None => self.windows.push((port, places)),
        }
    }
}
