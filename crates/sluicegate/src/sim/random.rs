//! Numbers drawn from a seed.

/// SplitMix64: the same numbers for the same seed, in every version. Written here for that: the
/// sequence of a library may change, and with it every plan that was ever published.
///
/// Good enough for models of load and for orders; not for secrets.
///
/// ```
/// use sluicegate::sim::Random;
///
/// let [mut one, mut other] = [Random::new(7), Random::new(7)];
/// assert_eq!(one.next_u64(), other.next_u64());
/// assert!(one.below(10) < 10 && one.unit() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence that belongs to the `n`-th user of `seed`, unlike those of all others.
    pub fn stream(seed: u64, n: u64) -> Self {
        let mut mixed = Self(seed ^ n.wrapping_mul(0xd134_2543_de82_ef95));
        Self(mixed.next_u64())
    }

    /// The next number, each equally likely.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next_u64() % n as u64) as usize
    }

    /// `true` one time in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An exponentially distributed number with the mean 1: the gap of a Poisson process.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        // The reference implementation's first numbers for this seed.
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn streams_differ_and_numbers_stay_in_their_range() {
        let firsts: std::collections::HashSet<u64> =
            (0..1000).map(|n| Random::stream(7, n).next_u64()).collect();
        assert_eq!(firsts.len(), 1000);
        let mut random = Random::new(1);
        let numbers: Vec<f64> = (0..1_000_000).map(|_| random.unit()).collect();
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        let mean = numbers.iter().sum::<f64>() / 1e6;
        assert!((mean - 0.5).abs() < 0.001, "{mean}");
    }
}
