//! What lasts: when it begins, and when it has been over for long enough to say so.

use crate::diagnose::Kind;
use std::collections::BTreeMap;

/// Looks in a row without it, until a condition is over: one that comes and goes is one.
const CALM: u32 = 10;
/// Looks in a row with the same finding, until it is told.
const SETTLED: u32 = 3;

/// What a look means for a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has just begun.
    On,
    /// Nothing new.
    None,
}

/// What is wrong, and where.
type Finding = (Kind, Option<String>);

/// Conditions by their kind and the stage they are of; empty for the net.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    on: BTreeMap<(&'static str, String), Lasting>,
    told: Option<Finding>,
    found: Option<Finding>,
    looks: u32,
}

#[derive(Debug, Default)]
struct Lasting {
    seen: bool,
    calm: u32,
}

impl Conditions {
    /// Looks at one condition. Those that are not seen between two calls of [`over`](Self::over)
    /// are off.
    pub fn turn(&mut self, kind: &'static str, stage: &str, on: bool) -> Turn {
        if !on {
            return Turn::None;
        }
        let mut turn = Turn::None;
        let lasting = self.on.entry((kind, stage.to_owned())).or_insert_with(|| {
            turn = Turn::On;
            Lasting::default()
        });
        *lasting = Lasting { seen: true, calm: 0 };
        turn
    }

    /// Whether it has been over for a while.
    pub fn is_off(&self, kind: &'static str, stage: &str) -> bool {
        !self.on.contains_key(&(kind, stage.to_owned()))
    }

    /// Ends a look: those that have just ended.
    pub fn over(&mut self) -> Vec<(&'static str, String)> {
        let mut over = Vec::new();
        self.on.retain(|key, lasting| {
            if !std::mem::take(&mut lasting.seen) {
                lasting.calm += 1;
            }
            let lasts = lasting.calm < CALM;
            if !lasts {
                over.push(key.clone());
            }
            lasts
        });
        over
    }

    /// Whether a finding is another one than was told, and has lasted.
    pub fn settled(&mut self, found: Finding) -> bool {
        if self.found.as_ref() != Some(&found) {
            self.looks = 0;
            self.found = Some(found);
        }
        self.looks = self.looks.saturating_add(1);
        let tells = self.looks == SETTLED && self.told != self.found;
        if tells {
            self.told.clone_from(&self.found);
        }
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let mut conditions = Conditions::default();
        let mut told = Vec::new();
        for look in 0..100 {
            let on = look % 7 == 0 && look < 50;
            if conditions.turn("pressure", "a", on) == Turn::On {
                told.push((look, true));
            }
            told.extend(conditions.over().into_iter().map(|_| (look, false)));
        }
        assert_eq!(told, [(0, true), (59, false)]);
    }

    #[test]
    fn a_finding_is_told_when_it_has_lasted() {
        let mut conditions = Conditions::default();
        let kinds = "aaaabababbbbbaabbbb".chars();
        let kinds = kinds.map(|kind| if kind == 'a' { Kind::Healthy } else { Kind::Cpu });
        let told = kinds.map(|kind| conditions.settled((kind, None)));
        let told = told.enumerate().filter(|(_, told)| *told).map(|(at, _)| at);
        assert_eq!(told.collect::<Vec<_>>(), [2, 10]);
        assert!(!conditions.settled((Kind::Cpu, None)), "that is known");
    }
}
