//! How long something took between two looks, where snapshots count since the start.

use sluicegate::Histogram;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// The times of each stage, or of each class, as they were counted at the last look.
#[derive(Debug, Default)]
pub(super) struct Recent<K>(HashMap<K, Vec<(u64, u64)>>);

impl<K: Eq + Hash> Recent<K> {
    /// The 99th percentile of what was counted since the last look, in microseconds, of each where
    /// anything was.
    pub fn since<'a, 'h, Q>(
        &mut self,
        times: impl IntoIterator<Item = (&'a Q, &'h Histogram)>,
    ) -> HashMap<&'a Q, f64>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let now: HashMap<_, Vec<_>> =
            times.into_iter().map(|(of, times)| (of, times.buckets().collect())).collect();
        let none = Vec::new();
        let p99 = now.iter().filter_map(|(of, buckets)| {
            let before = self.0.get(*of).unwrap_or(&none);
            Some((*of, p99(before, buckets)? as f64 / 1000.0))
        });
        let p99 = p99.collect();
        self.0 = now.into_iter().map(|(of, buckets)| (of.to_owned(), buckets)).collect();
        p99
    }
}

/// The largest value of the bucket in which the 99th percentile lies of what was counted since
/// `before`: buckets are told by their largest value, in order, with how many they counted.
fn p99(before: &[(u64, u64)], now: &[(u64, u64)]) -> Option<u64> {
    let mut then = before.iter().peekable();
    let more: Vec<(u64, u64)> = now
        .iter()
        .map(|&(most, n)| {
            while then.next_if(|bucket| bucket.0 < most).is_some() {}
            let was = then.next_if(|bucket| bucket.0 == most).map_or(0, |bucket| bucket.1);
            (most, n.saturating_sub(was))
        })
        .collect();
    let all: u64 = more.iter().map(|bucket| bucket.1).sum();
    let mut left = all - all / 100;
    let at = more.iter().find(|(_, n)| {
        left = left.saturating_sub(*n);
        left == 0
    });
    at.filter(|_| all > 0).map(|bucket| bucket.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_waited_since_count() {
        let (mut waits, mut a) = (Recent::<String>::default(), Histogram::default());
        let quiet = Histogram::default();
        a.record(50_000_000, 1_000);
        let first = waits.since([("a", &a), ("b", &quiet)]);
        assert_eq!(first.keys().collect::<Vec<_>>(), [&"a"]);
        assert!((50_000.0..57_000.0).contains(&first["a"]), "{first:?}");
        assert!(waits.since([("a", &a)]).is_empty());
        a.record(100_000, 199);
        a.record(9_000_000, 1);
        let more = waits.since([("a", &a)]);
        assert!((100.0..115.0).contains(&more["a"]), "one of 200 is no percentile: {more:?}");
        a.record(100_000, 97);
        a.record(9_000_000, 3);
        let more = waits.since([("a", &a)]);
        assert!((9_000.0..10_500.0).contains(&more["a"]), "{more:?}");
    }
}
