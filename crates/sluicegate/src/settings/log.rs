//! The log of what was changed from outside: who, what, from which value to which.

use crate::time::Time;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Changes that are remembered; older ones are only counted.
const REMEMBERED: usize = 256;
/// Characters of a name that are kept.
const NAME_MAX: usize = 64;

/// One thing that was changed while the net ran.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// Its number, from 1 on. What was changed together has the same.
    pub number: u64,
    /// When, by the clock of the net.
    pub at: Time,
    /// Who, by the name that was given.
    pub by: String,
    /// The path: of a setting, `stages.NAME.paused`, `stages.NAME.stage`, or
    /// `stages.NAME.gate.LAW.frozen`.
    pub path: String,
    /// What it was.
    pub from: String,
    /// What it became.
    pub to: String,
}

/// The log of what was changed, of which the newest 256 things are remembered: a net has one, and
/// who shows queues that are no net's keeps one for them.
///
/// Its lock is held for as long as a change of a net takes, so that these come one after the other;
/// no worker takes it.
#[derive(Debug, Default)]
pub struct Changes(Mutex<Log>);

#[derive(Debug, Default)]
pub(crate) struct Log {
    number: u64,
    kept: VecDeque<Changed>,
}

impl Changes {
    /// Nobody else changes anything until this is dropped.
    pub(crate) fn begin(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was changed together: the path of each, what it was, and what it became.
    pub fn note(
        &self,
        at: Time,
        by: &str,
        changes: impl IntoIterator<Item = (String, String, String)>,
    ) {
        self.begin().note(at, by, changes);
    }

    /// Those that are remembered, oldest first.
    pub fn list(&self) -> Vec<Changed> {
        self.begin().kept.iter().cloned().collect()
    }
}

impl Log {
    /// Notes what was changed together: path, what it was, and what it became.
    pub fn note(
        &mut self,
        at: Time,
        by: &str,
        changes: impl IntoIterator<Item = (String, String, String)>,
    ) {
        self.number += 1;
        let by: String = by.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        for (path, from, to) in changes {
            if self.kept.len() == REMEMBERED {
                self.kept.pop_front();
            }
            let by = by.clone();
            self.kept.push_back(Changed { number: self.number, at, by, path, from, to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered_and_names_are_cut() {
        let changes = Changes::default();
        for n in 0..1000_u64 {
            let one = |path: &str| (path.to_owned(), n.to_string(), (n + 1).to_string());
            let both = [one("a"), one("b")];
            changes.begin().note(Time(n), &format!("{}\n", "x".repeat(100)), both);
        }
        let list = changes.list();
        assert_eq!((list.len(), list[0].number, list[255].number), (REMEMBERED, 873, 1000));
        assert_eq!((&*list[255].path, &*list[255].to), ("b", "1000"));
        assert_eq!(list[0].by, "x".repeat(NAME_MAX));
    }
}
