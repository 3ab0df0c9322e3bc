//! Models of what an event costs.

use crate::sim::Random;
use std::time::Duration;

/// How long a handler takes for an event: spend what is drawn by
/// [`VirtualTime::spend`](crate::VirtualTime::spend).
///
/// ```
/// use sluicegate::ms;
/// use sluicegate::sim::{Random, ServiceTime};
///
/// let cost = ServiceTime::Bimodal { cheap: ms(1), dear: ms(10), one_in: 10 };
/// let drawn = cost.draw(&mut Random::new(1));
/// assert!(drawn == ms(1) || drawn == ms(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServiceTime {
    /// Always the same.
    Fixed(Duration),
    /// Exponentially distributed, with this mean: the classical model, whose variance is large.
    Exponential(Duration),
    /// Mostly cheap, one in so many dear: a cache with hits and misses.
    Bimodal {
        /// What most events cost.
        cheap: Duration,
        /// What one in `one_in` costs.
        dear: Duration,
        /// At least 1.
        one_in: usize,
    },
    /// A bounded Pareto distribution, whose rare events make up much of the work: sizes of files,
    /// queries. The smaller the shape the heavier the tail; 1.1 to 2 are usual.
    Pareto {
        /// The least that an event costs, not zero.
        least: Duration,
        /// The most.
        most: Duration,
        /// Above 0, and not 1.
        shape: f64,
    },
}

impl ServiceTime {
    /// Draws what one event costs.
    pub fn draw(&self, random: &mut Random) -> Duration {
        match *self {
            Self::Fixed(cost) => cost,
            Self::Exponential(mean) => mean.mul_f64(random.exponential()),
            Self::Bimodal { dear, one_in, .. } if random.one_in(one_in) => dear,
            Self::Bimodal { cheap, .. } => cheap,
            Self::Pareto { least, most, shape } => {
                // The inverse of its distribution function.
                let tail = (least.as_secs_f64() / most.as_secs_f64()).powf(shape);
                let left = 1.0 - random.unit() * (1.0 - tail);
                least.mul_f64(left.powf(-1.0 / shape)).min(most)
            }
        }
    }

    /// What an event costs in the mean.
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Fixed(cost) | Self::Exponential(cost) => cost,
            Self::Bimodal { cheap, dear, one_in } => {
                (cheap * (one_in as u32 - 1) + dear) / one_in as u32
            }
            Self::Pareto { least, most, shape } => {
                let (low, high) = (least.as_secs_f64(), most.as_secs_f64());
                let all = 1.0 - (low / high).powf(shape);
                let sum = low.powf(1.0 - shape) - high.powf(1.0 - shape);
                Duration::from_secs_f64(low.powf(shape) * shape / (shape - 1.0) * sum / all)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn each_model_has_its_mean_and_its_tail() {
        let bimodal = ServiceTime::Bimodal { cheap: ms(1), dear: ms(50), one_in: 20 };
        let pareto = ServiceTime::Pareto { least: ms(1), most: ms(1000), shape: 1.5 };
        for model in [ServiceTime::Fixed(ms(3)), ServiceTime::Exponential(ms(3)), bimodal, pareto] {
            let mut random = Random::new(7);
            let drawn: Vec<f64> =
                (0..200_000).map(|_| model.draw(&mut random).as_secs_f64()).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let expected = model.mean().as_secs_f64();
            assert!((mean / expected - 1.0).abs() < 0.05, "{model:?}: {mean} {expected}");
        }
        let mut random = Random::new(1);
        let drawn: Vec<_> = (0..100_000).map(|_| pareto.draw(&mut random)).collect();
        assert!(drawn.iter().all(|cost| (ms(1)..=ms(1000)).contains(cost)));
        // Of a Pareto distribution the share above k times the least is k^-shape.
        let above = drawn.iter().filter(|&&cost| cost > ms(4)).count() as f64 / 100_000.0;
        assert!((above - 0.125).abs() < 0.005, "{above}");
    }
}
