//! Medians, spreads, and how sure a ratio is; a small random generator for the order of runs.

/// How many resamples the interval of a mean is taken from.
const RESAMPLES: usize = 4000;

/// SplitMix64: enough for shuffles, the same on every machine for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Bytes, so many rounded down to eighths, that nothing finds a pattern in.
    pub fn noise(&mut self, bytes: usize) -> Vec<u8> {
        (0..bytes / 8).flat_map(|_| self.next().to_ne_bytes()).collect()
    }

    /// Puts the items in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The middle, least and greatest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of no values: nothing.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let sorted = sorted(values);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Spread { median: quantile(&sorted, 0.5), min, max })
    }
}

/// The mean of ratios (geometric) with its 95 % interval.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Mean {
    /// Percentile bootstrap over the logarithms; at least two ratios.
    pub fn of(ratios: &[f64]) -> Option<Mean> {
        if ratios.len() < 2 {
            return None;
        }
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let mut random = Random(1);
        let resample = |_| {
            let picks = logs.iter().map(|_| logs[random.below(logs.len() as u64) as usize]);
            picks.sum::<f64>() / logs.len() as f64
        };
        let means = sorted(&(0..RESAMPLES).map(resample).collect::<Vec<f64>>());
        let value = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        Some(Mean {
            value,
            low: quantile(&means, 0.025).exp(),
            high: quantile(&means, 0.975).exp(),
        })
    }
}

/// The value at a share of the sorted values; between two, their mean by distance.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (low, rest) = (at.floor() as usize, at.fract());
    sorted[low] + rest * (sorted[last.min(low + 1)] - sorted[low])
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_and_means_are_right() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).expect("values");
        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of(&[]), None);
        let mean = Mean::of(&[0.5, 2.0, 1.0, 1.0]).expect("ratios");
        assert!((mean.value - 1.0).abs() < 1e-9, "{mean:?}");
        assert!(mean.low < 1.0 && mean.high > 1.0, "{mean:?}");
        assert!(Mean::of(&[1.0]).is_none(), "one ratio says nothing about its spread");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Random(7).shuffle(&mut items);
        assert!(!items.is_sorted(), "in a new order");
        items.sort_unstable();
        assert!(items.into_iter().eq(0..50));
    }
}
