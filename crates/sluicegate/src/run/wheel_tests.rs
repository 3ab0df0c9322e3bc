//! The timer wheel beside a sorted list.

use super::Wheel;
use crate::time::Time;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

const MILLI: u64 = 1_000_000;

/// What is done to a wheel.
#[derive(Clone, Debug)]
enum Step {
    /// Sets a timer this much later.
    Set(u64),
    /// Takes back one of those that were set.
    Cancel(usize),
    /// Lets this much time pass.
    Pass(u64),
    /// Goes to the time at which the wheel says that something may happen.
    Next,
}

/// Spans of all sizes, from nothing to more than the wheel's horizon.
fn span() -> impl Strategy<Value = u64> {
    (0_u32..62, any::<u64>()).prop_map(|(bits, n)| n & ((1 << bits) - 1))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => span().prop_map(Step::Set),
        1 => any::<usize>().prop_map(Step::Cancel),
        2 => span().prop_map(Step::Pass),
        2 => Just(Step::Next),
    ]
}

/// What must have run out at `now`, by tick and in the order of ticks.
fn due(model: &mut BTreeMap<(u64, u64), ()>, now: Time) -> Vec<(u64, u64)> {
    let later = model.split_off(&(now.0 / MILLI + 1, 0));
    std::mem::replace(model, later).into_keys().collect()
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn timers_run_out_when_a_sorted_list_says(steps in prop::collection::vec(step(), 1..80)) {
        let (mut wheel, mut model) = (Wheel::new(), BTreeMap::new());
        let (mut now, mut keys) = (Time(0), Vec::new());
        for (token, step) in (0..).zip(steps) {
            match step {
                Step::Set(delay) => {
                    let at = Time(now.0.saturating_add(delay));
                    keys.push((wheel.insert(at, 1, token), at.0.div_ceil(MILLI), token));
                    model.insert((at.0.div_ceil(MILLI), token), ());
                }
                Step::Cancel(n) if !keys.is_empty() => {
                    let (key, tick, token) = keys[n % keys.len()];
                    let was = model.remove(&(tick, token)).is_some();
                    prop_assert_eq!(wheel.cancel(key), was);
                    prop_assert!(!wheel.cancel(key));
                }
                Step::Cancel(_) => {}
                Step::Pass(by) => now = Time(now.0.saturating_add(by)),
                Step::Next => now = wheel.next().map_or(now, |next| next.max(now)),
            }
            let mut rang = Vec::new();
            while let Some((cell, token)) = wheel.expired(now) {
                prop_assert_eq!(cell, 1);
                rang.push(token);
            }
            let due = due(&mut model, now);
            let ticks: Vec<u64> = rang
                .iter()
                .map(|token| due.iter().find(|d| d.1 == *token).map_or(u64::MAX, |d| d.0))
                .collect();
            prop_assert!(ticks.is_sorted(), "in order of time");
            rang.sort_unstable();
            let mut expected: Vec<u64> = due.iter().map(|d| d.1).collect();
            expected.sort_unstable();
            prop_assert_eq!(rang, expected);
            // The wheel never sleeps past a timer, and never wakes for nothing but to look ahead.
            let soonest = model.keys().next().map(|&(tick, _)| tick);
            match (wheel.next(), soonest) {
                (Some(next), Some(soonest)) => {
                    prop_assert!(next.0 / MILLI <= soonest);
                    prop_assert!(next > now, "a worker would spin until {next:?} at {now:?}");
                }
                (next, soonest) => prop_assert_eq!(next.is_some(), soonest.is_some()),
            }
        }
    }
}

#[test]
fn a_timer_that_never_runs_out_costs_nothing() {
    let mut wheel = Wheel::new();
    wheel.insert(Time(u64::MAX), 0, 7);
    let mut looked = 0;
    let mut now = Time(0);
    while let Some(next) = wheel.next().filter(|next| next.0 < 1 << 62) {
        assert!(next > now);
        now = next;
        assert_eq!(wheel.expired(now), None);
        looked += 1;
        assert!(looked < 1000, "looked at once in two years, not once a tick");
    }
}

#[test]
fn a_replica_has_as_many_timers_as_it_may_and_takes_none_from_others() {
    let mut wheel = Wheel::new();
    wheel.bound(1, 2);
    let first = wheel.insert(Time(5 * MILLI), 1, 0);
    wheel.insert(Time(9 * MILLI), 1, 1);
    (0..10).for_each(|token| _ = wheel.insert(Time(7 * MILLI), 2, token));
    let more = |wheel: &mut Wheel| {
        catch_unwind(AssertUnwindSafe(|| wheel.insert(Time(MILLI), 1, 2))).is_ok()
    };
    assert!(!more(&mut wheel), "two are set");
    assert!(wheel.cancel(first) && more(&mut wheel), "one was taken back");
    assert!(!more(&mut wheel));
    assert_eq!(wheel.expired(Time(MILLI)), Some((1, 2)));
    assert!(more(&mut wheel), "one ran out");
}
