//! A token bucket: so many events a second, of which some may come at once.

use crate::time::Time;

/// The tokens of one rate, and when they were last counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    tokens: f64,
    refilled: Time,
}

impl Bucket {
    pub fn new(tokens: f64) -> Self {
        Self { tokens, refilled: Time(0) }
    }

    /// Takes a token, if there is one at this `rate` a second, with `burst` of them at most.
    pub fn take(&mut self, now: Time, rate: f64, burst: f64) -> bool {
        if rate.is_infinite() {
            return true;
        }
        let since = now.since(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + since * rate).min(burst);
        self.refilled = now;
        let has = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(has));
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate() {
        let mut bucket = Bucket::new(3.0);
        let mut taken = |at, rate| (0..10).filter(|_| bucket.take(at, rate, 3.0)).count();
        assert_eq!(taken(Time(0), 100.0), 3);
        assert_eq!(taken(Time(0) + ms(20), 100.0), 2);
        assert_eq!(taken(Time(0) + ms(5000), 100.0), 3, "no more than a burst is saved up");
        assert_eq!(taken(Time(0) + ms(5000), f64::INFINITY), 10);
    }
}
