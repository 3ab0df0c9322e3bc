//! What is told of a net that is looked at again and again: what lasts, not what comes and goes.

use super::{Diagnosis, Kind, diagnose};
use crate::model::Net;
use std::collections::VecDeque;

/// Looks over which rates are taken.
const RATES_OVER: usize = 2;
/// Looks in a row that find something else, until what is told is over.
const SETTLED: usize = 4;

/// Looks at a net one after the other, and the diagnosis that holds.
///
/// What is told stays until none of the last `SETTLED` looks found it; then what most of them
/// found is told, as of the first of them. What is no matter of numbers is told at once: that a
/// stage is paused, broken or stands still, that the net drains or has stopped.
#[derive(Debug, Default)]
pub struct Diagnoses {
    /// The latest looks, the oldest first.
    looks: VecDeque<Net>,
    /// What each of the latest found.
    found: VecDeque<Diagnosis>,
    told: Option<Diagnosis>,
}

impl Diagnoses {
    /// What holds after another look. A net whose clock runs behind that of the last one began
    /// anew: what was before is forgotten.
    pub fn look(&mut self, now: Net) -> &Diagnosis {
        let now_ms = now.clock_ms();
        if self.last().is_some_and(|last| last.clock_ms() > now_ms) {
            *self = Self::default();
        }
        let none = Net::default();
        let mut found = diagnose(self.looks.front().unwrap_or(&none), &now);
        found.since_ms.get_or_insert(now_ms);
        // Of the first look all is told since the start: that holds until there is another.
        if self.last().is_some() {
            push(&mut self.found, found.clone(), SETTLED);
        }
        let next = self.next(found, &now);
        push(&mut self.looks, now, RATES_OVER);
        self.told.insert(next)
    }

    /// The last look.
    pub fn last(&self) -> Option<&Net> {
        self.looks.back()
    }

    /// What is told after a look at `now`, which found this.
    fn next(&self, newest: Diagnosis, now: &Net) -> Diagnosis {
        let again = |told: &Diagnosis| self.found.iter().rev().find(|found| found.is(told));
        let next = match &self.told {
            None => newest,
            Some(_) if self.found.len() == 1 => newest,
            Some(told) if newest.is_told_at_once(told) || told.is_over(now) => newest,
            Some(told) => again(told).cloned().unwrap_or_else(|| self.mostly(newest)),
        };
        let before = self.told.iter().chain(&self.found).filter(|before| next.goes_on(before));
        let since_ms = before.filter_map(|before| before.since_ms).chain(next.since_ms).min();
        Diagnosis { since_ms, ..next }
    }

    /// What most of the latest looks found; of those that did as often, the newest.
    fn mostly(&self, newest: Diagnosis) -> Diagnosis {
        let often = |one: &&Diagnosis| self.found.iter().filter(|found| found.is(one)).count();
        self.found.iter().max_by_key(often).cloned().unwrap_or(newest)
    }
}

impl Diagnosis {
    /// Whether it is the same cause.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.kind, &self.stage) == (other.kind, &other.stage)
    }

    /// Whether it is the trouble that was before: the same, or another kind at the same stage.
    /// Facts, such as a pause, are only ever the same.
    pub fn goes_on(&self, before: &Self) -> bool {
        let by_numbers = !self.is_fact() && !before.is_fact();
        self.is(before) || (by_numbers && self.stage.is_some() && self.stage == before.stage)
    }

    /// Whether it is so, and not only likely.
    fn is_fact(&self) -> bool {
        use Kind::{Broken, Draining, Paused, Stalled, Stopped};
        matches!(self.kind, Paused | Broken | Stalled | Draining | Stopped)
    }

    fn is_told_at_once(&self, told: &Self) -> bool {
        self.kind == Kind::Stopped || (self.is_fact() && !told.is_fact())
    }

    /// Whether it cannot be so any more.
    fn is_over(&self, now: &Net) -> bool {
        let Some(name) = &self.stage else { return false };
        now.stage(name).is_none_or(|stage| self.kind == Kind::Paused && !stage.paused)
    }
}

fn push<T>(kept: &mut VecDeque<T>, one: T, most: usize) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(one);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Looks a second apart at `a` and `b`. By a letter for each second: `h` nothing is wrong, `b`
    /// the thread of `a` is busy, `g` its gate refuses, `B` the thread of `b` is busy, `p` `a` is
    /// paused. What is told after each, with the second since which it is.
    fn told(seconds: &str) -> Vec<(Kind, Option<String>, u64)> {
        let mut diagnoses = Diagnoses::default();
        let (mut busy, mut refused) = ([0, 0], 0);
        let mut tell = |(at, letter): (usize, char)| {
            let piled = |letters: &[char]| if letters.contains(&letter) { 9 } else { 0 };
            let queued = [piled(&['b', 'g', 'p']), piled(&['B'])];
            busy[0] += piled(&['b']) * 110_000;
            busy[1] += piled(&['B']) * 110_000;
            refused += piled(&['g']);
            let stage = |n: usize, name: &str, refused: u64| {
                json!({ "name": name, "domain": name, "kind": "pool", "replicas": 1,
                        "capacity": 10, "served": at + 1, "queued": queued[n], "busy_us": busy[n],
                        "paused": letter == 'p' && n == 0,
                        "admission": [{ "refused": { "shed": refused } }] })
            };
            let net = json!({ "time_ms": (at + 1) * 1000,
                              "stages": [stage(0, "a", refused), stage(1, "b", 0)] });
            let told = diagnoses.look(Net::from_value(net).expect("a net"));
            (told.kind, told.stage.clone(), told.since_ms.expect("it is known") / 1000 - 1)
        };
        seconds.chars().enumerate().map(&mut tell).collect()
    }

    /// The same, by a letter for each second.
    fn letters(seconds: &str) -> String {
        let letter = |(kind, stage, _): (Kind, Option<String>, u64)| match (kind, stage.as_deref())
        {
            (Kind::Healthy, None) => 'h',
            (Kind::Busy, Some("a")) => 'b',
            (Kind::Busy, Some("b")) => 'B',
            (Kind::Gate, Some("a")) => 'g',
            (Kind::Paused, Some("a")) => 'p',
            _ => '?',
        };
        told(seconds).into_iter().map(letter).collect()
    }

    #[test]
    fn what_comes_and_goes_is_not_told() {
        assert_eq!(letters("hhhhhbhhhhhbhhhhh"), "hhhhhhhhhhhhhhhhh");
        let uneven = told("bgbbgbgbbggbgbgbbgbggbgb".repeat(5).as_str());
        let (first, later) = (&uneven[0], &uneven[9..]);
        assert!(later.iter().all(|told| told == &later[0]), "{uneven:?}");
        assert_eq!((&first.1, first.2), (&later[0].1, later[0].2), "it is where it was");
    }

    #[test]
    fn what_lasts_is_told_as_of_its_beginning() {
        let told = told("hhhhbbbbbbbbhhhhhhhh");
        let (kind, stage, since) = &told[11];
        assert_eq!((*kind, stage.as_deref()), (Kind::Busy, Some("a")));
        assert!((4..6).contains(since), "{since}");
        assert_eq!((told[19].0, told[19].2), (Kind::Healthy, 12));
    }

    #[test]
    fn another_kind_at_the_same_stage_goes_on() {
        let told = told("hhhhbbbbbbbbbggggggggggBBBBBBBB");
        let (was, now) = (&told[11], &told[22]);
        assert_eq!([was.0, now.0], [Kind::Busy, Kind::Gate]);
        assert_eq!(was.2, now.2);
        let last = told.last().expect("a look");
        assert_eq!((last.0, last.1.as_deref()), (Kind::Busy, Some("b")));
        assert!(last.2 >= 23, "another stage is another trouble: {last:?}");
    }

    #[test]
    fn facts_are_told_at_once_and_a_pause_is_over_at_once() {
        assert_eq!(letters("hhhhphh"), "hhhhphh");
        assert_eq!(told("bbbbbbp").last().expect("a look").2, 6, "not since it was busy");
    }

    #[test]
    fn a_net_that_begins_anew_is_another() {
        let mut diagnoses = Diagnoses::default();
        let net = |ms: u64, paused: bool| {
            let net = json!({ "time_ms": ms, "stages": [{ "name": "a", "paused": paused }] });
            Net::from_value(net).expect("a net")
        };
        assert_eq!(diagnoses.look(net(9_000, true)).kind, Kind::Paused);
        assert_eq!(diagnoses.look(net(10_000, true)).since_ms, Some(9_000));
        assert_eq!(diagnoses.look(net(1_000, true)).since_ms, Some(1_000));
    }
}
