//! When a collector that took nothing is asked again: later each time, and not by all at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const MOST: Duration = Duration::from_secs(30);
/// The longest pause that a collector may ask for.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// How long to wait after so many failures in a row, where the collector asked for `asked`: twice
/// as long each time, less up to a half by chance.
pub(super) fn pause(failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    let least = doubled.min(MOST) / 2;
    let chance = RandomState::new().hash_one(failures) % 1024;
    let drawn = least + least * chance as u32 / 1024;
    drawn.max(asked.unwrap_or_default().min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_bounds_and_heed_what_is_asked() {
        for (failures, most) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30), (u32::MAX, 30)]
        {
            let most = Duration::from_secs(most);
            for _ in 0..50 {
                let pause = pause(failures, None);
                assert!(most / 2 <= pause && pause <= most, "{failures}: {pause:?}");
            }
        }
        let asked = |secs| pause(1, Some(Duration::from_secs(secs)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(u64::MAX), ASKED_MAX);
        assert!(asked(0) >= FIRST / 2);
    }
}
