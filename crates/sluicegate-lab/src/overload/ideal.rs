//! The best that could become of what was asked, in work: what a server does that serves all the
//! time, refuses the rest at its price, and keeps nobody waiting too long.
//!
//! Work, and not requests: of requests that cost 0.5 or 10 ms a server that serves the cheap ones
//! alone has many answers, and has done no more. Refusals are not for nothing either, so that the
//! ideal falls as more is asked, as far as they cost what they may cost and no further: what is
//! beyond that is the server's own fault. Clients that try again are asked about by attempts.

use super::capacity::Capacity;
use super::profile::Phase;
use crate::record::Row;

/// The work of good answers of what it would be in the best case; none where nothing is possible.
///
/// Of `n` attempts that cost `w` each, `s` are served and each of the others takes `r`: in all the
/// time there is, `s w + (n - s) r`. So an attempt succeeds with `p = s / n`, and a request that is
/// tried `k` times with `1 - (1 - p)^k`.
pub(super) fn of_ideal(row: &Row, phase: &Phase, capacity: &Capacity) -> Option<f64> {
    let rest = capacity.rest();
    let seconds = phase.seconds.len().max(1) as f64;
    let asked = row.asked_work.as_secs_f64() + row.first as f64 * rest;
    let good = row.good_work.as_secs_f64() + row.good as f64 * rest;
    let (attempts, each) = (row.attempts as f64, asked / row.first.max(1) as f64);
    let refusal = capacity.refusal.as_secs_f64();
    let there = capacity.work() * phase.room * seconds;
    let served = (there - attempts * refusal) / (each - refusal).max(f64::MIN_POSITIVE);
    let succeeds = (served / attempts.max(1.0)).clamp(0.0, 1.0);
    let ideal = asked * (1.0 - (1.0 - succeeds).powf(f64::from(phase.tries)));
    (ideal > 0.0).then(|| good / ideal)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn phase() -> Phase {
        Phase::new(String::new(), 0, 0..1)
    }

    fn near(found: Option<f64>, wanted: f64) {
        let found = found.expect("something is possible");
        assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    }

    #[test]
    fn requests_that_cost_the_same_are_a_share_of_the_capacity() {
        let row = Row { first: 500, attempts: 500, good: 90, ..Row::default() };
        let capacity = Capacity::known(100.0);
        near(of_ideal(&row, &phase(), &capacity), 0.9);
        // Whoever says what a request takes changes nothing.
        let row = Row { asked_work: MS * 4000, good_work: MS * 720, ..row };
        near(of_ideal(&row, &phase(), &Capacity { mean: MS * 8, ..capacity }), 0.9);
        let few = Row { first: 50, attempts: 50, good: 45, ..Row::default() };
        near(of_ideal(&few, &phase(), &Capacity::known(100.0)), 0.9);
        let none = Phase { room: 0.0, ..phase() };
        assert_eq!(of_ideal(&few, &none, &Capacity::known(100.0)), None);
        assert_eq!(of_ideal(&Row::default(), &phase(), &Capacity::known(100.0)), None);
    }

    #[test]
    fn who_serves_only_what_is_cheap_has_done_no_more_work() {
        // Half of them take 1 ms, half 9 ms, and each 1 ms beside: 1000 / 6 a second.
        let capacity = Capacity { mean: MS * 5, ..Capacity::known(1000.0 / 6.0) };
        let asked = Row { first: 1000, attempts: 1000, asked_work: MS * 5000, ..Row::default() };
        let cheap = Row { good: 500, good_work: MS * 500, ..asked.clone() };
        near(of_ideal(&cheap, &phase(), &capacity), 1.0);
        let dear = Row { good: 100, good_work: MS * 900, ..asked };
        near(of_ideal(&dear, &phase(), &capacity), 1.0);
    }

    #[test]
    fn refusals_take_what_they_take() {
        let row = Row { first: 1100, attempts: 1100, good: 90, ..Row::default() };
        let capacity = Capacity { refusal: MS / 10, ..Capacity::known(100.0) };
        // 89.9 times 10 ms and 1010.1 times 0.1 ms are a second.
        near(of_ideal(&row, &phase(), &capacity), 90.0 / (0.89 / 0.0099));
        let dear = Capacity { refusal: MS, ..Capacity::known(100.0) };
        assert_eq!(of_ideal(&row, &phase(), &dear), None, "there is time for refusals alone");
    }

    #[test]
    fn who_tries_again_is_asked_about_by_attempts() {
        // A server that serves all the time: the tries of each request until one succeeds.
        let (p, k) = (0.06_f64, 4);
        let tries: f64 = (0..k).map(|n| (1.0 - p).powi(n)).sum();
        let first = 1e6_f64;
        let row = Row {
            first: first as u64,
            attempts: (first * tries).round() as u64,
            good: (first * tries * p).round() as u64,
            ..Row::default()
        };
        let retried = Phase { tries: k as u32, ..phase() };
        let share = of_ideal(&row, &retried, &Capacity::known(first * tries * p));
        assert!((share.unwrap() - 1.0).abs() < 1e-5, "{share:?}");
    }
}
